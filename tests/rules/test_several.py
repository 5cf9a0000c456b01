"""Checks of fields that see different things of an event say what the row-wise evaluator says."""

from __future__ import annotations

import pytest

from tests import builders
from tuimon.rules.columns import YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory

SSHD = builders.process("sshd", pid=1, exe="/usr/sbin/sshd", exepath="/usr/sbin/sshd", cwd="/")
SHELL = builders.process("bash", pid=4000, parent=SSHD, exe="bash", exepath="/bin/bash", cwd="/srv")
NAMELESS = builders.process("", pid=4100, exe="", exepath="", cwd="")
EVENTS = [
    *(
        builders.syscall_event("openat", given=path, real=path, args=(0xFFFFFF9C, 0, 0), ret=ret, process=process)
        for path in ("/bin/bash", "/srv/x", "/", "/etc/bash")
        for ret in (3, -2)
        for process in (SHELL, SSHD, NAMELESS)
    ),
    *(builders.syscall_event("kill", args=(pid, 9), ret=ret, process=SHELL) for pid in (4000, 3, 1) for ret in (0, 1)),
    *(builders.syscall_event("dup2", args=(3, fd), ret=fd, process=SHELL) for fd in (3, 4000)),
    builders.exec_event("bash", args=("-c", "id"), process=SHELL),
    builders.fork_event("bash", child_pid=4001, process=SHELL),
    builders.syscall_event("unlink", given="/bin/bash", process=SHELL),
]
OPERATORS = ("=", "==", "!=", "contains", "icontains", "startswith", "endswith", "glob", "<", ">=", "in")
TEXTS = (
    ("fd.name", "proc.exepath"),
    ("proc.exepath", "fd.name"),
    ("fd.directory", "proc.cwd"),
    ("fd.filename", "proc.name"),
    ("proc.name", "proc.pname"),
    ("evt.arg.exe", "proc.exe"),
    ("evt.arg[0]", "proc.name"),
    ("evt.res", "proc.name"),
    ("fd.containername", "proc.exepath"),
    ("evt.args", "proc.name"),
)
NUMBERS = (
    ("evt.rawres", "proc.pid"),
    ("proc.pid", "evt.rawres"),
    ("fd.num", "evt.rawres"),
    ("thread.tid", "proc.pid"),
    ("evt.latency", "proc.duration"),
)
ASKED = [
    *(f"{left} {op} val({right})" for left, right in TEXTS for op in OPERATORS),
    *(f"{left} {op} val({right})" for left, right in NUMBERS for op in ("=", "!=", "<", ">=", "in")),
    "concat(proc.name, fd.name) = bash/etc/bash",
    "concat(proc.name, fd.name) contains h/",
    "tolower(fd.filename) = val(proc.name)",
    "basename(fd.name) != val(proc.name)",
    "fd.name startswith tolower(proc.cwd)",
    "thread.ismain = val(proc.is_vpgid_leader)",
]


@pytest.mark.parametrize("text", ASKED)
def test_several_fields_are_what_their_getters_say(text):
    condition = compile_expression(text)
    batch, tables = builders.batch_of(EVENTS)
    judge = compile_condition(condition)
    columns = Columns(
        [condition], lambda batch, row: builders.event_of(batch, row, tables), memory=Memory(tables.processes.get)
    )
    for name in ("bash", "x"):
        SHELL.comm = name
        columns.begin()
        rows, truth, _ = columns.ask(batch)
        events = builders.events_of(batch, tables)
        assert set(rows[truth[:, 0] == YES].tolist()) == {row for row, event in enumerate(events) if judge(event)}, name
    SHELL.comm = "bash"
