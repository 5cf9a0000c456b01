"""Alerts that tuimon makes of itself have no process and no rule: every key of the alerts pane takes them."""

from __future__ import annotations

from tests.ui.conftest import running
from tests.ui.fake_engine import fed_engine
from tests.ui.test_keys import press, screen_text
from tuimon.alerts import Alerts
from tuimon.headless.alerts import alert_object, text_line
from tuimon.watchdog import Announcement

LOST = Announcement(
    "tuimon: Events Lost",
    "Critical",
    "tuimon lost events: 7 events (proc short 7; of web) in the last 1 s (n_drops=7)",
    {"n_drops": 7, "tuimon.lost.proc_short": 7, "tuimon.containers": "web", "tuimon.during_s": 1},
)
KEYS = ("a", "m", "y", "e", "w", "t", "E", "enter")


def internal():
    alerts = Alerts("node-1", lambda alert: None)
    alerts.announce(LOST, 3, 0)
    (alert,) = alerts.since(0)
    return alert


async def test_no_key_does_harm_on_an_internal_alert():
    engine = fed_engine()
    engine.ruleset = None
    engine._alerts.insert(0, internal())
    async with running(engine) as (app, pilot):
        for key in KEYS:
            await press(app, pilot, "2", "o", "g")
            assert "tuimon: Events Lost" in screen_text(app), key
            await press(app, pilot, key)
            assert app._exception is None, key
            for _ in range(3):
                if app.screen is not app.main:
                    await press(app, pilot, "escape")
            await press(app, pilot, "escape", "2", "o")


def test_an_internal_alert_is_a_line_as_any_other():
    made = alert_object(internal())
    assert (made["rule"], made["priority"], made["source"]) == ("tuimon: Events Lost", "Critical", "internal")
    assert made["output_fields"]["n_drops"] == 7
    assert text_line(internal()).endswith("Critical " + LOST.output)
