"""A compacted batch says the same as before in less memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon import fields
from tuimon.batch import Batch, concat, empty_batch, take
from tuimon.capture.recording import pack_batch, unpack_batch
from tuimon.compact import SHARED_BY, compacted, shared, to_share
from tuimon.events import Event
from tuimon.resources import find_recording
from tuimon.rules.filter import compile_filter
from tuimon.workbench.replay import Replay


def values(event: Event) -> dict[str, object]:
    """Return the value of every field that needs no argument."""
    return {
        info.name: info.get(event, None)
        for info in fields.all_fields()
        if info.get is not None and info.arg != "required"
    }


@pytest.fixture(scope="module")
def replayed() -> tuple[Batch, Replay]:
    replay = Replay(find_recording("demo"))
    return concat(list(replay.batches())), replay


def test_every_field_of_a_recording_is_as_before(replayed):
    batch, replay = replayed
    small = compacted(batch)
    assert small.nbytes < batch.nbytes
    assert len(small.ext) < len(batch.ext)
    for row in range(0, len(batch), max(len(batch) // 400, 1)):
        assert values(replay.event(small, row)) == values(replay.event(batch, row))


@settings(max_examples=60, deadline=None)
@given(events=st.lists(strategies.events(), min_size=1, max_size=12))
def test_every_field_of_made_events_is_as_before(events):
    batch, tables = builders.batch_of(events)
    small = compacted(batch)
    for row in range(len(batch)):
        one, other = (builders.event_of(each, row, tables) for each in (batch, small))
        assert values(one) == values(other)
        assert one.comm == other.comm


def test_equal_rows_share_their_text_and_others_do_not():
    events = [builders.open_event("/etc/passwd") for _ in range(50)] + [builders.open_event("/etc/shadow")]
    batch, _ = builders.batch_of(events)
    small = compacted(batch)
    assert len(small.ext) == 2
    assert np.unique(small.ext_at[:50]).tolist() == [small.ext_at[0]]
    assert small.slots(50)[0] == b"/etc/shadow"
    assert compacted(small).nbytes == small.nbytes


def test_what_the_call_does_not_take_is_forgotten_and_what_it_takes_is_not():
    plain = builders.syscall_event("openat", given="/a", args=(3, 1, 0, 0o644, 77, 78))
    made = builders.syscall_event("openat", given="/a", args=(3, 1, 0o101, 0o644, 77, 78))
    odd = builders.syscall_event("mmap", given="/a", args=(1, 2, 3, 4, 5, 6))
    batch, tables = builders.batch_of([plain, made, odd])
    small = compacted(batch)
    seen = [builders.event_of(small, row, tables).args[3:] for row in range(3)]
    assert seen == [(0, 0, 0), (0o644, 0, 0), (4, 5, 6)]


def test_results_that_stand_behind_the_arguments_are_kept():
    """The queue of a socket, ids, a pipe's inode: no argument, and yet something is said there."""
    events = [
        builders.syscall_event("accept", args=(3, 0, 0, 0, 2, 5), ret=7),
        builders.syscall_event("getresuid", args=(1, 2, 3, 10, 20, 30)),
    ]
    batch, tables = builders.batch_of(events)
    small = compacted(batch)
    assert [builders.event_of(small, row, tables).args[3:] for row in range(2)] == [(0, 2, 5), (10, 20, 30)]


def test_a_batch_without_texts_stays_as_it_is():
    assert len(compacted(empty_batch())) == 0
    batch, tables = builders.batch_of([builders.syscall_event("read", slim=True)])
    assert values(builders.event_of(compacted(batch), 0, tables)) == values(builders.event_of(batch, 0, tables))


def test_columns_of_a_recording_do_not_keep_its_frames_alive(replayed):
    batch, _ = replayed
    frame = unpack_batch(pack_batch(batch))
    assert frame.head.base is not None
    small = compacted(frame)
    for column in (small.head, small.ext, small.ext_at, small.proc, small.proc_row):
        root = column
        while isinstance(root.base, np.ndarray):
            root = root.base
        assert root.base is None
        assert root.nbytes == column.nbytes


def cut(batch: Batch, count: int) -> list[Batch]:
    """Return a batch in so many parts, each compacted."""
    size = -(-len(batch) // count)
    return [compacted(take(batch, np.arange(at, min(at + size, len(batch))))) for at in range(0, len(batch), size)]


def test_neighbours_that_have_their_texts_together_say_the_same_in_less_memory(replayed):
    batch, replay = replayed
    parts = cut(batch, SHARED_BY)
    small = shared(parts)
    assert sum(each.nbytes for each in small) < sum(each.nbytes for each in parts)
    assert all(each.ext is small[0].ext and each.arena is small[0].arena for each in small)
    for one, other in zip(parts, small, strict=True):
        for row in range(0, len(one), max(len(one) // 40, 1)):
            assert values(replay.event(one, row)) == values(replay.event(other, row))


def test_what_is_taken_out_of_such_a_batch_is_its_own(replayed):
    batch, _ = replayed
    parts = cut(batch, SHARED_BY)
    small = shared(parts)
    rows = np.arange(0, len(parts[3]), 7)
    assert take(small[3], rows).nbytes == take(parts[3], rows).nbytes
    assert concat(small).slots(len(batch) - 1) == batch.slots(len(batch) - 1)
    assert compacted(small[3]) is small[3]


@pytest.mark.parametrize("text", ["etc", "passwd", "a", "nosuchtext"])
def test_a_filter_finds_the_same_in_them(replayed, text):
    batch, replay = replayed
    parts = cut(batch, SHARED_BY)
    for wanted in (text, f"fd.name contains '{text}'"):
        plain = compile_filter(wanted, None, replay.event)
        together = compile_filter(wanted, None, replay.event)
        for one, other in zip(parts, shared(parts), strict=True):
            assert plain.rows(one).tolist() == together.rows(other).tolist()


def test_only_old_batches_that_are_ready_get_their_texts_together(replayed):
    """The newest are still joined with what comes; a join would copy the texts of all eight."""
    batch, _ = replayed
    parts = cut(batch, 3 * SHARED_BY)
    assert not to_share(parts[: SHARED_BY + 15], lambda _: True)
    assert to_share(parts[: SHARED_BY + 16], lambda _: True) == parts[:SHARED_BY]
    late = parts[2]
    assert not to_share(parts[: SHARED_BY + 16], lambda each: each is not late)
    done = shared(parts[:SHARED_BY]) + parts[SHARED_BY:]
    assert not to_share(done[: SHARED_BY + 20], lambda _: True)
    assert to_share(done + parts, lambda _: True) == parts[SHARED_BY : 2 * SHARED_BY]
