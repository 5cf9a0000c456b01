"""Trail: the way from everything to what is shown: containers, then conditions, one step at a time; and back.

A step is what one key did: a container chosen, a value kept or dropped, a row of a view entered, a filter typed. The
breadcrumb shows the steps; the conditions of all must hold. Every state is remembered, as a browser does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEPT: Final = 100
"""States that can be gone back to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    label: str
    """What the breadcrumb shows; raw text."""
    term: str = ""
    """A condition of the rule language, or plain text; empty for a choice of containers."""
    containers: frozenset[str] = frozenset()
    """Ids of the containers chosen; empty for a condition."""
    view: str = ""
    """Name of the view whose row was entered: climbing back leads there; empty: none."""


Steps = tuple[Step, ...]


class Trail:
    """The steps taken, and the states before."""

    def __init__(self) -> None:
        self._past: list[Steps] = [()]
        self._at = 0

    @property
    def steps(self) -> Steps:
        """The steps, the widest first."""
        return self._past[self._at]

    @property
    def terms(self) -> tuple[str, ...]:
        """The conditions, in order."""
        return tuple(step.term for step in self.steps if step.term)

    @property
    def containers(self) -> frozenset[str]:
        """Ids of the containers chosen, empty for all."""
        return next((step.containers for step in self.steps if step.containers), frozenset())

    @property
    def can_go_back(self) -> bool:
        """Whether there is a state before this one."""
        return self._at > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether this state was gone back to."""
        return self._at < len(self._past) - 1

    def set(self, steps: Steps) -> bool:
        """Go to another state; what could be gone forward to is forgotten. Return whether anything changed."""
        if steps == self.steps:
            return False
        del self._past[self._at + 1 :]
        self._past.append(steps)
        del self._past[:-KEPT]
        self._at = len(self._past) - 1
        return True

    def add(self, step: Step) -> bool:
        """Take a step. A choice of containers takes the place of the one there is."""
        if step.containers:
            return self.set_containers(step)
        if step.term in self.terms:
            return False
        return self.set((*self.steps, step))

    def set_containers(self, step: Step | None) -> bool:
        """Choose containers: in the place of the choice before, else as the newest step; None: all of them."""
        steps = list(self.steps)
        at = next((n for n, one in enumerate(steps) if one.containers), None)
        if at is not None:
            steps[at : at + 1] = [step] if step is not None else []
        elif step is not None:
            steps.append(step)
        return self.set(tuple(steps))

    def set_terms(self, step: Step | None) -> bool:
        """Put one condition in the place of all there are; None: none."""
        kept = tuple(one for one in self.steps if one.containers)
        return self.set((*kept, step) if step is not None else kept)

    def climb(self) -> Step | None:
        """Take the newest step back and return it; None when there is none."""
        if not self.steps:
            return None
        gone = self.steps[-1]
        self.set(self.steps[:-1])
        return gone

    def cut(self, steps: int) -> bool:
        """Keep the first steps only."""
        return self.set(self.steps[:steps])

    def go(self, by: int) -> bool:
        """Go back (-1) or forward (1); return whether there was anything to go to."""
        to = self._at + by
        if not 0 <= to < len(self._past):
            return False
        self._at = to
        return True
