"""The Rules tab: the rule files at the left, the editor at the right; what is saved is in force at once."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tuimon.errors import TuimonError
from tuimon.ui.screens.choice import Choice
from tuimon.ui.tabs.rule_words import RuleWords
from tuimon.ui.text import safe
from tuimon.ui.widgets.rule_editor import MAX_LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tuimon.view.in_force import Result
    from tuimon.view.rule_book import Item, OpenFile


class RulesTab(RuleWords):
    """Everything of the Rules tab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "apply", "Apply", tooltip="Check, put in force and save", id="rules.apply"),
        Binding("f5", "diff", "Diff", tooltip="What differs from what is in force; r there reverts", id="rules.diff"),
        Binding(
            "ctrl+r", "revisions", "Revisions", tooltip="What was in force, and the way back", id="rules.revisions"
        ),
        Binding(
            "ctrl+o",
            "copy",
            "Override",
            show=False,
            tooltip="Change a rule of another file in your own: add, replace, disable or copy",
            id="rules.copy",
        ),
    ]

    # In force.

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
        else:
            session.book.take_disk(file)
            self.open_file(file, self._editor.file_line)
        self._apply(file)

    def _apply(self, file: OpenFile) -> None:
        assert self.session is not None
        self.put(partial(self.session.in_force.apply, file), "saved; ")

    @work(thread=True, exclusive=True, group="apply")
    def put(self, attempt: Callable[[], Result], said: str, done: Callable[[Result], None] | None = None) -> None:
        """Put something in force in a worker, then say what became of it.

        Args:
            attempt: Does it.
            said: What to say before "revision n is in force" when it went well.
            done: Called then.
        """
        number = self._check_number
        try:
            result = attempt()
        except TuimonError as error:
            text = f"{error}{'; ' if error.hint else ''}{error.hint}"
            self.call_later(self.app.notify, safe(text), severity="error", markup=False)
            return
        self.call_later(self._put, result, said, done, number)

    def _put(self, result: Result, said: str, done: Callable[[Result], None] | None, number: int) -> None:
        self._told_of(number)
        self.reopen()
        self.mark(result.diagnostics)
        if not result.accepted:
            head = (f"refused: revision {result.revision} stays in force, nothing was written", "bad")
        elif result.problem is not None:
            why = f"{result.problem}{'; ' if result.problem.hint else ''}{result.problem.hint}"
            head = (f"revision {result.revision} is in force, but not saved: {why}", "attention")
        else:
            head = (f"{said}revision {result.revision} is in force", "good")
        self.say(result.diagnostics, head)
        if result.left:
            names = ", ".join(PurePath(path).name for path in result.left)
            self.app.notify(safe(f"{names} is still on disk and will be loaded again"), markup=False)
        if not self.is_shown:
            wrong = f". {result.errors[0]}" if result.errors else ""
            self.app.notify(
                safe(head[0] + wrong),
                severity="information" if head[1] == "good" else "error",
                markup=False,
                timeout=8,
            )
        if result.accepted and done is not None:
            done(result)

    def _told_of(self, number: int) -> None:
        """Let go of a check of text that is told of otherwise; what was typed since it was number ``number`` is not."""
        if number == self._check_number:
            self._check_number += 1
        else:
            self.check_soon()

    def action_diff(self) -> None:
        """Show what differs between the texts in the editor and what is in force."""
        from tuimon.ui.screens.diff import DiffScreen

        session, file = self.session, self._file
        if session is not None and file is not None:
            screen = DiffScreen(session.engine.rule_files(), session.book.as_loaded(), can_revert=file.dirty)
            self.app.push_screen(screen, self._diff_answered)

    def _diff_answered(self, answer: str | None) -> None:
        if answer == "revert":
            self.action_revert()
        elif answer == "apply":
            self.action_apply()

    def action_revisions(self) -> None:
        """Show what was in force, and go back to it."""
        from tuimon.ui.screens.revisions import RevisionsScreen

        if self.session is not None:
            self.app.push_screen(RevisionsScreen(self.session.engine.revisions()), self._roll_back)

    def _roll_back(self, number: int | None) -> None:
        if number is not None and self.session is not None:
            self.put(partial(self.session.in_force.roll_back, number), f"as revision {number}: ")

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
            self.open_file(file, line)
        self._editor.go_to(line)

    # The user's own file.

    def _item(self) -> tuple[OpenFile, Item] | None:
        """Return the item under the cursor and its file."""
        from tuimon.view.rule_book import item_at

        item = item_at(self._file.buffer, self._editor.file_line) if self._file is not None else None
        return None if self._file is None or item is None else (self._file, item)

    def action_copy(self) -> None:
        """Ask how the item under the cursor is to differ, and put that into the user's own file."""
        from tuimon.workbench.overrides import ways

        session, found = self.session, self._item()
        if session is None or found is None:
            self.tell("put the cursor on a rule of another file to change it in your own", "attention")
            return
        item = found[1]
        own = session.book.file_to_change(item.kind, item.name)
        if found[0] is own:
            self.tell("this file is your own: change it here", "attention")
            return
        question = [
            f"How is the {item.kind} {item.name} to differ? It is written into {own.path}.",
            "Nothing changes until you apply it (ctrl+s); the file it comes from is never written to.",
        ]
        self.app.push_screen(Choice(question, [(way.key, way.what) for way in ways(item.kind)]), self._copy_answered)

    def _copy_answered(self, key: str | None) -> None:
        session, found = self.session, self._item()
        if key is None or session is None or found is None:
            return
        file, item = found
        desk = self.app.bench.desk
        if key == "c" or desk is None:
            self.go_to_new(*session.book.copy_to_own(file, item))
            return
        try:
            text = desk.override(item.kind, item.name, key)
        except TuimonError as error:
            self.tell(f"{error}; {error.hint}", "bad")
            return
        self.go_to_new(*session.book.append(text, session.book.file_to_change(item.kind, item.name)))

    def go_to_new(self, file: OpenFile, line: int) -> None:
        """Show what was just put into a file's buffer, ready to be changed."""
        self.app.main.action_tab("rules")
        self.open_file(file, line)
        self.focus_editor()

    # The disk.

    def poll_files(self) -> None:
        """Take up what another editor wrote."""
        session = self.session
        if session is None:
            return
        changed = session.book.poll()
        for remark in session.book.remarks:
            self.tell(remark, "attention")
            self.app.notify(safe(remark), severity="warning", markup=False)
        if not changed:
            return
        conflicts = [file for file in changed if file.on_disk is not None]
        for file in conflicts:
            self.tell(f"{PurePath(file.path).name} was changed by another editor: ctrl+s lets you choose", "attention")
        taken = [file for file in changed if file.on_disk is None]
        self.reopen()
        if taken:
            self._reload(", ".join(_what_happened(file, session.book.files) for file in taken))

    @work(thread=True, exclusive=True, group="apply")
    def _reload(self, what: str) -> None:
        assert self.session is not None
        number = self._check_number
        self.call_later(self._reloaded, what, self.session.in_force.reload(), number)

    def _reloaded(self, what: str, result: Result, number: int) -> None:
        self._told_of(number)
        self.mark(result.diagnostics)
        if result.accepted:
            self.say(result.diagnostics, (f"{what}; revision {result.revision} is in force", "good"))
        else:
            text = f"{what} and was refused: revision {result.revision} stays in force"
            self.say(result.diagnostics, (text, "bad"))
            self.app.notify(safe(f"{text}. {result.errors[0]}"), severity="error", markup=False)
        self.renew_list()


def _what_happened(file: OpenFile, files: Sequence[OpenFile]) -> str:
    """Return what another program did to a file, in words."""
    return f"{PurePath(file.path).name} {'changed on disk' if file in files else 'was deleted'}"
