"""Palette: the styles of all roles, once for the whole application.

Textual gives a widget a style for each of its component classes whenever anything about its styles changes. With some
fifty roles that took most of the start-up time and a tenth of a second for every zoom while each painting widget had
them; here one widget, never shown, has them for all.
"""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.widget import Widget

from tuimon.view.cells import ROLES

CURSOR_STATES = ("cursor", "cursor-blurred", "cursor-cell")


class Palette(Widget):
    """Answers what a role looks like in the theme in force."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"cell--{name}" for name in (*ROLES, *CURSOR_STATES)}

    def __init__(self) -> None:
        super().__init__(id="palette")

    def style(self, name: str) -> Style:
        """Return what a role, or a cursor, adds to the style of whatever paints it."""
        return self.get_component_rich_style(f"cell--{name}", partial=True)
