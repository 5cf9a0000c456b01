"""Every field of the rule language, in one registry.

Importing this package declares them all. Rule compilers, completion, tables, help and the reference page ask here:

    lookup("proc.name")             the field of exactly that name
    resolve("evt.arg.flags")        the field and the argument behind its dot: (evt.arg, "flags")
    all_fields()                    all of them, in the order they were declared
    real_twin(lookup("fd.name"))    the getter of the kernel's own path for a field that shows the given one
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# isort: off
# The order is that of the reference page.
from tuimon.fields import evt, evtarg, proc, thread, usage, user, fd, fspath, container, k8s  # noqa: F401

# isort: on
from tuimon.fields.fd import REAL_TWINS
from tuimon.fields.registry import _FIELDS, UNKNOWN, FieldInfo, FieldType, Getter, Scope, Value

__all__ = [
    "UNKNOWN",
    "FieldInfo",
    "FieldType",
    "Getter",
    "Scope",
    "Value",
    "all_fields",
    "lookup",
    "real_twin",
    "resolve",
]

_BY_NAME: Mapping[str, FieldInfo] = MappingProxyType(_FIELDS)


def lookup(name: str) -> FieldInfo | None:
    """Return the field of exactly this name, None when there is none."""
    return _BY_NAME.get(name)


def resolve(name: str) -> tuple[FieldInfo, str | None] | None:
    """Return the field a dotted name stands for, and the argument that is part of the name.

    The longest declared name wins. What is left behind it is the argument, if the field takes one:
    ``evt.arg.flags`` is ``evt.arg`` with ``flags``. None: there is no such field.
    """
    info = _BY_NAME.get(name)
    if info is not None:
        return info, None
    at = len(name)
    while (at := name.rfind(".", 0, at)) > 0:
        info = _BY_NAME.get(name[:at])
        if info is not None:
            arg = name[at + 1 :]
            return (info, arg) if arg and info.arg != "no" else None
    return None


def all_fields() -> tuple[FieldInfo, ...]:
    """Return every field, in the order of declaration."""
    return tuple(_BY_NAME.values())


def real_twin(info: FieldInfo) -> Getter | None:
    """Return the getter of the real path behind a field that shows the given one; None when it has none."""
    return REAL_TWINS.get(info.name)
