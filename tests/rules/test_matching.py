"""The queue of undecided hits: bounded in time and number, and quiet while nothing becomes known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from tests import builders
from tests.rules import strategies
from tuimon.rules.loader import compile_expression
from tuimon.rules.matching import Counter, Pending
from tuimon.rules.output import Template
from tuimon.rules.ruleset import RuleSet


class World:
    """A rule set, an event that waits for its container, and what the container turns out to be."""

    def __init__(self, *texts: str, **options) -> None:
        texts = texts or ("container.name = web",)
        rules = [strategies.rule("rst"[at], compile_expression(text)) for at, text in enumerate(texts)]
        self.ruleset = RuleSet.build(SimpleNamespace(rules=rules), 7, first_match_only=len(rules) > 1)
        self.known = builders.container(known=False)
        self.pending = Pending(**options)
        self.renewals = 0

    def add(self) -> None:
        event = builders.open_event(container=builders.container(known=False))
        (hit,) = self.ruleset.judge(event)
        assert hit.unknown
        self.pending.add(event, hit)

    def renewed(self, event):
        self.renewals += 1
        event.container = self.known
        return event

    def settle(self, now_s: float, revision: int):
        return list(self.pending.settle(now_s, revision, self.renewed))


def test_a_hit_that_becomes_true_fires_confirmed():
    world = World()
    world.add()
    assert world.settle(0.0, 1) == []
    world.known = builders.container(name="web")
    ((event, hit, unconfirmed),) = world.settle(0.5, 2)
    assert (hit.rule.name, hit.revision, unconfirmed) == ("r", 7, False)
    assert event.container.name == "web"
    assert len(world.pending) == 0
    assert hit.rule.counter.matched == 1


def test_a_hit_that_becomes_false_is_forgotten():
    world = World()
    world.add()
    world.known = builders.container(name="db")
    assert world.settle(0.5, 2) == []
    assert len(world.pending) == 0


def test_a_hit_that_stays_unknown_fires_unconfirmed_when_its_time_is_over():
    world = World()
    world.add()
    assert world.settle(10.0, 1) == []
    assert world.settle(11.9, 1) == []
    ((_, _, unconfirmed),) = world.settle(12.0, 1)
    assert unconfirmed
    assert len(world.pending) == 0


def test_nothing_is_judged_again_while_nothing_becomes_known():
    world = World()
    world.add()
    for at in range(5):
        world.settle(at / 10, 1)
    assert world.renewals == 1
    world.settle(0.6, 2)
    assert world.renewals == 2


def test_too_many_let_the_oldest_go():
    world = World(capacity=2)
    for _ in range(5):
        world.add()
    assert len(world.pending) == 5
    out = world.settle(0.0, 1)
    assert [unconfirmed for _, _, unconfirmed in out] == [True, True, True]
    assert len(world.pending) == 2
    assert world.pending.released_early == 3


def test_of_rules_of_which_the_first_counts_one_fires_when_all_is_known():
    """``rule_matching: first``: a later rule must wait for an undecided earlier one, or one event fires twice."""
    for container, fired in (("web", "r"), ("db", "t")):
        world = World("container.name = web", "container.name = cache", "evt.type = openat")
        world.add()
        assert world.settle(0.0, 1) == []
        world.known = builders.container(name=container)
        ((_, hit, unconfirmed),) = world.settle(0.5, 2)
        assert (hit.rule.name, unconfirmed) == (fired, False)
        matched = {rule.name: rule.counter.matched for rule in world.ruleset.rules}
        assert matched == {"r": 0, "s": 0, "t": 0} | {fired: 1}


def test_of_rules_of_which_the_first_counts_the_undecided_one_fires_when_time_is_over():
    world = World("container.name = web", "evt.type = openat")
    world.add()
    assert world.settle(0.0, 1) == []
    ((_, hit, unconfirmed),) = world.settle(2.0, 1)
    assert (hit.rule.name, unconfirmed) == ("r", True)


def test_a_hit_that_cannot_be_judged_again_is_told_of_and_does_not_stop_the_others():
    failures = []
    world = World(failed=failures.append)
    world.add()
    world.add()
    worse = world.renewed

    def renewed(event):
        event = worse(event)
        if world.renewals == 1:
            event.container = 5  # no getter knows what to do with it
        return event

    world.known = builders.container(name="web")
    world.renewed = renewed
    ((_, hit, _),) = world.settle(0.5, 2)
    assert hit.rule.name == "r"
    assert [type(error) for error in failures] == [AttributeError]
    assert len(world.pending) == 0


def test_mean_time_of_a_rule_is_that_of_its_timed_evaluations():
    assert Counter().ns_per_event == 0.0
    assert Counter(sampled=4, sampled_ns=1000).ns_per_event == 250.0


def test_a_message_waits_for_what_it_shows():
    """The condition holds at once; a message without the name of a container just born would say less than is known."""
    world = World("evt.type = openat")
    template = Template.parse("%container.name opened %fd.name")
    (hit,) = world.ruleset.judge(builders.open_event(container=builders.container(known=False)))
    rule = replace(hit.rule, template=template)
    for number in range(2):
        event = builders.open_event(container=builders.container(known=False))
        assert not hit.unknown
        assert rule.template.lacks(event)
        world.pending.add(event, replace(hit, rule=rule))
        matched = rule.counter.matched
        assert world.settle(0.0, 10 * number) == []
        if number == 0:
            world.known = builders.container(name="web")
        ((event, told, unconfirmed),) = world.settle(0.5, 1) if number == 0 else world.settle(2.0, 10)
        assert not unconfirmed
        assert told.output(event).startswith("web" if number == 0 else "<NA>")
        assert rule.counter.matched == matched
        world.known = builders.container(known=False)
