"""Every rule that one machine can trigger, fired by a small real action on the live kernel.

One engine runs with tuimon's own rules and the upstream files, unmodified; an override file switches on the rules that
are off by default. Each act of the agents must fire exactly the rules it names, for sure and not only for want of
knowledge; ordinary acts must leave tuimon's own rules silent. The table of rules is printed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import UPSTREAM
from tests.containers import IMAGE
from tests.kernel.test_field_truth import value
from tests.kernel.triggers import agent, driven, kit
from tests.kernel.triggers.lab import SYSTEM_PYTHON, UPSTREAM_FILES, Done, Lab
from tuimon.records import SizeClass

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.alone]

IMPOSSIBLE = {
    "Kernel Module Loaded": "fires only for a module that was loaded, and a test may load none",
}
"""Rules that no act fires, and why."""
UPSTREAM_RULES = 93
EXPECTED_AT_LEAST = 85

agent.load_acts()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Lab:
    """Return the laboratory after everything was performed and judged."""
    for needed in (SYSTEM_PYTHON, "ip", "nsenter", "busybox"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not there, and the acts take it")
    folder = UPSTREAM / "falco-rules"
    lab = Lab(tmp_path_factory.mktemp("lab"), folder if folder.is_dir() else None)
    with lab.open():
        with lab.agents(kit.PLAIN, kit.PRIVILEGED):
            lab.perform()
        driven.perform_all(lab)
        lab.settle()
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n" + "\n".join(table(lab)))
    return lab


def table(lab: Lab) -> Iterator[str]:
    """Yield rule by rule whether it fired, and for which acts, or why not."""
    fired_by: dict[str, list[str]] = {}
    for done in lab.done.values():
        for rule in done.fired():
            fired_by.setdefault(rule, []).append(done.name)
    for rule, file in lab.rules().items():
        acts = fired_by.get(rule, [])
        said = ", ".join(acts[:3]) + (f" and {len(acts) - 3} more" if len(acts) > 3 else "")
        verdict = "fired" if acts else "NOT FIRED"
        yield f"{Path(file).stem:24} {rule:75} {verdict:9} {said or IMPOSSIBLE.get(rule, 'see the failed test')}"
    for file in dict.fromkeys(lab.rules().values()):
        rules = [rule for rule, where in lab.rules().items() if where == file]
        yield f"{Path(file).stem:24} {sum(rule in fired_by for rule in rules)} of {len(rules)} rules fired"
    counts = lab.engine.source.counts()
    yield f"{counts.seen:,} events seen, {counts.emitted:,} emitted, {counts.dropped:,} dropped"


def performed(lab: Lab, name: str) -> Done:
    """Return what an act led to; fails when the act itself failed, skips when this machine cannot perform it."""
    if name in lab.skipped:
        pytest.skip(lab.skipped[name])
    done = lab.done[name]
    assert not done.trouble, done.trouble
    return done


def explained(lab: Lab, done: Done) -> str:
    """Return what helps to see why a rule did not fire, or fired."""
    alerts = [f"{'unconfirmed ' * a.unconfirmed}{a.rule}: {a.output}" for a in done.alerts]
    lost = dict(zip(SizeClass, lab.engine.source.counts().dropped_by_class, strict=True))
    dropped = ", ".join(f"{count:,} {size.name}" for size, count in lost.items() if count) or "none"
    return "\n".join((f"{done.name}: events dropped: {dropped}; alerts:", *alerts))


@pytest.mark.parametrize("name", [act.name for act in kit.ACTS.values() if act.rules])
def test_an_act_fires_exactly_its_rules(lab: Lab, name: str) -> None:
    done = performed(lab, name)
    assert done.fired() == set(done.rules) & lab.rules().keys(), explained(lab, done)


def test_every_opening_in_a_race_is_seen(lab: Lab) -> None:
    """The path in the program's memory may say anything by then; the file that the kernel opened cannot lie."""
    done = performed(lab, "shadow_in_a_race")
    assert done.count
    for rule in done.rules:
        if rule in lab.rules():
            opened = [alert for alert in done.alerts if alert.rule == rule]
            assert len(opened) >= done.count, f"{rule}: {len(opened)} of {done.count}"


@pytest.mark.parametrize("name", driven.RULES)
def test_an_act_of_an_engine_fires_its_rules(lab: Lab, name: str) -> None:
    done = performed(lab, name)
    assert done.fired() >= set(done.rules) & lab.rules().keys(), explained(lab, done)


@pytest.mark.parametrize(("name", "engine"), driven.DRIFT.items())
def test_an_alert_names_the_container(lab: Lab, name: str, engine: str) -> None:
    """Its first alerts too: what is not known yet is waited for, never guessed."""
    done = performed(lab, name)
    containers = [alert.event.container for alert in done.alerts]
    told = {(c.engine, c.name, c.image_repository, c.image_tag, c.privileged) for c in containers if c is not None}
    repository, _, tag = IMAGE.rpartition(":")
    assert told == {(engine, name, repository, tag, False)}
    assert not [alert.rule for alert in done.alerts if alert.unconfirmed]


@pytest.mark.parametrize("name", driven.WRITTEN)
def test_what_is_written_below_an_images_programs_is_told_by_its_layer(lab: Lab, name: str) -> None:
    """First made in the container, then changed: both lie in the writable layer, and only the first is new."""
    done = performed(lab, name)
    events = [alert.event for alert in done.alerts if alert.rule == "File Below Binary Folder Changed"]
    events = [event for event in events if value(event, "fd.name") == "/usr/bin/brought"]
    layers = [
        (value(e, "evt.is_open_create"), value(e, "fd.is_upper_layer"), value(e, "fd.is_lower_layer")) for e in events
    ]
    assert layers == [(True, True, False), (False, True, False)]


QUIET = [*(act.name for act in kit.ACTS.values() if not act.rules), driven.QUIET, "container_starts"]


@pytest.mark.parametrize("name", QUIET)
def test_ordinary_acts_leave_own_rules_silent(lab: Lab, name: str) -> None:
    done = performed(lab, name)
    own = {rule for rule, file in lab.rules().items() if file not in UPSTREAM_FILES}
    assert not {alert.rule for alert in done.alerts} & own, explained(lab, done)


def test_every_own_rule_fires_or_has_a_reason(lab: Lab) -> None:
    own = {rule for rule, file in lab.rules().items() if file not in UPSTREAM_FILES}
    fired = {rule for done in lab.done.values() for rule in done.fired()}
    assert own - fired == own & IMPOSSIBLE.keys()


def test_upstream_rules_fire(lab: Lab, upstream: Path) -> None:
    rules = {rule for rule, file in lab.rules().items() if file in UPSTREAM_FILES}
    fired = {rule for done in lab.done.values() for rule in done.fired()}
    assert len(rules) == UPSTREAM_RULES
    assert len(rules & fired) >= EXPECTED_AT_LEAST
    if not lab.skipped:
        assert rules - fired == rules & IMPOSSIBLE.keys()


def test_every_event_could_be_judged(lab: Lab) -> None:
    snapshot = lab.engine.snapshot()
    assert snapshot is not None
    assert not [notice for notice in snapshot.notices if "could not be judged" in notice]
