"""The list of rules on the screen: what is seen first, and what enter does."""

from __future__ import annotations

import pytest

from tests.ui.conftest import press, running, screen_text
from tests.ui.fake_engine import LOCAL_RULES, FakeEngine, RuleFile
from tuimon.ui.widgets.rule_editor import RuleEditor

SHIPPED = "".join(f"- list: l{number}\n  items: [a]\n" for number in range(9)) + "".join(
    f"- rule: Shipped {number}\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n"
    for number in range(60)
)


def engine(*own):
    files = [RuleFile("/usr/share/tuimon/rules/tuimon.yaml", SHIPPED, "builtin")]
    return FakeEngine(files=files + [RuleFile("/tmp/tuimon-test/local.yaml", text, "user") for text in own])


async def test_enter_opens_and_closes_the_lists_before_the_rules():
    async with running(engine()) as (app, pilot):
        await press(app, pilot, "3")
        assert "+ 9 lists" in screen_text(app)
        assert "Shipped 0" in screen_text(app)
        await press(app, pilot, "home", "down", "enter")
        assert "- 9 lists" in screen_text(app)
        assert app.focused is app.main.query_one("#rule-list")
        await press(app, pilot, "down", "enter")
        assert app.main.query_one(RuleEditor).file_line == 1
        assert app.focused is app.main.query_one(RuleEditor)
        await press(app, pilot, "escape", "up", "enter")
        assert "+ 9 lists" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_rules_of_the_users_own_file_are_seen_first(size):
    async with running(engine(LOCAL_RULES), size=size) as (app, pilot):
        await press(app, pilot, "3")
        listed = [line[:25] for line in screen_text(app).splitlines()]
        assert any("local.yaml" in line for line in listed)
        assert any("Read the shadow" in line for line in listed)
