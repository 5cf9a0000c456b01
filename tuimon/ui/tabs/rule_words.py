"""The Rules tab's knowledge of words: what can stand at the cursor, what the word there means, where it is defined."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.widgets import TextArea

from tuimon.errors import RuleError, TuimonError
from tuimon.ui.messages import EditorEdited
from tuimon.ui.tabs.rule_exchange import RuleExchange
from tuimon.ui.text import safe
from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.ui.widgets.rule_editor import RuleEditor
from tuimon.view.cells import REST, Cell

if TYPE_CHECKING:
    from tuimon.view.completion import Completion
    from tuimon.view.meaning import Meaning
    from tuimon.view.session import Session

_OFFER_S: Final = 0.08
"""Pause in typing before something is offered."""
_MEANING_S: Final = 0.15
_ROLES: Final = {"field": "token-field", "macro": "title", "list": "token-transform", "operator": "token-operator",
                 "event": "token-string", "transformer": "token-transform", "logic": "token-logic"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """The text and place for which something is to be offered."""

    text: str
    row: int
    column: int


class RuleWords(RuleExchange):
    """Completion, meaning, definition, renaming, layout."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "rename", "Rename", show=False, tooltip="Call the macro or list otherwise, in all files",
                id="rules.rename"),
        Binding("f8", "next_problem", "Next problem", show=False, tooltip="Go to the next error or warning",
                id="rules.problem"),
        Binding("f9", "format", "Format", show=False, tooltip="Lay the condition out: one part on a line",
                id="rules.format"),
        Binding("f12", "definition", "Definition", show=False, tooltip="Go where the macro or list is defined",
                id="rules.definition"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._offered = CompletionList(id="rule-completion")
        self._editor.offered = self._offered
        self._asked: _Asked | None = None
        self._moves = 0

    def compose(self) -> ComposeResult:
        """Add the list of what can stand at the cursor."""
        yield from super().compose()
        yield self._offered

    # Completion.

    @on(EditorEdited)
    def _offer_soon(self) -> None:
        """Offer something a moment after a letter was typed; anything else takes the offer back."""
        if not self._editor.typed_word:
            self._offered.close()
            return
        self.set_timer(_OFFER_S, partial(self._offer_at, self._place()))

    @on(RuleEditor.Complete)
    def _wanted(self) -> None:
        """The key was pressed: offer whatever fits."""
        self._offer_at(self._place())

    def _place(self) -> _Asked:
        row, column = self._editor.cursor_location
        return _Asked(self._editor.text, row, column)

    def _offer_at(self, asked: _Asked) -> None:
        if self.session is not None and not self._editor.read_only and asked == self._place():
            self._asked = asked
            self._look_up(asked, self.session)

    @work(thread=True, exclusive=True, group="completion")
    def _look_up(self, asked: _Asked, session: Session) -> None:
        self.call_later(self._offer, asked, session.complete_rule(asked.text, asked.row, asked.column))

    def _offer(self, asked: _Asked, found: Completion) -> None:
        if asked != self._asked or asked != self._place() or not self._editor.has_focus:
            return
        at = self._editor.cursor_screen_offset
        self._offered.offer(found, Offset(at.x - (asked.column - found.start), at.y + 1))

    @on(CompletionList.Picked)
    def _picked(self) -> None:
        """An item was clicked: take it."""
        self._editor.take()
        self.screen.set_focus(self._editor)

    # Meaning.

    @on(TextArea.SelectionChanged)
    def _moved(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self._moves += 1
        if self._offered.is_open and self._asked != self._place():
            self._offered.close()
        self.set_timer(_MEANING_S, partial(self._say_meaning, self._moves))

    def _say_meaning(self, moves: int) -> None:
        """Say below the editor what the word under the cursor means."""
        if moves != self._moves:
            return
        found = self._meaning_here()
        if found is None:
            self.explain(())
            return
        where = f"  {PurePath(found.file).name}:{found.line}, f12 goes there" if found.file else ""
        word = Cell(f" {found.word} ", _ROLES.get(found.kind, "key"))
        self.explain((word, Cell(f"{found.kind}  ", "muted"), Cell(found.text, "", REST), Cell(where, "muted")))

    def _meaning_here(self) -> Meaning | None:
        from tuimon.view.meaning import meaning_at

        at, session = self._place(), self.session
        if session is None or not at.text:
            return None
        return meaning_at(at.text, at.row, at.column, getattr(session.engine, "loaded", None))

    def _name_here(self) -> tuple[str, str] | None:
        """Return kind and name of the macro or list under the cursor, used or defined there."""
        from tuimon.view.rule_book import item_at

        found = self._meaning_here()
        if found is not None and found.kind in ("macro", "list") and found.file:
            return found.kind, found.word
        item = item_at(self._editor.text, self._editor.cursor_location[0] + 1)
        if item is not None and item.kind != "rule" and item.line == self._editor.cursor_location[0] + 1:
            return item.kind, item.name
        return None

    # Keys.

    def action_definition(self) -> None:
        """Go where the macro or list under the cursor is defined."""
        found, session = self._meaning_here(), self.session
        file = session.book.find(found.file) if session is not None and found is not None and found.file else None
        if file is None or found is None:
            self.tell("put the cursor on the name of a macro or list to go where it is defined", "attention")
            return
        self.open_file(file, found.line)
        self.screen.set_focus(self._editor)

    def action_next_problem(self) -> None:
        """Go to the next error or warning of this file, after the last to the first."""
        if not self._editor.go_to_next_mark():
            self.tell("nothing is wrong in this file")

    def action_format(self) -> None:
        """Lay the condition under the cursor out, one part on a line; it means the same afterwards."""
        from tuimon.view.layout import laid_out

        if self._editor.read_only:
            return
        row, column = self._editor.cursor_location
        try:
            text = laid_out(self._editor.text, row)
        except RuleError as error:
            self.tell(f"{error}{'; ' if error.hint else ''}{error.hint}", "attention")
            return
        if text != self._editor.text:
            self._editor.replace_text(text)
            self._editor.move_cursor((min(row, self._editor.document.line_count - 1), column))

    def action_rename(self) -> None:
        """Ask for another name of the macro or list under the cursor."""
        from tuimon.ui.screens.ask import Ask

        here, session = self._name_here(), self.session
        if here is None or session is None:
            self.tell("put the cursor on the name of a macro or list to rename it", "attention")
            return
        kind, name = here
        asked = Ask(f"Call the {kind} {name} what?", "in every file that names it; saved and in force at once", name)
        self.app.push_screen(asked, partial(self._renamed, kind, name))

    def _renamed(self, kind: str, old: str, new: str | None) -> None:
        if new and new != old:
            self._rename(kind, old, new)

    @work(thread=True, exclusive=True, group="rename")
    def _rename(self, kind: str, old: str, new: str) -> None:
        assert self.session is not None
        in_force = self.session.in_force
        try:
            texts = in_force.renaming(kind, old, new)
        except TuimonError as error:
            text = f"{error}{'; ' if error.hint else ''}{error.hint}"
            self.call_later(self.app.notify, safe(text), severity="error", markup=False)
            return
        said = f"renamed in {len(texts)} file{'s' if len(texts) != 1 else ''}; "
        self.call_later(self.app.main.rules.put, partial(in_force.rewrite, texts), said)
