"""Batch: the columns of one drain, ordered by time, never changed after it is made.

A batch owns its memory (nothing in it points into a ring) and is what everything after the capture works on:
enrichment, rules, history, recordings. Whoever needs a single event asks for a row; whoever needs many works on the
columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tuimon.records import EXT, HEAD, PROC, SLOTS, SizeClass, Slot

_NO_ROW = np.int32(-1)


@dataclass(slots=True)
class Batch:
    """The events of one drain.

    ``n`` events; ``m`` of them carry an ext and text, ``k`` of those describe a process.
    """

    head: NDArray[np.void]
    """(n,) HEAD, ordered by ``ts_ns``."""
    ext_at: NDArray[np.int32]
    """(n,) row of ``ext`` for each event, -1 without one."""
    ext: NDArray[np.void]
    """(m,) EXT."""
    text_at: NDArray[np.int64]
    """(m + 1,) where the text of each ext row begins in ``arena``."""
    arena: bytes
    """The text of all ext rows, slots one behind the other as in the record."""
    proc_row: NDArray[np.int32]
    """(k,) event rows that carry a process description, ascending."""
    proc: NDArray[np.void]
    """(k,) PROC, in the order of ``proc_row``."""
    first_num: int = 0
    """``evt.num`` of row 0; given by the engine, 1-based over the whole run."""
    process_at: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """(n,) index of the process version each event belongs to (see tuimon.enrich.processes), -1 unknown; given by
    the engine, empty before."""

    run_ns: int = 0
    """``ts_ns`` of the first event of the run; given by the engine, 0 when nobody said."""
    before_ns: int = 0
    """``ts_ns`` of the event before row 0, 0 when there is none or nobody said; given by the engine."""
    prior_ns: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """(n,) ``ts_ns`` of the event before each row, for rows taken out of another batch; else empty."""
    shared_by: int = 1
    """Batches that have ``ext``, ``text_at`` and ``arena`` together (tuimon.compact); they hold rows of all of them."""
    notes: object = field(default=None, repr=False, compare=False)
    """What tuimon.rules.numbering has worked out about the batch so far; nobody else looks at it."""

    def __len__(self) -> int:
        return len(self.head)

    def previous_ns(self, row: int) -> int:
        """Return the ``ts_ns`` of the event before a row, 0 when there was none or nobody said."""
        if len(self.prior_ns):
            return int(self.prior_ns[row])
        return int(self.head["ts_ns"][row - 1]) if row else self.before_ns

    @property
    def nbytes(self) -> int:
        """Bytes of memory held by the columns; of what batches have together, its part."""
        own = (self.head, self.ext_at, self.proc_row, self.proc, self.process_at)
        return sum(a.nbytes for a in own) + self.text_bytes // self.shared_by

    @property
    def text_bytes(self) -> int:
        """Bytes of memory held by ``ext`` and its text."""
        return self.ext.nbytes + self.text_at.nbytes + len(self.arena)

    def slots(self, row: int) -> list[bytes]:
        """Return the text slots of one event: SLOTS byte strings, all empty when it carries no text."""
        ext_row = int(self.ext_at[row])
        if ext_row < 0:
            return [b""] * SLOTS
        at = int(self.text_at[ext_row])
        out = []
        for length in self.ext["slot_len"][ext_row].tolist():
            out.append(self.arena[at : at + length])
            at += length
        return out

    def slot(self, row: int, slot: Slot) -> bytes:
        """Return one text slot of one event, empty when it carries none."""
        ext_row = int(self.ext_at[row])
        if ext_row < 0:
            return b""
        lengths = self.ext["slot_len"][ext_row]
        at = int(self.text_at[ext_row]) + int(lengths[:slot].sum())
        return self.arena[at : at + int(lengths[slot])]

    def proc_of(self, row: int) -> np.void | None:
        """Return the process description of one event, None when it carries none."""
        at = int(np.searchsorted(self.proc_row, row))
        if at < len(self.proc_row) and self.proc_row[at] == row:
            return self.proc[at]  # type: ignore[no-any-return]
        return None


def number(batch: Batch, first_num: int, run_ns: int, before_ns: int) -> None:
    """Give a batch its place in the run; its one writer is whoever takes it from the source.

    Args:
        batch: Not empty.
        first_num: ``evt.num`` of its first event.
        run_ns: When the run's first event was, 0 when that is this batch's.
        before_ns: When the event before it was, 0 when there is none.
    """
    batch.first_num, batch.before_ns = first_num, before_ns
    batch.run_ns = run_ns or int(batch.head["ts_ns"][0])


def empty_batch() -> Batch:
    """Return a batch of no events."""
    return Batch(
        head=np.empty(0, HEAD),
        ext_at=np.empty(0, np.int32),
        ext=np.empty(0, EXT),
        text_at=np.zeros(1, np.int64),
        arena=b"",
        proc_row=np.empty(0, np.int32),
        proc=np.empty(0, PROC),
    )


def _blobs(records: NDArray[np.void]) -> NDArray[np.void]:
    """Return the same memory as records of opaque bytes.

    numpy copies a structured array member by member (46 ns for a HEAD here) and opaque bytes in one go (5 ns).
    """
    return records.view(f"V{records.dtype.itemsize}")


def joined(arrays: Sequence[NDArray[np.void]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Return the records of several arrays of ``dtype`` one behind the other, in memory of their own."""
    if not arrays:
        return np.empty(0, dtype)
    return np.concatenate([_blobs(a) for a in arrays]).view(dtype)


def _picked(records: NDArray[np.void], rows: NDArray[np.integer]) -> NDArray[np.void]:
    """Return some rows of a structured array, in memory of their own."""
    return _blobs(records)[rows].view(records.dtype)  # type: ignore[no-any-return]


def _packed_text(part: NDArray[np.void]) -> NDArray[np.uint8]:
    """Return the used text bytes of records of one class, one behind the other."""
    text = part["text"]
    used = np.minimum(part["ext"]["text_len"], text.shape[1])
    width = int(used.max(initial=0))
    return text[:, :width][np.arange(width) < used[:, None]]  # type: ignore[no-any-return]


def from_records(parts: Sequence[tuple[SizeClass, NDArray[np.void]]]) -> Batch:
    """Merge the records of several rings into one batch ordered by time.

    Args:
        parts: Per ring its class and records (``record_dtype``, with or without ring header). They are copied.

    Records whose text length claims more than their class holds are cut to it, so that a damaged record can only harm
    itself.
    """
    parts = [(c, p) for c, p in parts if len(p)]
    if not parts:
        return empty_batch()
    heads, exts, lengths, arenas, procs = [], [], [], [], []
    ext_at, proc_at = [], []
    m = k = 0
    for size_class, part in parts:
        n = len(part)
        heads.append(part["head"])
        if size_class is SizeClass.SLIM:
            ext_at.append(np.full(n, _NO_ROW))
        else:
            exts.append(part["ext"])
            arenas.append(_packed_text(part).tobytes())
            lengths.append(np.minimum(part["ext"]["text_len"], part["text"].shape[1]))
            ext_at.append(np.arange(m, m + n, dtype=np.int32))
            m += n
        if size_class >= SizeClass.PROC_SHORT:
            procs.append(part["proc"])
            proc_at.append(np.arange(k, k + n, dtype=np.int32))
            k += n
        else:
            proc_at.append(np.full(n, _NO_ROW))
    head = joined(heads, HEAD)
    text_at = np.zeros(m + 1, np.int64)
    if lengths:
        np.cumsum(np.concatenate(lengths), out=text_at[1:])
    order = np.argsort(head["ts_ns"], kind="stable")
    by_time = np.concatenate(proc_at)[order]
    proc_row = np.flatnonzero(by_time >= 0).astype(np.int32)
    return Batch(
        head=_picked(head, order),
        ext_at=np.concatenate(ext_at)[order],
        ext=joined(exts, EXT),
        text_at=text_at,
        arena=b"".join(arenas),
        proc_row=proc_row,
        proc=_picked(joined(procs, PROC), by_time[proc_row]),
    )


def _prior(batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.uint64]:
    """Return the time of the event before each of some rows."""
    if len(batch.prior_ns):
        return batch.prior_ns[rows]
    before = batch.head["ts_ns"][rows - 1]
    before[rows == 0] = batch.before_ns
    return before


def take(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    """Return a batch of some rows only (ascending), with its own memory."""
    ext_rows = batch.ext_at[rows]
    has_ext = ext_rows >= 0
    kept = ext_rows[has_ext]
    ext_at = np.full(len(rows), _NO_ROW)
    ext_at[has_ext] = np.arange(len(kept), dtype=np.int32)
    starts, ends = batch.text_at[kept], batch.text_at[kept + 1]
    text_at = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(ends - starts, out=text_at[1:])
    arena = b"".join(batch.arena[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
    proc_at = np.searchsorted(batch.proc_row, rows)  # ascending: an alert takes one row of a large batch
    has_proc = np.zeros(len(rows), bool)
    inside = proc_at < len(batch.proc_row)
    has_proc[inside] = batch.proc_row[proc_at[inside]] == rows[inside]
    return Batch(
        head=_picked(batch.head, rows),
        ext_at=ext_at,
        ext=_picked(batch.ext, kept),
        text_at=text_at,
        arena=arena,
        proc_row=np.flatnonzero(has_proc).astype(np.int32),
        proc=_picked(batch.proc, proc_at[has_proc]),
        first_num=batch.first_num,
        process_at=batch.process_at[rows] if len(batch.process_at) else batch.process_at,
        run_ns=batch.run_ns,
        prior_ns=_prior(batch, rows),
    )


def rows_of(batch: Batch, begin: int, end: int) -> Batch:
    """Return the rows ``begin`` to ``end`` of a batch, without copying a column."""
    low, high = np.searchsorted(batch.proc_row, (begin, end)).tolist()
    return replace(
        batch,
        head=batch.head[begin:end],
        ext_at=batch.ext_at[begin:end],
        proc_row=batch.proc_row[low:high] - np.int32(begin),
        proc=batch.proc[low:high],
        first_num=batch.first_num + begin,
        process_at=batch.process_at[begin:end],
        before_ns=batch.previous_ns(begin) if begin < len(batch) else batch.before_ns,
        prior_ns=batch.prior_ns[begin:end],
        notes=None,  # they go by row
    )


def pieces(batch: Batch, rows: int) -> list[Batch]:
    """Return a batch in pieces of about so many rows, each with memory of its own; a batch not much larger as it is."""
    if len(batch) < 2 * rows:
        return [batch]
    out = []
    for at in range(0, len(batch), rows):
        piece = take(batch, np.arange(at, min(at + rows, len(batch))))
        piece.first_num = batch.first_num + at
        if not len(batch.prior_ns):  # of neighbours the place says it
            piece.before_ns, piece.prior_ns = batch.previous_ns(at), piece.prior_ns[:0]
        out.append(piece)
    return out


def concat(batches: Sequence[Batch]) -> Batch:
    """Return consecutive batches as one (their order in time is trusted), with memory of its own.

    ``first_num`` is the first one's; ``process_at`` is kept when all have it.
    """
    batches = [b for b in batches if len(b)]
    if not batches:
        return empty_batch()
    if len(batches) == 1:
        return batches[0]
    ext_at, text_at, proc_row = [], [np.zeros(1, np.int64)], []
    n = m = text = 0
    for batch in batches:
        ext_at.append(np.where(batch.ext_at >= 0, batch.ext_at + np.int32(m), _NO_ROW))
        text_at.append(batch.text_at[1:] + text)
        proc_row.append(batch.proc_row + np.int32(n))
        n, m, text = n + len(batch), m + len(batch.ext), text + len(batch.arena)
    with_process = all(len(b.process_at) == len(b) for b in batches)
    return Batch(
        head=joined([b.head for b in batches], HEAD),
        ext_at=np.concatenate(ext_at),
        ext=joined([b.ext for b in batches], EXT),
        text_at=np.concatenate(text_at),
        arena=b"".join(b.arena for b in batches),
        proc_row=np.concatenate(proc_row),
        proc=joined([b.proc for b in batches], PROC),
        first_num=batches[0].first_num,
        run_ns=batches[0].run_ns,
        before_ns=batches[0].before_ns,
        process_at=np.concatenate([b.process_at for b in batches]) if with_process else np.empty(0, np.int32),
    )


def single(batch: Batch, row: int) -> Batch:
    """Return one event as a batch of its own, so that keeping it does not keep its neighbours' memory."""
    alone = take(batch, np.array([row], np.intp))
    alone.first_num = batch.first_num + row
    return alone
