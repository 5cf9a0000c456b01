"""What kinds of event show in evt.args beside the texts of their records: names, and what a process is called.

It hangs on the kind of event and on what is looked for alone, so that it is worked out once for a question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import BOUND, Bound
from tuimon.fields.evtarg import OWN_FDS, fd_error
from tuimon.fields.facts import CALL_KINDS, DIRFD_CALLS, NO_CALL
from tuimon.fields.flags import errno_name
from tuimon.records import Kind
from tuimon.rules.args_names import may_show
from tuimon.rules.predicates import to_bytes
from tuimon.rules.words import is_pid
from tuimon.syscalls import CALLS

if TYPE_CHECKING:
    from tuimon.rules.look import Look

TEXTS: Final = ("comm", "exe", "args", "exepath", "cwd")
"""Sources that are a text of the process, and its members."""
THREAD: Final = "prctl_name"
"""The source that is the name of the thread."""
ERRORS: Final = {"ERRNO": errno_name, "FD": fd_error}
"""Types of a result that show the name of an error, and how they call it."""
_IDS: Final = ("UID", "GID")
_ID_MEMBERS: Final = {"euid": "uid", "egid": "gid", "loginuid": "loginuid"}
"""Sources of ids that are the process's, and which member of it."""


class AnyOf(NamedTuple):
    """Texts of which one is looked for; in lower case if ``fold``. None of them has a NUL."""

    texts: tuple[bytes, ...]
    fold: bool

    def is_in(self, value: Any) -> bool:
        """Return whether a value holds one: a text, or several of which one does."""
        whole = "\0".join(value) if isinstance(value, tuple) else value
        if not isinstance(whole, str):
            return False
        raw = to_bytes(whole).lower() if self.fold else to_bytes(whole)
        return any(text in raw for text in self.texts)

    def may_be_shown(self, name: str, bound: Bound) -> bool:
        """Return whether a parameter of a type of event may show a name that holds one, of a flag or an error."""
        if bound.get is None:
            return False
        return any(may_show(name, bound.param, text.decode(), fold=self.fold) for text in self.texts)


class _Kind(NamedTuple):
    """What events of a kind may hold beside their records."""

    has_text: bool
    """It has parameters at all."""
    in_names: bool
    """The name of a parameter holds what is looked for."""
    is_always: bool
    """It does, or one may that is not told here."""
    has_ids: bool
    """It shows the name of a user or group."""
    of_process: bool
    """It shows a text of the process."""
    is_of_who: bool
    """It shows any of those, or the name of its thread."""
    shown: tuple[Bound, ...]
    """Parameters that may show the name of a flag or an error that holds it."""
    sources: frozenset[str]
    """Where its texts come from, as far as ``ArgsWords`` looks there for all kinds together, and..."""
    named: tuple[Bound, ...]
    """...parameters that show what a process or the event's own file is called: of one kind after the other."""


class Kinds:
    """What events may hold beside their records, by number of the kind of event.

    Args:
        any_of: What is looked for.
    """

    def __init__(self, any_of: AnyOf) -> None:
        self._any_of = any_of
        self._known: list[_Kind] = []
        self._columns: dict[str, NDArray[np.bool_]] = {}

    def grow(self, look: Look) -> None:
        """Know all kinds of event that there are."""
        if len(self._known) < len(look.memory.code_of):
            codes = range(len(self._known), len(look.memory.code_of))
            self._known += [self._kind(look.name_of(code), look.kind_of(code)) for code in codes]
            self._columns.clear()

    def __getitem__(self, code: int) -> _Kind:
        return self._known[code]

    def are(self, what: str) -> NDArray[np.bool_]:
        """Return, by number of the kind, whether something is true of it, or there, or among its sources."""
        found = self._columns.get(what)
        if found is None:
            in_sources = what not in _Kind._fields
            each = (what in kind.sources if in_sources else bool(getattr(kind, what)) for kind in self._known)
            found = self._columns[what] = np.fromiter(each, bool, len(self._known))
        return found

    def _kind(self, name: str, kind: int) -> _Kind:
        bounds = BOUND.get(name, ())
        told = [bound for bound in bounds if bound.get is not None]
        ids = {bound.source for bound in bounds if bound.param.type in _IDS}
        in_names = any(self._any_of.is_in(bound.param.name) for bound in bounds)
        shown = [bound for bound in told if self._any_of.may_be_shown(name, bound)]
        of_process = any(bound.param.type == "PID" or bound.source in TEXTS for bound in told)
        return _Kind(
            has_text=bool(bounds),
            in_names=in_names,
            is_always=in_names or bool(ids - set(_ID_MEMBERS)),
            has_ids=bool(ids),
            of_process=of_process,
            is_of_who=of_process or bool(ids) or any(bound.source == THREAD for bound in told),
            shown=tuple(bound for bound in shown if not _result_of(bound)),
            sources=frozenset((*(_known_source(bound, kind) for bound in told), *map(_result_of, shown))),
            named=tuple(sorted((bound for bound in told if _is_named(bound, name, kind)), key=_by_parent)),
        )


def _known_source(bound: Bound, kind: int) -> str:
    """Return where the text of a parameter comes from, empty where that is not told of many kinds at once."""
    if bound.source == "given":
        return "given" if kind in CALL_KINDS else ""
    if bound.source in ("args", "env") and kind == Kind.EXEC:
        return "argv" if bound.source == "args" else "env"
    return bound.source if bound.source in (*TEXTS, THREAD) else ""


def _result_of(bound: Bound) -> str:
    """Return the type of a parameter that is the result of a call and shows what it failed with; else nothing."""
    return bound.param.type if bound.source == "ret" and bound.param.type in ERRORS else ""


def _is_named(bound: Bound, name: str, kind: int) -> bool:
    if bound.param.type == "PID":
        return is_pid(bound.source, kind)
    return bound.param.type == "FD" and _is_own(bound, name, kind)


def _by_parent(bound: Bound) -> bool:
    """Return what puts the pid of the parent first: of the process's own name most have a parameter."""
    return bound.source != "ppid"


def _is_own(bound: Bound, name: str, kind: int) -> bool:
    """Whether a parameter is the fd that events of a kind are about, and shows its name."""
    call = CALLS.get(name, NO_CALL)
    if kind != Kind.SYSCALL or bound.param.name not in OWN_FDS:
        return False
    at = (call.dirfd if call.dirfd is not None else call.dirfd2) if name in DIRFD_CALLS else call.fd
    return bound.source == "fd" or (bound.source == f"s{at}" and not call.returns_fd)
