"""What has no room in a list says so: the last column of a cut text is a mark, whatever the text is made of."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.ui.conftest import running
from tuimon.ui.app import TuimonApp
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.view.cells import REST, Cell
from tuimon.view.detail_lines import FixedLines


@pytest.fixture(params=[False, True], ids=["unicode", "ascii"])
def painted(request, monkeypatch):
    """Return what paints a line: cells and a width to the text on the screen, and the mark."""
    widget = CellLines()
    app = TuimonApp(lambda: None, ascii_only=request.param)
    monkeypatch.setattr(CellLines, "app", app)
    monkeypatch.setattr(widget, "style_of", lambda role, state="": app.palette.style(role) if role == "bad" else None)

    def paint(*cells, width):
        strip = widget.paint(cells, width)
        assert sum(cell_len(segment.text) for segment in strip) == width
        return strip.text

    return paint, "~" if request.param else "…"


@pytest.mark.parametrize(
    ("cells", "width", "shown"),
    [
        ([Cell("whole", "", 5)], 5, "whole"),
        ([Cell("longer", "", 5)], 5, "long@"),
        ([Cell("1234567", "", 5, right=True)], 5, "1234@"),
        ([Cell("longer", "", 1)], 1, "@"),
        ([Cell("blanks   ", "", 6)], 6, "blanks"),
        ([Cell("rest is cut", "", REST), Cell(" end")], 10, "rest @ end"),
        ([Cell("free text")], 6, "free @"),
        ([Cell("free "), Cell("text", "", REST)], 5, "free@"),
        ([Cell("free"), Cell(" "), Cell("  ")], 4, "free"),
        ([Cell("one", "", 3), Cell("two", "", 3)], 3, "on@"),
        ([Cell("web-7d4b9c6f5-x2kqp", "", 13, tail=5)], 13, "web-7d4@x2kqp"),
        ([Cell("web-7d4b9c6f5-x2kqp", "", 11, tail=5)], 11, "web-7@x2kqp"),
        ([Cell("web-7d4b9c6f5-x2kqp", "", 10, tail=5)], 10, "web-7d4b9@"),
        ([Cell("web-7d4b9c6f5-x2kqp", "", 19, tail=5)], 19, "web-7d4b9c6f5-x2kqp"),
    ],
)
def test_a_cut_text_ends_in_a_mark(painted, cells, width, shown):
    paint, mark = painted
    assert paint(*cells, width=width) == shown.replace("@", mark)


@pytest.mark.parametrize(
    ("text", "width", "shown", "in_ascii"),
    [
        ("日本語", 6, "日本語", r"\u{65~"),
        ("日本語", 5, "日本…", r"\u{6~"),
        ("日本語", 4, "日 …", r"\u{~"),
        ("Ünïcode", 4, "Ünï…", r"\xd~"),
        ("a\x1b[31m", 4, r"a\e…", r"a\e~"),
        ("a\x1b", 3, r"a\e", r"a\e"),
        ("a\n", 2, "a…", "a~"),
        ("é  ", 1, "é", "~"),
    ],
)
def test_a_wide_or_an_escaped_text_is_cut_at_its_columns(painted, text, width, shown, in_ascii):
    paint, mark = painted
    assert paint(Cell(text, "", width), width=width) == (in_ascii if mark == "~" else shown)


async def test_a_text_without_a_width_is_cut_before_the_scrollbar_and_not_under_it():
    async with running(size=(80, 24)) as (app, pilot):
        shown = app.main.live.events.list
        shown.show(FixedLines([(Cell("x" * 200),)] * 100))
        await pilot.pause()
        width, room = shown.row_width, shown.size.width
        assert width < room, "there is a scrollbar"
        assert shown.render_line(0).text == "x" * (width - 1) + "…" + " " * (room - width)
