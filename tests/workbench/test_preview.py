"""The preview says what a replay of the same history through the rules would."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.batch import take
from tuimon.capture.source import Interest, Want
from tuimon.enrich.container_users import CONTAINER_USERS
from tuimon.enrich.users import User
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import NAME_TO_NR
from tuimon.workbench.capturing import captured_types, thinned
from tuimon.workbench.preview import Preview, preview


def ruleset(*texts: str, **options: bool) -> RuleSet:
    rules = [strategies.rule(f"rule {at}", compile_expression(text)) for at, text in enumerate(texts)]
    return RuleSet.build(SimpleNamespace(rules=rules), 1, **options)


def history(events, pieces: int = 3):
    """Return the events as several batches, and what makes their row objects."""
    whole, tables = builders.batch_of(events)
    batches = []
    for rows in np.array_split(np.arange(len(whole)), pieces):
        if len(rows):
            part = take(whole, rows)
            part.first_num = whole.first_num + int(rows[0])
            batches.append(part)
    return batches, lambda batch, row: builders.event_of(batch, row, tables)


def replay(rules: RuleSet | None, batches, event_of) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """Judge every event; return sure and undecided alerts as (evt.num, rule)."""
    sure, unknown = set(), set()
    for batch in batches:
        for row in range(len(batch)):
            for hit in rules.judge(event_of(batch, row)) if rules is not None else ():
                (unknown if hit.unknown else sure).add((batch.first_num + row, hit.rule.name))
    return sure, unknown


def listed(rows) -> set[tuple[int, str]]:
    assert len(rows) == len({(row.num, row.rule) for row in rows}), "an alert is listed twice"
    return {(row.num, row.rule) for row in rows}


def assert_equals_replay(seen: Preview, old, new, batches, event_of) -> None:
    before, _ = replay(old, batches, event_of)
    after, unknown = replay(new, batches, event_of)
    assert listed(seen.added_rows) == after - before
    assert listed(seen.removed_rows) == before - after
    assert (seen.added, seen.removed) == (len(after - before), len(before - after))
    assert seen.was == sum(name in seen.rules for _, name in before)
    assert seen.now == sum(name in seen.rules for _, name in after)
    assert sum(group.added for group in seen.groups) == seen.added
    assert sum(group.removed for group in seen.groups) == seen.removed
    if not new.first_match_only:
        assert listed(seen.unknown_rows) == {each for each in unknown if each[1] in seen.rules}
    assert seen.complete
    assert seen.events == sum(map(len, batches))


@settings(max_examples=200, deadline=None)
@given(
    old=st.lists(strategies.conditions, max_size=3),
    new=st.lists(strategies.conditions, min_size=1, max_size=3),
    events=st.lists(strategies.events(), min_size=1, max_size=14),
    first=st.booleans(),
    plain=st.booleans(),
)
def test_a_preview_equals_a_replay(old, new, events, first, plain):
    """Were it otherwise, a rule would do something else in force than what was shown while it was typed."""
    options = {"first_match_only": first, "plain_falco": plain}
    before = ruleset(*old, **options) if old else None
    after = ruleset(*new, **options)
    batches, event_of = history(events)
    memory = Memory()
    assert_equals_replay(preview(batches, event_of, before, after, memory=memory), before, after, batches, event_of)
    # Once more, from what is now remembered.
    assert_equals_replay(preview(batches, event_of, before, after, memory=memory), before, after, batches, event_of)


def opens(*paths: str, **more):
    return [builders.open_event(path, **more) for path in paths]


def test_only_rules_that_changed_are_asked():
    batches, event_of = history(opens("/etc/shadow", "/etc/passwd"))
    old = ruleset("evt.type = openat", "evt.type = openat and fd.name = /etc/shadow")
    new = ruleset("evt.type = openat", "evt.type = openat and fd.name startswith /etc")
    seen = preview(batches, event_of, old, new)
    assert seen.rules == ("rule 1",)
    assert (seen.was, seen.now, seen.added, seen.removed) == (1, 2, 1, 0)
    assert preview(batches, event_of, old, new, ["rule 0"]).rules == ("rule 0",)
    assert preview(batches, event_of, old, old).rules == ()


def test_nothing_is_counted_in_the_rules_in_force():
    batches, event_of = history(opens("/etc/shadow"))
    old, new = ruleset("evt.type = openat"), ruleset("evt.type = openat and fd.num >= 0")
    preview(batches, event_of, old, new)
    assert [rule.counter.evaluated for rule in (*old.rules, *new.rules)] == [0, 0]


def test_who_is_added_and_who_removed_is_counted_by_container_and_process():
    web = builders.container(name="web")
    cat, vim = builders.process("cat"), builders.process("vim", pid=4100)
    events = [
        *opens("/etc/a", "/etc/b", process=cat, container=web),
        *opens("/etc/c", process=vim),
        *opens("/tmp/d", process=vim),
    ]
    batches, event_of = history(events)
    seen = preview(batches, event_of, ruleset("fd.name = /tmp/d"), ruleset("fd.name startswith /etc"))
    assert [(g.container, g.process, g.added, g.removed) for g in seen.groups] == [
        ("host", "vim", 1, 1),
        ("web", "cat", 2, 0),
    ]


def test_the_list_is_bounded_and_the_newest_come_first_but_the_counts_are_exact():
    batches, event_of = history(opens(*(f"/etc/{at}" for at in range(20))))
    seen = preview(batches, event_of, None, ruleset("evt.type = openat"), limit=5)
    assert [row.num for row in seen.added_rows] == [20, 19, 18, 17, 16]
    assert (seen.added, seen.now, seen.groups[0].added) == (20, 20, 20)


def test_a_value_that_is_not_known_yet_is_no_alert_and_is_said():
    batches, event_of = history(opens("/etc/shadow", container=builders.container(known=False)))
    seen = preview(batches, event_of, None, ruleset("container.name = web and evt.type = openat"))
    assert (seen.now, seen.unknown) == (0, 1)
    assert seen.unknown_rows[0].num == 1


def test_the_window_and_what_was_lost_in_it_are_told():
    batches, event_of = history(opens("/a", "/b", "/c"))
    batches[1].head["lost"] = 7
    seen = preview(batches, event_of, None, ruleset("evt.type = openat"))
    assert seen.lost == 7
    assert seen.events == 3
    assert seen.first_time_ns == builders.TS_NS + builders.BOOT_TO_EPOCH_NS
    assert seen.last_time_ns == seen.first_time_ns + 2


def test_an_empty_history_is_an_empty_preview():
    seen = preview([], lambda batch, row: None, None, ruleset("evt.type = openat"))
    assert (seen.events, seen.now, seen.complete, seen.first_time_ns) == (0, 0, True, 0)


def test_a_cancelled_preview_says_that_it_is_not_complete():
    batches, event_of = history(opens("/a", "/b", "/c"))
    cancel = threading.Event()
    cancel.set()
    seen = preview(batches, event_of, None, ruleset("evt.type = openat"), cancel=cancel)
    assert not seen.complete
    assert [row.num for row in seen.added_rows] == [3], "the newest part comes first"


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        ("evt.type in (openat, read)", ("read",)),
        ("evt.type = openat", ()),
        ("evt.type = execve and proc.name = x", ()),
        ("evt.type in (setns, unshare)", ("setns", "unshare")),
    ],
)
def test_what_is_not_captured_is_said(condition, missing):
    batches, event_of = history(opens("/a"))
    new = RuleSet.build(
        SimpleNamespace(rules=[strategies.rule("r", compile_expression(condition), _types(condition))]), 1
    )
    interest = Interest(calls={NAME_TO_NR["openat"]: Want.RULES, NAME_TO_NR["mount"]: Want.VIEW})
    seen = preview(batches, event_of, None, new, captured=captured_types(interest))
    assert seen.not_captured == missing
    assert preview(batches, event_of, None, new).not_captured == ()


@pytest.mark.parametrize(
    ("want", "cgroups", "expected"),
    [
        (Want.RULES, (), (("openat",), False)),
        (Want.RULES | Want.VIEW, (), ((), False)),
        (Want.RULES | Want.VIEW, (7,), (("openat",), True)),
        (Want.VIEW, (7,), ((), False)),
    ],
)
def test_what_the_kernel_keeps_back_is_said(want, cgroups, expected):
    batches, event_of = history(opens("/a"))
    in_force = ruleset("evt.type = openat and fd.name = /etc/shadow", "evt.type = mount")
    calls = {NAME_TO_NR[name]: want for name in ("openat", "mount", "chdir")}
    found = thinned(Interest(calls=calls, cgroups=frozenset(cgroups)), in_force)
    new = ruleset("evt.type in (openat, mount, chdir)")
    seen = preview(batches, event_of, in_force, new, thinned=found)
    assert (seen.thinned, seen.thinned_elsewhere) == expected
    assert preview(batches, event_of, in_force, new).thinned == ()


def _types(condition: str) -> frozenset[str]:
    return frozenset(word.strip("(),") for word in condition.split()) & frozenset(
        ("openat", "read", "execve", "setns", "unshare")
    )


def test_a_view_of_some_containers_captures_nothing_elsewhere():
    interest = Interest(calls={NAME_TO_NR["mount"]: Want.VIEW}, cgroups=frozenset({7}))
    assert "mount" not in captured_types(interest)
    assert "mount" in captured_types(Interest(calls=interest.calls))


def test_the_cost_tells_what_the_prefilter_left():
    batches, event_of = history(opens("/etc/a", "/tmp/b", "/tmp/c", "/tmp/d"))
    seen = preview(batches, event_of, None, ruleset("evt.type = openat and fd.name = /etc/a and evt.cpu >= 0"))
    assert (seen.cost_now.judged, seen.cost_now.events, seen.cost_before.judged) == (1, 4, 0)
    assert seen.cost_now.ns_per_judged > 0
    assert seen.cost_now.ns_per_event == seen.cost_now.ns_per_judged / 4


def test_an_edit_that_stops_the_kernel_from_sorting_is_seen():
    batches, event_of = history(opens("/etc/a"))
    sorted_ = with_types("evt.type = openat and fd.name = /etc/shadow", "openat")
    everything = with_types("evt.type = openat and evt.num > 7", "openat")
    seen = preview(batches, event_of, sorted_, everything)
    assert (seen.unfiltered_before, seen.unfiltered_now) == ((), ("openat",))
    execs = with_types("evt.type = execve and proc.name = x", "execve")
    assert preview(batches, event_of, None, execs).unfiltered_now == (), "process events are sent whatever is asked"
    assert "openat" in preview(batches, event_of, None, ruleset("evt.num > 7")).unfiltered_now


def with_types(condition: str, *types: str) -> RuleSet:
    rule = strategies.rule("r", compile_expression(condition), frozenset(types))
    return RuleSet.build(SimpleNamespace(rules=[rule]), 1)


def test_what_was_not_known_at_the_first_look_is_asked_again_at_the_next():
    """The name of a container's user comes some milliseconds after its first event."""
    place = builders.container(name="web")
    batches, event_of = history(opens("/etc/a", container=place, process=builders.process("cat", uid=1000)))
    memory = Memory()
    rule = ruleset("user.name = eve and evt.type = openat")
    seen = preview(batches, event_of, None, rule, memory=memory)
    assert (seen.now, seen.unknown) == (0, 1)
    names = CONTAINER_USERS.names(place)
    names.users, names.loaded = {1000: User("eve", 1000, 1000, "/", "/bin/sh")}, True
    seen = preview(batches, event_of, None, rule, memory=memory)
    assert (seen.now, seen.unknown) == (1, 0)
