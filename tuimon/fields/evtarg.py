"""evt.arg, evt.args and evt.rawarg: the parameters of an event, as Falco names and prints them.

Every parameter has a raw value (a number, text or bytes) and up to two texts: its plain form and, for many types, a
resolved one; Falco prints ``plain(resolved)`` in ``evt.args`` and the resolved one, if there is one, for
``evt.arg.NAME``. What the record does not carry is absent, and printed as ``<NA>`` in ``evt.args``.
"""

from __future__ import annotations

import functools
from typing import Final

from tuimon.events import UNSET_ID, Event
from tuimon.fields import flags as names
from tuimon.fields.argresult import Raw
from tuimon.fields.argsource import BOUND, Bound, bound_of
from tuimon.fields.facts import AT_FDCWD, OPENS, Facts, facts
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Value, _Unknown, add
from tuimon.fields.who import NO_NAME, group_name, user_name
from tuimon.records import Kind
from tuimon.syscalls import Param

_DATA_SHOWN: Final = 80
"""Bytes of data that evt.args shows, as Falco's default snap length."""

# Printing.


def number_text(value: int, style: str) -> str:
    """Return a number in the way that its parameter is shown: hexadecimal, octal or decimal."""
    if style == "x":
        return f"{value & 0xFFFFFFFFFFFFFFFF:X}"
    if style == "o":
        return f"0{value:o}" if value else "0"
    return str(value)


def _printable(raw: bytes) -> str:
    return raw.translate(_SHOWN_BYTES).decode("ascii")


_SHOWN_BYTES: Final = bytes(byte if 32 <= byte < 127 else ord(".") for byte in range(256))


def fd_error(value: int) -> str:
    """Return what an fd below 0 stands for: the working directory, or an error."""
    return "AT_FDCWD" if value == AT_FDCWD else names.errno_name(value)


def _fd_resolved(f: Facts, value: int, own: bool) -> str:
    if value < 0:
        return fd_error(value)
    if not own or f.fd_kind() is None:
        return ""
    name = f.fd_name()
    return "" if name is None else f"<{kind_shown(f)}>{name}"


def kind_shown(f: Facts) -> str:
    """Return the kind of an event's fd as it stands before its name: a letter, and one for its protocol."""
    char = TYPECHARS.get(f.fd_kind() or "", "o")
    sock = f.sock()
    if sock is None or not sock.is_ip or sock.bound_only:
        return char
    return char + {6: "t", 17: "u", 1: "i", 58: "i"}.get(sock.protocol, "")


TYPECHARS: Final = {
    "file": "f",
    "directory": "d",
    "ipv4": "4",
    "ipv6": "6",
    "unix": "u",
    "pipe": "p",
    "event": "e",
    "signalfd": "s",
    "eventpoll": "l",
    "inotify": "i",
    "timerfd": "t",
    "netlink": "n",
    "bpf": "b",
    "userfaultfd": "u",
    "io_uring": "r",
    "memfd": "m",
    "pidfd": "P",
}
"""fd.type to fd.typechar."""

SECOND_PATHS: Final = frozenset(("newpath", "linkpath"))
"""They start from a directory of their own."""
UNSIGNED_BITS: Final = {"UINT8": 8, "UINT16": 16, "UINT32": 32}
"""Types of parameters that are never below 0, and how wide they are."""


OWN_FDS: Final = ("fd", "dirfd", "out_fd", "fdout", "fd_in", "linkdirfd")
"""Parameters that show the name of the event's fd when they are it."""
PAIRS: Final = frozenset({"pipe", "pipe2", "socketpair"})


def _own_fd(f: Facts, name: str, value: int) -> bool:
    if f.name in PAIRS and name in ("fd1", "fd2"):
        return True
    return value == f.fd_num() and (name in OWN_FDS or f.call.returns_fd)


def _texts(f: Facts, param: Param, raw: Raw) -> tuple[str, str]:
    """Return the plain and the resolved text of a parameter, the second empty when it says no more."""
    kind = param.type
    if isinstance(raw, str):
        if kind in ("FSPATH", "FSRELPATH") and raw and not raw.startswith("/"):
            full = f.path2() if param.name in SECOND_PATHS else f.path()
            return raw, full or ""
        return raw, ""
    if isinstance(raw, bytes):
        return (_printable(raw[:_DATA_SHOWN] if param.name == "data" else raw) if raw else "NULL"), ""
    if raw is None:
        return "NULL" if kind in ("SOCKTUPLE", "SOCKADDR", "BYTEBUF") else "<NA>", ""
    return _number_texts(f, param, raw)


def _number_texts(f: Facts, param: Param, raw: int) -> tuple[str, str]:
    kind = param.type
    if kind.startswith("FLAGS"):
        own, text = _flags(f, param, raw)
        return str(own), text
    if kind.startswith("ENUMFLAGS"):
        own, text = names.decode_enum(f.name, param.name, raw)
        return str(own), text
    if kind == "FD":
        return str(raw), _fd_resolved(f, raw, _own_fd(f, param.name, raw))
    if kind == "PID":
        return str(raw), _comm_of(f, raw)
    if kind in ("UID", "GID"):
        number = raw & 0xFFFFFFFF
        who = _who(f, kind, number)
        return str(-1 if number == UNSET_ID else number), who if isinstance(who, str) else ""
    return _plain_texts(param, raw)


def is_plain_number(param: Param) -> bool:
    """Return whether the text of a parameter that is a number hangs on nothing else."""
    return param.type not in ("FD", "PID", "UID", "GID") and not param.type.startswith(("FLAGS", "ENUMFLAGS"))


def number_shown(param: Param, raw: int) -> str:
    """Return such a number as ``evt.arg`` shows it."""
    plain, resolved = _plain_texts(param, raw)
    return resolved or plain


def unsigned(param: Param, raw: int) -> int:
    """Return a number as ``evt.rawarg`` shows it: of an unsigned type not below 0."""
    return raw & ((1 << UNSIGNED_BITS[param.type]) - 1) if param.type in UNSIGNED_BITS else raw


def _plain_texts(param: Param, raw: int) -> tuple[str, str]:
    """Return both texts of a number that hang on nothing else."""
    kind = param.type
    if kind == "ERRNO":
        return str(raw), names.errno_name(raw) if raw < 0 else ""
    if kind == "MODE":
        return number_text(raw & 0xFFFF, "o"), names.mode_names(raw & 0xFFFF)
    if kind == "SIGTYPE":
        return str(raw), names.signal_name(raw)
    if kind == "SIGSET":
        return number_text(raw, "x"), names.signal_names(raw)
    return number_text(unsigned(param, raw), param.style), ""


def _who(f: Facts, kind: str, number: int) -> str | _Unknown:
    if number == UNSET_ID:
        return "<NONE>"
    return user_name(f.event, number) if kind == "UID" else group_name(f.event, number)


def _flags(f: Facts, param: Param, raw: int) -> tuple[int, str]:
    own, text = names.decode_flags(f.name, param.name, raw)
    file = f.file() if f.name in _OPENED and param.name == "flags" else None
    added = names.file_flags_own(file.flags) if file is not None else 0
    return (own | added, names.names(names.OPEN_FLAGS, own | added)) if added else (own, text)


_OPENED: Final = OPENS - {"creat"}


def _comm_of(f: Facts, pid: int) -> str:
    """Return the name of a process we happen to have at hand: the actor, its parent, or a fork's child."""
    process = f.event.process
    if process is None or pid <= 0:
        return ""
    if pid in (process.pid, f.tid) or (f.kind == Kind.FORK and pid == f.ret):
        return process.comm
    parent = process.parent
    return parent.comm if parent is not None and parent.pid == pid else ""


# The fields.


def arg_text(event: Event, arg: str | None) -> str | _Unknown | None:
    """Return evt.arg: one parameter as text, resolved where Falco resolves it; None when the event has none."""
    f = facts(event)
    bound = bound_of(f.name, arg) if arg else None
    if bound is None or bound.get is None:
        return None
    raw = bound.get(f)
    if raw is None:
        return None
    if isinstance(raw, int) and bound.param.type in ("UID", "GID"):
        return _who(f, bound.param.type, raw & 0xFFFFFFFF)
    plain, resolved = _texts(f, bound.param, raw)
    return resolved or plain


def arg_raw(event: Event, arg: str | None) -> Value:
    """Return evt.rawarg: one parameter as a number, text or bytes; flags in Falco's own numbers."""
    f = facts(event)
    bound = bound_of(f.name, arg) if arg else None
    if bound is None or bound.get is None:
        return None
    raw = bound.get(f)
    if not isinstance(raw, int):
        return raw
    kind = bound.param.type
    if kind.startswith("FLAGS"):
        return _flags(f, bound.param, raw)[0]
    if kind.startswith("ENUMFLAGS"):
        return names.decode_enum(f.name, bound.param.name, raw)[0]
    return unsigned(bound.param, raw)


def args_text(event: Event, _: str | None = None) -> str:
    """Return evt.args: all parameters, ``name=value`` or ``name=plain(resolved)``, separated by blanks."""
    f = facts(event)
    return " ".join([param_text(f, bound) for bound in BOUND.get(f.name, ())])


def param_text(f: Facts, bound: Bound) -> str:
    """Return one parameter as evt.args shows it."""
    plain, resolved = _texts(f, bound.param, bound.get(f) if bound.get is not None else None)
    return f"{bound.param.name}={plain}({resolved})" if resolved else f"{bound.param.name}={plain}"


_NOT_SHOWN: Final = frozenset({"FSPATH", "FSRELPATH", "FD", "ERRNO", "SOCKTUPLE", "SOCKADDR", "BYTEBUF"})
_DESCRIBES_PROCESS: Final = frozenset({"execve", "execveat", "clone", "clone3", "fork", "vfork"})
_SHOWN_NUMBERS: Final = frozenset({"UID", "GID", "PID"})


def shown_params(f: Facts) -> list[str]:
    """Return the parameters that a one-line summary shows beside the subject: flags, modes, signals, ids."""
    out: list[str] = []
    for bound in shown_bounds(f.name):
        raw = bound.get(f) if bound.get is not None else None
        text = _shown(f, bound.param, raw) if isinstance(raw, int) else ""
        if text:
            out.append(text)
    return [*out, *_setting(f)]


@functools.cache
def shown_bounds(name: str) -> tuple[Bound, ...]:
    """Return the parameters of a type of event that a one-line summary may show, but for ``SETTING``."""
    if name in _DESCRIBES_PROCESS:
        return ()
    return tuple(bound for bound in BOUND.get(name, ()) if _may_be_shown(bound.param))


def _may_be_shown(param: Param) -> bool:
    """Whether ``_shown`` may say something of a parameter."""
    by_type = param.type in ("MODE", "SIGTYPE", *_SHOWN_NUMBERS) or param.type.startswith(("FLAGS", "ENUMFLAGS"))
    by_name = param.name in ("mode", "uid", "gid") and param.type not in _NOT_SHOWN
    return (by_type or by_name) and param.name != "features"


SETTING: Final = {"fsconfig": ("key", "value_charbuf")}
"""Parameters that a summary shows together, as KEY=TEXT."""


def _setting(f: Facts) -> list[str]:
    """Return what fsconfig sets a key to: a file system's source, a directory of an overlay."""
    if f.name not in SETTING:
        return []
    key, text = (arg_text(f.event, name) for name in SETTING[f.name])
    return [f"{key}={text}" if text else str(key)] if key else []


def _shown(f: Facts, param: Param, raw: int) -> str:
    plain, resolved = _number_texts(f, param, raw)
    if param.type == "MODE" or (param.name == "mode" and param.style == "o"):
        return plain if raw else ""
    if param.type.startswith(("FLAGS", "ENUMFLAGS")):
        return "" if resolved == "O_NONE" else resolved or ("" if plain == "0" else plain)
    if param.type == "SIGTYPE":
        return resolved or plain
    if param.type in _SHOWN_NUMBERS or param.name in ("uid", "gid"):
        return f"{param.name}={plain if resolved == NO_NAME else resolved or plain}"
    if param.name == "mode":
        return f"0{raw:o}"
    return ""


ABSPATH_CALLS: Final = frozenset(
    {
        "renameat",
        "renameat2",
        "symlinkat",
        "openat",
        "openat2",
        "open_by_handle_at",
        "linkat",
        "unlinkat",
        "mkdirat",
        "fchmodat",
        "fchownat",
    }
)


def _abspath(event: Event, arg: str | None) -> Value:
    f = facts(event)
    if f.name not in ABSPATH_CALLS:
        return None
    if f.name == "open_by_handle_at":
        return f.real()
    if f.name == "symlinkat":
        return f.path2()
    return f.path2() if arg == "dst" else f.path()


add("evt", "evt.args", T.CHARBUF, "all arguments of the event, NAME=VALUE each", args_text)
add(
    "evt",
    "evt.arg",
    T.CHARBUF,
    "one argument as text, by name or by place: evt.arg.flags, evt.arg[0]",
    arg_text,
    arg="required",
)
add(
    "evt",
    "evt.rawarg",
    T.DYN,
    "one argument as the number, text or bytes it is, by name; its type is the argument's",
    arg_raw,
    arg="required",
    no_rhs=True,
    no_transformer=True,
)
add("evt", "evt.info", T.CHARBUF, "the same text as evt.args", args_text)
add(
    "evt",
    "evt.abspath",
    T.CHARBUF,
    "absolute path of a call that starts from a directory fd; .src and .dst pick one of two",
    _abspath,
    arg="required",
)
