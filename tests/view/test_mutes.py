"""Mutes last as long as they should and survive a restart; whoever wrote the state, nothing of it harms."""

from copy import copy
from dataclasses import replace

import pytest

from tests.ui.fake_engine import FakeEngine
from tuimon import fields
from tuimon.errors import SettingsError
from tuimon.view.alert_field import USUAL, check_field, field_text
from tuimon.view.mutes import LENGTHS, Mute, Mutes, process_name
from tuimon.view.noise import OTHERS, Noise
from tuimon.view.noise_lines import loudest_text, noise_header, noise_line, noise_parts, share_text


@pytest.fixture
def alert():
    engine = FakeEngine()
    engine.feed()
    return engine.alert("A", row=3)


def test_a_mute_covers_the_rule_the_container_or_the_program(alert):
    here, program = alert.container_id, process_name(alert)
    assert program == "cat"
    assert Mute("A").covers(alert)
    assert Mute("A", here, "web").covers(alert)
    assert Mute("A", here, "web", program).covers(alert)
    assert not Mute("B").covers(alert)
    assert not Mute("A", "other").covers(alert)
    assert not Mute("A", here, "web", "sh").covers(alert)
    assert Mute("A", here, "web", program).what == "A in web by cat"


def test_the_lengths_are_those_offered():
    clock = [5_000_000_000]
    mutes = Mutes(now_ns=lambda: clock[0])
    for _, seconds in LENGTHS:
        mutes.add(Mute(str(seconds), until_ns=mutes.until(seconds)))
    assert len(mutes) == 4
    assert mutes.left_s(mutes.all[-1]) == 600
    assert mutes.left_s(mutes.all[0]) is None
    clock[0] += 3_600_000_000_000
    assert mutes.expire()
    assert [m.rule for m in mutes.all] == ["None", "28800"]
    assert not mutes.expire()


def test_those_with_an_end_outlive_the_run_and_those_without_do_not(alert):
    saved = []
    mutes = Mutes(save=lambda state: saved.append(state), now_ns=lambda: 10)
    mutes.add(Mute("A", until_ns=99))
    mutes.add(Mute("B"))
    later = Mutes(saved[-1], now_ns=lambda: 20)
    assert [m.rule for m in later.all] == ["A"]
    assert later.of(alert) == Mute("A", until_ns=99)
    assert len(Mutes(saved[-1], now_ns=lambda: 99)) == 0
    mutes.add(Mute("A", until_ns=50))
    assert [m.until_ns for m in mutes.all] == [50, None], "the same alerts: replaced"
    mutes.remove(Mute("A", until_ns=50))
    assert saved[-1] == []


WHOLE = {"rule": "A", "container_id": None, "container": "", "process": None, "until_ns": 99}


@pytest.mark.parametrize(
    "state",
    [None, 7, "x", [1], [{}], [{"rule": 1}], *([WHOLE | bad] for bad in (
        {"container_id": 3}, {"until_ns": "soon"}, {"until_ns": True}, {"until_ns": None}, {"process": []}, {"more": 1},
    ))],
)  # fmt: skip
def test_a_state_from_elsewhere_is_checked(state):
    assert len(Mutes(state, now_ns=lambda: 0)) == 0
    assert len(Mutes([WHOLE], now_ns=lambda: 0)) == 1


def test_noise_is_ranked_and_one_rule_that_drowns_all_is_named():
    engine = FakeEngine()
    engine.feed()
    noise = Noise()
    for number in range(50):
        noise.add(engine.alert("Loud" if number else "Quiet", row=3 if number % 2 else 0))
    first, second, third = noise.top(10)
    assert (first.rule, first.container, first.process, first.count) == ("Loud", "web", "cat", 25)
    assert (second.process, second.count, third.rule) == ("sh", 24, "Quiet")
    assert noise.loudest.rule == "Loud"
    assert loudest_text(noise.loudest) == "98% of all alerts are one rule: Loud"
    assert loudest_text(None) == ""
    for width in (80, 200):
        assert "cat" in [cell.text for cell in noise_line(first, width)]
    assert noise_header()


def test_a_rule_that_fires_a_little_in_each_of_many_containers_is_ranked_as_a_whole(alert):
    noise = Noise()
    for _ in range(4):
        noise.add(replace(alert, rule="One place"))
    for number in range(200):
        there = copy(alert.event)
        there.container = replace(alert.event.container, id=f"c{number}")
        noise.add(replace(alert, rule="Everywhere", event=there))
    first, second = noise_parts(noise)[:2]
    assert (first.rule, first.count, first.containers, first.is_whole_rule) == ("Everywhere", 200, 200, True)
    assert "200 containers" in [cell.text for cell in noise_line(first, 80)]
    assert (second.rule, second.count, second.is_whole_rule) == ("One place", 4, False)
    assert [part.count for part in noise_parts(noise)][2:] == [1] * 198
    assert [cell.text for cell in noise_line(second, 80)][-3] == second.container


def test_shares_are_never_rounded_to_nothing_or_all():
    assert [share_text(n) for n in (0.001, 0.5, 0.999, 1)] == ["<1%", "50%", "99%", "100%"]


def test_a_program_that_always_calls_itself_otherwise_does_not_fill_the_memory(monkeypatch, alert):
    monkeypatch.setattr("tuimon.view.noise.MAX_PARTS", 10)
    noise = Noise()
    for number in range(100):
        alert.event.process.comm = f"x{number}"
        noise.add(alert)
    assert noise.parts <= 10
    assert sum(part.count for part in noise.top(100)) == noise.total == 100
    assert noise.top(1)[0].process == OTHERS


def test_ever_new_containers_do_not_fill_the_memory(monkeypatch, alert):
    monkeypatch.setattr("tuimon.view.noise.MAX_PARTS", 10)
    noise = Noise()
    for number in range(200):
        there = copy(alert.event)
        there.container = replace(alert.event.container, id=f"c{number // 2}", name=f"web{number // 2}")
        noise.add(replace(alert, rule="AB"[number % 2], event=there))
        assert noise.parts <= 10 + 2
        assert sum(part.count for part in noise.top(100)) == noise.total == number + 1
    assert {part.rule for part in noise.top(2)} == {"A", "B"}
    assert {part.container for part in noise.top(2)} == {OTHERS}


def test_any_field_can_be_asked_for_and_a_wrong_one_is_named(alert):
    assert field_text(alert, "proc.name") == "cat"
    assert field_text(alert, "evt.res") == "SUCCESS"
    assert field_text(alert, "fd.sip") == "<NA>"
    assert field_text(alert, "proc.cmdline") == "cat /etc/shadow"
    assert field_text(alert, "no.such") == "<NA>"
    for name in USUAL:
        check_field(name)
    assert all(fields.resolve(name) is not None for name in USUAL)
    with pytest.raises(SettingsError, match=r"proc\.nam") as caught:
        check_field("proc.nam")
    assert caught.value.hint == "did you mean proc.name?"
    with pytest.raises(SettingsError):
        check_field("fd.ip")
