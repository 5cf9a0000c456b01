"""What the rule being edited would have caught, below the editor."""

from __future__ import annotations

import pytest

from tests.ui.bench_engine import bench_engine
from tests.ui.conftest import running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES
from tests.ui.test_snapshots import SIZES, ready
from tuimon.ui.app import TuimonApp
from tuimon.ui.widgets.rule_editor import RuleEditor


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(LOCAL_RULES)
    return path


async def edit(app, pilot, old, new):
    await pilot.press("3")
    await settle(app, pilot)
    editor = app.main.query_one(RuleEditor)
    editor.focus()
    editor.replace_text(editor.text.replace(old, new))
    await settle(app, pilot)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_a_widened_rule_says_how_many_alerts_it_adds_and_where(own, size):
    async with running(bench_engine(own=own), size=size, rules_path=own) as (app, pilot):
        await edit(app, pilot, 'fd.name = "/etc/shadow"', "fd.name startswith /etc/")
        await until(lambda: "was 3 -> 6 alerts (+3 -0)" in screen_text(app))
        if size[0] > 100:
            assert "+3 web/cat" in screen_text(app)


async def test_a_narrowed_rule_says_what_it_loses(own):
    async with running(bench_engine(own=own), rules_path=own) as (app, pilot):
        await edit(app, pilot, "proc.pid > 1", "proc.pid = 1")
        await until(lambda: "was 3 -> 0 alerts (+0 -3)" in screen_text(app))


async def test_a_comment_changes_nothing_and_an_error_has_no_preview(own):
    async with running(bench_engine(own=own), rules_path=own) as (app, pilot):
        await edit(app, pilot, "  priority", "  # said\n  priority")
        await until(lambda: "catches the same as the rules in force" in screen_text(app))
        await edit(app, pilot, "proc.pid > 1", "proc.pidd > 1")
        await until(lambda: "error:" in screen_text(app))
        assert "catches the same" not in screen_text(app)
        await pilot.press("f3")
        await until(lambda: "no preview with an error in the way" in screen_text(app))
        assert "error:" in screen_text(app)


@pytest.mark.parametrize("size", ["80x24", "120x40"])
def test_picture(snap_compare, monkeypatch, size):
    monkeypatch.setattr("tuimon.workbench.preview.mean_ns", lambda *_: 0.0)  # or it may be said to be expensive
    app = TuimonApp(bench_engine())

    async def type_wider(pilot):
        await ready(pilot, [])
        await edit(app, pilot, 'fd.name = "/etc/shadow"', "fd.name startswith /etc/")
        await until(lambda: "was 3 -> 6" in screen_text(app))
        # What judging costs is a measured time.
        app.main.rules._check_number += 1
        messages = app.main.rules._messages
        counts, more = messages.lines[-2:]
        messages.set_lines(*messages.lines[:-2], counts, (*(c for c in more if "cost" not in c.text),))
        await pilot.pause()

    assert snap_compare(app, terminal_size=SIZES[size], run_before=type_wider)
