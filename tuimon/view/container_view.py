"""ContainerView: the list behind the containers pane: order, choice, and what the choice means for the other panes."""

from __future__ import annotations

from typing import Final

from tuimon.view.ended import Ended, folded
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
        """Every container, in order."""
        self.ended_open = False
        """Whether the ended containers of which there is nothing to tell are listed one by one."""
        self.find_text = ""
        """Only containers whose name, image, pod or id holds it are listed; empty: all."""
        self._shown: tuple[ContainerRow | Ended, ...] = ()
        self._shown_of: tuple[object, ...] = ()
        """What ``_shown`` was made of."""
        self._given: tuple[ContainerRow, ...] = ()
        self.chosen_ids: frozenset[str] = frozenset()
        """Ids of the containers that the other panes are limited to, empty for all."""
        self.tactics: dict[str, set[str]] = {}
        """Names of the ATT&CK tactics that a container's alerts name, by its id."""
        self.drift: dict[str, list[str]] = {}
        """Paths of the programs that no image brought, by the container's id, the newest first."""

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

    @property
    def shown(self) -> tuple[ContainerRow | Ended, ...]:
        """The rows as they are listed: ended containers without alerts, drift and choice are one line."""
        made_of = (self.ended_open, len(self.drift), self.chosen_ids, self.find_text, self.rows)
        if self._shown_of[:-1] != made_of[:-1] or self._shown_of[-1] is not self.rows:
            if needle := self.find_text.lower():
                self._shown = tuple(row for row in self.rows if needle in _text(row))
            else:
                shown = folded(self.rows, self._is_dull, label, opened=self.ended_open, by_name=self.order == "name")
                self._shown = shown
            self._shown_of = made_of
        return self._shown

    def _is_dull(self, row: ContainerRow) -> bool:
        container_id = row.container.id
        chosen = container_id in self.chosen_ids and not self.ended_open
        return row.ended and not row.alerts and container_id not in self.drift and not chosen

    @property
    def chosen_id(self) -> str | None:
        """Id of the one container that is chosen; None for all, and for several."""
        return next(iter(self.chosen_ids)) if len(self.chosen_ids) == 1 else None

    @property
    def chosen(self) -> ContainerRow | None:
        """The chosen container's row; None for all, and for several."""
        return next((row for row in self.rows if row.container.id == self.chosen_id), None)

    @property
    def chosen_rows(self) -> tuple[ContainerRow, ...]:
        """The rows of those chosen that are in the list."""
        return tuple(row for row in self.rows if row.container.id in self.chosen_ids)

    def cgroups(self) -> Chosen | None:
        """Return which cgroups the choice stands for, None for all.

        The host is told by what it is not: its own cgroups come and go with every service and session.
        """
        if not self.chosen_ids:
            return None
        chosen = self.chosen_rows
        if any(row.container.is_host for row in chosen):
            others = (row.cgroup_ids for row in self.rows if row not in chosen)
            return Chosen(frozenset[int]().union(*others), invert=True)
        return Chosen(frozenset[int]().union(*(row.cgroup_ids for row in chosen)))

    def watched(self) -> frozenset[int] | None:
        """Return which cgroups are to be captured in detail, None for all.

        The host's are not known by number, nor is the one that a container that has ended would be started again in.
        """
        chosen = self.cgroups()
        if chosen is None or chosen.invert or not chosen.ids:
            return None
        return None if any(row.ended for row in self.chosen_rows) else chosen.ids

    def name(self, container_id: str) -> str:
        """Return what a container is called, its id when it is not in the list."""
        return next((label(row) for row in self.rows if row.container.id == container_id), container_id)


def label(row: ContainerRow) -> str:
    """Return the container's name as lists show it, raw: the pod's name, the engine's name, or the id."""
    container = row.container
    return container.name or container.pod_name or container.id


def _text(row: ContainerRow) -> str:
    """Return what a text is looked for in."""
    container = row.container
    pod = f"{container.pod_namespace or ''}/{container.pod_name}" if container.pod_name else ""
    return f"{container.name or ''} {container.image or ''} {pod} {container.id}".lower()


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
