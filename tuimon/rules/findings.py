"""Errors and warnings as they come up while rules are loaded, each at its place."""

from __future__ import annotations

from typing import Final, Literal

from tuimon.errors import RuleError
from tuimon.rules.diagnostics import Diagnostic, Location
from tuimon.rules.items import Context
from tuimon.rules.source import Place

_PARTS: Final = {
    "rule condition": "condition expression",
    "macro condition": "condition expression",
    "rule output": "rule output expression",
    "exception": "exception value",
}
"""Falco's words for a place inside an item."""

Severity = Literal["error", "warning"]


class ItemError(RuleError):
    """An item that cannot be taken; ends the item, not the file.

    Args:
        code: Falco's name of the error.
        message: One sentence.
        context: The items around.
        place: What to point at; the context's own place when None.
        hint: The next step; may be empty.
    """

    def __init__(self, code: str, message: str, context: Context, place: Place | None = None, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.message = message
        self.context = context
        self.place = place or context.place


class Findings:
    """Collects diagnostics; the same one is kept once."""

    def __init__(self) -> None:
        self.failed = False
        """Whether there is an error."""
        self._found: dict[tuple[str, str, str, int, int], Diagnostic] = {}

    def error(self, error: ItemError) -> None:
        """Keep an error."""
        self.add("error", error.code, error.message, error.context, error.place, error.hint)

    def warn(self, code: str, message: str, context: Context, place: Place | None = None, hint: str = "") -> None:
        """Keep a warning."""
        self.add("warning", code, message, context, place or context.place, hint)

    def add(self, severity: Severity, code: str, message: str, context: Context, place: Place, hint: str) -> None:
        """Keep a diagnostic."""
        locations = context.locations
        if not locations or (locations[-1].line, locations[-1].column) != (place.line, place.column):
            innermost = locations[-1].item_type if locations else "rules content"
            kind = _PARTS.get(innermost, innermost)
            locations = (*locations, Location(kind, "", place.line, place.column, place.offset))
        self.failed = self.failed or severity == "error"
        key = (code, message, place.file, place.line, place.column)
        self._found.setdefault(
            key,
            Diagnostic(
                code=code,
                severity=severity,
                message=message,
                file=place.file,
                line=place.line,
                column=place.column,
                end_line=place.end_line,
                end_column=place.end_column,
                locations=locations,
                snippet=place.snippet,
                hint=hint,
            ),
        )

    @property
    def are_many(self) -> bool:
        """Whether so much was found that looking for the nearest right name is no longer worth its time."""
        return len(self._found) > 200

    def all(self) -> tuple[Diagnostic, ...]:
        """Return everything found, in the order it came up."""
        return tuple(self._found.values())
