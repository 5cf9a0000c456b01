"""The terminal's pace: which frames it has not shown yet. Frames wait for a slow one, keys and events never do.

What is written is not what is shown: the kernel, ssh, a multiplexer keep what the terminal has not taken, 10 kB and
more, where nobody can take it back. So every frame ends in a question that a terminal answers in its turn, when it has
read all before it (where the cursor is, ECMA-48's DSR 6). Each question is asked from a column of its own, by which
its answer is known; a terminal that answers none is not asked for long, and is taken to be quick. The first question
comes before the first frame: its answer tells that there are answers, and how long one takes at best.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

SLACK_S: Final = 0.1
"""An answer that takes this much longer than the quickest one had to wait for what was written before."""
LOST_S: Final = 10.0
"""An answer that takes this long is not waited for: whoever would have given it may be gone."""
_REST: Final = 2
_MOST_REST_S: Final = 3.0
"""A slow terminal is left alone for twice the time the last frame took, so that a key mostly finds it free."""
_COLUMNS: Final = 20
"""Columns that questions are asked from, in turn: a terminal has them, and no more are open at once."""
_TRIES: Final = 20
"""Questions without any answer after which no more are asked."""


class Pace:
    """Keeps the questions asked of the terminal and what their answers tell.

    Args:
        clock: Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: deque[tuple[int, float]] = deque(maxlen=_COLUMNS)
        """Column and time of each question that may still be answered, the oldest first."""
        self._column = 0
        self._tries = 0
        self._answers = 0
        self._best_s = LOST_S
        self._took_s = LOST_S
        self._free_at = 0.0

    def question(self, width: int = _COLUMNS) -> str:
        """Return what to write behind a frame, empty for a terminal that answers nothing.

        Args:
            width: Columns of the terminal: from one beyond them it would answer another.
        """
        if not self._answers and self._tries >= _TRIES:
            return ""
        self._tries += 1
        self._column = self._column % min(_COLUMNS, max(width, 1)) + 1
        self._asked.append((self._column, self._clock()))
        return f"\x1b7\x1b[1;{self._column}H\x1b[6n\x1b8"

    def answer(self, column: int) -> None:
        """Take an answer: the terminal has shown the frame of that question, and those before."""
        asked = next((at for one, at in self._asked if one == column), None)
        if asked is None:
            return
        while self._asked.popleft()[0] != column:
            pass
        now = self._clock()
        self._answers += 1
        self._best_s = min(self._best_s, now - asked)
        if self._answers == 1:  # of the question before all frames: taken for slow until a frame's answer has come
            return
        self._took_s = now - asked
        if self.slow:
            self._free_at = now + min(self._took_s * _REST, _MOST_REST_S)

    def forget(self) -> None:
        """Wait for no answer: the terminal has another size, or is another one, which was asked nothing so far."""
        self._asked.clear()

    @property
    def slow(self) -> bool:
        """Whether the frame shown last had to wait."""
        return self._took_s > self._best_s + SLACK_S

    @property
    def waiting(self) -> bool:
        """Whether the newest frame is on its way to the screen."""
        return bool(self._answers and self._asked) and self._age_s(self._asked[-1]) < LOST_S

    @property
    def behind(self) -> bool:
        """Whether a frame would have to wait for another: then it is better painted later, with what is true then."""
        if not self.waiting:
            return False
        ages_s = [age_s for age_s in map(self._age_s, self._asked) if age_s < LOST_S]
        if len(ages_s) == _COLUMNS:  # the next question would be asked from a column whose answer is still to come
            return True
        return bool(ages_s) and (self.slow or ages_s[0] > self._best_s + SLACK_S)

    @property
    def resting(self) -> bool:
        """Whether a frame that nobody asked for with a key is better left out."""
        return self.behind or self._clock() < self._free_at

    def _age_s(self, question: tuple[int, float]) -> float:
        return self._clock() - question[1]
