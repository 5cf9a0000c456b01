"""The kernel's prefilter follows the rules: lifted before a swap, installed after it, never one of old rules."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tuimon.capture.source import always
from tuimon.capture.synthetic import SyntheticSource
from tuimon.errors import CaptureError
from tuimon.interest import STATE
from tuimon.pushdown import Pushdown, prefilter_of
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet

RULE = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: NOTICE\n"


class Kernel(SyntheticSource):
    """Takes prefilters as the kernel source does; compiling lasts as long as the test wants."""

    live = True

    def __init__(self) -> None:
        super().__init__([])
        self.in_force: list[str | None] = []
        self.compiling = threading.Event()
        self.may_finish = threading.Event()
        self.may_finish.set()
        self.trouble = False

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Compile, ask once more, install."""
        if c_text is not None:
            self.compiling.set()
            assert self.may_finish.wait(10)
            if self.trouble:
                raise CaptureError("no room")
        if still_wanted():
            self.in_force.append(c_text)


def ruleset(condition: str, revision: int = 1) -> RuleSet:
    loaded = load([RuleFile("r.yaml", RULE.format(name="r", condition=condition))])
    assert loaded.ok, loaded.diagnostics
    return RuleSet.build(loaded, revision)


def test_what_changes_the_state_of_processes_is_never_ruled_out():
    text = prefilter_of(ruleset("evt.type in (chdir, setuid, openat) and user.uid = 5"))
    assert text is not None
    assert "/* openat */" in text
    assert not [name for name in STATE if f"/* {name} */" in text]


def test_no_rules_no_prefilter():
    assert prefilter_of(RuleSet.build(load([]), 1)) is None
    source = Kernel()
    pushdown = Pushdown(source)
    pushdown.ask(None)
    pushdown.wait()
    assert source.in_force == []


def test_a_prefilter_is_installed():
    source = Kernel()
    pushdown = Pushdown(source)
    rules = ruleset("evt.type = openat and fd.name = /a")
    pushdown.lift()
    pushdown.ask(rules)
    pushdown.wait()
    assert source.in_force == [None, prefilter_of(rules)]
    assert pushdown.notice == ""


def test_one_that_is_late_is_forgotten():
    source = Kernel()
    source.may_finish.clear()
    pushdown = Pushdown(source)
    old, new = ruleset("evt.type = openat and fd.name = /a"), ruleset("evt.type = openat and fd.name = /b", 2)
    pushdown.ask(old)
    assert source.compiling.wait(10)
    pushdown.lift()  # the rules are swapped while the old ones' compilation goes on
    pushdown.ask(new)
    source.may_finish.set()
    pushdown.wait()
    assert source.in_force == [None, prefilter_of(new)]


def test_trouble_is_told_and_gone_with_the_next_rules():
    source = Kernel()
    source.trouble = True
    pushdown = Pushdown(source)
    pushdown.ask(ruleset("evt.type = openat and fd.name = /a"))
    pushdown.wait()
    assert source.in_force == []
    assert "no room" in pushdown.notice
    pushdown.lift()
    assert pushdown.notice == ""
