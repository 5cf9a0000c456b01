"""The Rules tab's way from and to Falco: take a rule file in, give one's own rules out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tuimon.errors import RuleError, TuimonError
from tuimon.ui.tabs.rule_trials import RuleTrials

if TYPE_CHECKING:
    from tuimon.rules.diagnostics import Diagnostic


class RuleExchange(RuleTrials):
    """The keys; letters, because the list has the focus where they are wanted, and the palette has them too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "take_in", "Import", show=False, tooltip="Take a Falco rule file in", id="rules.import"),
        Binding("X", "give_out", "Export", show=False, tooltip="Write your rules as one Falco file", id="rules.export"),
    ]

    def action_take_in(self) -> None:
        """Ask for a rule file, and copy it to where it is loaded from now on."""
        from tuimon.ui.screens.ask import Ask

        if self.session is not None:
            hint = "it is copied to where rules are loaded from; yours stay where they are"
            self.app.push_screen(Ask("Take in which Falco rule file?", hint, check=self._check_in), self._named_in)

    def _check_in(self, name: str) -> None:
        """Refuse a file that cannot be taken in.

        Raises:
            TuimonError: It cannot be read, or there is no room for it.
        """
        from tuimon.rulefiles import read_rule_file

        assert self.session is not None
        path = Path(name.strip()).expanduser()
        read_rule_file(path)
        self.session.book.room_for(path.name)

    def _named_in(self, name: str | None) -> None:
        if name is not None:
            self._take_in(name)

    @work(thread=True, exclusive=True, group="apply")
    def _take_in(self, name: str) -> None:
        from tuimon.rulefiles import read_rule_file
        from tuimon.rules.diagnostics import RuleFile
        from tuimon.view import rule_disk
        from tuimon.workbench.exchange import wrong_with

        assert self.session is not None
        book = self.session.book
        try:
            path = Path(name.strip()).expanduser()
            target = book.room_for(path.name)
            new = RuleFile(str(target), read_rule_file(path).text)
            wrong = wrong_with(new, book.with_new(new))
            if not wrong:
                rule_disk.write(target, new.text)
        except TuimonError as error:
            self.call_later(self.tell, f"{error}; {error.hint}", "bad")
            return
        self.call_later(self._taken_in, target, wrong)

    def _taken_in(self, target: Path, wrong: tuple[Diagnostic, ...]) -> None:
        if wrong:
            self.say(wrong, (f"{target.name} was not taken in: with it the rules do not load", "bad"))
        else:
            self.tell(f"copied to {target}", "good")
            self.app.main.poll_files()

    def action_give_out(self) -> None:
        """Ask for a name, and write the user's own rules there as plain Falco rules."""
        from tuimon.ui.screens.ask import Ask

        hint = "a new file; all of your own rules, in load order, as Falco reads them"
        self.app.push_screen(Ask("Write your rules into", hint, "falco_rules.local.yaml", _check_out), self._give_out)

    def _give_out(self, name: str | None) -> None:
        from tuimon.rules.diagnostics import RuleFile
        from tuimon.view import rule_disk
        from tuimon.workbench.exchange import export

        session, desk = self.session, self.app.bench.desk
        if name is None or session is None or desk is None:
            return
        files = [RuleFile(f.path, f.saved, f.origin) for f in session.book.files if not f.read_only]
        path = Path(name.strip()).expanduser()
        try:
            made = export(files, desk.loaded)
            rule_disk.write(path, made.text)
        except TuimonError as error:
            self.tell(f"{error}; {error.hint}", "bad")
            return
        notes = f"; {'; '.join(made.notes)}" if made.notes else ""
        self.tell(f"{made.rules} rules written into {path}{notes}", "attention" if notes else "good")


def _check_out(name: str) -> None:
    """Refuse a name that cannot become a new file.

    Raises:
        RuleError: Empty, exists already, or its folder does not.
    """
    path = Path(name.strip()).expanduser()
    if not name.strip() or os.path.isdir(path):
        raise RuleError("that is not the name of a file")
    if os.path.exists(path):
        raise RuleError(f"{path} exists already", "name another")
    if not os.path.isdir(path.parent):
        raise RuleError(f"there is no folder {path.parent}")
