"""thread.*: the thread that made the event, its capabilities and what it uses."""

from __future__ import annotations

import functools
from typing import Final

from tuimon.events import Event, Process
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Getter, Scope, Value, add

# In order of number: include/uapi/linux/capability.h of Linux 6.18.
_CAPABILITIES: Final = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES: Final = tuple(f"CAP_{name}" for name in _CAPABILITIES.split())
"""Capability names in order of their numbers."""


@functools.lru_cache(maxsize=256)
def capability_names(mask: int) -> str:
    """Return the names of a capability mask with blanks between, in order of their numbers.

    >>> capability_names(0b101)
    'CAP_CHOWN CAP_DAC_READ_SEARCH'
    """
    return " ".join(name for number, name in enumerate(CAPABILITIES) if mask >> number & 1)


def _capabilities(attribute: str) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        process = event.process
        mask: int | None = None if process is None else getattr(process, attribute)
        return None if mask is None else capability_names(mask)

    return get


def _tid(event: Event, _: str | None) -> Value:
    return event.tid


def _ismain(event: Event, _: str | None) -> Value:
    return event.tid == event.tgid


def _vtid(event: Event, _: str | None) -> Value:
    process: Process | None = event.process
    described = event.batch.proc_of(event.row)
    if described is not None and int(described["tid"]) == event.tid:
        return int(described["vtid"])
    if process is None:
        return None
    if event.tid == event.tgid:
        return process.vpid or None
    return event.tid if process.vpid == process.pid else None


def _nametid(event: Event, _: str | None) -> Value:
    process = event.process
    return None if process is None else f"{process.comm}{event.tid}"


def _zero(_event: Event, _: str | None) -> Value:
    return 0


for _name in ("permitted", "inheritable", "effective"):
    add(
        "process",
        f"thread.cap_{_name}",
        T.CHARBUF,
        f"{_name} capabilities, CAP_... names with blanks between",
        _capabilities(f"cap_{_name}"),
        Scope.PROCESS,
    )
add("process", "thread.tid", T.INT64, "thread id", _tid)
add("process", "thread.ismain", T.BOOL, "whether the thread is the first of its process", _ismain)
add("process", "thread.vtid", T.INT64, "thread id as the thread itself sees it, in its pid namespace", _vtid)
add("process", "thread.nametid", T.CHARBUF, "short name and thread id in one word", _nametid, print_only=True)
add("process", "thread.exectime", T.RELTIME, "CPU time of a scheduler switch; 0 for all other events", _zero)
add("process", "thread.totexectime", T.RELTIME, "CPU time over all scheduler switches seen; 0 without them", _zero)
