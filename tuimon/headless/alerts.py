"""An alert as a line: Falco's JSON, so that existing receivers work unchanged, or Falco's text."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from tuimon.escape import clean, json_text
from tuimon.events import Alert


def iso_time(time_ns: int) -> str:
    """Return a time since the epoch as Falco's JSON prints it: UTC, nine decimals, Z."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def clock_time(time_ns: int) -> str:
    """Return a time since the epoch as Falco's text prints it: local time of day, nine decimals."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds):%H:%M:%S}.{nanoseconds:09d}"


def _json_value(value: object) -> Any:
    """Return a field's value as JSON can hold it: bytes as text, what is not UTF-8 replaced."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return json_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, tuple | list):
        return [_json_value(item) for item in value]
    return value if isinstance(value, int | float | bool) or value is None else str(value)


def alert_object(alert: Alert) -> dict[str, Any]:
    """Return Falco's JSON alert as an object; ``tuimon`` holds what Falco has no place for."""
    message = _json_value(alert.output)
    fields = {name: _json_value(value) for name, value in alert.output_fields.items()}
    fields.setdefault("evt.time", alert.time_ns)
    extra: dict[str, Any] = {"revision": alert.revision, "evt.num": alert.event.num}
    if alert.unconfirmed:
        extra["unconfirmed"] = True
    return {
        "hostname": alert.hostname,
        "output": f"{clock_time(alert.time_ns)}: {alert.priority} {message}",
        "output_fields": fields,
        "priority": alert.priority,
        "rule": alert.rule,
        "source": alert.source,
        "tags": sorted(alert.tags),
        "time": iso_time(alert.time_ns),
        "tuimon": extra,
    }


def json_line(alert: Alert) -> str:
    """Return the alert as one line of JSON: ASCII only, so that nothing in it can be obeyed by a terminal."""
    return json.dumps(alert_object(alert), ensure_ascii=True)


def text_line(alert: Alert) -> str:
    """Return the alert as Falco's text line; what a terminal could obey, or a reader be fooled by, is escaped."""
    mark = " (unconfirmed)" if alert.unconfirmed else ""
    return clean(f"{clock_time(alert.time_ns)}: {alert.priority} {alert.output}{mark}")
