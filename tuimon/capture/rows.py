"""What the kernel side does with each system call, as one 64-bit row per number (see TM_CALL_ in bpf/maps.h).

Made from the argument table in tuimon.syscalls and from what the readers ask for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.capture.shedding import Step
from tuimon.capture.source import Interest, Want
from tuimon.syscalls import CALL_OF_NR, Call

ROWS: Final = 512

_NONE: Final = 15
_FD, _PATH, _DIR, _PATH2, _DIR2, _ADDR, _DATA = 8, 12, 16, 20, 24, 28, 32
_WIDE: Final = 1 << 40
_RESERVED: Final = 1 << 41
_EXEC: Final = 1 << 42
_NEW_FD: Final = 1 << 43
_FD_PATH: Final = 1 << 44
_TEXT: Final = 1 << 45
_OPEN_HOW: Final = 1 << 46
_ACCEPT: Final = 1 << 47
_CONNECT: Final = 1 << 48
_WRITES: Final = 1 << 49
_NEW_CWD: Final = 1 << 50
_COPY: Final = 51
ENTER: Final = 1 << 57
"""In a row: the call's entry must be looked at."""
TIMED: Final = 1 << 63
"""TM_CALL_TIMED: its entry too, for when it is."""
_COPIES: Final = {"next": 63, "poll": 62, "text": 61, "vector": 60, "message": 59, "messages": 58, "limits": 57}
_RESULT: Final = 58
_RESULTS: Final = (
    "", "queue", "ids", "memory", "pipe", "option", "offsets", "value", "mask1", "mask3", "control", "image",
    "mask4",
)  # fmt: skip
"""TM_RESULT_ by number."""
SHED: Final = 1 << 62
"""TM_CALL_SHED."""

_SIX_ARGUMENTS: Final = frozenset(
    {
        "clone",
        "clone3",
        "prctl",
        "mmap",
        "keyctl",
        "perf_event_open",
        "seccomp",
        "sendfile",
        "splice",
        "copy_file_range",
    }
)
"""Calls that say something in more than the three arguments of a slim record, and nothing else that makes them wide."""
_DATA_COPIES: Final = frozenset({"vector", "message", "messages"})
"""What is copied of these calls is the data they move."""
_FD_GONE: Final = frozenset({"close", "close_range"})
"""At their exit the fd no longer leads to a file."""


def _is_wide(call: Call, want: Want) -> bool:
    if call.reserved or call.returns_fd or call.name in _SIX_ARGUMENTS or want & Want.TIME:
        return True
    if call.path is not None or call.path2 is not None or call.sockaddr is not None or call.text is not None:
        return True
    if call.copy and call.copy not in _DATA_COPIES and want & Want.PATHS:
        return True
    if call.result == "ids" or (call.result == "memory" and want & Want.PATHS):
        return True
    if call.name in _FD_GONE:
        return _looks_at_entry(call, want)
    if call.fd is None:
        return False
    return call.category in ("file", "net") or bool(want & (Want.PATHS | Want.DATA))


def _looks_at_entry(call: Call, want: Want) -> bool:
    return call.name == "close" and bool(want & Want.PATHS)


def _flags(call: Call, want: Want) -> int:
    io = call.category.startswith("io-")
    flags = {
        _WIDE: _is_wide(call, want),
        _RESERVED: call.reserved,
        _EXEC: call.name in ("execve", "execveat"),
        _NEW_FD: call.returns_fd,
        _FD_PATH: call.returns_fd or (call.fd is not None and not io),
        _TEXT: call.text is not None,
        _OPEN_HOW: call.name == "openat2",
        _ACCEPT: call.name in ("accept", "accept4"),
        _CONNECT: call.name == "connect",
        _WRITES: call.category == "io-write",
        _NEW_CWD: call.name == "chdir",
        ENTER: _looks_at_entry(call, want),
        TIMED: bool(want & Want.TIME),
    }
    return sum(bit for bit, is_set in flags.items() if is_set)


def call_row(call: Call, want: Want) -> int:
    """Return the row of one call that is wanted."""
    fd = None if call.name in _FD_GONE and not _looks_at_entry(call, want) else call.fd
    path = call.path if call.path is not None else call.text
    places = {
        _FD: fd,
        _PATH: path,
        _DIR: call.dirfd,
        _PATH2: call.path2,
        _DIR2: call.dirfd2,
        _ADDR: call.sockaddr,
        _DATA: call.data if call.copied is None else call.copied,
    }
    row = int(want) & 0x0F | _flags(call, want)
    if call.copy:
        row |= (_COPIES.get(call.copy) or int(call.copy) // 4) << _COPY
    row |= _RESULTS.index(call.result) << _RESULT
    for shift, position in places.items():
        row |= (_NONE if position is None else position) << shift
    return row


def call_rows(interest: Interest, step: Step = Step.NOTHING) -> NDArray[np.uint64]:
    """Return the rows of all calls, shape ``(ROWS,)`` uint64; numbers that are no call of this machine are slim.

    Args:
        interest: What the readers ask for.
        step: How much of what only a view asks for is given up.
    """
    rows = np.zeros(ROWS, np.uint64)
    for nr, want in interest.calls.items():
        if 0 <= nr < ROWS and want:
            shed = want & Want.VIEW and (step is Step.VIEW or (step is not Step.NOTHING and nr in interest.loud))
            rows[nr] = call_row(CALL_OF_NR.get(nr, Call("unknown")), want) | (SHED if shed else 0)
    return rows
