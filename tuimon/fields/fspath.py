"""fs.path.*: the paths that a call works on, whether or not it opens anything.

As in Falco they are absent when the call failed (for opens only when the error is EPERM), and for calls that only look
(access, stat, chdir). Falco prints ``<UNKNOWN>`` for a path relative to a directory fd that it has not seen; here the
kernel says which directory it was. Calls that Falco does not look into (truncate, setxattr, utimensat, ...) have their
path here too.
"""

from __future__ import annotations

from typing import Final

from tuimon.events import Event
from tuimon.fields.facts import CALL_KINDS, NO_CALL, OPENS, Facts, facts
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Value, add
from tuimon.syscalls import CALLS, PARAMS

_NAMED: Final = frozenset(
    {
        "mkdir",
        "mkdirat",
        "rmdir",
        "unlink",
        "unlinkat",
        "open",
        "openat",
        "openat2",
        "fchmodat",
        "chmod",
        "fchmod",
        "chown",
        "lchown",
        "fchown",
        "fchownat",
        "quotactl",
        "umount",
        "umount2",
    }
)
OF_FD: Final = frozenset({"fchmod", "fchown"})
"""Their path is that of the fd."""
# The new name of a link is its source, the thing it leads to its target; for the others old and new.
_NEW_IS_SOURCE: Final = frozenset({"link", "linkat", "symlink", "symlinkat"})
_TWO_PATHS: Final = frozenset({"rename", "renameat", "renameat2", "mount", *_NEW_IS_SOURCE})


def may_name_one(kind: int, name: str) -> bool:
    """Return whether events of a kind and type may have an fs.path.name."""
    call = CALLS.get(name, NO_CALL)
    if kind not in CALL_KINDS or call.path2 is not None:
        return False
    return name in _NAMED or (name not in PARAMS and call.path is not None)


def may_name_two(kind: int, name: str) -> bool:
    """Return whether events of a kind and type may have an fs.path.source."""
    return kind in CALL_KINDS and name in _TWO_PATHS


def _names_one(f: Facts) -> bool:
    if not may_name_one(f.kind, f.name):
        return False
    return f.ret >= 0 or (f.name in OPENS and f.name in _NAMED and f.ret != -1)


def _name(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not _names_one(f):
        return None
    return f.fd_name() if f.name in OF_FD else f.path()


def _nameraw(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not _names_one(f):
        return None
    return f.fd_name() if f.name in OF_FD else f.given()


def _has_two(f: Facts) -> bool:
    return may_name_two(f.kind, f.name) and f.ret >= 0


def _source(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not _has_two(f):
        return None
    return f.path2() if f.name in _NEW_IS_SOURCE else f.path()


def _sourceraw(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not _has_two(f):
        return None
    return f.given2() if f.name in _NEW_IS_SOURCE else f.given()


def _target(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not _has_two(f):
        return None
    return f.path() if f.name in _NEW_IS_SOURCE else f.path2()


def _targetraw(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not _has_two(f):
        return None
    return f.given() if f.name in _NEW_IS_SOURCE else f.given2()


add("fs.path", "fs.path.name", T.CHARBUF, "path the call works on, made absolute", _name, is_path=True)
add("fs.path", "fs.path.nameraw", T.CHARBUF, "path the call works on, exactly as given", _nameraw, is_path=True)
add(
    "fs.path",
    "fs.path.source",
    T.CHARBUF,
    "of two paths: the old name, the mounted thing, or the name of the new link; made absolute",
    _source,
    is_path=True,
)
add("fs.path", "fs.path.sourceraw", T.CHARBUF, "fs.path.source exactly as given", _sourceraw, is_path=True)
add(
    "fs.path",
    "fs.path.target",
    T.CHARBUF,
    "of two paths: the new name, the place of a mount, or what the new link leads to; made absolute",
    _target,
    is_path=True,
)
add("fs.path", "fs.path.targetraw", T.CHARBUF, "fs.path.target exactly as given", _targetraw, is_path=True)
