"""The small parts of the view: filter recall, sparklines, clocks, severities, the status line."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.fake_engine import fed_engine
from tuimon.rules.items import PRIORITIES
from tuimon.view.cells import REST, Cell, fitting, severity_role, sparkline
from tuimon.view.clock import amount, clock, day, percent, span
from tuimon.view.detail_lines import alert_lines, whole, wrapped
from tuimon.view.filter_history import FilterHistory
from tuimon.view.severity import rank, short, worse
from tuimon.view.status_lines import status_line


def text_of(line):
    return "".join(cell.text for cell in line)


def test_recall_walks_back_and_returns_to_what_was_typed():
    history = FilterHistory()
    for text in ("a", "b", "a", "", "c"):
        history.add(text)
    assert history.last == "c"
    assert [history.older("typed"), history.older("c"), history.older("a"), history.older("b")] == ["c", "a", "b", "b"]
    assert [history.newer("b"), history.newer("a"), history.newer("c")] == ["a", "c", "typed"]
    assert history.newer("typed") == "typed"


def test_recall_skips_the_filter_that_is_shown_already():
    history = FilterHistory()
    history.add("a")
    history.add("b")
    assert history.older("b") == "a"


def test_recall_of_nothing():
    assert FilterHistory().older("x") == "x"
    assert FilterHistory().last == ""


def test_a_sparkline_keeps_peaks_and_fits():
    assert sparkline((), 8) == ""
    assert sparkline((0.0, 0.0), 8) == "▁▁"
    assert sparkline((0.0,) * 59 + (9.0,), 6) == "▁▁▁▁▁█"
    assert len(sparkline(tuple(map(float, range(60))), 8)) == 8
    assert sparkline((1.0, 8.0), 8, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (1100, "1.1k"), (18_400, "18.4k"), (318_000, "318k"), (3.14e6, "3.1M")]
)
def test_amounts(value, text):
    assert amount(value) == text
    assert amount(5e9) == "5.0G"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.0001, "<0.1%"), (0.004, "0.4%"), (0.5, "50%"), (0.994, "99.4%"), (0.9999, "99.9%"), (1, "100%")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share, text):
    assert percent(share) == text


def test_times(monkeypatch):
    assert clock(1_700_000_000_123_456_789, 3).endswith(".123")
    assert len(clock(1_700_000_000_000_000_000)) == 8
    assert (span(62), span(3723)) == ("1:02", "1:02:03")


def test_severities():
    assert [short(p) for p in PRIORITIES] == ["EMER", "ALRT", "CRIT", "ERR", "WARN", "NOTE", "INFO", "DBG"]
    assert worse(None, "Debug") == "Debug"
    assert worse("Critical", "Notice") == "Critical"
    assert rank("Nonsense") > rank("Debug")
    assert short(None) == ""
    assert severity_role("Warning") == "severity-warning"
    assert severity_role("Nonsense") == ""


def test_the_status_line_says_lost_in_words_and_what_is_not_live():
    engine = fed_engine()
    assert "starting capture" in text_of(status_line(None, 80))
    waiting = text_of(status_line(None, 80, waited_s=12.3))
    assert "12 s; the kernel checks the programs it is given" in waiting
    assert len(waiting) <= 80
    opening = text_of(status_line(None, 80, waited_s=12.3, recording="rec.tmon"))
    assert "opening rec.tmon" in opening
    assert "kernel" not in opening
    line = text_of(status_line(engine.snapshot(), 80))
    assert "LIVE" in line
    assert "LOST 0" in line
    assert len(line) <= 80
    engine.lost = 1234
    cells = status_line(engine.snapshot(), 120)
    assert any(cell.role == "lost" and "LOST 1.2k" in cell.text for cell in cells)
    assert "PAUSED" in text_of(status_line(engine.snapshot(), 120, paused=True))
    engine.live, engine.ended = False, True
    line = text_of(status_line(engine.snapshot(), 120, ascii_only=True))
    assert "REPLAY ended" in line
    assert "attack.tmon" in line
    assert len(text_of(status_line(engine.snapshot(), 114))) <= 114  # the name gives way, the rules do not
    assert line.isascii()
    engine.ended, engine.now_ns = False, 0  # nothing played yet: no time rather than the hour in which 1970 began
    assert ":" not in text_of(status_line(engine.snapshot(), 120)).partition(" in ")[0]


@given(st.text(max_size=500), st.integers(0, 60))
def test_wrapping_loses_no_character(text, width):
    lines = wrapped(text, width)
    assert "".join(lines) == text
    assert all(len(line) <= max(width - 2, 10) for line in lines)


def test_wrapping_breaks_between_words_and_bounds_what_one_text_may_take():
    assert wrapped("one two three", 12) == ["one two ", "three"]
    assert wrapped("x" * 100_000, 52)[-1] == "... 90,000 more characters"


def test_what_does_not_fit_whole_is_left_out():
    cells = [Cell("12345"), Cell("x", "", 3), Cell("1234")]
    assert fitting(cells, 12) == cells
    assert fitting(cells, 11) == cells[:2]
    assert fitting(cells, 4) == []


def test_what_a_line_of_details_has_no_room_for_goes_on_below_it():
    line = (Cell(" name", "muted", 8), Cell("one two three four five", "strong", REST))
    assert whole(line, 60) == [line]
    assert [("".join(cell.text.ljust(max(cell.width, 0)) for cell in row)) for row in whole(line, 20)] == [
        " name   one two ",
        "        three four ",
        "        five",
    ]


def test_a_long_value_of_an_alert_is_told_whole_and_its_day_too():
    engine = fed_engine()
    alert = engine.alerts_since(0)[-1]
    alert = dataclasses.replace(alert, output_fields={"proc.cmdline": "sh -c " + "word " * 40 + "end", "fd.name": None})
    told = alert_lines(alert, [alert], 78)
    lines = ["".join(cell.text.ljust(max(cell.width, 0)) for cell in line).rstrip() for line in told]
    assert sum("word" in line for line in lines) > 2
    assert any(line.endswith("end") for line in lines)
    assert all(len(line) <= 78 for line in lines if "word" in line)
    assert any(line.endswith(f"on {day(alert.time_ns)[:10]}") for line in lines if " time" in line)
