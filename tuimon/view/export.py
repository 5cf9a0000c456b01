"""Events as text for the clipboard and for files: one line of ASCII JSON, so that nothing in it is obeyed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN, FieldInfo, Value
from tuimon.syscalls import event_name
from tuimon.view.clock import clock
from tuimon.view.live_lines import container_label


def _plain(value: Value) -> object:
    if value is UNKNOWN:
        return None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def event_json(event: Event, fields: Sequence[FieldInfo] = ()) -> str:
    """Return an event as one line of JSON, with the fields that have a value."""
    out: dict[str, object] = {
        "time": clock(event.time_ns, 9),
        "evt.num": event.num,
        "evt.type": event_name(event.kind, event.nr),
        "pid": event.tgid,
        "ret": event.ret,
        "container": container_label(event),
    }
    if event.process is not None:
        out["proc.name"] = event.process.comm
        out["proc.cmdline"] = event.process.cmdline
    for info in fields:
        if info.get is not None and info.arg != "required" and not info.filter_only:
            try:
                value = info.get(event, None)
            except Exception as error:  # a recording from elsewhere may hold what no kernel writes
                value = f"(cannot be told: {type(error).__name__}: {error})"
            if value is not None:
                out[info.name] = _plain(value)
    return json.dumps(out, ensure_ascii=True)
