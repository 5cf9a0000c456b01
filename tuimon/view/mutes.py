"""Mutes: what the user does not want to be shown for a while. A muted alert is still counted, and still said.

A mute names a rule, and if wanted one container (by its id: a container made anew is another one) and one program in
it. It never reaches the engine: headless outputs and recordings know nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from tuimon.events import Alert

MAX_MUTES: Final = 500
LENGTHS: Final = (("10 minutes", 600), ("1 hour", 3600), ("8 hours", 8 * 3600), ("until quit", None))
"""How long one can mute, in seconds; None: as long as tuimon runs."""
DEFAULT_LENGTH: Final = 1


@dataclass(frozen=True, slots=True)
class Mute:
    """One line of the list of mutes."""

    rule: str
    container_id: str | None = None
    """None: in every container."""
    container: str = ""
    """What it was called, for the list."""
    process: str | None = None
    """Name of the program; None: whichever."""
    until_ns: int | None = None
    """Since the epoch; None: until tuimon is left."""

    @property
    def what(self) -> str:
        """What it keeps away, in words."""
        where = f" in {self.container or self.container_id}" if self.container_id is not None else ""
        return f"{self.rule}{where}{f' by {self.process}' if self.process is not None else ''}"

    def covers(self, alert: Alert) -> bool:
        """Return whether an alert is one of those it keeps away."""
        if alert.rule != self.rule or self.container_id not in (None, alert.container_id):
            return False
        return self.process is None or self.process == process_name(alert)


def process_name(alert: Alert) -> str:
    """Return the name of the program that set an alert off, empty when it is not known."""
    event = alert.event
    return event.process.comm if event.process is not None else event.comm or ""


class Mutes:
    """The mutes in force.

    Args:
        saved: The mutes of an earlier run, as ``save`` got them; what is wrong in it is left out.
        save: Told the mutes that outlive the run, whenever they change.
        now_ns: The clock, since the epoch.
    """

    def __init__(
        self,
        saved: object = (),
        save: Callable[[list[dict[str, Any]]], object] = lambda _: None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._save = save
        self._now_ns = now_ns
        self._mutes: list[Mute] = list(_restored(saved))[:MAX_MUTES]
        self.expire()

    def __len__(self) -> int:
        return len(self._mutes)

    @property
    def all(self) -> Sequence[Mute]:
        """The mutes in force, the newest first."""
        return self._mutes[::-1]

    def add(self, mute: Mute) -> None:
        """Put a mute in force; one of the same alerts is replaced."""
        same = (mute.rule, mute.container_id, mute.process)
        self._mutes = [m for m in self._mutes if (m.rule, m.container_id, m.process) != same][-MAX_MUTES + 1 :]
        self._mutes.append(mute)
        self._keep()

    def remove(self, mute: Mute) -> None:
        """End a mute."""
        self._mutes = [m for m in self._mutes if m != mute]
        self._keep()

    def expire(self) -> bool:
        """Drop the mutes whose time is over; return whether there were any."""
        now = self._now_ns()
        left = [m for m in self._mutes if m.until_ns is None or m.until_ns > now]
        if len(left) == len(self._mutes):
            return False
        self._mutes = left
        self._keep()
        return True

    def of(self, alert: Alert) -> Mute | None:
        """Return the mute that keeps an alert away, None when none does."""
        return next((m for m in self._mutes if m.covers(alert)), None) if self._mutes else None

    def until(self, seconds: float | None) -> int | None:
        """Return when a mute of a length ends."""
        return None if seconds is None else self._now_ns() + round(seconds * 1e9)

    def left_s(self, mute: Mute) -> float | None:
        """Return how long a mute will last, None: as long as tuimon runs."""
        return None if mute.until_ns is None else max(mute.until_ns - self._now_ns(), 0) / 1e9

    def _keep(self) -> None:
        self._save([asdict(m) for m in self._mutes if m.until_ns is not None])


def _restored(saved: object) -> Iterable[Mute]:
    """Return the mutes of a state that anybody may have written."""
    known = {f.name for f in fields(Mute)}
    for item in saved if isinstance(saved, list) else ():
        if isinstance(item, Mapping) and set(item) == known and _is_mute(item):
            yield Mute(**item)


def _is_mute(item: Mapping[str, object]) -> bool:
    texts = isinstance(item["rule"], str) and isinstance(item["container"], str)
    maybe = all(item[key] is None or isinstance(item[key], str) for key in ("container_id", "process"))
    until = item["until_ns"]
    return texts and maybe and isinstance(until, int) and not isinstance(until, bool)
