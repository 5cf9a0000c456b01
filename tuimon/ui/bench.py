"""The workbench on the screen: what can be made of an alert or an event, from whatever tab it is seen in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, cast

from tuimon.errors import TuimonError
from tuimon.ui.text import safe

if TYPE_CHECKING:
    from tuimon.events import Alert, Event
    from tuimon.ui.app import TuimonApp
    from tuimon.view.in_force import Result
    from tuimon.view.journal import Lost, Unsaved
    from tuimon.view.session import EngineFacade
    from tuimon.workbench.desk import Desk
    from tuimon.workbench.desk import Engine as DeskEngine
    from tuimon.workbench.exception_draft import Draft
    from tuimon.workbench.new_rule import Proposal


class Bench:
    """The dialogs of the workbench; asks the desk of the engine that is shown.

    Args:
        app: The screen.
    """

    def __init__(self, app: TuimonApp) -> None:
        self._app = app
        self._desk: Desk | None = None
        self._engine: EngineFacade | None = None

    @property
    def desk(self) -> Desk | None:
        """The workbench of the engine shown, made at the first question; None while no rules are in force."""
        from tuimon.workbench.desk import Desk

        session = self._app.session
        engine = session.engine if session is not None else None
        if engine is not self._engine:
            self._desk, self._engine = None, engine
        if self._desk is None and getattr(engine, "ruleset", None) is not None:
            self._desk = Desk(cast("DeskEngine", engine))
        return self._desk

    def cancel(self) -> None:
        """End a look at the history that is under way: its answer is no longer wanted."""
        if self._desk is not None:
            self._desk.cancel()

    def find(self, num: int) -> Event | None:
        """Return an event by its number, None when history does not hold it any more."""
        engine = self._app.session.engine if self._app.session is not None else None
        found = engine.history.find(num) if engine is not None else None
        return None if engine is None or found is None else engine.event(*found)

    def event(self, num: int) -> Event | None:
        """Return an event by its number; says so when history does not hold it any more."""
        event = self.find(num)
        if event is None:
            self._app.notify(f"event {num:,} is no longer kept in the history", markup=False)
        return event

    def _tell(self, error: TuimonError) -> None:
        hint = f"; {error.hint}" if error.hint else ""
        self._app.notify(safe(f"{error}{hint}"), severity="error", markup=False)

    # Exceptions.

    def exception(self, alerts: Sequence[Alert]) -> None:
        """Draft the narrowest exception for an alert or a group of them; raises nothing."""
        from tuimon.ui.screens.exception import ExceptionScreen

        session, desk = self._app.session, self.desk
        if session is None or desk is None or not alerts:
            return
        try:
            draft = desk.draft(alerts)
        except TuimonError as error:
            self._tell(error)
            return
        screen = ExceptionScreen(draft, desk, session.book.file_to_change("rule", draft.rule.name))
        self._app.push_screen(screen, self._write_exception)

    def _write_exception(self, draft: Draft | None) -> None:
        session = self._app.session
        if draft is None or session is None:
            return
        own = session.book.file_to_change("rule", draft.rule.name)
        in_force = session.in_force

        def attempt() -> Result:
            return in_force.amend(own, lambda text: draft.edit(text, own.path).apply(text))

        name = PurePath(own.path).name
        said = f"exception for {draft.rule.name} written to {name} (ctrl+r in Rules takes it back); "
        self._app.main.rules.put(attempt, said)

    # New rules.

    def new_rule(self, what: Event | Alert | str) -> None:
        """Propose a rule from an event, an alert or a filter."""
        from tuimon.ui.screens.new_rule import NewRuleScreen

        session, desk = self._app.session, self.desk
        if session is None or desk is None:
            return
        try:
            proposal = desk.propose(what)
        except TuimonError as error:
            self._tell(error)
            return
        self._app.push_screen(NewRuleScreen(proposal, session.book.own_file().path), self._take_rule)

    def _take_rule(self, proposal: Proposal | None) -> None:
        """Put a rule at the end of the own file's buffer and go there."""
        session = self._app.session
        if proposal is None or session is None:
            return
        own = session.book.own_file()
        before = own.buffer
        try:
            own.buffer = proposal.edit(before, own.path).apply(before)
        except TuimonError as error:
            self._tell(error)
            return
        self._app.pop_to_main()
        self._app.main.rules.go_to_new(own, own.buffer[: len(before)].count("\n") + 2)

    # Tests.

    def save_case(self, event: Event) -> None:
        """Ask for a name and save an event as a test beside the user's own rules."""
        from tuimon.syscalls import event_name
        from tuimon.ui.screens.ask import Ask
        from tuimon.workbench.preview import who
        from tuimon.workbench.saved_case import test_path

        session, desk = self._app.session, self.desk
        if session is None or desk is None:
            return
        container, process = who(event)
        name = f"{process or 'program'} {event_name(event.kind, event.nr)} in {container or 'unknown'}"
        try:
            desk.case(event, name)
        except TuimonError as error:
            self._tell(error)
            return
        path = test_path(Path(session.book.own_file().path))
        asked = Ask(f"Save the event as a test in {path.name}, called", "it expects what the rules say now", safe(name))
        self._app.push_screen(asked, partial(self._write_case, event, path))

    def _write_case(self, event: Event, path: Path, name: str | None) -> None:
        from tuimon.view import rule_disk
        from tuimon.workbench.saved_case import add_case, rule_names

        session, desk = self._app.session, self.desk
        if name is None or session is None or desk is None:
            return
        before = rule_disk.read(path) or ""
        try:
            case = desk.case(event, name.strip() or "a case")
            text = add_case(before, case, rule_names(session.engine.rule_files(), path), str(path)).apply(before)
            rule_disk.write(path, text)
        except TuimonError as error:
            self._tell(error)
            return
        self._app.notify(safe(f"saved in {path}; ctrl+t in the Rules tab runs the tests"), markup=False, timeout=6)

    # What was lost.

    def offer_recovery(self) -> None:
        """Offer what another screen left unsaved when it was ended."""
        from tuimon.ui.screens.choice import Choice
        from tuimon.view.clock import clock

        session = self._app.session
        if session is None:
            return
        for lost in session.journal.lost():
            texts = session.book.recoverable(lost)
            if not texts:
                session.journal.leave(lost)
                continue
            names = ", ".join(PurePath(each.path).name for each in texts)
            question = [
                f"Unsaved text of {names} was kept at {clock(lost.time_ns)}, when tuimon ended without saving it.",
                "Taking it up puts it into the editor; nothing is in force before you apply it.",
            ]
            answers = [("r", "take it up"), ("d", "drop it for good")]
            self._app.push_screen(Choice(question, answers), partial(self._recovered, lost, texts))
            return

    def _recovered(self, lost: Lost, texts: Sequence[Unsaved], answer: str | None) -> None:
        session = self._app.session
        if session is None:
            return
        if answer is None:
            session.journal.leave(lost)
            return
        if answer == "r":
            files = session.book.recover(texts)
            # First into our own entry, then out of the other: a kill in between loses nothing.
            session.journal.keep(session.book.unsaved())
            rules = self._app.main.rules
            self._app.main.action_tab("rules")
            rules.open_file(files[0], 1)
            rules.focus_editor()
            rules.tell("taken up as it was typed; f5 shows the difference, ctrl+s puts it in force", "attention")
        session.journal.forget(lost)
