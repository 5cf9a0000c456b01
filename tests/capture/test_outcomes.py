"""Requests of io_uring and their outcomes: two records, one event."""

from __future__ import annotations

import numpy as np

from tests.records import make_records
from tuimon.batch import Batch, concat, from_records
from tuimon.capture.outcomes import with_outcomes
from tuimon.records import Kind, SizeClass

NUMBER = 7 << 48
NEVER = 1 << 63
"""Nothing is so young."""


def drained(outcomes: dict[int, int]) -> Batch:
    """Return three requests with a call between them, and some outcomes, by the request's place."""
    requests = make_records(SizeClass.SHORT, [(10 * at, [b"/etc/passwd"]) for at in (1, 2, 3)])
    requests["head"]["kind"] = Kind.IO_URING
    requests["ext"]["arg"][:, 2] = [NUMBER + 1, NUMBER + 2, NUMBER + 3]
    call = make_records(SizeClass.SLIM, [(15, [])])
    done = make_records(SizeClass.SLIM, [(10 * at + 1, []) for at in outcomes])
    done["head"]["kind"] = Kind.IO_URING_DONE
    done["head"]["arg"][:, 0] = [NUMBER + at for at in outcomes]
    done["head"]["ret"] = list(outcomes.values())
    process = make_records(SizeClass.PROC_SHORT, [(35, [b"sh"])])
    parts = [(SizeClass.SLIM, call), (SizeClass.SHORT, requests), (SizeClass.PROC_SHORT, process)]
    return from_records([*parts, (SizeClass.SLIM, done)] if outcomes else parts)


def test_a_request_takes_its_outcome_and_keeps_its_place() -> None:
    batch, held = with_outcomes(drained({1: -13, 3: 5}), NEVER)
    assert len(held) == 0
    assert batch.head["ts_ns"].tolist() == [10, 15, 20, 30, 35]
    kinds = [Kind.IO_URING_DONE, Kind.SYSCALL, Kind.IO_URING, Kind.IO_URING_DONE, Kind.EXEC]
    assert batch.head["kind"].tolist() == kinds
    assert batch.head["ret"].tolist()[::2][:2] == [-13, 0]
    assert int(batch.head["ret"][3]) == 5
    assert not batch.ext["arg"][:, 2].any(), "the number is nobody's argument"
    assert [batch.slots(row)[0] for row in (0, 1, 2, 4)] == [b"/etc/passwd", b"", b"/etc/passwd", b"sh"]
    assert batch.proc_row.tolist() == [4]
    assert batch.proc_of(4) is not None


def test_an_outcome_that_comes_late_is_nobodys() -> None:
    batch, _ = with_outcomes(drained({9: 3}), NEVER)
    assert Kind.IO_URING_DONE not in batch.head["kind"].tolist()
    assert len(batch) == 5


def test_a_drain_without_requests_is_left_as_it_is() -> None:
    batch = from_records([(SizeClass.SLIM, make_records(SizeClass.SLIM, [(1, []), (2, [])]))])
    assert with_outcomes(batch, NEVER)[0] is batch
    batch, _ = with_outcomes(drained({}), NEVER)
    assert len(batch) == 5
    assert np.count_nonzero(batch.head["kind"] == Kind.IO_URING) == 3


def test_a_young_request_waits_for_the_next_drain() -> None:
    """Its outcome may have been a moment behind the end of this one."""
    batch, held = with_outcomes(drained({1: 0}), 25)
    assert batch.head["ts_ns"].tolist() == [10, 15, 20, 35], "the second is old enough to be told without"
    assert batch.proc_row.tolist() == [3]
    assert [batch.slots(row)[0] for row in (0, 2, 3)] == [b"/etc/passwd", b"/etc/passwd", b"sh"]
    assert held.head["ts_ns"].tolist() == [30]
    done = make_records(SizeClass.SLIM, [(41, [])])
    done["head"]["kind"], done["head"]["ret"] = Kind.IO_URING_DONE, -2
    done["head"]["arg"][:, 0] = NUMBER + 3
    told, _ = with_outcomes(concat([held, from_records([(SizeClass.SLIM, done)])]), 35)
    assert (told.head["kind"].tolist(), told.head["ret"].tolist()) == ([Kind.IO_URING_DONE], [-2])
    assert not told.ext["arg"][:, 2].any()
    assert told.slots(0)[0] == b"/etc/passwd"
