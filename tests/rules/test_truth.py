"""The truth table of tests/cases/truth_*.yaml, each row by the evaluator and by the explainer."""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests import builders
from tuimon.events import Event
from tuimon.fields import all_fields
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.explain import explain
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import Check, Transform, walk
from tuimon.rules.operators import OPERATORS, TRANSFORMERS, legal_operators

CASES = Path(__file__).parent.parent / "cases"
EXPECTED = {"holds": True, "fails": False, "unknown": None}


@cache
def events() -> dict[str, Event]:
    """The events of the table, by name."""
    line = builders.chain("systemd", "sshd", "bash", "cat", args=("/etc/shadow",), tty=34816)
    web = builders.container("3ad7b26ded6d")
    pending = builders.container("bbbbbbbbbbbb", known=False)
    shell = builders.process("bash", args=("-c", "id"), parent=builders.process("sshd", pid=3800), loginuid=0xFFFFFFFF)
    encoder = builders.process("tool", args=("-o", "aWQ="), parent=builders.process("bash", pid=3900))
    return {
        "open_shadow": builders.open_event("/etc/shadow", process=line),
        "open_numbered": builders.open_event(process=builders.process("42")),
        "open_odd": builders.open_event("/tmp/a*b[c]"),
        "open_deep": builders.open_event("/var/run/secrets/token"),
        "open_orphan": builders.open_event(process=builders.process("init", pid=1)),
        "open_failed": builders.open_event("/nope", ret=-2),
        "open_write": builders.open_event("/tmp/out", flags=os.O_WRONLY | os.O_CREAT, mode=0o644, container=web),
        "open_link": builders.open_event("/lib/x.so", real="/usr/lib/x.so"),
        "open_relative": builders.open_event("../etc/shadow", real="/etc/shadow"),
        "open_hostile": builders.open_event(b"/tmp/a\xffb\nc"),
        "open_spaces": builders.open_event("/tmp/a b", process=builders.process("it's")),
        "open_pending": builders.open_event("/etc/shadow", container=pending),
        "open_lost": builders.open_event("/etc/shadow", container=None),
        "exec_bash": builders.exec_event(process=shell, container=web),
        "exec_encoded": builders.exec_event(process=encoder),
        "connect_https": builders.connect_event("93.184.216.34", 443),
        "connect_six": builders.connect_event("2001:db8::1", 53, udp=True),
        "accept_ssh": builders.connect_event("203.0.113.7", 50000, call="accept", local=("10.0.0.5", 22)),
        "open_inode": builders.open_event("/etc/x", base2=struct.pack("<QII", 77, 8 << 8 | 1, 0)),
        "read_data": builders.syscall_event(
            "read", args=(3, 4096, 10), ret=6, real="/etc/x", sock=b"GET /x", fd_type=0o100000
        ),
        "read_slim": builders.syscall_event("read", args=(3, 4096, 10), ret=10, slim=True),
        "setuid_root": builders.syscall_event("setuid", args=(0,)),
    }


def rows() -> list[tuple[str, str, bool | None]]:
    """All rows: event, condition, expected."""
    found = []
    for path in sorted(CASES.glob("truth_*.yaml")):
        for case in yaml.safe_load(path.read_text()):
            for key, expected in EXPECTED.items():
                found += [(case["event"], text, expected) for text in case.get(key, "").splitlines() if text.strip()]
    return found


ROWS = rows()


@pytest.mark.parametrize(("event", "condition", "expected"), ROWS, ids=[f"{e}: {c} -> {x}" for e, c, x in ROWS])
def test_condition_has_the_expected_truth(event, condition, expected):
    node = compile_expression(condition)
    assert compile_condition(node)(events()[event]) is expected
    assert explain(node, events()[event]).truth is expected


def test_table_is_large_and_every_event_is_used():
    assert len(ROWS) >= 800
    assert {event for event, _, _ in ROWS} == set(events())


@cache
def seen() -> dict[tuple[str, str], set[bool | None]]:
    """What was expected of rows that have each operator, modifier, transformer, and type with an operator."""
    found: dict[tuple[str, str], set[bool | None]] = defaultdict(set)
    checks = Checks()
    for _, text, expected in ROWS:
        for check in (part for part in walk(compile_expression(text)) if isinstance(part, Check)):
            names = [("operator", check.op), ("modifier", str(check.modifier))]
            names += [(str(checks.side(check.left).type), check.op)]
            names += [("transformer", name) for side in (check.left, check.right) for name in transformers(side)]
            for name in names:
                found[name].add(expected)
    return found


def transformers(operand: object) -> set[str]:
    if not isinstance(operand, Transform):
        return set()
    return {operand.name}.union(*map(transformers, operand.args))


PAIRS = sorted({(str(info.type), op) for info in all_fields() if info.get for op in legal_operators(info.type)})
ALWAYS_THERE = {("INT16", "exists")}
"""evt.cpu is the only field of its type."""
NEVER_THERE = {"DOUBLE"}
"""Only sampled on a live machine: tests/fields looks at these values."""


@pytest.mark.parametrize(
    "name",
    [
        *(("operator", op) for op in OPERATORS),
        *(("modifier", word) for word in ("anyof", "allof", "oneof")),
        *(("transformer", word) for word in TRANSFORMERS),
        *(pair for pair in PAIRS if pair[0] not in NEVER_THERE),
    ],
    ids=" ".join,
)
def test_each_has_a_row_that_holds_and_one_that_does_not(name):
    assert True in seen()[name]
    assert False in seen()[name] or name in ALWAYS_THERE


@pytest.mark.parametrize("condition", [c for e, c, x in ROWS if x is None])
def test_plain_falco_takes_unknown_as_absent(condition):
    judge = compile_condition(compile_expression(condition), plain_falco=True)
    assert judge(events()["open_pending"]) in (True, False)
