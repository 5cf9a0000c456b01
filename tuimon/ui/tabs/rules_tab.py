"""The Rules tab: the rule files at the left, the editor at the right; what is saved is in force at once."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tuimon.errors import TuimonError
from tuimon.ui.messages import EditorEdited
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.choice import Choice
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.rule_editor import MAX_LINES, RuleEditor
from tuimon.view.cells import REST, Cell, Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuimon.rules.diagnostics import Diagnostic, RuleFile
    from tuimon.view.rule_book import OpenFile
    from tuimon.view.rule_lines import RuleLines
    from tuimon.view.session import Outcome, Session
    from tuimon.workbench.desk import Desk
    from tuimon.workbench.desk import Engine as DeskEngine

CHECK_S: Final = 0.2
"""Pause in typing before the rules are checked."""
_SHOWN: Final = 3
"""Errors listed under the editor."""


class RulesTab(Tab):
    """Everything of the Rules tab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "apply", "Apply", tooltip="Check, put in force and save", id="rules.apply"),
        Binding("ctrl+r", "revert", "Revert", tooltip="Back to the text on disk", id="rules.revert"),
        Binding(
            "ctrl+o", "copy", "Copy to own", tooltip="Copy a rule into your own file, to change it", id="rules.copy"
        ),
    ]

    def __init__(self) -> None:
        super().__init__("rules")
        self._list = LineList(id="rule-list", empty="no rule files")
        self._editor = RuleEditor()
        self._messages = CellLines(id="rule-messages")
        self._lines: RuleLines | None = None
        self._file: OpenFile | None = None
        self._check_number = 0
        self._desk: Desk | None = None

    def compose(self) -> ComposeResult:
        """Lay out list and editor."""
        with Pane(id="rules-pane", title="Rule files"):
            yield self._list
        with Pane(id="editor-pane", title="Rule editor"):
            yield self._editor
            yield self._messages

    @property
    def first_focus(self) -> Widget:
        """What gets the focus when the tab is shown."""
        return self._list

    def take_up(self, session: Session) -> None:
        """Take up an engine's rules."""
        from tuimon.view.rule_lines import RuleLines

        self._desk = None
        self._lines = RuleLines(session.book)
        self._list.show(self._lines)

    def shown(self) -> None:
        """Open the user's own file, or the first, when the tab is shown for the first time."""
        session = self.session
        if session is None or self._file is not None or not session.book.files:
            return
        own = [file for file in session.book.files if not file.read_only]
        self._open((own or session.book.files)[-1 if own else 0], 1)

    def open_rule(self, name: str) -> bool:
        """Open a rule in the editor; return whether there is such a rule."""
        found = self.session.book.locate(name) if self.session is not None else None
        if found is None:
            return False
        file, item = found
        self._open(file, item.line)
        self.screen.set_focus(self._editor)
        return True

    def _open(self, file: OpenFile, line: int) -> None:
        """Show a file, or of a long one the item at a line."""
        from tuimon.view.rule_book import item_at

        self._file = file
        text = file.buffer
        item = item_at(text, line) if text.count("\n") >= MAX_LINES else None
        lines = (item.line, item.end_line) if item is not None else None
        self._editor.load(text, lines, read_only=file.read_only)
        self._editor.go_to(line)
        self._renew_list()
        if self._lines is not None and (seq := self._lines.position(file.path, line)) is not None:
            self._list.put_cursor(seq)
        self._show_title()

    def _renew_list(self) -> None:
        """Show which items the buffers hold now, and which files are unsaved."""
        if self._lines is not None:
            self._lines.refresh()
            self._list.redraw()
            self._list.sync(changed=True)

    def _show_title(self) -> None:
        file = self._file
        if file is None:
            return
        state = "read only: ctrl+o copies the rule under the cursor" if file.read_only else ""
        state = "unsaved" if file.dirty else state
        name = PurePath(file.path).name if file.read_only else file.path
        keys = "ctrl+s apply  ctrl+r revert  f4 zoom  esc leave"
        self.query_one("#editor-pane", Pane).set_title(f"{name}  {state}".rstrip(), keys)

    # Typing.

    @on(LineList.Opened, "#rule-list")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        row = self._lines.row(event.seq) if self._lines is not None else None
        if row is not None:
            self._open(row.file, row.item.line if row.item is not None else 1)
            self.screen.set_focus(self._editor)

    @on(EditorEdited)
    def _edited(self, event: EditorEdited) -> None:
        event.stop()
        if self._file is None or self.session is None:
            return
        if not self._file.read_only:
            self._file.buffer = self._editor.whole_text
        self._show_title()
        self._check_number += 1
        if self._desk is not None:
            self._desk.cancel()
        self.set_timer(CHECK_S, partial(self._check_later, self._check_number))

    def _check_later(self, number: int) -> None:
        if number != self._check_number or self.session is None:
            return
        self._renew_list()
        self._check(number)

    @work(thread=True, exclusive=True, group="check")
    def _check(self, number: int) -> None:
        assert self.session is not None
        found = self.session.engine.check_rules(self.session.book.as_loaded())
        self.call_later(self._checked, number, found)

    def _checked(self, number: int, found: Sequence[Diagnostic]) -> None:
        if number == self._check_number:
            self._mark(found)
            self._say(found)
            book = self.session.book if self.session is not None else None
            if book is not None and book.dirty() and all(d.severity != "error" for d in found):
                self._preview(number, found, book.as_loaded())

    @work(thread=True, exclusive=True, group="preview")
    def _preview(self, number: int, found: Sequence[Diagnostic], files: Sequence[RuleFile]) -> None:
        """Work out what the edited rules would have caught; the next key ends it."""
        from tuimon.view.preview_lines import preview_lines

        desk = self._workbench()
        if desk is None or number != self._check_number:
            return
        try:
            seen = desk.preview(files)
        except TuimonError as error:
            self.call_later(self._previewed, number, found, [(Cell(f" no preview: {error}", "attention", REST),)])
            return
        self.call_later(self._previewed, number, found, preview_lines(seen))

    def _previewed(self, number: int, found: Sequence[Diagnostic], lines: Sequence[Line]) -> None:
        if number == self._check_number:
            self._say(found, tail=lines)

    def _workbench(self) -> Desk | None:
        """Return the engine's workbench, made at the first question; None while no rules are in force."""
        from tuimon.workbench.desk import Desk

        session = self.session
        if self._desk is None and session is not None and getattr(session.engine, "ruleset", None) is not None:
            self._desk = Desk(cast("DeskEngine", session.engine))
        return self._desk

    def _mark(self, found: Sequence[Diagnostic]) -> None:
        path = self._file.path if self._file is not None else ""
        self._editor.mark([d for d in found if d.file == path])

    def _say(
        self, found: Sequence[Diagnostic], head: tuple[str, str] | None = None, *, tail: Sequence[Line] = ()
    ) -> None:
        """List what is wrong, this file's errors first.

        ``head`` is what happened (text and role), ``tail`` the preview.
        """
        path = self._file.path if self._file is not None else ""
        ordered = sorted(found, key=lambda d: (d.severity != "error", d.file != path, d.line, d.column))
        lines: list[Line] = [(Cell(f" {head[0]}", head[1], REST),)] if head is not None else []
        for d in ordered[: _SHOWN - len(lines) + 1]:
            where = f" {'' if d.file == path else PurePath(d.file).name + ':'}{d.line}:{d.column} "
            role = "bad" if d.severity == "error" else "attention"
            hint = f"  {d.hint}" if d.hint else ""
            lines.append((Cell(where, "key"), Cell(f"{d.severity}: ", role), Cell(d.message + hint, "", REST)))
        if len(ordered) > _SHOWN:
            lines.append((Cell(f" and {len(ordered) - _SHOWN} more", "muted", REST),))
        if not lines:
            read_only = self._file is not None and self._file.read_only
            what = "ctrl+o copies a rule into your own file" if read_only else "ctrl+s puts it in force"
            lines.append((Cell(f" no errors; {what}", "good", REST),))
        self._messages.set_lines(*lines[: _SHOWN - len(tail)] if tail else lines, *tail)

    # Commands.

    def action_apply(self) -> None:
        """Check, put in force between two batches, and save; a set with an error changes nothing."""
        file = self._file
        if file is None or self.session is None:
            return
        if file.read_only:
            self.action_copy()
        elif file.on_disk is not None:
            self.app.push_screen(
                Choice(
                    [f"{PurePath(file.path).name} was changed by another editor while you typed."],
                    [("o", "put my text in force and overwrite the other"), ("d", "take the text on disk, drop mine")],
                ),
                self._conflict_answered,
            )
        else:
            self._apply(file)

    def _conflict_answered(self, answer: str | None) -> None:
        file, session = self._file, self.session
        if file is None or session is None or answer is None:
            return
        if answer == "o":
            session.book.keep_buffer(file)
            self._apply(file)
        else:
            session.book.take_disk(file)
            self._open(file, self._editor.file_line)
            self._apply(file)

    @work(thread=True, exclusive=True, group="apply")
    def _apply(self, file: OpenFile) -> None:
        assert self.session is not None
        book = self.session.book
        others = [other.path for other in book.dirty() if other is not file]
        outcome = self.session.engine.apply_rules(book.as_loaded(saved_only=others))
        problem: TuimonError | None = None
        if outcome.accepted and file.dirty:
            try:
                book.save(file)
            except TuimonError as error:
                problem = error
        self.call_later(self._applied, outcome, problem)

    def _applied(self, outcome: Outcome, problem: TuimonError | None) -> None:
        self._check_number += 1
        self._mark(outcome.diagnostics)
        if not outcome.accepted:
            head = (f"refused: revision {outcome.revision} stays in force, nothing was written", "bad")
        elif problem is not None:
            head = (f"revision {outcome.revision} is in force, but not saved: {problem}", "attention")
        else:
            head = (f"saved; revision {outcome.revision} is in force", "good")
        self._say(outcome.diagnostics, head)
        self._show_title()
        self._renew_list()

    def action_revert(self) -> None:
        """Go back to the text on disk; ctrl+z takes even that back."""
        file = self._file
        if file is None or not file.dirty:
            return
        line = self._editor.file_line
        if file.saved.count("\n") < MAX_LINES:
            self._editor.replace_text(file.saved)
        else:
            file.buffer = file.saved
            self._open(file, line)
        self._editor.go_to(line)

    def action_copy(self) -> None:
        """Copy the item under the cursor into the user's own file and go there."""
        from tuimon.view.rule_book import item_at

        file, session = self._file, self.session
        if file is None or session is None:
            return
        item = item_at(file.buffer, self._editor.file_line)
        own = session.book.own_file()
        if item is None or own is file:
            self._say((), ("put the cursor on a rule of another file to copy it into your own", "attention"))
            return
        question = [
            f"Copy {item.kind} {item.name} into {own.path}?",
            "It replaces the original when you apply it (ctrl+s); until then nothing changes.",
        ]
        self.app.push_screen(Choice(question, [("y", "copy it and go there")]), self._copy_answered)

    def _copy_answered(self, answer: str | None) -> None:
        from tuimon.view.rule_book import item_at

        file, session = self._file, self.session
        item = item_at(file.buffer, self._editor.file_line) if file is not None else None
        if answer != "y" or file is None or session is None or item is None:
            return
        own, line = session.book.copy_to_own(file, item)
        self._open(own, line)
        self.screen.set_focus(self._editor)

    # The disk.

    def poll_files(self) -> None:
        """Take up what another editor wrote."""
        session = self.session
        if session is None:
            return
        changed = session.book.poll()
        for file in changed:
            if file.on_disk is not None:
                head = (
                    f"{PurePath(file.path).name} was changed by another editor: ctrl+s lets you choose",
                    "attention",
                )
                self._say((), head)
                continue
            if file is self._file:
                self._open(file, self._editor.file_line)
        if any(file.on_disk is None for file in changed):
            self._reload(next(file for file in changed if file.on_disk is None))

    @work(thread=True, exclusive=True, group="apply")
    def _reload(self, file: OpenFile) -> None:
        assert self.session is not None
        book = self.session.book
        unsaved = [other.path for other in book.dirty()]
        outcome = self.session.engine.apply_rules(book.as_loaded(saved_only=unsaved))
        self.call_later(self._reloaded, file, outcome)

    def _reloaded(self, file: OpenFile, outcome: Outcome) -> None:
        name = PurePath(file.path).name
        self._check_number += 1
        self._mark(outcome.diagnostics)
        if outcome.accepted:
            self._say(outcome.diagnostics, (f"{name} changed on disk; revision {outcome.revision} is in force", "good"))
        else:
            text = f"{name} changed on disk and was refused: revision {outcome.revision} stays in force"
            self._say(outcome.diagnostics, (text, "bad"))
            first = next(d for d in outcome.diagnostics if d.severity == "error")
            self.app.notify(f"{text}. {first}", severity="error", markup=False)
        self._renew_list()
