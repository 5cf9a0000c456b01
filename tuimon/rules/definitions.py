"""What the loader hands out: rules, macros and lists, resolved and checked. Frozen."""

from __future__ import annotations

from dataclasses import dataclass, field

from tuimon.rules.nodes import Condition
from tuimon.rules.source import ConditionText


@dataclass(frozen=True, slots=True)
class ListDef:
    """A list."""

    name: str
    items: tuple[str, ...]
    """With the lists inside it opened."""
    file: str
    line: int
    """From 1."""
    used: bool
    written: tuple[str, ...] = ()
    """Its items as they stand in the files."""
    lists: tuple[str, ...] = ()
    """Those of them that are lists."""


@dataclass(frozen=True, slots=True)
class MacroDef:
    """A macro."""

    name: str
    condition: Condition
    """Resolved."""
    condition_text: str
    """As written."""
    file: str
    line: int
    """From 1."""
    used: bool
    event_types: frozenset[str] | None
    """None: all."""
    written: Condition
    """Lists expanded, macros not opened; its spans are those of ``condition_text``."""
    lists: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    """Names in the text."""


@dataclass(frozen=True, slots=True)
class ExceptionDef:
    """An exception of a rule."""

    name: str
    fields: tuple[str, ...]
    operators: tuple[str, ...]
    condition: Condition | None
    """None when it has no values yet."""


@dataclass(frozen=True, slots=True)
class RuleDef:
    """A rule."""

    name: str
    condition: Condition
    """Resolved: macros and exceptions as Expanded, lists expanded."""
    condition_text: str
    """As written, without the exceptions."""
    output: str
    desc: str
    priority: str
    """In full and capitalised: Warning, Informational, ..."""
    tags: tuple[str, ...]
    """Sorted."""
    source: str
    enabled: bool
    capture: bool
    capture_duration: int
    warn_evttypes: bool
    skip_if_unknown_filter: bool
    file: str
    line: int
    """Of the item, from 1."""
    event_types: frozenset[str] | None
    """Names evt.type may have when it fires; None: any."""
    fields: tuple[str, ...]
    """Fields of the condition with their arguments, sorted."""
    output_fields: tuple[str, ...]
    """Tokens of the output, in the order of their first use."""
    written: Condition = field(repr=False)
    """Lists expanded, macros not opened; its spans are those of ``condition_text``."""
    source_text: ConditionText = field(repr=False)
    """``source_text.place(span.start, span.end)`` is the place in the file of a span of ``written``."""
    exceptions: tuple[ExceptionDef, ...] = ()
    lists: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    """Names in the text."""
