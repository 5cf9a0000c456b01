"""Records from a damaged or forged recording: any bytes at all give values or nothing, never an exception."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import BOOT_TO_EPOCH_NS, container, process
from tuimon import fields
from tuimon.batch import from_records
from tuimon.events import Event
from tuimon.records import SLOTS, SizeClass, record_dtype
from tuimon.render import clean, summary, value_text

GETTERS = [(info, arg) for info in fields.all_fields() if info.get for arg in (None, "0", "flags", "res", "x")]


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event over a record of random bytes, with a head that is likely to be looked into."""
    size_class = draw(st.sampled_from([SizeClass.SLIM, SizeClass.SHORT, SizeClass.MID, SizeClass.PROC_SHORT]))
    dtype = record_dtype(size_class)
    seed = draw(st.integers(0, 2**32 - 1))
    row = np.frombuffer(np.random.default_rng(seed).bytes(dtype.itemsize), dtype).copy()
    head = row["head"]
    head["nr"] = draw(st.one_of(st.integers(0, 480), st.integers(0, 65535)))
    head["kind"] = draw(st.one_of(st.integers(0, 5), st.integers(0, 255)))
    head["ret"] = draw(st.one_of(st.integers(-200, 200), st.integers(-(2**63), 2**63 - 1)))
    if size_class is not SizeClass.SLIM:
        room = row["text"].shape[1]
        lengths = [draw(st.integers(0, room // SLOTS)) for _ in range(SLOTS)]
        row["ext"]["slot_len"] = lengths
        row["ext"]["text_len"] = sum(lengths)
        row["ext"]["fd_type"] = draw(st.sampled_from([0, 0o100000, 0o140000, 0o010000, 0o040000, 0xFFF0, 0xFFFF]))
        if draw(st.booleans()):
            text = draw(st.binary(min_size=1, max_size=room))
            row["text"][0, : len(text)] = np.frombuffer(text, np.uint8)
        if draw(st.booleans()):
            at = sum(lengths[:5])
            row["text"][0, at : at + 2] = draw(st.sampled_from([(2, 0), (10, 0), (1, 0), (16, 0)]))
    batch = from_records([(size_class, row)])
    batch.process_at = np.zeros(1, np.int32)
    return Event(batch, 0, draw(st.sampled_from([None, process("x")])), container(), BOOT_TO_EPOCH_NS)


@settings(max_examples=150, deadline=None)
@given(events())
def test_no_record_breaks_a_getter(event: Event):
    """Whoever can write a recording must not be able to stop the engine."""
    for info, arg in GETTERS:
        assert info.get is not None
        clean(value_text(info, info.get(event, arg)))
    clean(summary(event))
