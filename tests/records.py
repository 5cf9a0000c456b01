"""Raw records for tests of the layers below the row objects; tests.builders makes whole events."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuimon.records import Flag, Kind, SizeClass, record_dtype


def make_records(
    size_class: SizeClass, events: Sequence[tuple[int, Sequence[bytes]]], *, nr: int = 257, tgid: int = 100
) -> NDArray[np.void]:
    """Return records of one class from (time, text slots)."""
    records = np.zeros(len(events), record_dtype(size_class))
    head = records["head"]
    head["nr"], head["tgid"], head["tid"] = nr, tgid, tgid
    for row, (ts_ns, slots) in enumerate(events):
        head["ts_ns"][row] = ts_ns
        if size_class is SizeClass.SLIM:
            continue
        head["flags"][row] |= np.uint8(Flag.HAS_EXT)
        text = b"".join(slots)
        records["text"][row, : len(text)] = np.frombuffer(text, np.uint8)
        records["ext"]["text_len"][row] = len(text)
        for slot, value in enumerate(slots):
            records["ext"]["slot_len"][row, slot] = len(value)
    if size_class >= SizeClass.PROC_SHORT:
        head["flags"] |= np.uint8(Flag.HAS_PROC)
        head["kind"] = Kind.EXEC
        records["proc"]["pid"] = tgid
    return records
