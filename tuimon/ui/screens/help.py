"""The keys, read from the bindings in force: what the help says is what the keys do."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.dom import DOMNode

from tuimon.ui.screens.details import Details
from tuimon.view.cells import REST, Cell, Line

_SYMBOLS = {"slash": "/", "question_mark": "?", "less_than_sign": "<", "greater_than_sign": ">", "colon": ":"}

_MOUSE = (
    "The mouse: click chooses, a double click opens, the wheel scrolls; tabs and chips can be clicked.",
    "To select text with the terminal hold shift (in most terminals) while dragging.",
)


class Help(Details):
    """The dialog of all keys.

    Args:
        owners: Name and object of whatever has bindings, in the order to show them.
    """

    def __init__(self, owners: Sequence[tuple[str, type[DOMNode]]]) -> None:
        super().__init__("Keys")
        self._owners = owners

    def lines(self, width: int) -> Sequence[Line]:  # noqa: ARG002
        """Return one line for each key."""
        out: list[Line] = []
        for title, owner in self._owners:
            out += [(Cell(f" {title}", "title", REST),)]
            out += [(Cell(f"   {keys}", "key", 24), Cell(what, "", REST)) for keys, what in key_lines(owner)]
            out.append(())
        out += [(Cell(f" {text}", "muted", REST),) for text in _MOUSE]
        return out


def key_lines(owner: type[DOMNode]) -> list[tuple[str, str]]:
    """Return the keys and meanings of a class's own bindings."""
    out: dict[str, list[str]] = {}
    for entry in owner.__dict__.get("BINDINGS", ()):
        if isinstance(entry, Binding) and entry.description:
            shown = [_SYMBOLS.get(key.strip(), key.strip()) for key in entry.key.split(",")]
            out.setdefault(entry.tooltip or entry.description, []).extend(shown)
    return [(", ".join(keys), what) for what, keys in out.items()]
