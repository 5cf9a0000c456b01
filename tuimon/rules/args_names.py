"""Names that the parameters of events show beside numbers and texts: of flags, errors, signals, kinds of things.

A word that is looked for in evt.args may be part of one of them. Which names a parameter can show is known beforehand,
and which of them it does hangs on its number alone.
"""

from __future__ import annotations

import functools
from typing import Final

from tuimon.events import Event
from tuimon.fields import flags
from tuimon.fields.argsource import Bound
from tuimon.fields.evtarg import fd_error, param_text
from tuimon.fields.facts import AT_FDCWD, facts
from tuimon.syscalls import Param

ANYWHERE: Final = "NULL NA NONE"
"""What stands for a value that is not there."""
_ERRORS: Final = 4096
_SIGNALS: Final = 65
_FALLBACKS: Final = ("UNKNOWN", "PTRACE_UNKNOWN")
"""What numbers without a name are shown as."""


@functools.cache
def may_show(event_name: str, param: Param, word: str, *, fold: bool) -> bool:
    """Return whether a name that a parameter of a type of event may show holds a word.

    Args:
        event_name: The type.
        param: The parameter.
        word: Letters, digits and underscores.
        fold: The case of letters does not matter.
    """
    return folded(word, fold=fold) in folded(_names(event_name, param), fold=fold)


def folded(text: str, *, fold: bool) -> str:
    """Return a text of ASCII letters as it is compared."""
    return text.lower() if fold else text


def shown(event: Event, bound: Bound) -> str:
    """Return what a parameter of an event shows, without the name of a file or socket behind an fd."""
    f = facts(event)
    if bound.param.type != "FD":
        return param_text(f, bound)
    value = bound.get(f) if bound.get is not None else None
    return fd_error(value) if isinstance(value, int) and value < 0 else ""


@functools.cache
def _names(event_name: str, param: Param) -> str:
    """Return all names that a parameter may show, with blanks between."""
    kind = param.type
    if kind.startswith("FLAGS"):
        return " ".join(name for name, *_ in flags.flag_table(event_name, param.name) or ())
    if kind.startswith("ENUMFLAGS"):
        return " ".join((*flags.enum_names(event_name, param.name).values(), *_FALLBACKS))
    if kind in ("FD", "ERRNO"):
        return _errors()
    if kind in ("SIGTYPE", "SIGSET"):
        return " ".join(map(flags.signal_name, range(_SIGNALS)))
    if kind == "MODE":
        return " ".join((*(name for name, *_ in flags.MODES), *flags.NODE_TYPES.values()))
    return ""


@functools.cache
def _errors() -> str:
    names = (flags.errno_name(-number) for number in range(_ERRORS))
    return " ".join((fd_error(AT_FDCWD), *filter(None, names)))
