"""Generated rule files and conditions: no crash, no hang, every diagnostic points into its file.

Bounded to a few seconds; ``TUIMON_FUZZ_SECONDS=3600 pytest tests/rules/test_fuzz.py`` goes on for longer, from a new
seed each time (printed, and taken from ``TUIMON_FUZZ_SEED``).
"""

# ruff: noqa: E501 (word lists and one-line generators read best as they are)

from __future__ import annotations

import contextlib
import cProfile
import os
import random
import time
from collections.abc import Iterator

import pytest

from tests import builders
from tests.rules.strategies import CHECKS
from tuimon.rules import parser
from tuimon.rules.check import nearest_field
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import LoadResult, compile_expression, load
from tuimon.rules.parser import ConditionSyntaxError, parse_condition
from tuimon.rules.printer import print_condition
from tuimon.rules.ruleset import RuleSet

SECONDS = float(os.environ.get("TUIMON_FUZZ_SECONDS", "1.5"))
LONG = SECONDS > 10
SEED = int(os.environ.get("TUIMON_FUZZ_SEED", str(time.time_ns() if LONG else 20261124)))
pytestmark = pytest.mark.timeout(SECONDS + 240)
SLOW_S = 5.0
"""CPU time that no small input may take."""

WORDS = [
    "evt.type", "proc.name", "fd.name", "fd.num", "fd.sip", "fd.snet", "fd.sport", "evt.buffer", "proc.aname[2]", "evt.dir",
    "evt.arg.flags", "evt.arg", "evt.rawarg.flags", "proc.env[A]", "fd.types", "nosuch.field", "container.id", "evt.is_io",
    "=", "==", "!=", "<", "<=", ">", ">=", "in", "intersects", "pmatch", "exists", "contains", "icontains", "bcontains",
    "startswith", "bstartswith", "endswith", "glob", "iglob", "regex", "anyof", "oneof", "allof", "and", "or", "not", "AND",
    "(", ")", "(", ")", ",", '"', "'", "\\", "[", "]", "val(", "tolower(", "join(", "concat(", "getopt(", "len(", "b64(",
    "open", "bash", "true", "5", "-1", "0x10", "1.5", "10.0.0.1", "10.0.0.0/8", "::1", "cafe", "/etc/*", "[a-z]+", "(((",
    "macro_a", "macro_b", "list_a", "list_b", "\n", "\t", "é", "\udcff", "\0", '"a b"', "'c d'", '"\\x41"', '"\\q"', "%",
]  # fmt: skip
KEYS = [
    "rule", "macro", "list", "condition", "output", "desc", "priority", "items", "append", "override", "exceptions", "name",
    "fields", "comps", "values", "enabled", "source", "tags", "warn_evttypes", "skip-if-unknown-filter", "capture",
    "capture_duration", "required_engine_version", "required_plugin_versions", "version", "alternatives", "nonsense",
]  # fmt: skip
SCALARS = [
    "macro_a", "macro_b", "list_a", "list_b", "R", "S", "true", "false", "maybe", "INFO", "WARNING", "syscall", "k8s_audit",
    "append", "replace", "15", "0.57.0", "container", "0.4.0", "~", "''", "[]", "{}", "evt.type = open", "and fd.num = 1",
    "x %proc.name %20fd.name", "'%nosuch'", "'%'", "proc.name", "[proc.name, fd.name]", "[[a, b]]", "[a, b c]", "in", "=",
    "&a x", "*a", "|\n    evt.type = open\n    and x", ">\n    macro_a or\n    macro_b", '"evt.type = \\"open\\""', "- x",
]  # fmt: skip


def rounds(seconds: float) -> Iterator[random.Random]:
    """Yield a generator of random numbers for each round, until the time is over."""
    print(f"TUIMON_FUZZ_SEED={SEED}")
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        yield random.Random(SEED + number)
        number += 1
    print(f"{number:,} generated in {seconds:g} s")


def sentence(dice: random.Random, depth: int = 4) -> str:
    """Return a condition that is right."""
    kind = dice.random()
    if depth == 0 or kind < 0.4:
        return dice.choice([*CHECKS, "macro_a", "macro_b"])
    if kind < 0.55:
        return f"not {sentence(dice, depth - 1)}"
    if kind < 0.7:
        return f"({sentence(dice, depth - 1)})"
    return f" {dice.choice(['and', 'or'])} ".join(sentence(dice, depth - 1) for _ in range(dice.randrange(2, 4)))


def condition(dice: random.Random) -> str:
    if dice.random() < 0.5:
        text = sentence(dice)
        return text if dice.random() < 0.5 else mutated(dice, text)
    kind = dice.random()
    if kind < 0.5:
        return " ".join(dice.choices(WORDS, k=dice.randrange(1, 25)))
    if kind < 0.8:
        return mutated(
            dice, 'not (evt.type in (open, "a b") and tolower(proc.aname[2]) startswith anyof (x, y)) or macro_a'
        )
    return "".join(dice.choices(WORDS, k=dice.randrange(1, 40)))


def mutated(dice: random.Random, text: str) -> str:
    """Cut, double and swap a few places of a text."""
    for _ in range(dice.randrange(1, 5)):
        at, length = dice.randrange(len(text) + 1), dice.randrange(6)
        kind = dice.randrange(3)
        put = ("", text[at : at + length] * 2, dice.choice(WORDS))[kind]
        text = text[:at] + put + text[at + length :]
    return text


def rule_file(dice: random.Random) -> str:
    items = []
    for _ in range(dice.randrange(1, 8)):
        lines = []
        for _ in range(dice.randrange(1, 8)):
            value = dice.choice(SCALARS)
            if dice.random() < 0.3:
                value = "'" + condition(dice).replace("'", "''").replace("\n", " ") + "'"
            lines.append(f"{dice.choice(KEYS)}: {value}")
        items.append("- " + "\n  ".join(lines))
    text = "\n".join(items) + "\n"
    return mutated(dice, text) if dice.random() < 0.4 else text


def sound_file(dice: random.Random) -> str:
    """Return a file whose YAML is right, so that its conditions are reached."""
    quoted = "'" + condition(dice).replace("'", "''").replace("\n", " ") + "'"
    odd = ', "q\'d"' if dice.random() < 0.1 else ""
    return (
        f"- list: list_a\n  items: [open, 'b c'{odd}]\n- list: list_b\n  items: [list_a, x]\n"
        "- macro: macro_a\n  condition: proc.name in (list_a)\n- macro: macro_b\n  condition: macro_a or proc.name = x\n"
        f"- rule: R\n  desc: d\n  condition: {quoted}\n  output: o\n  priority: INFO\n"
    )


# fmt: off
FIELDS = ["proc.name", "fd.name", "fd.sport", "fd.snet", "evt.type", "no.such", "'proc.aname[2]'", "tolower(proc.name)", "5", "''", "[a]", "~"]
COMPS = ["=", "in", "startswith", "pmatch", "contains", "glob", "no_such", "in (a)", "exists", "[in]", "~", "''", "regex"]
VALUES = ["bash", "5", "/etc", "'a b'", "(a, b)", '"it\'s"', "list_a", "''", "~", "[bash, sh]", "{a: b}", "10.0.0.0/8", "'('", "true", "é"]
OVERRIDABLE = ["condition", "output", "desc", "priority", "tags", "exceptions", "enabled", "warn_evttypes", "items", "rule", "capture", "nonsense"]
SCALAR_KEYS = {"desc": ["d", "~"], "priority": ["INFO", "WARNING", "loud"], "output": ["x %proc.name", "'%fd.nam'", "'%'", "'*%evt.num'"]}
# fmt: on


def nested(dice: random.Random, words: list[str], depth: int) -> str:
    """Return one word, or a flow list of them, as deep as may be."""
    if depth == 0 or dice.random() < 0.35:
        return dice.choice(words)
    return "[" + ", ".join(nested(dice, words, depth - 1) for _ in range(dice.randrange(4))) + "]"


def exception(dice: random.Random) -> str:
    if dice.random() < 0.6:  # right, or nearly so
        width = dice.randrange(1, 4)
        fields, comps = (", ".join(dice.choices(words[:4], k=width)) for words in (FIELDS, COMPS))
        values = ", ".join(f"[{', '.join(dice.choices(VALUES[:5], k=width))}]" for _ in range(dice.randrange(3)))
        return f"    - {{name: {dice.choice('efg')}, fields: [{fields}], comps: [{comps}], values: [{values}]}}"
    parts = {"name": dice.choice(["e", "f", "~", "[e]", "''"]), "fields": nested(dice, FIELDS, 1)}
    parts["comps"] = nested(dice, COMPS, 1)
    parts["values"] = nested(dice, VALUES, 3)
    chosen = [f"{key}: {value}" for key, value in parts.items() if dice.random() < 0.85]
    return "    - {" + ", ".join(chosen) + "}"


def shaped_item(dice: random.Random) -> str:
    """Return an item as people write them, often wrong in one place: its values, its exceptions, its override."""
    what = dice.choice(["rule", "rule", "rule", "macro", "list"])
    lines = [
        f"{what}: {dice.choice({'rule': 'RST', 'macro': ['macro_a', 'macro_b', 'proc'], 'list': ['list_a', 'list_b']}[what])}"
    ]
    if what == "list":
        lines.append(f"items: {nested(dice, [*VALUES, 'list_a', 'list_b'], 2)}")
    else:
        words = ["evt.type = open", "proc.name = x", "evt.type in (list_a)", "macro_a or macro_b", "and proc.name = x"]
        text = condition(dice) if dice.random() < 0.3 else dice.choice(words[: 5 if what == "macro" else 3])
        lines.append("condition: '" + text.replace("'", "''").replace("\n", " ") + "'")
    if what == "rule":
        for key, values in SCALAR_KEYS.items():
            if dice.random() < 0.95:
                lines.append(f"{key}: {dice.choice(values if dice.random() < 0.1 else values[:1])}")
        if dice.random() < 0.4:
            lines.append("exceptions:\n" + "\n".join(exception(dice) for _ in range(dice.randrange(1, 4))))
    if dice.random() < 0.2:
        changes = {
            dice.choice(OVERRIDABLE): dice.choice(["append", "replace", "delete", "[append]"])
            for _ in range(dice.randrange(1, 4))
        }
        lines.append("override: {" + ", ".join(f"{key}: {how}" for key, how in changes.items()) + "}")
    if dice.random() < 0.15:
        lines.append(
            dice.choice(
                ["append: true", "enabled: false", "source: k8s_audit", "tags: [a, 5]", "capture: maybe", "nonsense: 1"]
            )
        )
    return "- " + "\n  ".join(lines)


def shaped_file(dice: random.Random) -> str:
    """Return a file of items that make sense, in any order, with one document or more."""
    made = [shaped_item(dice) for _ in range(dice.randrange(1, 8))]
    if dice.random() < 0.1:
        made.insert(dice.randrange(len(made)), dice.choice(["---", "...", "- required_engine_version: 0.99.0", "# x"]))
    text = "\n".join(made) + "\n"
    return mutated(dice, text) if dice.random() < 0.1 else text


EVENTS = [builders.open_event("/etc/x"), builders.exec_event("x"), builders.connect_event("10.0.0.9", 443)]
"""What every rule that loads is asked about."""


def check(result: LoadResult, text: str) -> None:
    lines = text.split("\n")
    for found in result.diagnostics:
        assert 1 <= found.line <= len(lines) + 1, (found, text)
        assert found.column >= 1, (found, text)
        assert found.message, (found, text)
    for rule in result.rules:
        compiled = print_condition(rule.condition)
        assert print_condition(parse_condition(compiled)) == compiled, text
    if result.rules:
        ruleset = RuleSet.build(result, 1)
        for event in EVENTS:
            for hit in ruleset.judge(event):
                assert hit.output(event) is not None, text


def test_conditions_never_crash_and_print_back() -> None:
    for dice in rounds(SECONDS):
        text = condition(dice)
        started = time.process_time()
        with contextlib.suppress(ConditionSyntaxError):
            node = parse_condition(text)
            assert parse_condition(print_condition(node)) == node, text
        with contextlib.suppress(ConditionSyntaxError):
            compile_expression(text)
        assert time.process_time() - started < SLOW_S, text


@pytest.mark.parametrize("make", [rule_file, sound_file, shaped_file])
def test_rule_files_never_crash(make: object) -> None:
    assert callable(make)
    for dice in rounds(SECONDS):
        text = make(dice)
        started = time.process_time()
        check(load([RuleFile("f", text)]), text)
        assert time.process_time() - started < SLOW_S, text


SIZES = (150, 600)
SOUND = "- rule: R\n  desc: d\n  condition: {}\n  output: {}\n  priority: INFO\n"
GROWING = {
    "rules": lambda n: "".join(f"- rule: R{i}\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n" for i in range(n)),
    "unknown fields": lambda n: "".join(
        f"- rule: R{i}\n  desc: d\n  condition: evt.type = open and no.such{i} = x\n  output: o\n  priority: INFO\n" for i in range(n // 8)
    ),
    "appends": lambda n: "- macro: m\n  condition: evt.type = open\n" + "- macro: m\n  append: true\n  condition: or evt.type = close\n" * n,
    "macros": lambda n: "".join(f"- macro: m{i}\n  condition: evt.type = open\n" for i in range(n)),
    "lists": lambda n: "".join(f"- list: l{i}\n  items: [a, b, l{i - 1}]\n" for i in range(n)),
    "odd lists": lambda n: "".join(f"- list: l {i}\n  items: [a]\n- macro: m{i}\n  condition: a.b = l\n" for i in range(n)),
    "list in many conditions": lambda n: "- list: l\n  items: ['(']\n"
    + "".join(f"- macro: m{i}\n  condition: a.b = l\n" for i in range(n)),
    "one long list": lambda n: f"- list: l\n  items: [{', '.join(f'x{i}' for i in range(n * 10))}]\n",
    "one long condition": lambda n: "- macro: m\n  condition: " + " or ".join(f"a.b = {i}" for i in range(n * 4)) + "\n",
    "exceptions": lambda n: "- rule: R\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n  exceptions:\n"
    + "".join(f"    - {{name: e{i}, fields: proc.name, values: [a]}}\n" for i in range(n)),
    "documents": lambda n: "".join(f"- list: l{i}\n  items: [a]\n---\n" for i in range(n)),
    "nots": lambda n: SOUND.format("evt.type = open and " + "not " * n * 20 + "proc.name = x", "o"),
    "parentheses": lambda n: SOUND.format(" and ".join("(" * (n // 10) + f"fd.num = {i}" + ")" * (n // 10) for i in range(50)), "o"),
    "transformers": lambda n: SOUND.format(" and ".join("tolower(" * (n // 20) + "proc.name" + ")" * (n // 20) + " = x" for _ in range(20)), "o"),
    "macros of macros": lambda n: "- macro: m0\n  condition: evt.type = open\n" + "".join(f"- macro: m{i}\n  condition: m{i - 1 if i % 100 else 0}\n" for i in range(1, n)),
    "lists of lists": lambda n: "- list: l0\n  items: [a]\n" + "".join(f"- list: l{i}\n  items: [l{i - 1}]\n" for i in range(1, n)) + SOUND.format(f"evt.type = open and proc.name in (l{n - 1})", "o"),
    "one long string": lambda n: SOUND.format('evt.type = open and proc.name = "' + "a\\\\b " * n * 20 + '"', "o"),
    "one long word": lambda n: SOUND.format("evt.type = open and " + "m" * n * 100, "o"),
    "one long output": lambda n: SOUND.format("evt.type = open", "x %proc.name " * n),
    "a folded condition": lambda n: SOUND.format(">\n" + "    evt.type = open or\n" * n * 2 + "    no.such = 1", "o"),
    "values of an exception": lambda n: SOUND.format("evt.type = open", "o") + "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n      values:\n" + "        - [a, b]\n" * n,
    "appended exceptions": lambda n: SOUND.format("evt.type = open", "o") + "  exceptions: [{name: e, fields: [proc.name]}]\n"
    + "- rule: R\n  exceptions: [{name: e, values: [[a]]}]\n  override: {exceptions: append}\n" * n,
    "replaced conditions": lambda n: SOUND.format("evt.type = open", "o") + "- rule: R\n  condition: evt.type = close\n  override: {condition: replace}\n" * n,
    "unclosed quotes": lambda n: "".join(f"- macro: m{i}\n  condition: a.b = \"x\n" for i in range(n)),
}  # fmt: skip


@pytest.mark.parametrize("name", GROWING)
def test_work_grows_with_size_not_with_its_square(name: str) -> None:
    """Counted in calls, which do not depend on the machine: four times the size makes about four times the calls."""
    small, large = (calls(GROWING[name](size)) for size in SIZES)
    assert large < small * 6, (small, large)


LONG_TEXTS = ("one long list", "one long string", "one long word", "one long output")


@pytest.mark.parametrize("name", LONG_TEXTS)
def test_time_grows_with_size_not_with_its_square(name: str) -> None:
    """What is done inside one call shows in time only; four times the size may take ten times as long, not sixteen."""
    small, large = (min(seconds(GROWING[name](size)) for _ in range(2)) for size in (500, 2000))
    assert large < max(small, 0.005) * 10, (small, large)


def seconds(text: str) -> float:
    """Return the CPU time that loading a file takes, with nothing remembered from before."""
    parser._parse.cache_clear()
    began = time.process_time()
    load([RuleFile("f", text)])
    return time.process_time() - began


def calls(text: str) -> int:
    """Return how many functions are called to load a file, with nothing remembered from before."""
    load([RuleFile("f", GROWING["rules"](1))])
    parser._parse.cache_clear()
    nearest_field.cache_clear()
    profile = cProfile.Profile()
    profile.enable()
    load([RuleFile("f", text)])
    profile.disable()
    return sum(entry.callcount for entry in profile.getstats())
