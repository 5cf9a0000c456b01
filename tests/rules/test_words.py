"""Words: arguments that hang on the kind of event and few columns."""

from __future__ import annotations

import numpy as np

from tests import builders
from tuimon.fields.argsource import bound_of
from tuimon.records import Kind
from tuimon.rules.columns import Columns
from tuimon.rules.look import Look
from tuimon.rules.words import columns_of, described


def columns(name: str, arg: str, kind: Kind = Kind.SYSCALL, *, is_raw: bool = False) -> tuple[str, ...]:
    bound = bound_of(name, arg)
    assert bound is not None
    return columns_of(bound, kind, name, is_raw=is_raw)


def test_where_an_argument_lies():
    assert columns("mkdir", "mode") == ("1",)
    assert columns("prctl", "option") == ("0",)
    assert columns("clone", "flags", Kind.FORK) == ("proc clone_flags",)
    assert columns("execve", "flags", Kind.EXEC) == ("process",)
    assert columns("execve", "args", Kind.EXEC) == ("texts",)
    assert columns("clone", "args", Kind.FORK) == ("process",)
    assert columns("mkdir", "res") == ("ret",)


def test_what_is_printed_beside_a_number_counts_too():
    assert columns("openat", "flags") == ("opening",)  # with what the kernel says of the file
    assert columns("kill", "pid") == ("0", "process", "tid")  # with the name of a process
    assert columns("kill", "pid", is_raw=True) == ("0",)
    assert columns("setuid", "uid") == ("0", "actor")
    assert columns("read", "fd") == ("fd", "own")
    assert columns("openat", "fd") == ("opened",)


def test_opens_without_a_path_to_show_are_told_apart_by_their_fd():
    batch, tables = builders.batch_of([builders.syscall_event("openat", ret=ret, given=b"") for ret in (3, 4, 3)])
    asked = Columns([], lambda batch, row: builders.event_of(batch, row, tables))
    found = Look(asked, batch, asked.memory.known(batch).codes).words("evt.arg", "fd", np.arange(3)).tolist()
    assert found[0] == found[2] != found[1]


def test_an_argument_is_found_by_its_place_too():
    assert bound_of("mkdir", "2") is bound_of("mkdir", "mode")
    assert bound_of("mkdir", "9") is None
    assert bound_of("mkdir", "nonsense") is None


def test_rows_that_show_the_same_have_one_number():
    batch, tables = builders.batch_of(
        [builders.syscall_event("kill", args=(3, 9)), builders.syscall_event("kill", args=(4, 15))]
    )
    asked = Columns([], lambda batch, row: builders.event_of(batch, row, tables))
    look = Look(asked, batch, asked.memory.known(batch).codes)
    assert look.words("evt.arg", "sig", np.arange(2)).tolist() == [9, 15]
    assert described(batch, np.arange(2), "clone_flags").tolist() == [-(1 << 63)] * 2
