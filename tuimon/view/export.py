r"""Events as text for the clipboard and for files: JSON, commands, filters; nothing in it is obeyed by a terminal."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import Final

from tuimon.errors import TuimonError
from tuimon.escape import BAD
from tuimon.events import Event
from tuimon.fields import lookup
from tuimon.fields.registry import UNKNOWN, FieldInfo, Value
from tuimon.syscalls import event_name
from tuimon.view.clock import clock
from tuimon.view.columns import container_label
from tuimon.view.terms import field_term, joined

_FILTER_BY: Final = ("container.id", "proc.pid")
_QUOTED: Final = re.compile(r"[\\']")


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


def shell_word(text: str) -> str:
    r"""Return a word as a shell takes it; one that holds what nobody should see raw is written with bash's ``$'...'``.

    >>> shell_word("a b"), shell_word("\x1b[2J")
    ("'a b'", "$'\\x1b[2J'")
    """
    if BAD.search(text) is None:
        return shlex.quote(text)
    return "$'" + "".join(map(_shell_char, text)) + "'"


def _shell_char(char: str) -> str:
    if BAD.match(char) is not None:
        return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
    return f"\\{char}" if _QUOTED.match(char) else char


def command_line(event: Event) -> str:
    """Return the command of an event's process, to be run again in a shell; empty while the process is not known."""
    process = event.process
    if process is None:
        return ""
    return " ".join(shell_word(word) for word in (process.exe or process.comm, *process.args))


def event_filter(event: Event) -> str:
    """Return a filter that keeps what an event's process did, empty when none can be written."""
    terms = []
    for name in _FILTER_BY:
        info = lookup(name)
        assert info is not None
        try:
            terms.append(field_term(info, event))
        except TuimonError:
            continue
    return joined(terms)
