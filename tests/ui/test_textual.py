"""Names of Textual that are not promised: one test each, so that an upgrade fails here and not on a user's screen."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget
from textual.widgets import TextArea

from tests.ui.conftest import running, settle, until
from tests.ui.fake_engine import fed_engine
from tests.ui.test_snapshots import settle_scrollbars
from tuimon.ui.app import TuimonApp
from tuimon.ui.widgets import line_list
from tuimon.ui.widgets.lists import LiveList
from tuimon.ui.widgets.rule_editor import RuleEditor


async def test_scroll_update_moves_the_scrollbar_and_asks_for_no_layout():
    """``ScrollView._scroll_update`` with ``set_reactive(virtual_size)``: the whole trick of the stream."""
    async with running() as (app, pilot):
        live = app.main.query_one(LiveList)
        layouts = []
        original = app.main._refresh_layout
        app.main._refresh_layout = lambda *a, **k: (layouts.append(a), original(*a, **k))
        live.set_reactive(Widget.virtual_size, Size(live.size.width, 5000))
        live._scroll_update(live.virtual_size)
        await pilot.pause()
        assert live.vertical_scrollbar.window_virtual_size == 5000
        assert layouts == []
    assert callable(ScrollView._scroll_update)


@pytest.mark.parametrize("height", [1, 2, 17, 40])
def test_the_thumb_tells_how_a_scrollbar_looks(height):
    """``ScrollBarRender.render_bar``: which places of its cells the thumb takes."""
    looks = {}
    for rows in (*range(height + 1, height + 60), 1_000, 1_001, 100_000):
        for top in {0, 1, (rows - height) // 2, rows - height - 1, rows - height} & set(range(rows)):
            drawn = ScrollBarRender.render_bar(size=height, virtual_size=rows, window_size=height, position=top)
            looks.setdefault(line_list._thumb(rows, height, top), set()).add(str(drawn.segments))
    assert len(looks) > 1 or height == 1
    assert all(len(drawn) == 1 for drawn in looks.values())


async def test_a_scrollbar_that_looks_the_same_is_not_painted_and_knows_where_it_is():
    async with running() as (app, pilot):
        live = app.main.query_one(LiveList)
        source = SimpleNamespace(first=0, end=100_000, line=lambda seq, width: ())
        live.follow = True
        live.show(source)
        settle_scrollbars(app)
        await pilot.pause()
        painted = []
        live.vertical_scrollbar.refresh = lambda *regions, **how: painted.append(regions)
        source.end += 1
        settle_scrollbars(app)
        assert live.vertical_scrollbar.window_virtual_size == 100_001
        assert live.vertical_scrollbar.position == live.scroll_y == 100_001 - live.size.height
        assert not painted
        source.end = 3 * live.size.height
        settle_scrollbars(app)
        assert painted


async def test_streaming_rows_asks_for_no_layout():
    async with running() as (app, pilot):
        await settle(app, pilot)
        layouts = []
        original = app.main._refresh_layout
        app.main._refresh_layout = lambda *a, **k: (layouts.append(a), original(*a, **k))
        for _ in range(5):
            app.session.engine.feed(5)
            app.main._heads_tick = app.main._tick  # not a tick of the heads
            app.main.pump()
            await pilot.pause()
        assert layouts == []


async def test_the_highlight_map_is_rows_of_byte_ranges():
    """``TextArea._build_highlight_map`` and ``_highlights``; columns are UTF-8 bytes."""
    async with running() as (app, pilot):
        await pilot.press("3", "enter")
        editor = app.main.query_one(RuleEditor)
        editor.load('- rule: ü\n  condition: proc.name = "é" and fd.name = x\n')
        await pilot.pause()
        line = editor.document.lines[1].encode()
        found = {line[start:end] for start, end, kind in editor._highlights[1] if kind == "token-field"}
        assert found == {b"proc.name", b"fd.name"}
        if editor.is_syntax_aware:
            assert any(kind == "yaml.field" for _, _, kind in editor._highlights[0])


async def test_the_line_cache_can_be_cleared_and_lines_are_rendered_one_by_one():
    """``TextArea._line_cache`` and ``_render_line``."""
    async with running() as (app, pilot):
        await pilot.press("3", "enter")
        await settle(app, pilot)
        editor = app.main.query_one(RuleEditor)
        assert len(editor._line_cache)
        editor._line_cache.clear()
        assert editor._render_line(0).cell_length == editor.size.width
    assert callable(TextArea._render_line)


async def test_lines_of_the_widget_are_told_from_lines_of_the_document():
    """``wrapped_document._offset_to_line_info``: a wrapped line keeps its error mark on its first row."""
    async with running(size=(80, 24)) as (app, pilot):
        await pilot.press("3", "enter")
        await settle(app, pilot)
        editor = app.main.query_one(RuleEditor)
        rows = [editor._row_at(y) for y in range(6)]
        assert rows[:2] == [0, 1]
        assert rows.count(2) == 2
        assert editor._row_at(500) is None


def test_the_drivers_writer_thread_has_a_queue():
    """``driver._writer_thread._queue``: frames are skipped while the terminal is behind."""
    from textual.drivers._writer_thread import WriterThread

    assert WriterThread(sys.stderr)._queue.qsize() == 0
    assert "_writer_thread" in LinuxDriver.__init__.__code__.co_names


async def test_a_terminal_that_is_behind_costs_frames_but_not_all():
    class Queue:
        def qsize(self):
            return 30

    class Writer:
        _queue = Queue()

    async with running() as (app, _):
        pumped = []
        app.main.pump = lambda _tenths: pumped.append(1)
        app._driver._writer_thread = Writer()
        for _ in range(20):
            app._pump()
        assert len(pumped) == 2


def test_a_scrollbar_has_a_renderer_of_its_own():
    assert "renderer" in ScrollBar.__dict__


def test_line_filters_are_asked_for():
    """``App.get_line_filters``: painting past the style cache must apply them by hand."""
    assert callable(App.get_line_filters)


async def test_no_color_reaches_the_rows(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = TuimonApp(fed_engine())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: app.session is not None)
        await settle(app, pilot)
        assert app.get_line_filters()
        strips = app.screen._compositor.render_strips()
        colours = {
            segment.style.color.triplet
            for strip in strips
            for segment in strip
            if segment.style and segment.style.color and segment.style.color.triplet
        }
        assert colours
        assert all(c.red == c.green == c.blue for c in colours)


HEAVY = ("numpy", "lark", "yaml", "re2", "psutil", "bcc", "tuimon.engine", "tree_sitter_yaml")


def test_the_screen_is_imported_without_what_costs_time():
    """What is not needed for the first paint is imported after it."""
    code = f"import sys, tuimon.ui.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_first_paint_waits_for_nothing_that_costs_time():
    """The engine is made once the screen is painted; until then the screen has to do without."""
    code = (
        "import sys\nfrom tuimon.ui.app import TuimonApp\n"
        "def engine():\n"
        f"    print([m for m in {HEAVY!r} if m in sys.modules], app.screen.size)\n"
        "    raise SystemExit\n"
        "app = TuimonApp(engine)\napp.run(headless=True, size=(120, 40))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] Size(width=120, height=40)"


def test_the_view_loads_no_screen():
    code = (
        "import sys, pkgutil, importlib, tuimon.view as v\n"
        "for m in pkgutil.walk_packages(v.__path__, 'tuimon.view.'): importlib.import_module(m.name)\n"
        "print([m for m in ('textual', 'rich', 'bcc') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("value", [None, "60"])
def test_the_paint_timer_is_quick_unless_the_user_says_otherwise(value):
    code = "import os, tuimon.ui; print(os.environ['TEXTUAL_FPS'])"
    import os

    env = {**os.environ}
    env.pop("TEXTUAL_FPS", None)
    if value:
        env["TEXTUAL_FPS"] = value
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == (value or "240")


async def test_only_the_palette_has_a_style_for_every_role():
    """Fifty component classes on every painting widget made the start three times as long."""
    async with running() as (app, _):
        heavy = [w for w in app.main.walk_children() if any(c.startswith("cell--") for c in w._get_component_classes())]
        assert heavy == [app.palette]
        assert app.palette.style("bad").color is not None
