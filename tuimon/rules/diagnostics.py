"""What loading rules can say: Falco's result codes, each at a place in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Location:
    """Where, from the outermost item inwards; line and column count from 1."""

    item_type: str
    """Falco's word: rule, rule condition, macro, list, exceptions, ..."""
    item_name: str
    line: int
    column: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning of a rule file."""

    code: str
    """Falco's name: LOAD_ERR_COMPILE_CONDITION, LOAD_UNUSED_MACRO, ..."""
    severity: Literal["error", "warning"]
    message: str
    """One sentence; names the nearest right name where there is one."""
    file: str
    line: int
    """From 1, in the file."""
    column: int
    """From 1, in the file."""
    end_line: int = 0
    end_column: int = 0
    """Half-open end of the marked text; 0 when only the start is known."""
    locations: tuple[Location, ...] = ()
    """Falco's context, outermost first."""
    snippet: str = ""
    """The line and, under it, a caret line."""
    hint: str = ""
    """What was expected, or the nearest known name; empty when there is none."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The text of a rule file and where it comes from."""

    path: str
    text: str
    origin: Literal["builtin", "system", "user"] = "user"
    """builtin: shipped in rules/; system: /etc/tuimon/rules.d; user: -r or the editor."""
