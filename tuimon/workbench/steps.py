"""Fields of an event, with steps from their very value to any: what drafts of exceptions and rules are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from tuimon import fields
from tuimon.events import Event
from tuimon.rules.output import ABSENT, as_text
from tuimon.rules.printer import print_value

_FOLDERS: Final = 3
"""Steps from a path to the folders above it."""
_WORDS: Final = 3
"""Words of a command line that a wider step keeps, at most."""
_LINES: Final = ("proc.cmdline", "proc.pcmdline")


@dataclass(frozen=True, slots=True)
class Step:
    """One width of a field."""

    op: str
    value: str
    """Raw, as it is compared."""

    def __str__(self) -> str:
        return f"{self.op} {print_value(self.value)}"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a draft."""

    field: str
    steps: tuple[Step, ...]
    """The narrowest first."""
    at: int = 0
    """The step taken; ``len(steps)``: the field is left out."""

    @property
    def step(self) -> Step | None:
        """The step taken, None when the field is left out."""
        return self.steps[self.at] if self.at < len(self.steps) else None

    def __str__(self) -> str:
        return f"{self.field} {self.step}" if self.step is not None else f"any {self.field}"


def text_of(field: str, event: Event) -> str:
    """Return a field's value as it is compared; empty when there is none to compare with."""
    name, _, arg = field.partition("[")
    found = fields.resolve(name)
    if found is None or found[0].get is None or found[0].print_only or found[0].any_of or found[0].is_list:
        return ""
    value = found[0].get(event, arg.removesuffix("]") or found[1])
    if value is None or value is fields.UNKNOWN:
        return ""
    text = as_text(value, found[0].type)
    return "" if text == ABSENT else text


def steps_of(field: str, value: str) -> Iterator[Step]:
    """Yield the widths of a field, the narrowest first."""
    yield Step("=", value)
    if value.startswith("/") and field not in _LINES:
        folders = [str(folder) for folder in PurePosixPath(value).parents][: _FOLDERS + 1]
        yield from (Step("startswith", f"{folder.rstrip('/')}/") for folder in folders if folder.count("/") > 1)
        top = [folder for folder in folders if folder != "/"]
        if top and top[0].count("/") == 1:
            yield Step("startswith", f"{top[0]}/")
    elif field in _LINES:
        words = value.split(" ")
        for count in range(min(len(words) - 1, _WORDS), 1, -1):
            yield Step("startswith", " ".join(words[:count]))
    elif field == "container.image.repository" and "/" in value:
        yield Step("startswith", f"{value.rpartition('/')[0]}/")
