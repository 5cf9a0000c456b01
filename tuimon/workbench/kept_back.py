"""What the kernel would keep to itself of the calls a rule looks at, were the rule alone: an estimate from the history.

The kernel counts what its filter removes for all rules together (a call is sent when any rule may match it), so nobody
knows it of one rule. Here the same question is asked of a sample of the events in the history. Of a type that the
kernel thins out already those are only what it let pass for other rules; ``Preview.thinned`` names such types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.interest import UNFILTERED
from tuimon.records import Kind
from tuimon.rules.prefilter_columns import kernel_mask, place_number
from tuimon.rules.prefilter_ir import Expression
from tuimon.rules.prefilter_kernel import MAYBE, KernelExpressions
from tuimon.rules.ruleset import RuleSet
from tuimon.rules.versions import EventOf
from tuimon.syscalls import NAME_TO_NR, NR_TO_NAME
from tuimon.workbench.capturing import ALWAYS

SAMPLE: Final = 16
"""Events of a batch that are asked: a path is looked at one by one."""


_CALLS: Final = 1024
"""More than there are system calls; the last stands for all numbers beyond."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Of a sample of the calls that rules look at."""

    asked: int = 0
    passed: int = 0
    """What the kernel would send: a rule may match it, as far as its record and its cgroup tell."""

    @property
    def share(self) -> float | None:
        """The share that stays in the kernel; None: no such call was there."""
        return 1 - self.passed / self.asked if self.asked else None


class Sieve:
    """The kernel's filter of some rules, asked of samples of batches.

    Args:
        rules: What the kernel asks for each call they take.
    """

    def __init__(self, rules: KernelExpressions) -> None:
        self._rules = rules
        names = rules.names - ALWAYS
        self._wanted = np.zeros(_CALLS, np.bool_)
        self._wanted[[NAME_TO_NR[name] for name in names if name in NAME_TO_NR]] = True
        self._expressions: dict[int, Expression] = {}
        self._asked = self._passed = 0

    @property
    def kept(self) -> Kept:
        """What was found so far."""
        return Kept(self._asked, self._passed)

    def take(self, batch: Batch, event_of: EventOf) -> None:
        """Ask a sample of a batch."""
        numbers = np.minimum(batch.head["nr"], _CALLS - 1)
        rows = np.flatnonzero(self._wanted[numbers] & (batch.head["kind"] == Kind.SYSCALL))
        if not len(rows):
            return
        rows = rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.intp)]
        places = np.zeros(len(batch), np.uint8)
        places[rows] = [place_number(event_of(batch, row).container) for row in rows.tolist()]
        for nr in np.unique(batch.head["nr"][rows]).tolist():
            self._passed += self._count(nr, batch, rows[batch.head["nr"][rows] == nr], places)
        self._asked += len(rows)

    def _count(self, nr: int, batch: Batch, rows: NDArray[np.intp], places: NDArray[np.uint8]) -> int:
        expression = self._expressions.get(nr)
        if expression is None:
            expression = self._expressions[nr] = self._expression(NR_TO_NAME[nr])
        return len(rows) if expression == MAYBE else int(kernel_mask(expression, batch, rows, places).sum())

    def _expression(self, name: str) -> Expression:
        return MAYBE if name in UNFILTERED else self._rules.of(name)


def shares(
    ruleset: RuleSet, batches: Sequence[Batch], event_of: EventOf, pause: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """Return, by the name of a rule, the share of the calls it looks at that the kernel would keep, were it alone.

    Args:
        ruleset: The rules, each asked for itself.
        batches: Where the sample is taken from. A rule is left out when none of its calls is in it.
        event_of: Gives a row as an event.
        pause: Called between two rules, to let others have the interpreter.
    """
    checks, found = ruleset.fresh_checks(), dict[str, float]()
    for rule, condition in ruleset.pairs:
        sieve = Sieve(KernelExpressions([(condition, rule.event_types)], checks))
        for batch in batches:
            sieve.take(batch, event_of)
        if (share := sieve.kept.share) is not None:
            found[rule.name] = share
        pause()
    return found
