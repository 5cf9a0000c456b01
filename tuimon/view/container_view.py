"""ContainerView: the list behind the containers pane: order, choice, and what the choice means for the other panes."""

from __future__ import annotations

from typing import Final

from tuimon.view.scan import Chosen
from tuimon.view.severity import rank
from tuimon.view.snapshot import ContainerRow

ORDERS: Final = ("start", "calls", "alerts", "name")
"""How the list can be ordered; the host stays first."""


class ContainerView:
    """The rows of the containers pane."""

    def __init__(self) -> None:
        self.order = ORDERS[0]
        self.rows: tuple[ContainerRow, ...] = ()
        self._given: tuple[ContainerRow, ...] = ()
        self.chosen_id: str | None = None
        """Id of the container that the other panes are limited to, None for all."""

    def update(self, rows: tuple[ContainerRow, ...]) -> bool:
        """Take the rows of a snapshot; return whether the list looks different now."""
        self._given = rows
        ordered = _ordered(rows, self.order)
        changed = ordered != self.rows
        self.rows = ordered
        return changed

    def turn_order(self, step: int) -> str:
        """Go to the next (1) or previous (-1) order and return its name."""
        self.order = ORDERS[(ORDERS.index(self.order) + step) % len(ORDERS)]
        self.rows = _ordered(self._given, self.order)
        return self.order

    def choose(self, container_id: str | None) -> None:
        """Limit the other panes to one container; the same again, or None, shows all."""
        self.chosen_id = None if container_id == self.chosen_id else container_id

    @property
    def chosen(self) -> ContainerRow | None:
        """The chosen container's row."""
        return next((row for row in self.rows if row.container.id == self.chosen_id), None)

    def cgroups(self) -> Chosen | None:
        """Return which cgroups the choice stands for, None for all.

        The host is told by what it is not: its own cgroups come and go with every service and session.
        """
        row = self.chosen
        if row is None:
            return None if self.chosen_id is None else Chosen(frozenset())
        if not row.container.is_host:
            return Chosen(row.cgroup_ids)
        others = frozenset[int]().union(*(r.cgroup_ids for r in self.rows if not r.container.is_host))
        return Chosen(others, invert=True)


def label(row: ContainerRow) -> str:
    """Return the container's name as lists show it, raw: the pod's name, the engine's name, or the id."""
    container = row.container
    return container.name or container.pod_name or container.id


def _ordered(rows: tuple[ContainerRow, ...], order: str) -> tuple[ContainerRow, ...]:
    """Return the rows in an order, the host first, ended ones last; ties keep the order of their start."""

    def key(row: ContainerRow) -> tuple[bool, bool, float, str]:
        amount = {"calls": -row.calls_per_s, "alerts": rank(row.worst_priority) - 1 + 1 / (1 + row.alerts)}
        return (
            not row.container.is_host,
            row.ended,
            amount.get(order, 0.0),
            label(row).lower() if order == "name" else "",
        )

    return tuple(sorted(rows, key=key))
