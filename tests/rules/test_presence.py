"""Whether an argument is there: the shape of the record says what its getter would."""

from __future__ import annotations

import pytest

from tests import builders
from tuimon.fields.argsource import BOUND
from tuimon.records import Flag, Kind
from tuimon.rules.columns import NO, YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.presence import hangs_on, side_of_presence


def many() -> list:
    """Events with and without the texts that arguments come from."""
    calls = ("mkdirat", "unlinkat", "renameat", "symlinkat", "openat", "chdir", "mount", "bind", "connect", "execve")
    given = [
        builders.syscall_event(call, args=(3, 0, 5), ret=ret, given=path, base=base, flags=flags)
        for call in calls
        for ret in (0, -2)
        for path in ("", "x", "/x")
        for base in ("", "/b")
        for flags in (Flag(0), Flag.FAULT)
    ]
    second = [
        builders.syscall_event(call, args=(3, 4, 5), given="x", given2=path, base2=base, flags=flags)
        for call in ("renameat", "symlinkat", "linkat", "mount")
        for path in ("", "y", "/y")
        for base in ("", "/b")
        for flags in (Flag(0), Flag.FAULT)
    ]
    return [
        *given,
        *second,
        *(builders.exec_event(name, args=args) for name in ("sh", "ls") for args in ((), ("-c", "x"))),
    ]


@pytest.fixture(scope="module")
def mixed():
    batch, tables = builders.batch_of(many())
    return batch, tables


def test_an_argument_is_there_where_its_getter_says_so(mixed):
    batch, tables = mixed
    events = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    texts = [f"evt.arg[{place}] exists" for place in range(8)]
    for text in (*texts, "evt.rawarg.path exists", "evt.rawarg.name exists", "evt.rawarg.uid exists"):
        condition = compile_expression(text)
        judge = compile_condition(condition)
        columns = Columns([condition], lambda batch, row: builders.event_of(batch, row, tables))
        for _ in range(2):  # once asked, and once known
            columns.begin()
            rows, truth, _ = columns.ask(batch)
            assert truth[:, 0].tolist() == [YES if judge(events[row]) else NO for row in rows.tolist()]


@pytest.mark.parametrize("arg", ["src", "dst"])
def test_an_absolute_path_is_there_where_its_getter_says_so(arg, mixed):
    batch, tables = mixed
    condition = compile_expression(f"evt.abspath[{arg}] exists")
    judge = compile_condition(condition)
    columns = Columns([condition], lambda batch, row: builders.event_of(batch, row, tables))
    columns.begin()
    _, truth, _ = columns.ask(batch)
    expected = [YES if judge(builders.event_of(batch, row, tables)) else NO for row in range(len(batch))]
    assert truth[:, 0].tolist() == expected
    assert YES in expected
    assert NO in expected


def test_each_source_of_arguments_is_told_or_left_to_values():
    """A new source has to be thought about: what it hangs on is never guessed."""
    told = {
        bound.source: hangs_on(bound.source, Kind.SYSCALL, name)
        for name, params in BOUND.items()
        for bound in params
        if bound.get is not None
    }
    assert told["ret"] == told["0"] == told["s1"] == ""
    assert told["given"] == told["dev"] == "shape"
    assert told["exe"] == "process"
    assert {source for source, tell in told.items() if tell is None} == {
        "real", "open_mode", "rss_kb", "swap_kb", "queue_pct", "config_bytes", "config_text", "offset_halves",
        *(source for source in told if source.startswith(("quota", "info", "sem"))),
    }  # fmt: skip


def test_what_a_process_tells_is_another_side_than_what_a_record_does():
    assert side_of_presence("evt.arg", "name", Kind.SYSCALL, "openat") == "texts"
    assert side_of_presence("evt.arg", "exe", Kind.EXEC, "execve") == "there"
    assert side_of_presence("evt.arg", "flags", Kind.SYSCALL, "openat") == "type"
    assert side_of_presence("evt.arg", "uid", Kind.SYSCALL, "setuid") is None  # a name that may not be known yet
    assert side_of_presence("evt.arg", "nonsense", Kind.SYSCALL, "openat") == "type"
