"""What a rule file defines, before anything is resolved: lists, macros, rules and their exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tuimon.rules.diagnostics import Location, RuleFile
from tuimon.rules.source import ConditionText, Place, Scalar

PRIORITIES: Final = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
"""Most urgent first."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where we are in a rule file: the items around, outermost first, and the place of the innermost."""

    locations: tuple[Location, ...]
    place: Place

    def inside(self, item_type: str, item_name: str, place: Place) -> Context:
        """Return the context of an item inside this one."""
        location = Location(item_type, item_name, place.line, place.column, place.offset)
        return Context((*self.locations, location), place)


@dataclass(slots=True)
class Item:
    """What lists, macros and rules have in common. Written only by the collector."""

    name: str
    context: Context
    file: RuleFile
    index: int = 0
    """When it was first defined; the order of all lists, macros and rules together."""
    visibility: int = 0
    """When it was last defined or added to: it sees what was first defined before."""
    last_file: int = 0
    """Number of the file that changed it last."""
    first_file: int = 0

    @property
    def origin(self) -> str:
        """FILE:LINE."""
        return f"{self.file.path}:{self.context.place.line}"


@dataclass(slots=True)
class ListItem(Item):
    """A list."""

    items: list[Scalar] = field(default_factory=list)


@dataclass(slots=True)
class MacroItem(Item):
    """A macro; its condition is always there once the collector has it."""

    condition: ConditionText = field(default_factory=lambda: ConditionText((), ""))


@dataclass(frozen=True, slots=True)
class Entry:
    """A scalar, or a list of entries: Falco's exceptions take either in most places."""

    scalar: Scalar | None = None
    items: tuple[Entry, ...] | None = None

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return self.items is not None

    @property
    def text(self) -> str:
        """The scalar's text, empty for a list."""
        return self.scalar.text if self.scalar is not None else ""

    def texts(self) -> tuple[str, ...]:
        """Return the texts of a list of scalars, or the one text."""
        return tuple(item.text for item in self.items) if self.items is not None else (self.text,)


@dataclass(slots=True)
class ExceptionItem:
    """An exception of a rule."""

    name: str
    context: Context
    fields: Entry | None = None
    comps: Entry | None = None
    values: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class RuleItem(Item):
    """A rule."""

    condition: ConditionText = field(default_factory=lambda: ConditionText((), ""))
    output: ConditionText = field(default_factory=lambda: ConditionText((), ""))
    desc: str = ""
    priority: str = ""
    source: str = "syscall"
    unknown_source: bool = False
    enabled: bool = True
    capture: bool = False
    capture_duration: int = 0
    warn_evttypes: bool = True
    skip_if_unknown_filter: bool = False
    tags: set[str] = field(default_factory=set)
    exceptions: list[ExceptionItem] = field(default_factory=list)


@dataclass(slots=True)
class RuleChange:
    """What an item with ``append`` or ``override`` says about an earlier rule; None where it says nothing."""

    name: str
    context: Context
    source: str = ""
    condition: ConditionText | None = None
    output: ConditionText | None = None
    desc: str | None = None
    priority: str | None = None
    enabled: bool | None = None
    capture: bool | None = None
    capture_duration: int | None = None
    warn_evttypes: bool | None = None
    skip_if_unknown_filter: bool | None = None
    tags: set[str] | None = None
    exceptions: list[ExceptionItem] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        known = (self.condition, self.output, self.desc, self.priority, self.enabled, self.capture)
        more = (self.capture_duration, self.warn_evttypes, self.skip_if_unknown_filter, self.tags, self.exceptions)
        return all(value is None for value in (*known, *more))
