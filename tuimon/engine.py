"""The engine: capture, enrichment, rules and history in one background thread; what every front end talks to.

Front ends (screen, headless, recorder, tests) read snapshots and send commands; nothing else crosses. The thread owns the
source, the tables and the history; what it hands out is finished and never changed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence
    from dataclasses import dataclass

    from tuimon.batch import Batch
    from tuimon.events import Alert, Event
    from tuimon.history import History
    from tuimon.rules.diagnostics import Diagnostic, RuleFile
    from tuimon.view.snapshot import Snapshot

    @dataclass(frozen=True, slots=True)
    class RuleOutcome:
        """What became of a rule set that was handed in."""

        accepted: bool
        revision: int
        """The revision in force afterwards (unchanged when refused)."""
        diagnostics: tuple[Diagnostic, ...]

    class Filter(Protocol):
        """A compiled filter expression (the rule language, or plain text)."""

        text: str

        def rows(self, batch: Batch) -> NDArray[np.intp]:
            """Return the rows of a batch that it keeps, ascending."""

    class Engine:
        """Signatures of the facade; thread-safe as each docstring says."""

        history: History
        """Readers take ``history.batches()`` from any thread."""

        def start(self) -> None: ...
        def stop(self) -> None:
            """Stop, join, detach the probes; idempotent."""

        def snapshot(self) -> Snapshot:
            """Return the newest snapshot (made 10 times a second); any thread, never blocks."""

        def alerts_since(self, num: int) -> Sequence[Alert]:
            """Return the kept alerts with a number greater than ``num``, oldest first; any thread."""

        def event(self, batch: Batch, row: int) -> Event:
            """Return the row object of an event, with its process and container; any thread."""

        def apply_rules(self, files: Sequence[RuleFile]) -> RuleOutcome:
            """Compile in the calling thread, swap between two batches, return when in force; any thread."""

        def check_rules(self, files: Sequence[RuleFile]) -> tuple[Diagnostic, ...]:
            """Compile only; any thread."""

        def rule_files(self) -> tuple[RuleFile, ...]:
            """Return the files in force, in load order; any thread."""

        def filter(self, text: str) -> Filter:
            """Compile a filter expression; raises RuleError with line, column and hint; any thread."""

        def watch(self, cgroups: frozenset[int] | None) -> None:
            """Say which cgroups the live pane shows (None: all), so that their calls are emitted in detail."""

        def error(self) -> BaseException | None:
            """Return what ended the thread, None while it is well."""
