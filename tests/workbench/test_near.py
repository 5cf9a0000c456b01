"""Which rules an event matches, and which it missed by little."""

from __future__ import annotations

from tests import builders
from tests.workbench.test_preview import history, ruleset
from tuimon.workbench.near import near_events, near_misses, why

RULES = ruleset(
    "evt.type = openat and fd.name = /etc/shadow",
    "evt.type = openat and fd.name = /etc/shadow and proc.name = vim",
    "evt.type = openat and fd.name = /etc/other and proc.name = vim and container.id != host",
    "evt.type = openat and container.name = web",
    "evt.type = openat and fd.name startswith /etc",
)


def test_the_nearest_misses_come_first():
    misses = near_misses(RULES, builders.open_event("/etc/shadow"))
    assert [(miss.rule.name, [part.text for part in miss.blockers]) for miss in misses] == [
        ("rule 1", ["proc.name = vim"]),
        ("rule 3", ["container.name = web"]),
        ("rule 2", ["fd.name = /etc/other", "proc.name = vim", "container.id != host"]),
    ]
    assert [miss.rule.name for miss in near_misses(RULES, builders.open_event("/etc/shadow"), parts=1)] == [
        "rule 1",
        "rule 3",
    ]
    assert len(near_misses(RULES, builders.open_event("/etc/shadow"), limit=1)) == 1


def test_why_tells_who_matched_who_shadows_and_what_is_not_known():
    event = builders.open_event("/etc/shadow", container=builders.container(known=False))
    found = why(RULES, event)
    assert found.matched == ("rule 0", "rule 4")
    assert found.first == "rule 0"
    assert found.unknown == ("rule 3",)
    assert [miss.rule.name for miss in found.missed] == ["rule 1", "rule 2"]
    assert all(rule.counter.evaluated == 0 for rule in RULES.rules)


def test_events_that_a_rule_missed_by_one_check_are_found_newest_first():
    batches, event_of = history(
        [
            builders.open_event("/etc/shadow"),
            builders.open_event("/tmp/x"),
            builders.open_event("/etc/other", process=builders.process("vim")),
            builders.syscall_event("read"),
        ]
    )
    found = list(near_events(batches, event_of, RULES, "rule 1"))
    assert [near.batch.first_num + near.row for near in found] == [3, 1]
    assert [near.blockers[0].text for near in found] == ["fd.name = /etc/shadow", "proc.name = vim"]
    assert [near.batch.first_num + near.row for near in near_events(batches, event_of, RULES, "rule 1", scan=1)] == []
    assert list(near_events(batches, event_of, RULES, "no such rule")) == []
    assert len(list(near_events(batches, event_of, RULES, "rule 1", parts=2))) == 3
