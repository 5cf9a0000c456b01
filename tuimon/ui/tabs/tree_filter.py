"""The line of the tree's filter: text, or a condition about processes, with what can stand at its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tuimon.ui.widgets.completed_line import CompletedLine

if TYPE_CHECKING:
    from tuimon.view.completion import Completion
    from tuimon.view.session import Session


class TreeFilter(CompletedLine):
    """The line; up and down move in what is offered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Apply", id="tree.apply"),
        Binding("escape", "leave", "Back", id="tree.leave"),
        Binding("tab", "complete", "Complete", id="tree.complete"),
        Binding("up", "offered(-1)", "Offered before", show=False, id="tree.offered_before"),
        Binding("down", "offered(1)", "Offered next", show=False, id="tree.offered_next"),
    ]

    class Left(Message):
        """The line is left; what it filters by stays."""

    def __init__(self) -> None:
        placeholder = "text in pid, command, path or container; or proc.name = nginx and container.id != host"
        super().__init__(id="tree-filter", placeholder=placeholder, offered="tree-completion")

    def open(self, text: str, session: Session | None) -> None:
        """Begin with a text."""
        self.complete = None if session is None else lambda typed, cursor: _of_processes(session, typed, cursor)
        self.give(text)
        self.screen.set_focus(self)

    def action_leave(self) -> None:
        """Go back to the tree."""
        self.post_message(self.Left())

    def action_offered(self, step: int) -> None:
        """Move in what is offered."""
        self.offered.move(step)


def _of_processes(session: Session, text: str, cursor: int) -> Completion:
    """Return what can stand at a place of a condition about processes."""
    from tuimon.view.process_filter import offered

    return offered(session.complete(text, cursor))
