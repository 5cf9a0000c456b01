"""The rows that tell the kernel side what each call means."""

import numpy as np
import pytest

from tuimon.capture.rows import ROWS, TIMED, call_row, call_rows
from tuimon.capture.source import Interest, Want
from tuimon.syscalls import CALL_OF_NR, CALLS, NAME_TO_NR

WIDE, RESERVED, EXEC, NEW_FD = 1 << 40, 1 << 41, 1 << 42, 1 << 43
NONE = 15


def nibbles(name: str, want: Want = Want.RULES) -> dict[str, int]:
    row = call_row(CALLS[name], want)
    shifts = {"fd": 8, "path": 12, "dir": 16, "path2": 20, "dir2": 24, "addr": 28, "data": 32}
    return {key: row >> shift & 15 for key, shift in shifts.items() if row >> shift & 15 != NONE}


def test_what_is_not_asked_for_has_an_empty_row() -> None:
    rows = call_rows(Interest({NAME_TO_NR["openat"]: Want.VIEW, NAME_TO_NR["close"]: Want.NOTHING}))
    assert rows.shape == (ROWS,)
    assert rows.dtype == np.uint64
    assert np.flatnonzero(rows).tolist() == [NAME_TO_NR["openat"]]


def test_numbers_no_machine_has_are_slim_and_out_of_range_ones_left_out() -> None:
    rows = call_rows(Interest({495: Want.RULES, 511: Want.VIEW, 512: Want.RULES, -1: Want.RULES}))
    assert np.flatnonzero(rows).tolist() == [495, 511]
    assert not int(rows[511]) & WIDE


def test_argument_positions_are_those_of_the_call() -> None:
    assert nibbles("openat") == {"dir": 0, "path": 1}
    assert nibbles("renameat2") == {"dir": 0, "path": 1, "dir2": 2, "path2": 3}
    assert nibbles("connect") == {"fd": 0, "addr": 1}
    assert nibbles("sendto") == {"fd": 0, "addr": 4, "data": 1}
    assert nibbles("close") == {}


def test_a_call_whose_time_is_asked_for_has_room_for_it() -> None:
    row = call_row(CALLS["getppid"], Want.RULES | Want.TIME)
    assert row & WIDE
    assert row & TIMED
    assert row & 0x0F == Want.RULES
    assert int(call_rows(Interest({NAME_TO_NR["getppid"]: Want.RULES | Want.TIME})).max()) == row
    assert not call_row(CALLS["getppid"], Want.RULES) & (WIDE | TIMED)


@pytest.mark.parametrize("name", ["execve", "setuid", "mount", "init_module", "ptrace", "setns", "unshare", "bpf"])
def test_calls_that_must_survive_floods_go_to_the_reserved_rings(name: str) -> None:
    row = call_row(CALLS[name], Want.RULES)
    assert row & WIDE
    assert row & RESERVED


@pytest.mark.parametrize(
    ("name", "want", "wide"),
    [
        ("read", Want.VIEW, False),
        ("read", Want.RULES | Want.PATHS, True),
        ("write", Want.DATA, True),
        ("close", Want.RULES | Want.PATHS, True),
        ("close", Want.VIEW, False),
        ("pipe2", Want.VIEW, False),
        ("pipe2", Want.RULES | Want.PATHS, True),
        ("writev", Want.VIEW, False),
        ("writev", Want.DATA, True),
        ("getpid", Want.RULES | Want.PATHS, False),
        ("openat", Want.VIEW, True),
        ("fchmod", Want.VIEW, True),
        ("listen", Want.VIEW, True),
        ("clone", Want.VIEW, True),
    ],
)
def test_records_are_as_narrow_as_the_call_allows(name: str, want: Want, wide: bool) -> None:
    assert bool(call_row(CALLS[name], want) & WIDE) == wide


def test_only_execve_and_execveat_leave_their_success_to_the_exec_record() -> None:
    marked = {call.name for call in CALL_OF_NR.values() if call_row(call, Want.RULES) & EXEC}
    assert marked == {"execve", "execveat"}


def test_every_row_fits_and_keeps_why_it_is_wanted() -> None:
    for call in CALL_OF_NR.values():
        row = call_row(call, Want.RULES | Want.DATA)
        assert 0 < row < 1 << 64
        assert row & 0x0F == Want.RULES | Want.DATA
        assert bool(row & NEW_FD) == call.returns_fd
