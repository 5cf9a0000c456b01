"""Columns: what they show, the conditions they stand for, how they share the width, and their order."""

import numpy as np
import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.errors import TuimonError
from tuimon.rules.filter import compile_filter
from tuimon.view.cells import REST
from tuimon.view.columns import USUAL, WIDE, column_of, field_columns, fit_failure, fit_path, usual_keys
from tuimon.view.live_lines import LiveLines, fit_title, widths
from tuimon.view.live_view import LiveView
from tuimon.view.sort_columns import value_of
from tuimon.view.sorted_rows import SortedRows


def shown(engine):
    view = LiveView(engine.history)
    view.sync()
    return view, LiveLines(engine, view, {})


def text_of(line):
    return "".join(cell.text for cell in line)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("/etc/passwd O_RDONLY = 3", 30, "/etc/passwd O_RDONLY = 3"),
        ("/usr/lib/python3/site-packages/numpy/core.py O_RDONLY", 34, ".../numpy/core.py O_RDONLY"),
        ("/usr/lib/python3/site-packages/numpy/core.py", 20, ".../numpy/core.py"),
        ("/dev/null O_TRUNC|O_CREAT|O_WRONLY", 20, "/dev/null O_TRUNC|O_CREAT|O_WRONLY"),
        ("/usr/lib/a_very_long_name_that_fits_nowhere O_RDONLY", 20, ".../a_very_long_name_that_fits_nowhere O_RDONLY"),
        ("10.0.0.1:4000->10.0.0.2:443 and more", 10, "10.0.0.1:4000->10.0.0.2:443 and more"),
        ("/a", 1, "/a"),
    ],
)
def test_a_long_path_is_shortened_from_its_front(text: str, width: int, shown: str) -> None:
    assert fit_path(text, width) == shown


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "/etc/localtime O_RDONLY|O_CLOEXEC = -2 ENOENT"),
        (34, "/etc/localtime O_RD... = -2 ENOENT"),
        (30, "/etc/localtime ... = -2 ENOENT"),
        (26, "/etc/localtime O_RDONLY|O_CLOEXEC = -2 ENOENT"),  # no room for both: the path
    ],
)
def test_of_a_failed_call_what_came_of_it_stays(width: int, shown: str) -> None:
    assert fit_failure("/etc/localtime O_RDONLY|O_CLOEXEC = -2 ENOENT", width) == shown
    assert fit_failure("/usr/share/locale/en_US/LC_MESSAGES/coreutils.mo O_RDONLY = -2 ENOENT", 40) == (
        ".../LC_MESSAGES/coreutils.mo = -2 ENOENT"
    )


@pytest.mark.parametrize("width", [40, 58, 66, 77, 99, 100, 140, 200])
def test_the_columns_fill_the_width(width):
    columns = [column_of(key) for key in usual_keys(width)]
    assert ("container" in usual_keys(width)) == (width >= WIDE)
    assert ("pid" in usual_keys(width)) == (width >= 66)
    assert width < 58 or widths(columns, width)[-1 if width < WIDE else -2] >= 12
    for folded in (False, True):
        found = widths(columns, width, folded=folded)
        assert min(found) > 0
        assert sum(found) + len(found) + 6 * folded == width or width < 60
    assert widths([column_of("proc.pid"), column_of("fd.name")], 60)[1] == 60 - 10 - 2
    assert widths([], 80) == []


def test_any_field_is_a_column():
    engine = fed_engine(1)
    view, lines = shown(engine)
    lines.chosen = (
        column_of("proc.pid"),
        column_of("proc.exepath"),
        column_of("fd.name"),
        column_of("evt.is_open_write"),
    )
    assert "fd.name" in text_of(lines.header(100))
    assert "/etc/passwd" in text_of(lines.line(view.first + 1, 100))
    assert len(field_columns()) > 150
    for info in field_columns():
        column = column_of(info.name)
        assert column.narrow == REST or column.narrow > 0
        column.cell(lines.event(view.first + 1), 20, {})
    assert column_of("nosuch") is None
    assert column_of("fd.net") is None
    assert fit_title("proc.exepath", 8) == "exepath"
    assert fit_title("container", 4) == "container"


def test_the_condition_of_every_usual_column_keeps_the_event():
    engine = fed_engine(1)
    view, lines = shown(engine)
    said = set()
    for seq in range(view.first, view.end):
        event = lines.event(seq)
        for column in USUAL.values():
            try:
                text = column.term(event)
            except TuimonError:
                continue
            said.add(column.key)
            assert compile_filter(text, None, engine.event).matches(event), (column.key, text)
    assert said == {"time", "pid", "process", "type", "detail", "container"}
    with pytest.raises(TuimonError, match="no field says"):
        USUAL["alert"].term(event)


def test_a_connection_is_told_by_its_other_end():
    engine = fed_engine(1)
    view, lines = shown(engine)
    assert column_of("detail").term(lines.event(view.first + 5)) == "fd.rip = 203.0.113.9 and fd.rport = 443"


def test_a_painted_line_keeps_no_batch_alive(monkeypatch):
    engine = fed_engine()
    view, lines = shown(engine)
    painted = []
    make = engine.event
    monkeypatch.setattr(engine, "event", lambda batch, row: painted.append(make(batch, row)) or painted[-1])
    for seq in range(view.first, view.end):
        lines.line(seq, 120)
    assert painted
    assert all(event.facts is None for event in painted)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", [*USUAL, "proc.name", "proc.pid", "fd.name", "evt.num", "container.name", "proc.aname"])
def test_rows_are_in_the_order_of_the_column(key, descending):
    engine = fed_engine(3)
    view, _ = shown(engine)
    column = column_of(key)
    rows = SortedRows(column, descending, view.pieces(), view.batches(), engine.event)
    assert rows.progress == 0
    for _ in rows.work():
        assert rows.progress < 1
    assert (rows.done, rows.error, rows.progress) == (True, "", 1.0)
    assert sorted(rows.num(seq) for seq in range(rows.end)) == list(range(1, 61))
    values = [value_of(column, engine.event(*view.find_num(rows.num(seq)))) for seq in range(rows.end)]
    if key not in ("time", "alert"):
        has = [value for value in values if value is not None]
        assert has == sorted(has, reverse=descending) or key in ("pid", "time")
        assert values[: len(has)] == has, "what has no value comes last"
    if key == "time":
        assert rows.num(0) == (60 if descending else 1)
    for seq in (0, 17, 59):
        assert rows.seq_near(rows.num(seq)) == seq
    assert rows.seq_near(10_000) == 59
    assert rows.num(60) is None


def test_the_next_of_some_events_in_a_sorted_list():
    engine = fed_engine(1)
    view, _ = shown(engine)
    rows = SortedRows(column_of("time"), True, view.pieces(), view.batches(), engine.event)
    list(rows.work())
    nums = np.array([3, 9])
    assert rows.next_of(nums, -1, 1) == 11
    assert rows.next_of(nums, 11, 1) == 17
    assert rows.next_of(nums, 17, 1) is None
    assert rows.next_of(nums, 17, -1) == 11


def test_a_value_that_cannot_be_told_is_said_and_ends_nothing():
    engine = fed_engine(1)
    view, _ = shown(engine)

    def broken(batch, row):
        raise ValueError("no such thing")

    rows = SortedRows(column_of("detail"), False, view.pieces(), view.batches(), broken)
    list(rows.work())
    assert rows.done
    assert rows.error == "sorting failed: ValueError: no such thing"
