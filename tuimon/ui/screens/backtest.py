"""Two revisions of the rules over a recording: which are compared is chosen, what differs is listed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.errors import TuimonError
from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.screens.drafting import HALVES
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.trial_lines import backtest_lines
from tuimon.workbench.outside import Outside, write_rules

if TYPE_CHECKING:
    from tuimon.rules.diagnostics import RuleFile
    from tuimon.ui.app import TuimonApp

Rules = tuple[str, "Sequence[RuleFile]"]
"""What a rule set is called, and its files."""


class BacktestScreen(Dialog[None]):
    """The dialog.

    Args:
        recordings: To choose from.
        rules: To choose from; the first two are compared to begin with, the second against the first.
        options: How the engine judges, as options of ``tuimon rules backtest``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="esc", id="backtest.leave"),
        Binding("right", "turn(1)", "Next", key_display="right", tooltip="Choose the next", id="backtest.next"),
        Binding("left", "turn(-1)", "Last", key_display="left", tooltip="Choose the one before", id="backtest.last"),
        Binding("o", "other_file", "Other recording", tooltip="Name another recording", id="backtest.file"),
        Binding("tab,shift+tab", "other", "Other half", show=False, id="backtest.other"),
    ]
    app: TuimonApp

    def __init__(self, recordings: Sequence[Path], rules: Sequence[Rules], options: Sequence[str] = ()) -> None:
        super().__init__()
        self._recordings = list(recordings)
        self._rules = rules
        self._options = options
        self._chosen = [0, 0, min(1, len(rules) - 1)]
        self._upper = LineList(id="two-upper")
        self._lower = LineList(id="two-lower", empty="enter replays the recording through both")
        self._state = CellLines([HALVES], classes="head")
        self._replaying = self._left = False
        self._outside: Outside | None = None
        """What runs, once its thread has begun."""
        self.answer: dict[str, Any] | None = None
        """What was found, None before."""

    def compose(self) -> ComposeResult:
        """Lay out the choices over what differs."""
        with Pane(id="two-pane", title=""):
            yield self._upper
            yield self._state
            yield self._lower
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the choices."""
        self.query_one(Pane).set_title("Backtest", "right left choose  o other file  enter runs")
        self._upper.styles.height = 3
        self._upper.focus()
        if self.app.ascii_only:
            for each in (self._upper, self._lower):
                use_ascii_scrollbars(each)
        self.call_after_refresh(self._show_choices)

    def _show_choices(self) -> None:
        from tuimon.view.detail_lines import FixedLines

        recording, before, after = self._chosen
        path = self._recordings[recording]
        words = (
            ("recording", f"{path.name}  {path.parent}", len(self._recordings)),
            ("before", self._rules[before][0], len(self._rules)),
            ("after", self._rules[after][0], len(self._rules)),
        )
        lines: list[Line] = [
            (Cell(f" {name}", "muted", 12), Cell("< " if many > 1 else "  ", "key"), Cell(what, "strong"))
            + ((Cell(" >", "key"), Cell("", "", REST)) if many > 1 else (Cell("", "", REST),))
            for name, what, many in words
        ]
        cursor = self._upper.cursor
        self._upper.show(FixedLines(lines))
        if cursor:
            self._upper.put_cursor(cursor)

    def action_turn(self, step: int) -> None:
        """Choose another for the row under the cursor."""
        at = self._upper.cursor or 0
        many = len(self._recordings) if at == 0 else len(self._rules)
        self._chosen[at] = (self._chosen[at] + step) % many
        self._show_choices()

    def action_other_file(self) -> None:
        """Ask for a recording."""
        from tuimon.ui.screens.ask import Ask

        self.app.push_screen(Ask("Which recording?", "a file that tuimon wrote", check=_check), self._named)

    def _named(self, name: str | None) -> None:
        if name is not None:
            self._recordings.append(Path(name.strip()).expanduser())
            self._chosen[0] = len(self._recordings) - 1
            self._show_choices()

    @on(LineList.Opened, "#two-upper")
    def _run(self, message: LineList.Opened) -> None:
        """Replay."""
        message.stop()
        if not self._replaying:
            self._replaying = True
            self._say(" replaying...", "attention")
            self._replay(*self._chosen)

    @work(thread=True)
    def _replay(self, recording: int, before: int, after: int) -> None:
        later = self.app.call_later
        with tempfile.TemporaryDirectory(prefix="tuimon-") as folder:
            try:
                sides = [write_rules(self._rules[at][1], Path(folder, str(n))) for n, at in enumerate((before, after))]
                arguments = ["--rules", *sides[0], "--against", *sides[1], "--json", "--progress", *self._options]
                path = str(self._recordings[recording])
                self._outside = Outside(
                    ["backtest", *arguments, "--", path],
                    self._replayed,
                )
                if self._left:  # before there was anything to end
                    self._outside.cancel()
                answer = self._outside.run()
            except (TuimonError, OSError) as error:
                hint = f"; {error.hint}" if isinstance(error, TuimonError) and error.hint else ""
                later(self._failed, f"{error}{hint}")
                return
            finally:
                self._outside, self._replaying = None, False
        later(self._done, answer)

    def _replayed(self, share: float) -> None:
        self.app.call_later(self._say, f" replaying {share:.0%}", "attention")

    def _failed(self, text: str) -> None:
        if self.is_attached:
            self._say(f" {text}", "bad")

    def _done(self, answer: dict[str, Any]) -> None:
        from tuimon.view.detail_lines import FixedLines

        if self.is_attached:
            self.answer = answer
            self._say(" compared; tab goes to the list", "good")
            self._lower.show(FixedLines(backtest_lines(answer)))

    def _say(self, text: str, role: str) -> None:
        if self.is_attached:
            self._state.set_lines((Cell(text, role, REST),))

    def action_other(self) -> None:
        """Go to the other half."""
        self.set_focus(self._lower if self.focused is self._upper else self._upper)

    def action_leave(self) -> None:
        """Close, and end what runs."""
        self._left = True
        if (outside := self._outside) is not None:
            outside.cancel()
        self.dismiss(None)


def _check(name: str) -> None:
    """Refuse what is no recording, before it is replayed.

    Raises:
        TuimonError: It is not there, or is none.
    """
    from tuimon.capture.recording import RecordingSource

    source = RecordingSource(Path(name.strip()).expanduser())
    try:
        source.start()
    finally:
        source.close()
