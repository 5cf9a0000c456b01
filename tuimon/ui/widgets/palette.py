"""Palette: the styles of all roles, once for the whole application.

Textual gives a widget a style for each of its component classes whenever anything about its styles changes. With some
fifty roles that took most of the start-up time and a tenth of a second for every zoom while each painting widget had
them; here one widget, never shown, has them for all.
"""

from __future__ import annotations

from typing import ClassVar, Final

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.widget import Widget

from tuimon.view.cells import ROLES

CURSOR_STATES = ("cursor", "cursor-blurred", "cursor-cell")

READABLE: Final = 4.5
WELL_READABLE: Final = 7.0
"""Contrasts that text needs under the cursor: the second where it has it beside the cursor, too (WCAG 2.2, AA, AAA)."""
_STEPS: Final = 10


class Palette(Widget):
    """Answers what a role looks like in the theme in force."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"cell--{name}" for name in (*ROLES, *CURSOR_STATES)}

    def __init__(self) -> None:
        super().__init__(id="palette")

    def style(self, name: str) -> Style:
        """Return what a role, or a cursor, adds to the style of whatever paints it."""
        return self.get_component_rich_style(f"cell--{name}", partial=True)

    def under_cursor(self, role: Style, ground: Style, plain: Style) -> Style:
        """Return a role's style on the cursor's ground, drawn to the cursor's text as far as reading takes.

        The terminal's own colours cannot be mixed, and nobody knows what they look like: there the cursor's text wins.

        Args:
            role: What the role adds.
            ground: The cursor's style.
            plain: The style beside the cursor.
        """
        style = ground + role
        colours = [style.color, ground.color, ground.bgcolor, plain.bgcolor]
        triplets = [colour.triplet for colour in colours if colour is not None]
        if len(triplets) < len(colours) or None in triplets:
            return style + Style(color=ground.color)
        colour, text, under, beside = (Color(*triplet) for triplet in triplets if triplet is not None)
        needed = WELL_READABLE if contrast(colour, beside) >= WELL_READABLE else READABLE
        mixed = (colour.blend(text, step / _STEPS) for step in range(_STEPS + 1))
        found = next((one for one in mixed if contrast(one, under) >= needed), text)
        return style + Style(color=RichColor.from_rgb(*found.rgb))


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
