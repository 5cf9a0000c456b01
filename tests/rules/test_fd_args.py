"""Arguments that show an fd or a connection say what their getters say."""

from __future__ import annotations

import pytest

from tests import builders
from tuimon.rules.columns import NO, YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory

FILE = 0o100000


def many() -> list:
    """Events about fds of several kinds."""
    sockets = [
        builders.connect_event(ip, port, udp=udp, ret=ret, call=call)
        for ip in ("93.184.216.34", "2001:db8::7")
        for port in (443, 0)
        for udp in (False, True)
        for ret in (0, -115)
        for call in ("connect", "accept")
    ]
    files = [
        builders.syscall_event(call, args=(fd, 4), ret=ret, real=path, fd_type=FILE if path else 0)
        for call in ("close", "dup", "dup2", "fchmod", "ioctl")
        for fd in (3, (1 << 64) - 100)
        for ret in (3, -9)
        for path in ("/etc/passwd", "")
    ]
    folders = [
        builders.syscall_event("mkdirat", args=(fd, 0, 0o755), given="x", base=base)
        for fd in (3, builders.AT_FDCWD)
        for base in ("/etc", "")
    ]
    made = [builders.syscall_event("socket", args=(family, 1, 0), ret=ret) for family in (1, 2, 16) for ret in (5, -13)]
    opens = [
        builders.open_event(path, ret=ret, fd_type=kind)
        for path in ("/etc/passwd", "etc/x", "/a//b")
        for ret in (3, -2, -1)
        for kind in (FILE, 0o040000)
    ]
    return [*sockets, *files, *folders, *made, *opens]


OTHERS = ["tolower(evt.arg.fd) contains passwd", "evt.arg[0] = ENOENT", "evt.arg[1] contains ':443'", "evt.arg[0] != x"]
TEXTS = [
    f"evt.arg.{arg} {asked}"
    for arg in ("fd", "dirfd", "oldfd", "newfd", "tuple", "addr", "res")
    for asked in (
        "contains etc", "= '<f>/etc/passwd'", "!= '<f>/etc/passwd'", "startswith <", "contains 443", "= 3",
        "in ('<d>/etc/passwd', ENOENT, AT_FDCWD)", "icontains ENOENT", "glob '*4t*'",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def mixed():
    batch, tables = builders.batch_of(many())
    return batch, tables, Memory(tables.processes.get)


@pytest.mark.parametrize("text", [*TEXTS, *OTHERS])
def test_it_is_what_the_getter_says(text, mixed):
    batch, tables, memory = mixed
    condition = compile_expression(text)
    judge = compile_condition(condition)
    columns = Columns([condition], lambda batch, row: builders.event_of(batch, row, tables), memory=memory)
    columns.begin()
    rows, truth, _ = columns.ask(batch)
    expected = [YES if judge(builders.event_of(batch, row, tables)) else NO for row in rows.tolist()]
    assert truth[:, 0].tolist() == expected


def test_some_of_them_hold(mixed):
    batch, tables, memory = mixed
    for text in ("evt.arg.fd contains '<4t>'", "evt.arg.fd = '<f>/etc/passwd'", "evt.arg.tuple contains 443"):
        columns = Columns(
            [compile_expression(text)], lambda batch, row: builders.event_of(batch, row, tables), memory=memory
        )
        columns.begin()
        assert YES in columns.ask(batch)[1][:, 0], text
