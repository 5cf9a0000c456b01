"""The workbench of one engine: what a front end asks, with all that has to be the same from question to question.

One thread at a time may ask for previews and drafts (a worker of the screen); a newer question cancels the one before.
A worker may begin late, when its question has been followed by another: whoever asks so hands in ``still_wanted``, and
makes it false before ``cancel``, as the late one would else end the newer one, of which nobody would ever hear again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from tuimon.batch import Batch
from tuimon.capture.source import Interest, Source, always
from tuimon.errors import RuleError
from tuimon.events import Alert, Event
from tuimon.history import History
from tuimon.rules.answers import Answers
from tuimon.rules.checks import Addresses
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench import exception_draft, near, new_rule, overrides, saved_case
from tuimon.workbench.capturing import NOT_THINNED, captured_types, thinned
from tuimon.workbench.exception_draft import Draft, Hidden
from tuimon.workbench.judging import LoadedRules
from tuimon.workbench.kept_back import shares
from tuimon.workbench.near import Why
from tuimon.workbench.new_rule import Proposal
from tuimon.workbench.preview import LIMIT, Preview, preview

BREATH_S: Final = 0.0005
"""Sleep after each batch of a look, so that the screen's thread gets the interpreter when it wants it."""
_BUDGET_S: Final = 0.001
"""Work between two such sleeps while rule files are loaded."""

_LATE: Final = -1
"""Number of a question that nobody waits for."""
_NEWEST: Final = 16
"""Batches that a sample of what happens now is taken from."""


class Options(Protocol):
    """How the engine judges; see tuimon.engine.EngineOptions."""

    @property
    def first_match_only(self) -> bool: ...  # noqa: D102
    @property
    def plain_falco(self) -> bool: ...  # noqa: D102


class Engine(Protocol):
    """What is asked of the engine; see tuimon.engine.Engine."""

    @property
    def history(self) -> History: ...  # noqa: D102
    @property
    def memory(self) -> Memory: ...  # noqa: D102
    @property
    def source(self) -> Source: ...  # noqa: D102
    @property
    def options(self) -> Options: ...  # noqa: D102
    @property
    def ruleset(self) -> RuleSet | None: ...  # noqa: D102
    @property
    def loaded(self) -> LoadResult: ...  # noqa: D102
    @property
    def host_names(self) -> Addresses | None: ...  # noqa: D102
    def event(self, batch: Batch, row: int) -> Event: ...  # noqa: D102
    def interest(self) -> Interest: ...  # noqa: D102
    def alerts_since(self, num: int) -> Sequence[Alert]: ...  # noqa: D102


class Desk:
    """The workbench of one engine.

    Args:
        engine: Is only read.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memory = engine.memory
        self._answers = Answers()
        self._busy = threading.Lock()
        self._counting = threading.Lock()
        self._asked = 0

    @property
    def loaded(self) -> LoadResult:
        """What the rules in force were made of."""
        return self._engine.loaded

    @property
    def options(self) -> Options:
        """How the engine judges."""
        return self._engine.options

    def check(self, files: Sequence[RuleFile], *, still_wanted: Callable[[], bool] = always) -> LoadResult | None:
        """Load rule files that are being typed in; what is wrong with them is in the result.

        Only what changed since the last time is worked out anew, and gives way to whoever wants the interpreter.

        Returns:
            None: a newer question, or ``cancel``, ended it.
        """
        try:
            with self._alone(still_wanted) as turn:
                return load(files, answers=self._answers, pause=turn.pause)
        except _Overtaken:
            return None

    def cancel(self) -> None:
        """End what is under way or waits early; the result of a look says that it is not complete. Any thread."""
        self._next()

    def preview(
        self,
        edited: LoadResult | Sequence[RuleFile],
        *,
        limit: int = LIMIT,
        still_wanted: Callable[[], bool] = always,
    ) -> Preview:
        """Return what edited rules would have caught in the history, against those in force.

        Cancels a look that is still under way.

        Args:
            edited: All rule files with the edit in them, or what was loaded from them (it must be ``ok``).
            limit: Rows listed of each kind.
            still_wanted: See above.

        Raises:
            RuleError: A rule cannot be compiled.
        """
        turn = self._alone(still_wanted)
        loaded = edited if isinstance(edited, LoadResult) else load(edited)
        options = self._engine.options
        new = LoadedRules(loaded, options.first_match_only, options.plain_falco, self._engine.host_names)
        live, interest, in_force = self._engine.source.live, self._engine.interest(), self._engine.ruleset
        with turn as mine:
            return preview(
                self._engine.history.batches(),
                self._engine.event,
                in_force,
                new,
                cancel=mine,
                # What was asked of the kernel when a recording was made, nobody knows.
                captured=captured_types(interest) if live else None,
                thinned=thinned(interest, in_force) if live else NOT_THINNED,
                limit=limit,
                breath_s=BREATH_S,
                memory=self._memory,
            )

    def kept_back(self) -> dict[str, float]:
        """Return what the kernel would keep back for each rule in force alone; see ``kept_back.shares``."""
        rules, newest = self._engine.ruleset, self._engine.history.batches()[-_NEWEST:]
        return {} if rules is None else shares(rules, newest, self._engine.event, lambda: time.sleep(BREATH_S))

    def draft(self, alert: Alert | Sequence[Alert]) -> Draft:
        """Return the narrowest exception for an alert or a group of them; raises RuleError."""
        return exception_draft.draft(alert, self._engine.loaded)

    def hides(self, draft: Draft, *, still_wanted: Callable[[], bool] = always) -> Hidden:
        """Return what a draft would have hidden, of the alerts kept and of the history; raises RuleError."""
        with self._alone(still_wanted) as mine:
            return draft.hides(
                self._engine.history.batches(),
                self._engine.event,
                self._engine.alerts_since(0),
                plain_falco=self._engine.options.plain_falco,
                memory=self._memory,
                cancel=mine,
                breath_s=BREATH_S,
            )

    def why(self, event: Event, *, limit: int = 5) -> Why:
        """Return which rules an event matches, cannot be decided for, and nearly matches."""
        rules = self._engine.ruleset
        return near.why(rules, event, limit=limit) if rules is not None else Why((), (), (), None)

    def propose(self, what: Event | Alert | str) -> Proposal:
        """Return a rule from an event, an alert, or a filter (RuleError when that is wrong)."""
        if isinstance(what, str):
            return new_rule.from_filter(what, self._engine.loaded)
        if isinstance(what, Alert):
            return new_rule.from_alert(what, self._engine.loaded)
        return new_rule.from_event(what, self._engine.loaded)

    def override(self, kind: str, name: str, key: str) -> str:
        """Return the item that changes another in the user's own file; see ``overrides.override``."""
        return overrides.override(kind, name, key, self._engine.loaded)

    def case(self, event: Event, name: str) -> str:
        """Return an event as a case for a rule test file (see saved_case); raises RuleError when it cannot be one."""
        rules = self._engine.ruleset
        if rules is None:
            raise RuleError("there are no rules in force that a case could be about", "load some first")
        return saved_case.case_text(event, rules, name)

    def _alone(self, still_wanted: Callable[[], bool]) -> _Turn:
        return _Turn(self, self._next(still_wanted))

    def _next(self, still_wanted: Callable[[], bool] = always) -> int:
        """Return the number of a new question: all before it are overtaken, and it is itself when it comes too late."""
        with self._counting:
            if not still_wanted():
                return _LATE
            self._asked += 1
            return self._asked


class _Overtaken(Exception):
    """There is a newer question."""


class _Turn:
    """The right to the interpreter and the history for one question, until there is a newer one."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self._number = number
        self._until_s = 0.0

    def __enter__(self) -> _Turn:
        self._desk._busy.acquire()
        self._until_s = time.monotonic() + _BUDGET_S
        return self

    def __exit__(self, *_: object) -> None:
        self._desk._busy.release()

    def is_set(self) -> bool:
        """Whether there is a newer question."""
        return self._number != self._desk._asked

    def pause(self) -> None:
        """Give way to other threads now and then; raise when there is a newer question."""
        if self.is_set():
            raise _Overtaken
        if time.monotonic() >= self._until_s:
            time.sleep(BREATH_S)
            self._until_s = time.monotonic() + _BUDGET_S
