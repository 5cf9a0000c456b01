"""Events kept for long, as few bytes: ten thousand alerts hold one each.

An event on its own is a batch of one row, and the arrays of a batch cost three kilobytes beside their data. Here the
row is one string of bytes, made into a batch again for whoever looks.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

import numpy as np

from tuimon.batch import Batch, single
from tuimon.events import Event
from tuimon.records import EXT, HEAD, PROC

_ABOUT: Final = struct.Struct("<qqqqiBBI")
"""first_num, run_ns, before_ns, prior_ns (-1: none), process_at (-2: none), whether there is an ext, a proc; bytes of
text."""
_TS_AT: Final = _ABOUT.size + (HEAD.fields["ts_ns"][1] if HEAD.fields is not None else 0)
_CGROUP_AT: Final = _ABOUT.size + (HEAD.fields["cgroup_id"][1] if HEAD.fields is not None else 0)
_LOOKED_AT: Final = 64


def packed(batch: Batch) -> bytes:
    """Return a batch of one row as bytes."""
    about = _ABOUT.pack(
        batch.first_num,
        batch.run_ns,
        batch.before_ns,
        int(batch.prior_ns[0]) if len(batch.prior_ns) else -1,
        int(batch.process_at[0]) if len(batch.process_at) else -2,
        len(batch.ext),
        len(batch.proc),
        len(batch.arena),
    )
    return about + batch.head.tobytes() + batch.ext.tobytes() + batch.proc.tobytes() + batch.arena


@lru_cache(maxsize=_LOOKED_AT)
def unpacked(raw: bytes) -> Batch:
    """Return the batch of one row that was packed; treat it as unchangeable, as all batches."""
    first_num, run_ns, before_ns, prior_ns, process_at, exts, procs, size = _ABOUT.unpack_from(raw)
    at = _ABOUT.size
    head = np.frombuffer(raw, HEAD, 1, at)
    ext = np.frombuffer(raw, EXT, exts, at + HEAD.itemsize)
    at += HEAD.itemsize + ext.nbytes
    proc = np.frombuffer(raw, PROC, procs, at)
    return Batch(
        head=head,
        ext_at=np.array([exts - 1], np.int32),
        ext=ext,
        text_at=np.array([0, size][: exts + 1], np.int64),
        arena=raw[len(raw) - size :],
        proc_row=np.zeros(procs, np.int32),
        proc=proc,
        first_num=first_num,
        process_at=np.array([process_at][: process_at > -2], np.int32),
        run_ns=run_ns,
        before_ns=before_ns,
        prior_ns=np.array([prior_ns][: prior_ns >= 0], np.uint64),
    )


class KeptEvent(Event):
    """An event of which only the bytes are kept."""

    __slots__ = ("_raw",)

    @property
    def batch(self) -> Batch:
        """A batch of this one row, made anew when it has not been asked for of late."""
        return unpacked(self._raw)

    @batch.setter
    def batch(self, batch: Batch) -> None:
        self._raw = packed(batch)

    @property
    def num(self) -> int:
        """As the event's; without its batch, for lists ask it of thousands."""
        return int(_ABOUT.unpack_from(self._raw)[0])

    @property
    def ts_ns(self) -> int:
        """As above."""
        return int.from_bytes(self._raw[_TS_AT : _TS_AT + 8], "little")

    @property
    def cgroup_id(self) -> int:
        """As above."""
        return int.from_bytes(self._raw[_CGROUP_AT : _CGROUP_AT + 8], "little")


def kept(event: Event) -> KeptEvent:
    """Return an event without its neighbours, without what was decoded of it, and small."""
    batch = event.batch if len(event.batch) == 1 else single(event.batch, event.row)
    return KeptEvent(batch, 0, event.process, event.container, event.boot_to_epoch_ns)
