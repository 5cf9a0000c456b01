"""The noise ranking: which rule, container and program most alerts come from. Enter mutes, x drafts an exception."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import Line
from tuimon.view.noise import Noise, Part
from tuimon.view.noise_lines import loudest_text, noise_header, noise_line, noise_parts


class NoiseLines:
    """The parts as a list's source."""

    first = 0

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    @property
    def end(self) -> int:
        """One past the last part."""
        return len(self._parts)

    def line(self, seq: int, width: int) -> Line:
        """Return one part."""
        return noise_line(self._parts[seq], width)


class NoiseScreen(Dialog[tuple[str, Part] | None]):
    """The dialog; its answer is what is to be done with which part: "mute", "edit" or "exception".

    Args:
        noise: What was counted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,backspace", "leave", "Back", key_display="esc", id="noise.leave"),
        Binding("m", "answer('mute')", "Mute", id="noise.mute"),
        Binding("x", "answer('exception')", "Exception", tooltip="Draft an exception for it", id="noise.exception"),
        Binding("e", "answer('edit')", "Edit rule", id="noise.edit"),
    ]

    def __init__(self, noise: Noise) -> None:
        super().__init__()
        self._parts = noise_parts(noise)
        self._title = loudest_text(noise.loudest) or f"{noise.total:,} alerts from {noise.parts:,} sources"
        self._pane = Pane(id="details-pane", title="")
        self.list = LineList(id="noise-list", empty="no alerts so far")

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        with self._pane:
            yield CellLines([noise_header()], classes="head")
            yield self.list
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the parts."""
        self._pane.set_title(f"Noise  {self._title}", "m mute  x exception  e rule")
        self.list.show(NoiseLines(self._parts))
        self.list.focus()
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self.list)
        self.call_after_refresh(self.list.put_cursor, 0)

    def action_answer(self, what: str) -> None:
        """Do something with the part under the cursor."""
        if self.list.cursor is not None and self._parts:
            self.dismiss((what, self._parts[self.list.cursor]))

    @on(LineList.Opened)
    def _opened(self) -> None:
        self.action_answer("mute")

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
