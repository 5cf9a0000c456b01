"""DNS: which name a message on port 53 asks for, from the first bytes that the call wrote or read (RFC 1035, 4.1).

Text from the network is hostile: names are taken as bytes, bounded, and escaped where they are shown.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields.facts import facts
from tuimon.records import SOCK, Kind, Slot

PORT: Final = 53
_HEADER: Final = 12
"""Bytes: id, flags, and the numbers of questions, answers, authorities and additional records."""
_RESPONSE: Final = 0x8000
_USUAL: Final = {0x0100: "asked", 0x0120: "asked", 0x8180: "answered", 0x8183: "NXDOMAIN", 0x8182: "SERVFAIL",
                 0x8185: "REFUSED"}  # fmt: skip
"""By flags; others are told with their number."""
_TYPES: Final = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
                 65: "HTTPS", 255: "ANY"}  # fmt: skip
_PORTS: Final = [SOCK.fields[name][1] for name in ("lport", "rport")] if SOCK.fields else []
"""Where the two ports stand in a socket's slot."""


class Question(NamedTuple):
    """What a message is about."""

    name: str
    """Raw, without the last dot; "..." ends one that the record does not carry whole."""
    type: str
    flags: int
    raw: bytes
    """The question as it stands in the message, as far as it is carried."""
    additional: int
    """The byte before it: the low one of the number of additional records."""

    @property
    def label(self) -> str:
        """Name, type and what became of it."""
        known = _USUAL.get(self.flags)
        what = known or f"{'answered' if self.flags & _RESPONSE else 'asked'} ({self.flags:#06x})"
        also = "with AD" if self.flags == 0x0120 else ""
        return " ".join(filter(None, (self.name or ".", self.type, what, also)))

    @property
    def term(self) -> str:
        """The condition that keeps the messages of this label."""
        flags = f"{self.flags:04x}0001"
        names = [f"evt.buffer bcontains {before:02x}{self.raw.hex()}" for before in (0, 1)]
        return f"evt.buffer bcontains {flags} and ({' or '.join(names)})"


def question_of(data: bytes) -> Question | None:
    """Return the question of a message, None when it is none that can be read.

    Args:
        data: The first bytes of it.
    """
    if len(data) <= _HEADER or data[4:6] != b"\x00\x01" or data[10] or data[11] > 1:
        return None
    labels: list[str] = []
    at = _HEADER
    while at < len(data):
        length = data[at]
        at += 1
        if length > 63:  # compressed: no first name is
            return None
        if not length:
            kind = int.from_bytes(data[at : at + 2], "big") if at + 2 <= len(data) else 0
            name = ".".join(labels)
            return Question(name, _TYPES.get(kind, f"type {kind}"), _flags(data), data[_HEADER : at + 4], data[11])
        labels.append(data[at : at + length].decode("utf-8", "surrogateescape"))
        at += length
    return Question(f"{'.'.join(labels)}...", "", _flags(data), data[_HEADER:], data[11])


def _flags(data: bytes) -> int:
    return int.from_bytes(data[2:4], "big")


def message_of(event: Event) -> Question | None:
    """Return the question that an event's call wrote or read, None when the record carries none."""
    data = facts(event).data()
    return None if data is None else question_of(data)


def rows_on_port(batch: Batch) -> NDArray[np.intp]:
    """Return the rows of calls on a socket one end of which is the port of DNS, ascending."""
    if not len(batch.ext):
        return np.empty(0, np.intp)
    lengths = batch.ext["slot_len"].astype(np.int64)
    whole = lengths[:, Slot.SOCK] >= SOCK.itemsize
    arena = np.frombuffer(batch.arena, np.uint8)
    begins = (np.asarray(batch.text_at[:-1]).astype(np.int64) + lengths[:, : Slot.SOCK].sum(axis=1))[whole]
    found = np.zeros(len(lengths), bool)
    found[whole] = np.logical_or.reduce([(arena[begins + at] == PORT) & (arena[begins + at + 1] == 0) for at in _PORTS])
    on_port = found[batch.ext_at] & (batch.ext_at >= 0)
    return np.flatnonzero(on_port & (batch.head["kind"] == Kind.SYSCALL))
