"""Partial updates write what Textual's would have written."""

import random
from types import SimpleNamespace

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region

from tests.ui.conftest import press, running, until
from tests.ui.fake_engine import FakeEngine
from tuimon.view.cells import Cell


def shown(update: ChopsUpdate, spans) -> dict[tuple[int, int], str]:
    """Return what an update writes within the spans: the text and style of each cell."""
    cells = {}
    for y, x1, x2 in spans:
        for x, strip in update.chops[y].items():
            if strip is None:
                continue
            for segment in strip:
                for letter in segment.text:
                    if x1 <= x < x2:
                        cells[y, x] = (letter, segment.style)
                    x += 1
    return cells


def both(compositor, regions):
    """Return what is written of some regions: by us, and by Textual."""
    compositor._dirty_regions = set(regions)
    ours = compositor.render_partial_update()
    compositor._dirty_regions = set(regions)
    theirs = Compositor.render_partial_update(compositor)
    assert ours.spans == theirs.spans
    return shown(ours, ours.spans), shown(theirs, theirs.spans)


def some_regions(chance: random.Random, width: int, height: int) -> list[Region]:
    """Return some regions of a screen."""
    found = []
    for _ in range(chance.randint(1, 5)):
        x, y = chance.randrange(width), chance.randrange(height)
        found.append(Region(x, y, chance.randint(1, width - x), chance.randint(1, min(4, height - y))))
    return found


async def test_partial_updates_write_what_textual_would():
    chance = random.Random(1)
    for size in ((80, 24), (120, 40)):
        async with running(size=size) as (app, pilot):
            for key in ("1", "2", "3", "4", "5", "6", "1", "V", "escape", "z", "z", "ctrl+p"):
                await press(app, pilot, key)
                for _ in range(20):
                    ours, theirs = both(app.main._compositor, some_regions(chance, *size))
                    assert ours == theirs
                    assert ours


async def test_widgets_that_did_not_change_are_not_asked():
    async with running(size=(120, 40)) as (app, _):
        compositor = app.main._compositor
        asked = []
        for widget in compositor.visible_widgets:
            widget.render_lines = lambda crop, widget=widget, lines=widget.render_lines: (
                asked.append((widget, crop)) or lines(crop)
            )
        status, alerts = app.main.query_one("#status"), app.main.live.alerts.list
        compositor._dirty_regions = {status.region, Region(alerts.region.x, alerts.region.y, 10, 1)}
        compositor.render_partial_update()
        assert dict(asked) == {
            status: Region(0, 0, status.region.width, 1),
            alerts: Region(0, 0, alerts.region.width, 1),
        }


async def test_nothing_is_painted_where_nothing_changed():
    async with running(FakeEngine(), size=(80, 24)) as (app, _):
        app.main._compositor._dirty_regions = set()
        assert app.main._compositor.render_partial_update() is None


async def test_a_list_that_is_redrawn_paints_the_rows_that_look_different():
    texts = ["one", "two", "three"]
    source = SimpleNamespace(first=0, end=3, line=lambda seq, width: (Cell(texts[seq], "", width),))
    async with running(size=(80, 24)) as (app, pilot):
        live, asked = app.main.live.events.list, []
        live.show(source)
        await pilot.pause()
        await until(lambda: 2 in live._painted and "three" in live._painted[2].text)
        live.refresh = lambda *regions, **rest: asked.append(regions)
        live.redraw()
        assert not asked
        texts[1] = "other"
        live.redraw()
        assert asked == [(Region(0, 1, live.size.width, 1),)]
        await press(app, pilot, "question_mark")  # what lies behind a dialog is painted by it
        asked.clear()
        live.redraw()
        assert asked == [()]
