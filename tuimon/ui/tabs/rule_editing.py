"""What the Rules tab is made of: the list of rule files, the editor, and what is said of the text while it is typed."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.app import ComposeResult
from textual.widget import Widget

from tuimon.errors import TuimonError
from tuimon.ui.messages import EditorEdited
from tuimon.ui.panes.pane import Pane
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.rule_editor import MAX_LINES, RuleEditor
from tuimon.view.cells import REST, Cell, Line, fitting
from tuimon.view.rule_messages import SHOWN, Head, message_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuimon.rules.diagnostics import Diagnostic
    from tuimon.rules.loader import LoadResult
    from tuimon.view.rule_book import OpenFile
    from tuimon.view.rule_lines import RuleLines, RuleRow
    from tuimon.view.session import Session
    from tuimon.workbench.desk import Desk
    from tuimon.workbench.preview import Preview

CHECK_S: Final = 0.2
"""Pause in typing before the rules are checked."""
_KEEP_S: Final = 0.3
"""What is typed is on disk, in the journal, after at most this long."""
_WORD_HINTS: Final = tuple(
    Cell(text, "muted")
    for text in (" ctrl+space complete", "  f2 rename", "  f8 next problem", "  f9 lay out", "  f12 definition")
)
"""Those that there is room for are shown."""
_AGAIN_S: Final = 1.0
"""A preview of an empty history is made again after so many seconds."""
_BARRED: Final = ("no preview with an error in the way", "attention")
_WAITED_FOR: Final = ("the preview is being worked out", "attention")
"""Why there is no preview."""
_TITLE_KEYS: Final = "ctrl+s apply  f5 diff  ctrl+r revisions  f3 preview  f4 zoom  esc leave"


class RuleEditing(Tab):
    """List, editor, messages; the commands are RulesTab's."""

    def __init__(self) -> None:
        super().__init__("rules")
        self._list = LineList(id="rule-list", empty="no rule files")
        self._editor = RuleEditor()
        self._meaning = CellLines(id="rule-meaning")
        self._explained: Line = ()
        self._messages = CellLines(id="rule-messages")
        self._lines: RuleLines | None = None
        self._file: OpenFile | None = None
        self._check_number = 0
        self._keeping = False
        self._told: Head | None = None
        self._in_the_way: Sequence[Diagnostic] = ()
        """What keeps the text from being previewed; empty while that is not known."""
        self.seen: Preview | None = None
        """The preview of the text as it is; None while it is worked out, or when there is none."""

    def compose(self) -> ComposeResult:
        """Lay out list and editor."""
        with Pane(id="rules-pane", title="Rule files"):
            yield self._list
        with Pane(id="editor-pane", title="Rule editor"):
            yield self._editor
            yield self._meaning
            yield self._messages

    @property
    def first_focus(self) -> Widget:
        """What gets the focus when the tab is shown."""
        return self._list

    @property
    def file(self) -> OpenFile | None:
        """The file in the editor."""
        return self._file

    def take_up(self, session: Session) -> None:
        """Take up an engine's rules."""
        from tuimon.view.rule_lines import RuleLines

        self._lines = RuleLines(session.book)
        self._list.show(self._lines)

    def shown(self) -> None:
        """Open the user's own file, or the first, when the tab is shown for the first time."""
        self.explain(self._explained)  # now it is known how wide it is
        session = self.session
        if session is None or self._file is not None or not session.book.files:
            return
        own = [file for file in session.book.files if not file.read_only]
        self.open_file((own or session.book.files)[-1 if own else 0], 1)
        self.call_after_refresh(self._show_items)

    def _show_items(self) -> None:
        """Bring what the file in the editor holds into view, as far as there is room."""
        at = self._list.cursor
        if self._lines is None or self._file is None or at is None:
            return
        if (last := self._lines.position(self._file.path, self._file.buffer.count("\n") + 1)) is not None:
            self._list.put_cursor(last)
            self._list.put_cursor(at)

    def open_rule(self, name: str) -> bool:
        """Open a rule in the editor; return whether there is such a rule."""
        found = self.session.book.locate(name) if self.session is not None else None
        if found is None:
            return False
        file, item = found
        self.open_file(file, item.line)
        self.focus_editor()
        return True

    def open_file(self, file: OpenFile, line: int) -> None:
        """Show a file, or of a long one the item at a line."""
        from tuimon.view.rule_book import item_at

        self._file = file
        text = file.buffer
        item = item_at(text, line) if text.count("\n") >= MAX_LINES else None
        lines = (item.line, item.end_line) if item is not None else None
        self._editor.load(text, lines, read_only=file.read_only)
        self._editor.go_to(line)
        self.renew_list()
        if self._lines is not None and (seq := self._lines.position(file.path, line)) is not None:
            self._list.put_cursor(seq)
        self._show_title()

    def focus_editor(self) -> None:
        """Go into the editor."""
        self.screen.set_focus(self._editor)

    def reopen(self) -> None:
        """Show the file in the editor as its buffer is now, or the own file when it was closed."""
        file, session = self._file, self.session
        if file is None or session is None:
            return
        if session.book.find(file.path) is None:
            self._file = None
            self.shown()
        elif file.buffer != self._editor.whole_text:
            self.open_file(file, self._editor.file_line)
        else:
            self.renew_list()
            self._show_title()

    def renew_list(self) -> None:
        """Show which items the buffers hold now, and which files are unsaved."""
        if self._lines is not None:
            self._lines.refresh()
            self._list.redraw()
            self._list.sync(changed=True)

    def _show_title(self) -> None:
        file = self._file
        if file is None:
            return
        state = "read only: ctrl+o puts what is to differ into your own file" if file.read_only else ""
        state = "unsaved" if file.dirty else state
        name = PurePath(file.path).name if file.read_only else file.path
        self.query_one("#editor-pane", Pane).set_title(f"{name}  {state}".rstrip(), _TITLE_KEYS)

    # Typing.

    @on(LineList.Opened, "#rule-list")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        row = self._lines.row(event.seq) if self._lines is not None else None
        if row is not None and row.folded:
            self._toggle(row)
        elif row is not None:
            self.open_file(row.file, row.item.line if row.item is not None else 1)
            self.focus_editor()

    def _toggle(self, row: RuleRow) -> None:
        """Show lists and macros one by one, or folded again."""
        assert self._lines is not None
        at = self._lines.toggle(row)
        self._list.redraw()
        self._list.sync(changed=True)
        self._list.put_cursor(at)

    @on(EditorEdited)
    def _edited(self, event: EditorEdited) -> None:
        event.stop()
        if self._file is None or self.session is None:
            return
        if not self._file.read_only and (text := self._editor.whole_text) != self._file.buffer:
            self._file.buffer = text
            self._told = None
        self._show_title()
        self.check_soon()
        self._keep_soon()

    def _keep_soon(self) -> None:
        """Write what is typed into the journal a moment later, once for all keys of that moment."""
        if not self._keeping:
            self._keeping = True
            self.set_timer(_KEEP_S, self.keep)

    def keep(self) -> None:
        """Write what is unsaved into the journal."""
        self._keeping = False
        session = self.session
        if session is not None:
            journal = session.journal
            self.run_worker(partial(journal.keep, session.book.unsaved(), journal.turn()), thread=True)
            if journal.problem:
                self.tell(journal.problem, "attention")

    def check_soon(self) -> None:
        """Check the rules when nothing more is typed for a moment."""
        self._check_number += 1
        self.seen, self._in_the_way = None, ()
        self.app.bench.cancel()
        self.set_timer(CHECK_S, partial(self._check_later, self._check_number))

    def _check_later(self, number: int) -> None:
        if number != self._check_number or self.session is None:
            return
        self.renew_list()
        self._look(number)

    @work(thread=True, exclusive=True, group="check")
    def _look(self, number: int) -> None:
        """Check what is typed, then work out what it would have caught; the next key ends it."""
        session, desk = self.session, self.app.bench.desk
        if session is None or number != self._check_number:
            return
        files = session.book.as_loaded()
        loaded = desk.check(files, still_wanted=partial(self._is_newest, number)) if desk is not None else None
        if desk is not None and loaded is None:
            return
        found = loaded.diagnostics if loaded is not None else session.engine.check_rules(files)
        self.call_later(self._checked, number, found)
        if desk is not None and loaded is not None and loaded.ok and session.book.dirty():
            self._preview(number, loaded, desk)

    def _is_newest(self, number: int) -> bool:
        """Return whether nothing was typed since; any thread."""
        return number == self._check_number

    def _checked(self, number: int, found: Sequence[Diagnostic]) -> None:
        if number == self._check_number:
            self._in_the_way = [each for each in found if each.severity == "error"]
            self.mark(found)
            self.say(found, _BARRED if self._in_the_way and self._told == _WAITED_FOR else self._told)

    def _preview(self, number: int, loaded: LoadResult, desk: Desk) -> None:
        """Work out what the edited rules would have caught; the next key ends it."""
        from tuimon.view.preview_lines import preview_lines

        if number != self._check_number:
            return
        found = loaded.diagnostics
        try:
            seen = desk.preview(loaded, still_wanted=partial(self._is_newest, number))
        except TuimonError as error:
            lines: list[Line] = [(Cell(f" no preview: {error}", "attention", REST),)]
            self.call_later(self._previewed, number, found, lines, None)
            return
        self.call_later(self._previewed, number, found, preview_lines(seen), seen)

    def _previewed(self, number: int, found: Sequence[Diagnostic], lines: Sequence[Line], seen: Preview | None) -> None:
        if number == self._check_number:
            self.seen = seen
            self.say(found, self._told, tail=lines)
            if seen is not None and not seen.events:  # typed right after the start: there will be events to look at
                self.set_timer(_AGAIN_S, partial(self._check_later, number))

    # What is said.

    def mark(self, found: Sequence[Diagnostic]) -> None:
        """Underline what is wrong in the editor's file."""
        path = self._file.path if self._file is not None else ""
        self._editor.mark([d for d in found if d.file == path])

    def say(self, found: Sequence[Diagnostic], head: Head | None = None, *, tail: Sequence[Line] = ()) -> None:
        """Show messages under the editor, see ``message_lines``; what happened stays there until something is typed."""
        self._told = head
        file = self._file
        path, read_only = (file.path, file.read_only) if file is not None else ("", False)
        room, width = max(self._messages.size.height, SHOWN), self._messages.size.width
        said = message_lines(found, path, head=head, tail=tail, read_only=read_only, room=room, width=width)
        self._messages.set_lines(*said)

    def say_no_preview(self) -> None:
        """Say why there is none yet of what is typed."""
        self.say(self._in_the_way, _BARRED if self._in_the_way else _WAITED_FOR)

    def explain(self, line: Line) -> None:
        """Say in the line under the editor what is under its cursor; nothing: which keys tell more."""
        self._explained = line
        self._meaning.set_lines(line or fitting(_WORD_HINTS, self._meaning.size.width))

    def tell(self, text: str, role: str = "good") -> None:
        """Say what happened."""
        self.say((), (text, role))
