"""The kernel's prefilter follows the rules: lifted before a swap, installed after it, never one of old rules."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests import builders
from tuimon.capture.source import always
from tuimon.capture.sources import judged_calls
from tuimon.capture.synthetic import SyntheticSource
from tuimon.enrich.containers import Containers
from tuimon.errors import CaptureError
from tuimon.events import HOST, Container
from tuimon.interest import STATE, UNFILTERED
from tuimon.pushdown import Pushdown, prefilter_of
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import NR_TO_NAME

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
            assert self.may_finish.wait(60)
            if self.trouble:
                raise CaptureError("no room")
        if still_wanted():
            self.in_force.append(c_text)


def ruleset(condition: str, revision: int = 1) -> RuleSet:
    loaded = load([RuleFile("r.yaml", RULE.format(name="r", condition=condition))])
    assert loaded.ok, loaded.diagnostics
    return RuleSet.build(loaded, revision)


def test_what_changes_the_state_of_processes_is_never_ruled_out():
    text = prefilter_of(ruleset("evt.type in (chdir, setuid, mount, ptrace, openat) and user.uid = 5"))
    assert text is not None
    judged = {NR_TO_NAME[number] for number in judged_calls(text)}
    assert judged == {"openat"}
    assert STATE | {"mount", "ptrace"} <= UNFILTERED


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
    assert source.compiling.wait(60)
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


class Known(Containers):
    """Containers that are what a test says."""

    def __init__(self) -> None:
        super().__init__(live=False)
        self.says: dict[int, Container] = {}

    def by_cgroup(self) -> dict[int, Container]:
        """Return what the test says."""
        return dict(self.says)


class Placed(Kernel):
    """Takes places, too."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[int, int]] = []

    def set_places(self, places: dict[int, int]) -> None:
        """Remember them."""
        self.told.append(places)


def test_the_kernel_follows_what_is_known_of_cgroups():
    source, containers = Placed(), Known()
    pushdown = Pushdown(source)
    pushdown.follow(containers)
    pushdown.follow(containers)
    assert source.told == [{}]
    containers.says = {1: HOST, 2: builders.container(known=False)}
    containers.revision += 1
    pushdown.follow(containers)
    assert source.told[1:] == [{1: 1, 2: 2}]


def test_a_source_without_a_kernel_is_told_nothing():
    Pushdown(Kernel()).follow(Known())


def test_calls_that_are_too_much_for_the_kernel_are_named():
    source = Kernel()
    source.unjudged = (257,)
    pushdown = Pushdown(source)
    pushdown.ask(ruleset("evt.type = openat and fd.name = /a"))
    pushdown.wait()
    assert pushdown.notice == "the kernel does not filter openat: the rules' conditions are too many for it"
