"""What every key of the live list does; tests/ui/test_keys.py runs these among the others."""

from __future__ import annotations

import json

from tests.ui.cases import registry
from tests.ui.conftest import press, screen_text, settle, until
from tuimon.ui.panes.top_pane import TopList, TopPane
from tuimon.ui.screens.columns import ColumnList, ColumnsDialog
from tuimon.ui.screens.views import ViewsMenu
from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.ui.widgets.filter_bar import FilterInput
from tuimon.ui.widgets.lists import LiveList
from tuimon.view.memory import Memory

OWNERS = (ColumnList, ColumnsDialog, TopList, TopPane, ViewsMenu)
CASES, case = registry()


def live(app):
    return app.main.query_one(LiveList)


def pane(app):
    return app.main.live.events


async def found(app, pilot):
    """Wait until a search or an order has come to its end."""
    arrangement = pane(app).arrangement
    await until(lambda: (arrangement.search is None or arrangement.search.done) and _sorted(arrangement))
    await settle(app, pilot)


def _sorted(arrangement):
    return arrangement.sorting is None or arrangement.sorting.done


def shown(app, field):
    """What the rows of the list say of themselves."""
    lines = live(app).source
    return [field(lines.event(seq)) for seq in range(lines.first, lines.end)]


@case("live.keep")
async def keeps_the_value_under_the_cursor(app, pilot, keys):
    await press(app, pilot, "g", "j", keys[0])
    assert app.session.filter_text == "fd.name = /etc/passwd"
    assert len(app.session.live) == 3
    assert not live(app).follow
    await press(app, pilot, keys[0])
    assert app.session.filter_text == "fd.name = /etc/passwd"
    await press(app, pilot, "left", "left", "left", keys[0])
    assert app.session.filter_text == "fd.name = /etc/passwd and proc.pid = 4417"


@case("live.drop")
async def drops_the_value_under_the_cursor(app, pilot, keys):
    await press(app, pilot, "g", "left", keys[0])
    assert app.session.filter_text == "not evt.type = execve"
    assert "execve" not in shown(app, lambda event: event.slot(0).decode())
    assert len(app.session.live) == 60 - 9


@case("live.since")
async def keeps_what_comes_from_now_on(app, pilot, keys):
    there = app.session.live.history.last_num
    await press(app, pilot, keys[0])
    assert app.session.filter_text == f"evt.num > {there}"
    assert not len(app.session.live)
    assert "since " in screen_text(app)
    app.session.engine.feed()
    await settle(app, pilot)
    nums = shown(app, lambda event: event.num)
    assert nums
    assert min(nums) > there
    await press(app, pilot, "escape")
    assert not app.session.filter_text


@case("live.left", "live.right")
async def walks_over_the_columns(app, pilot, keys):
    await press(app, pilot, "g")
    assert live(app).column.key == "detail"
    seen = []
    for _ in range(6):
        await press(app, pilot, keys[0])
        seen.append(live(app).column.key)
    assert sorted(seen) == ["alert", "detail", "pid", "process", "time", "type"]
    assert seen[-1] == "detail"


@case("live.search", "live.next", "live.before")
async def searches(app, pilot, keys):
    await press(app, pilot, "g", "backslash", *"EXPRESS", "enter")
    await found(app, pilot)
    assert app.session.live.num(live(app).cursor) == 13
    await press(app, pilot, "n")
    await found(app, pilot)
    assert app.session.live.num(live(app).cursor) == 33
    await press(app, pilot, "N", "N")
    await found(app, pilot)
    assert app.session.live.num(live(app).cursor) in (13, 53)
    await press(app, pilot, "backslash", *["backspace"] * 7, *"zzz", "enter")
    await found(app, pilot)
    assert "zzz: not found" in screen_text(app)


@case("live.sort", "live.sort_left", "live.invert")
async def sorts(app, pilot, keys):
    await press(app, pilot, "greater_than_sign")
    await found(app, pilot)
    assert "SORTED by pid" in screen_text(app)
    pids = shown(app, lambda event: event.tgid)
    assert pids == sorted(pids)
    await press(app, pilot, "I")
    await found(app, pilot)
    assert shown(app, lambda event: event.tgid) == sorted(pids, reverse=True)
    app.session.engine.feed()
    await settle(app, pilot)
    app.main.show_fixed()
    assert "+20 since" in screen_text(app)
    await press(app, pilot, "less_than_sign")
    await found(app, pilot)
    assert pane(app).arrangement.sorted is None
    assert shown(app, lambda event: event.num) == list(range(1, 81))


@case("live.fold")
async def folds_repeats(app, pilot, keys):
    app.session.set_filter("fd.name = /etc/passwd")
    await settle(app, pilot)
    await press(app, pilot, keys[0])
    assert "x3" in screen_text(app)
    assert "folded to 1" in screen_text(app)
    assert live(app).source.end - live(app).source.first == 1
    await press(app, pilot, keys[0])
    assert live(app).source.end - live(app).source.first == 3


@case("live.columns", "columns.tick", "columns.take", "columns.find")
async def chooses_columns(app, pilot, keys):
    await press(app, pilot, "C")
    assert isinstance(app.screen, ColumnsDialog)
    await press(app, pilot, "slash", *"proc.exepath", "enter", "space", "enter")
    assert [column.key for column in live(app).columns][-1] == "proc.exepath"
    assert "exepath" in screen_text(app)


@case("columns.left", "columns.right")
async def moves_columns(app, pilot, keys):
    await press(app, pilot, "C", "j", "greater_than_sign", "greater_than_sign", "less_than_sign", "enter")
    assert [column.key for column in live(app).columns][:4] == ["alert", "pid", "time", "process"]


@case("columns.usual")
async def takes_the_usual_columns_again(app, pilot, keys):
    await press(app, pilot, "C", "space", "enter")
    assert live(app).columns[0].key == "time"
    await press(app, pilot, "C", keys[0])
    assert live(app).columns[0].key == "alert"


@case("columns.leave")
async def gives_up_choosing_columns(app, pilot, keys):
    await press(app, pilot, "C", "space", "slash", *"zzz", keys[0])
    assert isinstance(app.screen, ColumnsDialog)
    await press(app, pilot, keys[0])
    assert app.screen is app.main
    assert live(app).columns[0].key == "alert"


@case("filter.complete")
async def completes(app, pilot, keys):
    offered = app.main.query_one(CompletionList)
    await press(app, pilot, "slash", *"proc.na")
    await until(lambda: offered.is_open)
    await press(app, pilot, keys[0])
    assert app.main.query_one(FilterInput).value == "proc.name "
    await until(lambda: offered.is_open)
    await press(app, pilot, keys[0])
    assert app.main.query_one(FilterInput).value == "proc.name = "
    await until(lambda: offered.is_open)
    await press(app, pilot, "down", "up", "down", "down", keys[0])
    assert app.main.query_one(FilterInput).value == "proc.name = sh"
    await press(app, pilot, "enter")
    assert app.session.filter_text == "proc.name = sh"
    assert not offered.is_open


@case("event.keep", "event.drop")
async def keeps_or_drops_a_field_of_an_event(app, pilot, keys):
    await press(app, pilot, "g", "j", "enter", keys[0])
    assert "about no field" in screen_text(app)
    await press(app, pilot, "j", keys[0])
    assert app.screen is app.main
    word = "" if keys[0] == "equals_sign" else "not "
    assert app.session.filter_text == f"{word}evt.type = openat"


@case("event.copy")
async def copies_a_value_or_the_event(app, pilot, keys):
    await press(app, pilot, "g", "j", "enter", keys[0])
    assert json.loads(app.clipboard)["fd.name"] == "/etc/passwd"
    await press(app, pilot, "j", keys[0])
    assert app.clipboard == "openat"


@case("event.json")
async def shows_an_event_as_json(app, pilot, keys):
    await press(app, pilot, "g", "j", "enter", keys[0])
    assert '"evt.type": "openat"' in screen_text(app)
    await press(app, pilot, keys[0])
    assert "process and its ancestors" in screen_text(app)


@case("containers.mark")
async def chooses_several_containers(app, pilot, keys):
    await press(app, pilot, "c", "down", keys[0], keys[0])
    assert app.session.chosen_name == "db, web"
    assert "2 chosen" in screen_text(app)
    assert {event.container.name for event in (live(app).source.event(s) for s in range(*_ends(app)))} == {"db", "web"}
    await press(app, pilot, "up", keys[0])
    assert app.session.chosen_name == "web"


def _ends(app):
    return live(app).source.first, live(app).source.end


async def view(app, pilot, *keys):
    """Press keys and wait until the view that is open has counted."""
    await press(app, pilot, *keys)
    drill = app.main.live.top.drill
    await until(lambda: not drill._background.is_running)  # what is under way may be of the window or order before
    drill._begun = 0.0
    drill.pump()
    await until(lambda: drill.progress == 1.0 and not drill._background.is_running)
    await press(app, pilot)


def rows(app):
    return [row.value.label for row in app.main.live.top.drill.table.rows]


@case("views.open", "views.leave", "top.open")
async def drills_and_climbs(app, pilot, keys):
    await press(app, pilot, "4", "V")
    assert isinstance(app.screen, ViewsMenu)
    await press(app, pilot, "escape")
    assert app.screen is app.main
    await view(app, pilot, "f2", "enter")
    assert rows(app) == ["web", "host", "shop", "db"]
    assert app.focused is app.main.query_one(TopList)
    await view(app, pilot, "enter")
    assert rows(app) == ["cat", "sh", "curl", "nginx"]
    await view(app, pilot, "enter")
    assert "/etc/shadow" in rows(app)
    await view(app, pilot, "enter")
    assert app.focused is live(app)
    assert "node-1 > web > cat > /etc/passwd" in screen_text(app)
    assert len(app.session.live) == 3
    for left in (["/etc/passwd", "/etc/shadow"], ["cat", "sh", "curl", "nginx"], ["web", "host", "shop", "db"]):
        await view(app, pilot, "escape")
        assert rows(app) == left
    await press(app, pilot, "backspace")
    assert app.focused is live(app)
    assert len(app.session.live) == 60


@case("top.events")
async def shows_the_events_of_a_row(app, pilot, keys):
    await view(app, pilot, "V", "enter")
    await press(app, pilot, keys[0])
    assert app.session.chosen_name == "web"
    assert app.focused is live(app)


@case("top.keep", "top.drop")
async def keeps_or_drops_a_row_of_a_view(app, pilot, keys):
    await view(app, pilot, "V", "down", "enter")
    assert rows(app)[0] == "bash"
    await view(app, pilot, keys[0])
    assert (rows(app) == ["bash"]) == (keys[0] == "equals_sign")
    assert app.session.filter_text == ("" if keys[0] == "equals_sign" else "not ") + "proc.name = bash"
    assert app.focused is app.main.query_one(TopList)


@case("top.longer", "top.shorter")
async def counts_over_another_window(app, pilot, keys):
    await view(app, pilot, "V", "enter", "left", "left", "left")
    assert "last 10 s" in screen_text(app)
    await view(app, pilot, "right", "right", "right")
    assert "all kept" in screen_text(app)


@case("top.order", "top.order_back")
async def orders_a_view(app, pilot, keys):
    await view(app, pilot, "V", "enter", "less_than_sign")
    assert rows(app) == sorted(rows(app))
    await view(app, pilot, "greater_than_sign", "greater_than_sign")
    assert app.main.live.top.drill.order == "errors"


@case("pane.grow", "pane.shrink")
async def grows_and_shrinks_panes(app, pilot, keys):
    app.main.memory = Memory()
    containers, alerts = app.main.query_one("#containers-pane"), app.main.query_one("#alerts-pane")
    width, height = containers.size.width, alerts.size.height
    await press(app, pilot, "c", "plus")
    assert containers.size.width == width + 4
    await press(app, pilot, "tab", "plus")
    assert containers.size.width == width
    await press(app, pilot, "tab", "minus")
    assert alerts.size.height == height - 2
    assert Memory().numbers("sizes") == {"containers-pane wide": width + 2, "alerts-pane high": height}
    await pilot.resize_terminal(80, 24)
    await press(app, pilot, *([] if containers.display else ["c"]))
    assert containers.size.width > 70, "where it stands alone it has all the room"


async def hides_and_shows_panes(app, pilot, keys):
    containers = app.main.query_one("#containers-pane")
    await press(app, pilot, "c", keys[0])
    assert not containers.display
    assert app.focused is live(app)
    await press(app, pilot, keys[0])
    assert containers.display
    await press(app, pilot, "c", keys[0], "c")
    assert containers.display
    assert app.focused is containers.query_one("#containers")


@case("pane.hide")
async def hides_and_shows_panes_of_other_tabs(app, pilot, keys):
    await hides_and_shows_panes(app, pilot, keys)
    beside = {"2": "alert-pane", "3": "rules-pane", "4": "drift-pane", "7": "costs-pane"}
    for tab, name in beside.items():
        pane = app.main.query_one(f"#{name}")
        await press(app, pilot, *(["escape"] if app.is_typing else []), tab)
        app.main.set_focus(next(each for each in pane.query("*") if each.can_focus) if tab != "2" else pane.children[0])
        await press(app, pilot, keys[1])
        assert not pane.display, name
        assert app.focused is not None
        assert app.main.shown_tab in app.focused.ancestors
        await press(app, pilot, keys[1])
        assert pane.display, name
    await press(app, pilot, "1", keys[0])
    assert "this pane stays" in str([each.message for each in app._notifications])
