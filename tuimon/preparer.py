"""The preparer: works out of the history beforehand what filters ask most, and makes its batches smaller.

It works in whatever thread has time; the history is the engine's, whose thread puts the smaller batches into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuimon.allocator import give_back
from tuimon.batch import Batch
from tuimon.commands import Commands
from tuimon.compact import compacted, shared, to_share
from tuimon.history import History
from tuimon.rules.filter import Preparation
from tuimon.rules.numbering import is_prepared


class Preparer:
    """Prepares a history, one batch at a time; one thread asks at a time.

    Args:
        preparation: What works out the answers.
        history: The history.
        commands: Have something done in the thread that owns the history.
        moved: Told there of each batch and of what has taken its place.
    """

    def __init__(
        self,
        preparation: Preparation,
        history: History,
        commands: Commands,
        moved: Callable[[Batch, Batch], None],
    ) -> None:
        self._preparation = preparation
        self._history = history
        self._commands = commands
        self._moved = moved
        self._sent = self._replaced = 0
        self._worked = False

    def prepare(self) -> bool:
        """Work out of one batch of the history what filters ask most, and make it smaller; any thread.

        Every now and then it is some batches that get their texts together.

        Returns:
            Whether there was anything to do, or there will be in a moment.
        """
        waits = self._sent != self._replaced  # what is on its way into the history is not to be looked at twice
        batches = self._history.batches()
        old = [] if waits else to_share(batches, is_prepared)
        if old:
            new = shared(old)
        elif (batch := self._preparation.prepare(batches)) is not None:
            old, new = [batch], [compacted(batch)]
        else:
            return waits or self._rest()
        self._worked = True
        self._sent += 1
        self._commands.give(lambda: self._replace(old, new), wait=False)
        return True

    def _rest(self) -> bool:
        """Give back what the work needed, once there is no more; return that there is none."""
        if self._worked:
            self._worked = False
            give_back()
        return False

    def _replace(self, old: Sequence[Batch], new: Sequence[Batch]) -> None:
        for one, other in zip(old, new, strict=True):
            if self._history.replace(one, other):
                self._moved(one, other)
        self._replaced += 1
