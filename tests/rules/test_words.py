"""Words: arguments that hang on the kind of event and few columns."""

from __future__ import annotations

import numpy as np
import pytest

from tests import builders
from tuimon.fields.argsource import bound_of
from tuimon.records import Kind, Slot
from tuimon.rules.checks import Checks
from tuimon.rules.columns import Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.filter import compile_filter
from tuimon.rules.loader import compile_expression
from tuimon.rules.look import Look
from tuimon.rules.nodes import Check
from tuimon.rules.numbering import Memory
from tuimon.rules.sides import SideFinder
from tuimon.rules.word_groups import words
from tuimon.rules.words import columns_of, described


def columns(name: str, arg: str, kind: Kind = Kind.SYSCALL, *, is_raw: bool = False) -> tuple[str, ...]:
    bound = bound_of(name, arg)
    assert bound is not None
    return columns_of(bound, kind, name, is_raw=is_raw)


def test_where_an_argument_lies():
    assert columns("mkdir", "mode") == ("1",)
    assert columns("prctl", "option") == ("0",)
    assert columns("clone", "flags", Kind.FORK) == ("proc clone_flags",)
    assert columns("execve", "flags", Kind.EXEC) == ("process exe_flags",)
    assert columns("execve", "args", Kind.EXEC) == (f"slot {Slot.ARGV:d}",)
    assert columns("clone", "args", Kind.FORK) == ("process args",)
    assert columns("execve", "trusted_exepath", Kind.EXEC) == ("process exepath", "base of exepath")
    assert columns("mkdir", "res") == ("ret",)


def test_what_is_printed_beside_a_number_counts_too():
    assert columns("openat", "flags") == ("opening",)  # with what the kernel says of the file
    assert columns("kill", "pid") == ("pid s0",)  # with the name of a process
    assert columns("clone", "res", Kind.FORK) == ("pid ret",)
    assert columns("kill", "pid", is_raw=True) == ("0",)
    assert columns("setuid", "uid") == ("0", "container")
    assert columns("read", "fd") == ("fd", "own")
    assert columns("openat", "fd") == ("opened",)


def test_opens_without_a_path_to_show_are_told_apart_by_their_fd():
    batch, tables = builders.batch_of([builders.syscall_event("openat", ret=ret, given=b"") for ret in (3, 4, 3)])
    asked = Columns([], lambda batch, row: builders.event_of(batch, row, tables))
    look = Look(asked, batch, asked.memory.known(batch).codes)
    found = words(look, "evt.arg", "fd", np.arange(3)).tolist()
    assert found[0] == found[2] != found[1]


def test_whether_an_argument_is_there_is_told_by_the_kind_of_event_where_it_always_is():
    def sees(text, name, kind=Kind.SYSCALL):
        check = compile_expression(text)
        assert isinstance(check, Check)
        return SideFinder(Checks(forgiving=True)).side(check, kind, name)

    assert sees("evt.arg.sig exists", "kill") == sees("evt.arg[0] exists", "openat") == "type"
    assert sees("evt.arg.sig = 9", "kill") == "word"
    assert sees("evt.arg.fd = 9", "openat") == "opened"
    assert sees("evt.arg.uid exists", "setuid") == "named"  # what the user is called may not be known yet
    assert sees("evt.rawarg.uid exists", "setuid") == "type"
    assert sees("evt.arg.exe exists", "execve", Kind.EXEC) == "there"  # its process may not be known
    assert sees("evt.arg.vm_size exists", "clone", Kind.FORK) == "there"
    assert sees("evt.arg.name exists", "openat") == sees("evt.abspath.src exists", "mkdirat") == "texts"


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
    assert words(look, "evt.arg", "sig", np.arange(2)).tolist() == [9, 15]
    assert described(batch, np.arange(2), "clone_flags").tolist() == [-(1 << 63)] * 2


MANY = [
    builders.open_event("/etc/passwd", ret=5),
    builders.open_event("/nowhere", ret=-2),
    builders.open_event("x", cwd="/tmp", call="open", ret=-13),
    builders.exec_event("bash", args=("-c", "id")),
    builders.syscall_event("kill", args=(3900, 9)),
    builders.syscall_event("dup2", args=(3, 9), ret=9),
    builders.syscall_event("unlink", given="/tmp/x"),
]


@pytest.mark.parametrize("place", ["0", "1", "2", "3", "4", "5", "6"])
@pytest.mark.parametrize("field", ["evt.arg", "evt.rawarg"])
def test_the_argument_asked_last_is_answered_as_at_first(field, place):
    """Its groups are kept, those that hang on a process as long as no more becomes known of it."""
    batch, tables = builders.batch_of(MANY)
    memory = Memory()
    for text in (f"{field}[{place}] exists", f"{field}[{place}] != 1", "evt.type = open", f"{field}[{place}] != 2"):
        condition = compile_expression(f"{text} and evt.num >= 0")
        few = compile_expression(f"evt.type in (kill, open) and {text}")
        for each in (condition, few, condition):
            judge = compile_condition(each)
            columns = Columns([each], lambda batch, row: builders.event_of(batch, row, tables), memory=memory)
            rows, truth, _ = columns.ask(batch)
            expected = [row for row in range(len(batch)) if judge(builders.event_of(batch, row, tables)) is True]
            assert rows[truth[:, 0] == 2].tolist() == expected
        for process in tables.processes.values():
            process.comm = f"{process.comm}x"


@pytest.mark.parametrize(
    ("text", "stays"), [("evt.arg.sig = 9", True), ("evt.arg.dirfd = x", True), ("evt.arg.exe = x", False)]
)
def test_groups_by_an_argument_are_made_anew_once_more_is_known_of_what_it_hangs_on(text, stays):
    batch, tables = builders.batch_of(MANY)
    memory = Memory()
    keep = compile_filter(text, None, lambda batch, row: builders.event_of(batch, row, tables), memory)
    kept = []
    for comm in ("one", "one", "another"):
        for process in tables.processes.values():
            process.comm = comm
        keep.rows(batch)
        [by_side] = memory.known(batch).words.values()
        kept.append(by_side["word"])
    assert kept[1] is kept[0]
    assert (kept[2] is kept[0]) is stays


@pytest.mark.parametrize(
    "text",
    [
        "evt.rawarg[0] = 4000",
        "evt.rawarg[1] in (3, -100)",
        "evt.rawarg.name = x",
        "evt.rawarg.exe = ./tool",
        "evt.rawarg[2] != 9",
    ],
)
def test_an_argument_as_it_is_is_found_by_the_groups_of_what_is_shown_of_it(text):
    batch, tables = builders.batch_of(MANY)
    judge = compile_condition(compile_expression(text))
    expected = [row for row in range(len(batch)) if judge(builders.event_of(batch, row, tables)) is True]
    for prepared in (False, True):
        memory = Memory()
        if prepared:
            with memory.preparing():
                for place in range(4):
                    _asked(f"evt.arg[{place}] = ''", batch, tables, memory)
        assert _asked(text, batch, tables, memory) == expected


def _asked(text, batch, tables, memory):
    keep = compile_filter(text, None, lambda batch, row: builders.event_of(batch, row, tables), memory)
    return keep.rows(batch).tolist()


@pytest.mark.parametrize("place", range(4))
def test_what_is_asked_of_fewer_kinds_leaves_the_groups_that_are_at_hand(place):
    """Whether there is an argument is told by the kind of many events, not by its groups."""
    batch, tables = builders.batch_of([*MANY, builders.syscall_event("accept", args=(3, 0, 0), ret=5)])
    memory = Memory()
    with memory.preparing():
        _asked(f"evt.arg[{place}] = ''", batch, tables, memory)
    kept = dict(memory.known(batch).words["evt.arg", str(place)])
    exists = _asked(f"evt.arg[{place}] exists", batch, tables, memory)
    judge = compile_condition(compile_expression(f"evt.arg[{place}] exists"))
    assert exists == [row for row in range(len(batch)) if judge(builders.event_of(batch, row, tables)) is True]
    assert all(memory.known(batch).words["evt.arg", str(place)][side] is words for side, words in kept.items())
