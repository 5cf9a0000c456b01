"""What the checks ask about the world: fields, event types, event arguments. Tests bring a small one of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tuimon.fields.registry import FieldInfo, FieldType

Resolved = tuple[FieldInfo, str | None]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Fields, event types and event arguments."""

    resolve: Callable[[str], Resolved | None]
    """A dotted name to its field and the argument that is part of the name (evt.arg.flags)."""
    field_names: Callable[[], Iterable[str]]
    """All names, for suggestions."""
    event_names: frozenset[str]
    """What evt.type may be compared with."""
    aliases: Mapping[str, str]
    """Other names of event types, to the name that evt.type has."""
    argument_types: Callable[[str], frozenset[str]]
    """An event argument's name to the types it has over all events; empty when no event has it."""
    argument_names: frozenset[str]


@lru_cache(maxsize=1)
def default_catalogue() -> Catalogue:
    """Return the catalogue of this program's own fields and events."""
    # Not at import: the registry declares 270 fields, and the parser alone needs none of them.
    from tuimon import fields, syscalls

    return Catalogue(
        resolve=fields.resolve,
        field_names=lambda: (info.name for info in fields.all_fields()),
        event_names=syscalls.EVENT_NAMES,
        aliases=syscalls.ALIASES,
        argument_types=syscalls.param_types,
        argument_names=syscalls.PARAM_NAMES,
    )


_RAW_TYPES: dict[str, FieldType] = {
    "BOOL": FieldType.BOOL,
    "BYTEBUF": FieldType.BYTEBUF,
    "CHARBUF": FieldType.CHARBUF,
    "FSPATH": FieldType.FSPATH,
    "FSRELPATH": FieldType.FSRELPATH,
    "UID": FieldType.UINT32,
    "GID": FieldType.UINT32,
    "SYSCALLID": FieldType.UINT16,
    "SIGTYPE": FieldType.UINT8,
    "MODE": FieldType.UINT32,
    "IPADDR": FieldType.IPADDR,
    "IPNET": FieldType.IPNET,
}


def raw_type(name: str) -> FieldType | None:
    """Return the field type of an event argument's type; None for one that nothing can be compared with."""
    if name in _RAW_TYPES:
        return _RAW_TYPES[name]
    for prefix in ("ENUMFLAGS", "FLAGS"):
        if name.startswith(prefix):
            return FieldType("UINT" + name.removeprefix(prefix))
    try:
        return FieldType(name)
    except ValueError:
        return None
