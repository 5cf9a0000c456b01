"""Health: figures in words, losses named, and rules ordered by what they cost."""

import dataclasses
from types import SimpleNamespace

import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.capture.source import Counts
from tuimon.rules.matching import Counter, Rule
from tuimon.stages import STAGES
from tuimon.view.health import ORDERS, Flood, Health, StageCost, rule_costs
from tuimon.view.health_lines import WITH_KERNEL, Pulse, RuleCostLines, health_lines, rule_cost_foot, rule_cost_header
from tuimon.view.stats import OTHER


def rule(name, evaluated, matched, mean_ns, priority="Warning"):
    counter = Counter(evaluated, matched, 0, 10 if mean_ns else 0, mean_ns * 10)
    return Rule(name, priority, (), "syscall", "a.yaml", 1, None, SimpleNamespace(fields=()), None, (name,), counter)


RULES = (rule("cheap", 1000, 5, 100), rule("Dear", 100, 0, 9000), rule("idle", 0, 0, 0), rule("busy", 5000, 50, 20))


def text_of(line):
    return "".join(cell.text for cell in line)


NOTHING = Health()


def page(health=NOTHING, silent_s=0.0, width=100, *, ascii_only=False, **changes):
    snapshot = dataclasses.replace(fed_engine().snapshot(), **changes)
    lines = health_lines(snapshot, health, silent_s, width, ascii_only=ascii_only)
    return "\n".join(map(text_of, lines))


def test_the_cost_of_a_rule_is_its_evaluations_times_their_mean():
    costs = rule_costs(RULES)
    assert [cost.name for cost in costs] == ["Dear", "busy", "cheap", "idle"]
    assert [round(cost.share, 3) for cost in costs] == [0.818, 0.091, 0.091, 0.0]
    assert sum(cost.share for cost in costs) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("evaluated", ["busy", "cheap", "Dear", "idle"]),
        ("matched", ["busy", "cheap", "Dear", "idle"]),
        ("mean", ["Dear", "cheap", "busy", "idle"]),
        ("name", ["busy", "cheap", "Dear", "idle"]),
    ],
)
def test_rules_can_be_ordered(order, names):
    assert order in ORDERS
    assert [cost.name for cost in rule_costs(RULES, order)] == names


def test_no_rules_cost_nothing():
    assert rule_costs(()) == ()


def test_lines_of_rules_say_what_was_not_measured():
    lines = RuleCostLines()
    lines.renew(rule_costs(RULES))
    texts = [text_of(lines.line(seq, 80)) for seq in range(lines.end)]
    assert "81.8%" in texts[0]
    assert "9.0" in texts[0]
    assert "%" not in texts[3]
    assert lines.row(9) is None
    assert lines.line(9, 80) == ()
    assert [lines.turn_order(1) for _ in ORDERS][-1] == ORDERS[0]
    assert [c.text for c in rule_cost_header("mean", 80) if c.role == "title"] == ["us each"]


def test_what_the_kernel_keeps_of_a_rules_calls_is_told_where_there_is_room():
    lines = RuleCostLines()
    lines.renew(rule_costs(RULES))
    lines.kept = {"Dear": 0.994, "busy": 0.2}
    wide, narrow = ([text_of(lines.line(seq, width)) for seq in range(3)] for width in (WITH_KERNEL, WITH_KERNEL - 1))
    assert ["99.4%" in wide[0], "20%" in wide[1], "%" in wide[2].replace("9.1%", "")] == [True, True, False]
    assert "99.4%" not in narrow[0]
    for width in (WITH_KERNEL, WITH_KERNEL - 1):
        said = "kernel" in text_of(rule_cost_header("cost", width)), "kernel" in text_of(rule_cost_foot(width))
        assert said == (width == WITH_KERNEL,) * 2
        assert len(lines.line(0, width)) == len(rule_cost_header("cost", width))


def test_the_heartbeat_is_alive_while_own_calls_grow():
    pulse = Pulse()
    base = fed_engine().snapshot()

    def at(calls, uptime_s):
        return dataclasses.replace(base, counts=Counts(self_calls=calls), uptime_s=uptime_s)

    assert pulse.silent_s(at(10, 1.0)) == 0
    assert pulse.silent_s(at(10, 4.0)) == 3
    assert pulse.silent_s(at(11, 5.0)) == 0
    assert pulse.silent_s(at(11, 65.0)) == 60


def test_silent_probes_are_said_in_words():
    assert "alive" in page(Health(last_event_s=0.2))
    assert "0.2 s ago" in page(Health(last_event_s=0.2))
    assert "SILENT for 1:00" in page(silent_s=60.0)
    assert "none so far" in page()


def test_a_recording_has_no_probes():
    text = page(live=False, source="attack.tmon")
    assert "recording attack.tmon" in text
    assert "alive" not in text


def test_losses_name_class_and_container():
    rows = fed_engine().snapshot().containers
    rows = (rows[0], dataclasses.replace(rows[1], dropped=7), *rows[2:])
    counts = Counts(seen=100, emitted=60, filtered=30, dropped=10, dropped_by_class=(0, 3, 0, 0, 7, 0, 0))
    text = page(counts=counts, containers=rows)
    assert "3 records of 256 bytes" in text
    assert "7 records of 512 bytes" in text
    assert "web" in text
    assert "7 records lost" in text
    assert "seen = kept + filtered + lost" in text


def test_losses_of_a_container_are_told_by_class():
    rows = fed_engine().snapshot().containers
    web = dataclasses.replace(rows[1], dropped=7, dropped_by_class=(0, 3, 0, 0, 4, 0, 0))
    others = dataclasses.replace(rows[1], container=OTHER, dropped=2, dropped_by_class=(2, 0, 0, 0, 0, 0, 0))
    text = page(containers=(rows[0], web, *rows[2:]), other=others)
    assert "7 records lost: short 3, proc short 4" in text
    assert "2 records lost: slim 2" in text
    assert text.index("proc short 4") < text.index("slim 2")


def test_floods_say_when_how_long_and_what():
    over = Flood(100.0, 104.0, (0, 3, 0, 0, 4, 0, 0), (("web", (0, 3, 0, 0, 4, 0, 0)),), 0)
    on = Flood(190.0, None, (0,) * 7, (), 5000)
    lines = page(Health(floods=(over, on), now_s=200.0)).splitlines()
    at = lines.index(" floods, the last first")
    assert "goes on" in lines[at + 1]
    assert "for 0:10: nothing lost, 5,000 given up" in lines[at + 1]
    assert "1:36 ago" in lines[at + 2]
    assert "for 0:04: 7 events (short 3, proc short 4; of web) lost" in lines[at + 2]


def test_what_was_given_up_and_being_behind_are_said():
    text = page(Health(lag_s=3.2), counts=Counts(seen=9, emitted=2, filtered=7, shed=5))
    assert "5   of the filtered: a view asked for them" in text
    assert "3.2 s: more comes than can be judged" in text
    assert "given up" not in page()


def test_no_loss_is_said_too():
    text = page(counts=Counts(seen=9, emitted=9))
    assert "no record found its ring full" in text
    assert "every container's records were kept" in text


def test_counters_that_do_not_add_up_yet_are_not_hidden():
    assert "3 on their way" in page(counts=Counts(seen=12, emitted=9))


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [56, 76, 116])
def test_stages_rings_memory_and_facts(width, ascii_only):
    stages = tuple(StageCost(name, what, 0.1, 12.0) for name, what in STAGES.items())
    health = Health(
        stages, 1.0, 123 << 20, 321, 4, 5, 6, (("slim", 1 << 20, 1 << 24),), (("programs", "typed raw tracepoints"),)
    )
    text = page(health, width=width, ascii_only=ascii_only)
    for part in (*STAGES, "10.0%", "6.2%", "123 MiB", "321 versions", "5 let go", "6 events", "typed raw tracepoints"):
        assert part in text
    assert text.isascii() or not ascii_only


def test_notices_come_first():
    assert page(notices=("the podman socket is gone",)).startswith(" notices\n the podman socket is gone")


def test_there_is_room_for_what_a_stage_does():
    health = Health(stages=tuple(StageCost(name, what, 0.1, 1.0) for name, what in STAGES.items()))
    lines = [line for line in page(health, width=98).splitlines() if any(what in line for what in STAGES.values())]
    assert len(lines) == len(STAGES)
    assert max(map(len, lines)) <= 98


def test_what_has_no_room_goes_on_below():
    health = Health(facts=(("kernel", "a long sentence about what was found when it began"),))
    told = page(health, width=40).splitlines()
    at = next(at for at, line in enumerate(told) if "a long sentence" in line)
    assert max(map(len, told[at:])) <= 40
    assert " ".join(" ".join(told[at:]).split()).endswith("about what was found when it began")
