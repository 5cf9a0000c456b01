"""Words: arguments that hang on the kind of event and one number."""

from __future__ import annotations

import numpy as np

from tests import builders
from tuimon.fields.argsource import bound_of
from tuimon.records import Kind
from tuimon.rules.words import OF_PROCESS, source_of, words


def source(name: str, arg: str, kind: Kind = Kind.SYSCALL) -> str | None:
    bound = bound_of(name, arg)
    assert bound is not None
    return source_of(bound, kind, name)


def test_where_the_number_of_an_argument_lies():
    assert source("mkdir", "mode") == "1"
    assert source("prctl", "option") == "0"
    assert source("clone", "flags", Kind.FORK) == "clone_flags"
    assert source("execve", "flags", Kind.EXEC) == OF_PROCESS


def test_what_hangs_on_more_than_one_number_is_no_word():
    assert source("openat", "flags") is None  # with what the kernel says of the file
    assert source("mkdir", "path") is None
    assert source("kill", "pid") is None  # with the name of a process
    assert source("mkdir", "mode", Kind.IO_URING) is None


def test_an_argument_is_found_by_its_place_too():
    assert bound_of("mkdir", "2") is bound_of("mkdir", "mode")
    assert bound_of("mkdir", "9") is None
    assert bound_of("mkdir", "nonsense") is None


def test_the_numbers_of_rows():
    batch, _ = builders.batch_of(
        [builders.syscall_event("kill", args=(3, 9)), builders.syscall_event("kill", args=(4, 15))]
    )
    assert words("1", batch, np.arange(2)).tolist() == [9, 15]
    assert words("clone_flags", batch, np.arange(2)).tolist() == [-(1 << 63)] * 2
