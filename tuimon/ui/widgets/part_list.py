"""PartList: the fields of an exception or a rule being made, each widened, narrowed or left out with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.message import Message

from tuimon.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from tuimon.workbench.steps import Part

How = Literal["widen", "narrow", "leave_out"]


class PartList(LineList):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,plus,equals_sign",
            "turn('widen')",
            "Wider",
            key_display="right",
            tooltip="Let the field have more values",
            id="parts.widen",
        ),
        Binding(
            "left,minus",
            "turn('narrow')",
            "Narrower",
            key_display="left",
            tooltip="Let the field have fewer values",
            id="parts.narrow",
        ),
        Binding(
            "space,delete",
            "turn('leave_out')",
            "Any value",
            key_display="space",
            tooltip="Let the field have any value, or take it back in",
            id="parts.leave_out",
        ),
        Binding("enter", "open", "Write it", id="parts.write"),
    ]

    class Turned(Message):
        """A field is to be changed."""

        def __init__(self, field: str, how: How) -> None:
            super().__init__()
            self.field = field
            self.how = how

    def __init__(self) -> None:
        super().__init__(id="part-list", empty="nothing can be chosen here")
        self.parts: tuple[Part, ...] = ()

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        """Show these fields, the cursor where it was."""
        from tuimon.view.draft_lines import PartLines

        cursor = self.cursor
        self.parts = parts
        self.show(PartLines(parts))
        if cursor is not None:
            self.put_cursor(cursor)

    def action_turn(self, how: How) -> None:
        """Ask for a change of the field under the cursor."""
        if self.cursor is None or not self.parts:
            return
        part = self.parts[self.cursor]
        if how == "leave_out" and part.step is None:
            how = "narrow"
        self.post_message(self.Turned(part.field, how))
