"""FilterBar: one line that says what is shown and lets it be changed: the steps of the breadcrumb, what they hide.

While it is edited it offers what can stand at the cursor: tab takes it, down and up choose. Enter applies the text as
it is typed, whatever is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from tuimon.errors import TuimonError
from tuimon.ui.messages import FilterChanged, FilterLeft
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.completed_line import CompletedLine
from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.view.cells import REST, Cell
from tuimon.view.filter_history import FilterHistory

if TYPE_CHECKING:
    from tuimon.view.completion import Completion

PROMPT: Final = 10
"""Columns before the text."""
_FIRST_CRUMB: Final = 2
"""Cell of the line that holds the root; the steps follow, each behind a separator."""
CHECK_S: Final = 0.15
"""Pause in typing before the filter is checked."""


class FilterInput(CompletedLine):
    """The text of the filter. Up and down walk over the filters used before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="filter.leave"),
        Binding("enter", "submit", "Apply", id="filter.apply"),
        Binding("up", "recall(-1)", "Earlier filter", id="filter.older"),
        Binding("down", "recall(1)", "Later filter", show=False, id="filter.newer"),
        Binding("tab", "complete", "Complete", id="filter.complete"),
    ]

    def __init__(self) -> None:
        placeholder = "evt.type = openat and fd.name startswith /etc, or plain text"
        super().__init__(id="filter-input", placeholder=placeholder, offered="filter-completion")
        self.history = FilterHistory()

    def action_leave(self) -> None:
        """Give the text up."""
        self.post_message(FilterLeft())

    def action_recall(self, step: int) -> None:
        """Walk over what is offered; from its top, and when nothing is, over the filters used before."""
        offered = self.offered
        if offered.is_open and (step > 0 or not offered.at_top):
            offered.move(step)
            return
        offered.close()
        self.give(self.history.older(self.value) if step < 0 else self.history.newer(self.value))


class FilterBar(Vertical):
    """The line, the input that takes its place while editing, and under it what is wrong."""

    def __init__(self) -> None:
        super().__init__(id="filter-bar")
        self.check: Callable[[str], object] = str
        """Compiles a filter, raises TuimonError when it is wrong; may be slow."""
        self._input = FilterInput()
        self._offered = self._input.offered
        self._line = CellLines(id="filter-line")
        self._error = CellLines(id="filter-error")
        self._text = ""
        self._timer_running = 0

    def compose(self) -> ComposeResult:
        """Lay out the line and the input."""
        yield self._line
        with Horizontal(id="filter-edit"):
            yield CellLines([(Cell(" /filter> ", "key"),)], id="filter-prompt")
            yield self._input
        yield self._error
        yield self._offered

    def complete_with(self, complete: Callable[[str, int], Completion]) -> None:
        """Offer what this says can stand at a place; it may take some milliseconds."""
        self._input.complete = complete

    @property
    def editing(self) -> bool:
        """Whether the input is open."""
        return self.has_class("-editing")

    def use_history(self, history: FilterHistory) -> None:
        """Recall from this history."""
        self._input.history = history

    def edit(self, text: str) -> None:
        """Open the input with a text."""
        self.add_class("-editing")
        self._input.give(text)
        self.screen.set_focus(self._input)
        self._tell("")

    def leave(self) -> None:
        """Close the input."""
        self.remove_class("-editing")
        self._offered.close()
        self._tell("")

    def describe(self, root: str, crumbs: Sequence[str], tail: str) -> None:
        """Say what is shown now.

        Args:
            root: What everything is called: the node.
            crumbs: The steps from there.
            tail: What they hide.
        """
        self.set_class(bool(crumbs), "-active")
        cells = [Cell(" /", "key"), Cell(" ", ""), Cell(root, "muted")]
        for number, crumb in enumerate(crumbs, 1):
            cells += [Cell(" > ", "muted"), Cell(crumb, "chosen" if number == len(crumbs) else "strong")]
        self._line.set_lines([*cells, Cell("", "", REST), Cell(f" {tail} ", "muted")])

    def crumb_at(self, cell: int) -> int | None:
        """Return how many steps the crumb at a cell of the line leaves; None: it is none, or the last."""
        steps, odd = divmod(cell - _FIRST_CRUMB, 2)
        all_steps = (len(self._line.lines[0]) - _FIRST_CRUMB - 3) // 2
        return steps if not odd and 0 <= steps < all_steps else None

    def _tell(self, problem: str, hint: str = "", column: int = 0) -> None:
        """Say what is wrong, under the column where it is (from 1; 0: nowhere in particular)."""
        self.set_class(bool(problem), "-wrong")
        self._input.below = 1 + bool(problem)
        self._input.move_list()
        at = PROMPT + column - 1 - round(self._input.scroll_x)
        words = len(problem) + len(hint) + 4
        if column and at >= PROMPT and at + words <= max(self.size.width, PROMPT + 40):
            place = " " * at + "^ "
        else:
            place = f" column {column}: " if column else "  "
        told = (Cell(place, "key"), Cell(problem, "bad"), *([Cell(f"  {hint}", "muted", REST)] if hint else ()))
        self._error.set_lines(told)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._timer_running += 1
        self.set_timer(CHECK_S, partial(self._check_later, self._timer_running))

    @on(CompletionList.Picked)
    def _picked(self) -> None:
        self._input.take()

    def _check_later(self, number: int) -> None:
        if number == self._timer_running and self.editing:
            self._check(self._input.value.strip())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Take the filter at once: keys typed behind enter belong to the list, not to the bar."""
        event.stop()
        self._timer_running += 1
        text = event.value.strip()
        problem = self._problem(text)
        self._tell(*problem)
        if not problem[0]:
            self.post_message(FilterChanged(text))

    @work(thread=True, exclusive=True, group="filter")
    def _check(self, text: str) -> None:
        self.call_later(self._checked, text, *self._problem(text))

    def _problem(self, text: str) -> tuple[str, str, int]:
        """Return what is wrong with a filter, what to do about it and at which column; empty when it is right."""
        try:
            if text:
                self.check(text)
        except TuimonError as error:
            return str(error), error.hint, getattr(error, "column", 0)
        return "", "", 0

    def _checked(self, text: str, problem: str, hint: str, column: int) -> None:
        if self.editing and text == self._input.value.strip():
            self._tell(problem, hint, column)
