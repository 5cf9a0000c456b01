"""Alert lines: Falco's layout, and nothing in them that a terminal would obey."""

import json
from datetime import UTC, datetime

from tests.builders import open_event
from tuimon.events import Alert
from tuimon.headless.alerts import alert_object, iso_time, json_line, text_line


def an_alert(output: str = "Sensitive file opened (file=/etc/shadow)", **more: object) -> Alert:
    values: dict[str, object] = {
        "num": 1,
        "time_ns": 1_732_459_555_000_000_042,
        "rule": "Read Sensitive File",
        "priority": "Warning",
        "output": output,
        "output_fields": {"fd.name": "/etc/shadow", "proc.tty": 0, "container.name": None},
        "tags": ("mitre_credential_access", "T1003"),
        "source": "syscall",
        "hostname": "node1",
        "revision": 3,
        "event": open_event(path="/etc/shadow"),
    }
    return Alert(**(values | more))  # type: ignore[arg-type]


def test_the_json_has_the_keys_and_value_types_that_receivers_of_falco_expect() -> None:
    value = json.loads(json_line(an_alert()))
    assert set(value) >= {"hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"}
    assert value["output_fields"]["container.name"] is None
    assert value["output_fields"]["proc.tty"] == 0
    assert value["tags"] == ["T1003", "mitre_credential_access"]
    assert value["time"] == "2024-11-24T14:45:55.000000042Z"
    assert value["output"].endswith("Warning Sensitive file opened (file=/etc/shadow)")
    assert value["tuimon"]["revision"] == 3


def test_the_time_keeps_its_nanoseconds() -> None:
    assert iso_time(1_000_000_007) == "1970-01-01T00:00:01.000000007Z"
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert iso_time(int(now.timestamp()) * 10**9).startswith("2026-01-02T00:00:00.000000000Z")


def test_an_unconfirmed_alert_says_so() -> None:
    assert alert_object(an_alert(unconfirmed=True))["tuimon"]["unconfirmed"] is True
    assert text_line(an_alert(unconfirmed=True)).endswith("(unconfirmed)")


def test_no_control_character_survives_in_either_form() -> None:
    hostile = "a\x1b]0;owned\x07 \x9b31m \u202e \r\n\x00 \udcff"
    alert = an_alert(hostile, output_fields={"proc.cmdline": hostile, "evt.buffer": b"\xff\x1b"})
    for line in (json_line(alert), text_line(alert)):
        assert line.isprintable()
        line.encode("utf-8")
    assert json_line(alert).isascii()


def test_text_is_escaped_once() -> None:
    alert = an_alert('a\nb "c" \\d')
    assert json.loads(json_line(alert))["output"].endswith('a\nb "c" \\d')
    assert text_line(alert).endswith('a\\nb "c" \\d')


def test_names_in_other_scripts_stay_readable() -> None:
    assert "/srv/Отчёт.txt" in text_line(an_alert("read (file=/srv/Отчёт.txt)"))


def test_ordinary_text_stays_readable() -> None:
    assert "(file=/etc/shadow)" in text_line(an_alert())
    assert '"quoted"' in text_line(an_alert('a "quoted" word'))
