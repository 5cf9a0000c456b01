"""RuleEditor: a text area that knows rule files: YAML and the condition language coloured, errors underlined in place.

Highlighting costs time at every key, all of it in the key's handler (3 ms at 200 lines, 30 at 2,000), so of a long file
only the item being edited is loaded; ``load`` is told which lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from tuimon.escape import BAD
from tuimon.rules.diagnostics import Diagnostic
from tuimon.ui.messages import EditorEdited
from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.view.tokens import rule_file_tokens

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp

MAX_LINES: Final = 250
"""A longer file is edited one item at a time."""

_SUBSTITUTE: Final = "\N{REPLACEMENT CHARACTER}"
_YAML_ROLES: Final = {
    "property": "yaml-key",
    "type": "yaml-key",
    "field": "yaml-key",
    "yaml.field": "yaml-key",
    "comment": "yaml-comment",
    "string": "token-string",
    "number": "token-number",
    "boolean": "token-number",
}
_COMPLETE: Final = "What can stand at the cursor; tab takes it, also while typing"
_WORD_LETTERS: Final = frozenset("_.%-")
"""Besides letters and digits: what a word that can be completed is made of."""
_ENDS: Final = {
    "ctrl+home": "go_to_end(False, False)",
    "ctrl+end": "go_to_end(True, False)",
    "ctrl+shift+home": "go_to_end(False, True)",
    "ctrl+shift+end": "go_to_end(True, True)",
}
"""What every editor has and the text area has not."""
_KEYS: Final = _ENDS | {
    key: binding.action
    for binding in TextArea.BINDINGS
    if isinstance(binding, Binding)
    for key in binding.key.split(",")
}
"""The keys that move and delete. See ``RuleEditor.on_key``."""
_TOKEN_ROLES: Final = ("field", "operator", "logic", "transform", "string", "number", "placeholder")


class RuleEditor(TextArea):
    """A rule file, or one item of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "screen.zoom", "Zoom", id="editor.zoom"),
        Binding("ctrl+@", "complete", "Complete", key_display="ctrl+space", tooltip=_COMPLETE, id="editor.complete"),
        # With priority, because the text area itself would take esc as "go to the next widget".
        Binding("escape", "leave", "Leave", priority=True, id="editor.leave"),
    ]
    app: TuimonApp

    class Complete(Message):
        """What can stand at the cursor is asked for."""

    def __init__(self) -> None:
        super().__init__("", id="editor", soft_wrap=True, show_line_numbers=True, tab_behavior="indent", theme="css")
        self.indent_width = 2
        self._head = self._tail = ""
        self._original = self._pristine = ""
        self._first_line = 1
        self._found: list[Diagnostic] = []
        self._loading = False
        self._has_grammar = False
        self._walked = False
        self.offered: CompletionList | None = None
        """What can stand at the cursor; whoever has the editor fills it."""
        self.typed_word = False
        """Whether the last edit was a letter of a word, typed."""

    # Text.

    def load(self, text: str, lines: tuple[int, int] | None = None, *, read_only: bool = False) -> None:
        """Show a file's text, or of it the lines ``first`` to ``last`` (from 1); forgets what could be undone."""
        self._loading = True
        rows = text.split("\n")
        first, last = lines if lines is not None else (1, len(rows))
        self._head = "".join(row + "\n" for row in rows[: first - 1])
        self._tail = "".join("\n" + row for row in rows[last:])
        self._first_line = first
        self._found = []
        self.line_number_start = first
        self.read_only = read_only
        self._want_grammar()
        self.load_text("\n".join(rows[first - 1 : last]))
        self._original, self._pristine = text, self.text
        self._loading = False
        self.post_message(EditorEdited())

    @property
    def whole_text(self) -> str:
        """The whole file's text, with what is typed in its place.

        The text area knows one kind of line end and takes U+2028 and its like for one; as long as nothing is typed (or
        all is undone) the text is what was loaded, to the byte.
        """
        if self.text == self._pristine:
            return self._original
        return self._head + self.text + self._tail

    def replace_text(self, text: str) -> None:
        """Put another text in the place of what is edited, so that it can be undone."""
        self.replace(text, self.document.start, self.document.end)

    @property
    def file_line(self) -> int:
        """The file's line under the cursor, from 1."""
        return self._first_line + self.cursor_location[0]

    def go_to(self, line: int, column: int = 1) -> None:
        """Put the cursor at a place of the file (from 1)."""
        row = min(max(line - self._first_line, 0), self.document.line_count - 1)
        self.move_cursor((row, max(column - 1, 0)), center=True)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Say that there is something to check."""
        event.stop()
        if not self._loading:
            self.post_message(EditorEdited())

    async def on_key(self, event: Key) -> None:
        """Carry out moving and deleting keys here, in turn with the letters.

        The text area takes letters at once but leaves the other keys to the app's bindings, which come later: of keys
        typed in one burst (a slow link, a busy machine) a backspace would delete the letter typed after it.
        """
        if self.offered is not None and self.offered.is_open and self._in_list(event.key, self.offered):
            event.stop()
            event.prevent_default()
            return
        letter = event.character if event.is_printable else None
        self.typed_word = letter is not None and (letter.isalnum() or letter in _WORD_LETTERS)
        action = _KEYS.get(event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            await self.run_action(action)

    def _in_list(self, key: str, offered: CompletionList) -> bool:
        """Take a key for the list of what is offered; return whether it was one.

        Enter only once the list was walked in: who ends a line while something is offered wants a new line.
        """
        if key in ("up", "down"):
            offered.move(-1 if key == "up" else 1)
            self._walked = True
        elif key == "tab" or (key == "enter" and self._walked):
            self.take()
        else:
            self._walked = False
            return False
        return True

    def take(self) -> None:
        """Put what is chosen of the offer in the place of the word.

        At once, because letters may follow in the same burst; and not when the word went on to be another meanwhile.
        """
        assert self.offered is not None
        self._walked = False
        item, (row, column) = self.offered.current, self.cursor_location
        start = self.offered.start
        self.offered.close()
        line = self.document.get_line(row)
        word, rest = line[start:column].strip("\"'").lower(), line[column:]
        if item is None or word not in item.label.lower():
            self.post_message(self.Complete())
            return
        insert = item.insert.rstrip() if rest.startswith((" ", ":")) else item.insert
        self.typed_word = True  # so that what can follow is offered next
        self.replace(insert, (row, start), (row, column))

    def action_complete(self) -> None:
        """Ask for what can stand at the cursor."""
        self.post_message(self.Complete())

    def action_go_to_end(self, bottom: bool, select: bool) -> None:
        """Go to the first or the last letter of the text."""
        self.move_cursor(self.document.end if bottom else self.document.start, select=select)

    def action_leave(self) -> None:
        """Take the offer back; when there is none go back to the list of files: what was typed stays."""
        if self.offered is not None and self.offered.is_open:
            self.offered.close()
            return
        self.screen.focus_previous()

    # Errors.

    def mark(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Underline these; their places are the file's."""
        self._found = list(diagnostics)
        self._line_cache.clear()
        self.refresh()

    def go_to_next_mark(self) -> bool:
        """Put the cursor on the next underlined place, after the last on the first; return whether there is one."""
        row, column = self.cursor_location
        here = (self._first_line + row, column + 1)
        places = sorted((found.line, max(found.column, 1)) for found in self._found)
        if not places:
            return False
        self.go_to(*next((place for place in places if place > here), places[0]))
        return True

    def get_line(self, line_index: int) -> Text:
        """Return a line with nothing in it that a terminal would obey, and its errors underlined."""
        line = super().get_line(line_index)
        if not line.plain.isprintable():
            line = self._without_invisible(line)
        for found in self._found:
            start, end = _marked(found, self._first_line + line_index, len(line.plain))
            if start < end:
                kind = "error" if found.severity == "error" else "warning"
                line.stylize(self._look(kind), start, end)
        return line

    def _without_invisible(self, line: Text) -> Text:
        """Return a line with one visible mark for each character a terminal would obey or hide (but tabs)."""
        places = [m.start() for m in BAD.finditer(line.plain) if m[0] != "\t"]
        if not places:
            return line
        characters = list(line.plain)
        for place in places:
            characters[place] = _SUBSTITUTE
        safe = Text("".join(characters), end="", no_wrap=True)
        style = self._look("hostile")
        for place in places:
            safe.stylize(style, place, place + 1)
        return safe

    def _render_line(self, y: int) -> Strip:
        """Render a line with a mark in the gutter where something is wrong."""
        strip = super()._render_line(y)
        row = self._row_at(y)
        if row is None or not self.show_line_numbers:
            return strip
        line = self._first_line + row
        severities = {found.severity for found in self._found if found.line == line}
        if not severities:
            return strip
        kind = "error" if "error" in severities else "warning"
        gutter = self.gutter_width
        style = self._look(kind) + Style(underline=False)
        mark = Strip([Segment("E" if kind == "error" else "W", style)], 1)
        return Strip.join([strip.crop(0, gutter - 1), mark, strip.crop(gutter)])

    def _row_at(self, y: int) -> int | None:
        """Return the document row painted at a line of the widget."""
        places = self.wrapped_document._offset_to_line_info
        at = y + self.scroll_offset.y
        return places[at][0] if 0 <= at < len(places) else None

    # Colours.

    def _want_grammar(self) -> None:
        """Load the YAML grammar on first use: 50 ms that the first paint does not wait for."""
        if self._has_grammar:
            return
        self._has_grammar = True
        self.language = "yaml"

    def _build_highlight_map(self) -> None:
        """Add the tokens of the condition language to YAML's own. Columns are UTF-8 bytes."""
        super()._build_highlight_map()
        lines = self.document.lines
        for token in rule_file_tokens(self.document.text):
            line = lines[token.line]
            if line.isascii():
                start, end = token.start, token.end
            else:
                start = len(line[: token.start].encode("utf-8", "surrogatepass"))
                end = len(line[: token.end].encode("utf-8", "surrogatepass"))
            self._highlights[token.line].append((start, end, f"token-{token.kind}"))

    def on_mount(self) -> None:
        """Take the syntax colours from the theme's roles, now and whenever the theme changes."""
        self._use_theme_colours()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._use_theme_colours())

    def _use_theme_colours(self) -> None:
        styles = {name: self._role(role) for name, role in _YAML_ROLES.items()}
        styles |= {f"token-{kind}": self._role(f"token-{kind}") for kind in _TOKEN_ROLES}
        self.register_theme(TextAreaTheme("tuimon", syntax_styles=styles))
        self.set_reactive(TextArea.theme, "css")
        self.theme = "tuimon"
        self._line_cache.clear()
        self.refresh()

    def _look(self, kind: str) -> Style:
        """Return the style of an error, a warning or a hostile character: underlined, whatever the colours."""
        role = {"error": "bad", "warning": "attention"}.get(kind, kind)
        return self._role(role) + Style(underline=True, bold=kind == "error" or None)

    def _role(self, role: str) -> Style:
        return self.app.palette.style(role)


def _marked(found: Diagnostic, line: int, length: int) -> tuple[int, int]:
    """Return the columns (half-open, from 0) of a line of the file that a diagnostic marks; none: equal."""
    last = found.end_line or found.line
    if not found.line <= line <= last:
        return 0, 0
    start = found.column - 1 if line == found.line else 0
    end = length
    if line == last and found.end_column:
        end = found.end_column - 1
    elif not found.end_column:
        end = length
    start = min(max(start, 0), max(length - 1, 0))
    return start, max(min(end, length), start + (1 if length else 0))
