"""The row objects: Event, Process, Container, Alert. Made only for a row that somebody looks at.

Names follow Falco and the kernel: ``tgid`` is the process, ``tid`` the thread, ``comm`` the task's short name. Units
are in the names. Treat every object here as immutable except where a docstring names its one writer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tuimon.batch import Batch, single
from tuimon.process import PROCESS_BYTES, UNSET_ID, Process
from tuimon.records import Flag, Kind, Slot

__all__ = ["HOST", "PROCESS_BYTES", "UNSET_ID", "Alert", "Container", "Event", "Mount", "Process", "decode", "event_at"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of a container, as its engine tells it."""

    source: str
    dest: str
    mode: str = ""
    rdwr: bool = True
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container, or the host. Replaced as a whole when more becomes known.

    ``known`` is False until the engine's metadata arrived: then name and image are None because they are *not known
    yet*, which the rule engine treats as unknown, not as false.
    """

    id: str
    """First 12 characters of the full id; "host" for the host."""
    full_id: str = ""
    name: str | None = None
    image: str | None = None
    """The whole reference, as the engine shows it."""
    image_repository: str | None = None
    image_tag: str | None = None
    image_digest: str | None = None
    image_id: str | None = None
    engine: str = ""
    """docker, podman, containerd, cri-o, ... ; Falco's container.type."""
    privileged: bool | None = None
    mounts: tuple[Mount, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_name: str | None = None
    pod_namespace: str | None = None
    pod_uid: str | None = None
    pod_sandbox_id: str | None = None
    pod_labels: Mapping[str, str] | None = None
    pod_ip: str | None = None
    ip: str | None = None
    host_pid: bool | None = None
    host_network: bool | None = None
    host_ipc: bool | None = None
    start_time_ns: int | None = None
    """Since the epoch."""
    pid: int | None = None
    """Its first process on the host."""
    healthcheck: str | None = None
    """Its command; NONE when the engine says that there is none."""
    liveness_probe: str | None = None
    readiness_probe: str | None = None
    cni_json: str | None = None
    """The interfaces that the network plugin made for the pod, as JSON."""
    upper_dir: str | None = None
    """Host path of the overlay's writable layer, where the engine tells it."""
    known: bool = False
    ended: bool = False

    @property
    def is_host(self) -> bool:
        """Whether this stands for the host itself."""
        return self.id == "host"


HOST: Final = Container(id="host", full_id="host", name="host", engine="host", known=True)


class Event:
    """One event: a row of a batch together with its process and its container.

    Cheap to make (no text is decoded before somebody asks). ``container`` is None while it is not known whether the
    event's cgroup is a container at all.
    """

    __slots__ = ("_slots", "batch", "boot_to_epoch_ns", "container", "facts", "process", "row")

    def __init__(
        self,
        batch: Batch,
        row: int,
        process: Process | None,
        container: Container | None,
        boot_to_epoch_ns: int,
    ) -> None:
        self.batch = batch
        self.row = row
        self.process = process
        self.container = container
        self.boot_to_epoch_ns = boot_to_epoch_ns
        self._slots: list[bytes] | None = None
        self.facts: Any = None
        """What tuimon.fields has decoded of this event so far; nobody else looks at it."""

    def part(self) -> None:
        """Let go of what was decoded: until a garbage collection the two hold each other and the whole batch.

        For whoever made the event and has asked what there was to ask; what is asked later is decoded anew.
        """
        self.facts = None

    def alone(self) -> Event:
        """Return the event without its neighbours, so that keeping it does not keep a whole drain in memory."""
        return Event(single(self.batch, self.row), 0, self.process, self.container, self.boot_to_epoch_ns)

    @property
    def num(self) -> int:
        """Falco's evt.num: 1 for the first event of the run."""
        return self.batch.first_num + self.row

    @property
    def head(self) -> np.void:
        """The HEAD record."""
        return self.batch.head[self.row]  # type: ignore[no-any-return]

    @property
    def ext(self) -> np.void | None:
        """The EXT record, None for a slim event."""
        at = self.batch.ext_at[self.row]
        return self.batch.ext[at] if at >= 0 else None

    @property
    def ts_ns(self) -> int:
        """Time since boot."""
        return int(self.batch.head["ts_ns"][self.row])

    @property
    def time_ns(self) -> int:
        """Time since the epoch."""
        return self.ts_ns + self.boot_to_epoch_ns

    @property
    def kind(self) -> Kind:
        """What made the event."""
        return Kind(int(self.batch.head["kind"][self.row]))

    @property
    def nr(self) -> int:
        """Native system call number."""
        return int(self.batch.head["nr"][self.row])

    @property
    def flags(self) -> Flag:
        """Marks of the record: truncated, compat, ..."""
        return Flag(int(self.batch.head["flags"][self.row]))

    @property
    def ret(self) -> int:
        """Return value; see ``tm_head.kind`` for what it is of other kinds."""
        return int(self.batch.head["ret"][self.row])

    @property
    def tid(self) -> int:
        """The thread."""
        return int(self.batch.head["tid"][self.row])

    @property
    def tgid(self) -> int:
        """The process."""
        return int(self.batch.head["tgid"][self.row])

    @property
    def cpu(self) -> int:
        """CPU number."""
        return int(self.batch.head["cpu"][self.row])

    @property
    def cgroup_id(self) -> int:
        """Key of the container."""
        return int(self.batch.head["cgroup_id"][self.row])

    @property
    def args(self) -> tuple[int, ...]:
        """Raw register arguments: six, or three for a slim event."""
        low = self.batch.head["arg"][self.row].tolist()
        at = self.batch.ext_at[self.row]
        return tuple(low) if at < 0 else (*low, *self.batch.ext["arg"][at].tolist())

    @property
    def comm(self) -> str | None:
        """Name of the thread at the event, None for a slim event."""
        at = self.batch.ext_at[self.row]
        return None if at < 0 else decode(bytes(self.batch.ext["comm"][at]))

    @property
    def uid(self) -> int | None:
        """Effective uid at the event, None for a slim event (ask the process)."""
        at = self.batch.ext_at[self.row]
        return None if at < 0 else int(self.batch.ext["uid"][at])

    @property
    def gid(self) -> int | None:
        """Effective gid at the event, None for a slim event (ask the process)."""
        at = self.batch.ext_at[self.row]
        return None if at < 0 else int(self.batch.ext["gid"][at])

    @property
    def fd_type(self) -> int:
        """S_IFMT bits of the file the call is about, 0 when there is none or it was not looked at."""
        at = self.batch.ext_at[self.row]
        return 0 if at < 0 else int(self.batch.ext["fd_type"][at])

    def slot(self, slot: Slot) -> bytes:
        """Return one text slot, empty when the record carries none."""
        if self._slots is None:
            self._slots = self.batch.slots(self.row)
        return self._slots[slot]


def event_at(
    batch: Batch,
    row: int,
    process_of: Callable[[int], Process | None],
    owner_of: Callable[[int], Container | None],
    boot_to_epoch_ns: int,
) -> Event:
    """Return the row object of an event, with its process and its container as the tables know them now."""
    index = int(batch.process_at[row]) if len(batch.process_at) else -1
    return Event(batch, row, process_of(index), owner_of(int(batch.head["cgroup_id"][row])), boot_to_epoch_ns)


def decode(raw: bytes) -> str:
    """Decode bytes from the kernel; what is not UTF-8 survives as surrogates, which tuimon.render makes visible."""
    return raw.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that matched an event."""

    num: int
    """1 for the first alert of the run."""
    time_ns: int
    """Of the event, since the epoch."""
    rule: str
    priority: str
    """Capitalised, in full: Warning, Informational, ..."""
    output: str
    """The message with its fields filled in as they are: hostile text in it is escaped by whoever shows it."""
    output_fields: Mapping[str, object]
    """Field text as written in the rule to value; None when absent."""
    tags: tuple[str, ...]
    source: str
    hostname: str
    revision: int
    """Of the rule set that fired."""
    event: Event
    unconfirmed: bool = False
    """Some value was still unknown when the wait for it ended."""
    event_text: str = ""
    """``evt.args`` and the like are cheap to ask later from ``event``; this is a short line for lists."""

    @property
    def container_id(self) -> str:
        """Of the event; empty while unknown."""
        container = self.event.container
        return container.id if container is not None else ""
