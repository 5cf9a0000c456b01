"""The dialog of an event: every line knows its field, alerts about it, JSON; nothing that cannot be told ends it."""

import json

import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.fields import all_fields
from tuimon.view.event_lines import EventLines, json_lines


def text_of(line):
    return "".join(cell.text for cell in line)


@pytest.fixture
def engine():
    return fed_engine(1)


@pytest.mark.parametrize("width", [60, 140])
def test_every_field_line_is_about_its_field(engine, width):
    event = engine.event(engine.history.batches()[0], 3)
    lines = EventLines(event, all_fields(), (), width)
    about = {one.info.name: one.text for seq in range(len(lines.lines)) if (one := lines.about(seq))}
    assert about["fd.name"] == "/etc/shadow"
    assert about["proc.pid"] == "4417"
    assert about["evt.type"] == "openat"
    assert about["container.name"] == "web"
    assert lines.about(0) is None
    assert lines.about(None) is None
    assert lines.about(10_000) is None
    at = next(seq for seq, line in enumerate(lines.lines) if text_of(line).strip().startswith("fd.name"))
    assert lines.about(at).info.name == "fd.name"


def test_alerts_about_it_are_told_with_their_output(engine):
    alert = engine.alert(row=3)
    shown = "\n".join(map(text_of, EventLines(alert.event, all_fields(), [alert], 100).lines))
    assert "alerts about it" in shown
    assert "Read the shadow file" in shown
    assert "WARN" in shown


def test_json_is_whole_whatever_the_width(engine):
    event = engine.event(engine.history.batches()[0], 3)
    wide = json.loads("\n".join(map(text_of, json_lines(event, all_fields(), 5000))))
    assert wide["fd.name"] == "/etc/shadow"
    assert len(json_lines(event, all_fields(), 40)) > len(wide)
