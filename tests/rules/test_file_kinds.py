"""Fields that hang on the kind of file alone: records that show the same are asked once, and no others together."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests import builders
from tests.every_field import conditions, every_field
from tuimon.fields.facts import ANON_INODE, PIDFD
from tuimon.records import SockFlag
from tuimon.rules.columns import NO, PERHAPS, YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.file_kinds import ALONE, OF_KIND, of_kinds, with_ends
from tuimon.rules.loader import compile_expression
from tuimon.rules.look import Look

FILE, FOLDER, PIPE = 0o100000, 0o040000, 0o010000
AT_FDCWD = (1 << 64) - 100


def read(real: str, fd_type: int = FILE, ret: int = 4):
    return builders.syscall_event("read", args=(3,), real=real, fd_type=fd_type, ret=ret)


ALIKE = [read("/a"), read("/b"), read("/media/x"), read("/bin/sh", ret=7)]
DIFFERENT = [
    read("/memfd:x"), read("/a", PIPE), read("pipe:[7]", PIPE), read("", 0), read("/a", 0), read("/a", ret=-5),
    read("anon_inode:[eventfd]", ANON_INODE), read("anon_inode:[timerfd]", ANON_INODE), read("", PIDFD),
    read("/a", FOLDER),
]  # fmt: skip
FROM = [
    builders.syscall_event("unlinkat", args=(fd, 0, 0), given=given, base=base)
    for given in ("x", "y")
    for fd, base in ((AT_FDCWD, "/root"), (5, "/etc"), (5, ""), (AT_FDCWD, ""))
]
NO_FILE = [builders.exec_event("bash", args=(word,)) for word in ("a", "b")]
SOCKETS = [builders.syscall_event("socket", args=(family, 1, 0), ret=3) for family in (1, 2, 10, 16)]
HIGH, LOW = ("10.0.0.1", 40000), ("10.0.0.2", 443)
ENDS = [(HIGH, LOW), (LOW, HIGH), (HIGH, ("10.0.0.9", 443)), (HIGH, HIGH), (HIGH, ("0.0.0.0", 0))]
SOCKS = [
    *(builders.sock_slot(local=local, remote=remote) for local, remote in ENDS),
    *(builders.sock_slot(local=HIGH, remote=LOW, role=role) for role in SockFlag),
    builders.sock_slot(local=HIGH, remote=LOW, type=socket.SOCK_DGRAM, protocol=socket.IPPROTO_UDP),
    builders.sock_slot(local=("::1", 40000), remote=("::2", 443)),
    builders.sock_slot(local=("::ffff:10.0.0.1", 40000), remote=("::ffff:10.0.0.2", 443), family=socket.AF_INET6),
    *(builders.sock_slot(family=socket.AF_UNIX, unix_path=path) for path in (b"/run/a", b"/run/b")),
]
TALK = [
    builders.syscall_event(call, args=(3,), sock=sock, ret=ret)
    for call in ("connect", "accept4", "bind", "sendto", "recvfrom", "listen")
    for sock in SOCKS
    for ret in (0, -111)
]
MADE = [
    builders.syscall_event("socket", args=(family, type_, 0), ret=ret)
    for family in (2, 10)
    for type_ in (1, 2)
    for ret in (3, -1)
]
ALL = [*ALIKE, *DIFFERENT, *FROM, *NO_FILE, *SOCKETS, *TALK, *MADE]


ASKED = [text for info, name in every_field() if name in OF_KIND for text in conditions(info, name, 1)]


@pytest.mark.parametrize("text", [*ASKED, "fd.type = file", "fd.typechar = d", "fd.type in (ipv4, unix, memfd)"])
def test_what_is_told_of_a_kind_is_what_the_evaluator_says(text):
    condition = compile_expression(text)
    judge = compile_condition(condition)
    batch, tables = builders.batch_of(ALL)
    columns = Columns([condition], lambda batch, row: builders.event_of(batch, row, tables))
    rows, truth, _ = columns.ask(batch)
    said = dict(zip(rows.tolist(), truth[:, 0].tolist(), strict=True))
    for row in range(len(batch)):
        found = judge(builders.event_of(batch, row, tables))
        assert said.get(row, NO) == (YES if found else PERHAPS if found is None else NO)


def test_files_of_one_kind_are_asked_once():
    batch, tables = builders.batch_of(ALL)
    columns = Columns([], lambda batch, row: builders.event_of(batch, row, tables))
    look = Look(columns, batch, columns.memory.known(batch).codes)
    kinds = of_kinds(look, np.arange(len(batch)))
    alike = kinds[: len(ALIKE)]
    assert (alike[[0, 1, 3]] == alike[0]).all()
    assert alike[2] == ALONE, "a name that may be one of a file in memory stands alone"
    others = kinds[len(ALIKE) : len(ALIKE) + len(DIFFERENT)]
    told = [kind for kind in others.tolist() if kind != ALONE]
    assert len({*told, int(alike[0])}) == len(told) + 1


def test_sockets_that_differ_in_addresses_alone_are_asked_once_unless_those_matter():
    batch, tables = builders.batch_of(TALK[:6:2])
    columns = Columns([], lambda batch, row: builders.event_of(batch, row, tables))
    look = Look(columns, batch, columns.memory.known(batch).codes)
    by_role = of_kinds(look, np.arange(3))
    by_ends = with_ends(look, np.arange(3), by_role)
    assert by_role[0] == by_role[2] != by_role[1]
    assert len(set(by_ends.tolist())) == 3
