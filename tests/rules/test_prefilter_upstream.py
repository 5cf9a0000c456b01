"""All upstream rules together: no match is lost on the way, neither to the masks nor to the kernel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tests.rules.test_prefilter import assert_sound, matching_rows
from tuimon.records import Kind
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.prefilter_c import c_prefilter
from tuimon.rules.prefilter_columns import kernel_mask
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import NR_TO_NAME

UPSTREAM = Path(__file__).resolve().parents[2].parent / "shared" / "upstream" / "falco-rules"
pytestmark = pytest.mark.skipif(not UPSTREAM.is_dir(), reason="the upstream rule files are not beside the project")

SENSITIVE = (
    "/etc/shadow",
    "/root/.bashrc",
    "/dev/xyz",
    "/var/log/auth.log",
    "/home/a/.ssh/id_rsa",
    "/etc/../etc/shadow",
)


@cache
def upstream() -> RuleSet:
    files = [RuleFile(path.name, path.read_text()) for path in sorted(UPSTREAM.glob("falco*_rules.yaml"))]
    return RuleSet.build(load(files), 1)


@st.composite
def touched(draw: st.DrawFn):
    """An open, as the strategies make it, of a file that rules are about."""
    flags = draw(st.sampled_from((0, 0o1101, 2)))
    actor, place = draw(strategies.processes()), draw(st.sampled_from(strategies.CONTAINERS))
    ret = draw(st.sampled_from((3, -13)))
    return builders.open_event(draw(st.sampled_from(SENSITIVE)), flags=flags, ret=ret, process=actor, container=place)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(st.one_of(touched(), strategies.events()), min_size=1, max_size=15))
def test_no_match_of_an_upstream_rule_is_lost(events):
    rules = upstream()
    batch, tables = builders.batch_of(events)
    assert_sound(rules, batch, tables)
    wanted = rules.kernel_expressions()
    for row in matching_rows(rules, batch, tables):
        if batch.head["kind"][row] == Kind.SYSCALL:
            expression = wanted[int(batch.head["nr"][row])]
            assert kernel_mask(expression, batch, np.array([row])).tolist() == [True]


def test_alerts_do_happen_in_what_is_generated():
    batch, tables = builders.batch_of([builders.open_event("/etc/shadow")])
    assert matching_rows(upstream(), batch, tables) == {0: ["Read sensitive file untrusted"]}


def test_the_kernels_text_for_all_rules_is_one_program():
    text = c_prefilter(upstream().kernel_expressions(), NR_TO_NAME)
    assert text.count("static __always_inline int tm_prefilter(") == 1
    assert len(text) < 150_000
