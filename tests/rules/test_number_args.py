"""Arguments read from columns say what their getters say, also at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from tests import builders
from tuimon.process import Process
from tuimon.records import FILE
from tuimon.rules.columns import YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory

PARENT = builders.process("sshd", pid=3800)
SHELL = builders.process("bash", pid=4000, parent=PARENT)
NAMELESS = builders.process("", pid=4100, parent=builders.process("", pid=3900))
RELATIVE = builders.process("tool", pid=4200, exe="./tool", exepath="bin/tool", cwd="/srv")
ELSEWHERE = builders.process("tool", pid=4300, exe="./tool", exepath="bin/tool", cwd="/opt")
EVENTS = [
    *(builders.syscall_event("kill", args=(pid, 9), process=SHELL) for pid in (4000, 3800, 77, 0, 0xFFFFFFFF)),
    *(builders.syscall_event("kill", args=(pid, 9), process=NAMELESS) for pid in (4100, 3900)),
    builders.syscall_event("kill", args=((1 << 32) | 4000, 9), process=SHELL),
    builders.fork_event("bash", child_pid=4001, process=SHELL),
    builders.fork_event("x", child_pid=4101, process=NAMELESS),
    builders.exec_event("bash", args=("-c", "id"), process=SHELL),
    builders.exec_event("tool", process=RELATIVE),
    builders.exec_event("tool", process=ELSEWHERE),
    builders.syscall_event("dup2", args=(3, 0xFFFFFFFF), ret=-9),
    builders.syscall_event("unlink", given="/tmp/x"),
    builders.syscall_event("unlink", given="x", base="/tmp", ret=-2),
    builders.syscall_event("unlink", given=""),
    builders.syscall_event("mkdir", given="/tmp//y/.", args=(0, 0o755)),
    *(builders.syscall_event("munmap", args=(4096, length)) for length in (5, (1 << 64) - 1)),
    *(builders.syscall_event("openat", given="/etc/x", args=(0xFFFFFF9C, 0, 0), ret=ret) for ret in (3, -2)),
    *(
        builders.syscall_event(
            call, given="/etc/x", base2=np.array([(ino, 0xFE00, 0)], FILE).tobytes(), args=(0, 0, 0), ret=3
        )
        for ino in (7, (1 << 64) - 1)
        for call in ("openat", "open")
    ),
    builders.syscall_event("fchmod", args=(3, 0o600), real="/etc/z"),
]
ASKED = (
    "evt.arg.pid = bash", "evt.arg.pid = sshd", "evt.arg.pid = 77", "evt.arg.pid = 0", "evt.arg.pid = -1",
    "evt.arg.pid = 4100", "evt.arg.pid = 3900", "evt.rawarg.pid = 4000", "evt.rawarg.pid < 0", "evt.arg.ptid = sshd",
    "evt.arg.res = bash", "evt.arg.res = ENOENT", "evt.arg.res = 0", "evt.rawarg.res < 0", "evt.rawarg.res > 4000",
    "evt.arg.vtid exists", "evt.arg.tid = tool", "evt.arg.args contains c", "evt.arg.exe = ./tool",
    "evt.arg.trusted_exepath = /srv/bin/tool", "evt.arg.trusted_exepath = /opt/bin/tool", "evt.arg.cwd = /srv",
    "evt.arg.path = /tmp/x", "evt.arg.path = x", "evt.arg.path exists", "evt.rawarg.path = x", "evt.arg.oldfd = 3",
    "evt.arg.newfd = -1", "evt.rawarg.newfd = -1", "evt.rawarg.pid != 77", "evt.rawarg[0] in (0, -2, 4001)",
    "evt.rawarg[0] != 0", "evt.rawarg[1] <= 9", "evt.rawarg.pid >= 3900", "evt.rawarg[0] in (x, 77)",
    "evt.rawarg.length = -1", "evt.rawarg.length = 18446744073709551615", "evt.rawarg.length > 0",
    "evt.rawarg.length in (5, -1)",
    "evt.arg.ino = 0", "evt.arg.ino = 00", "evt.arg.ino != 0", "evt.arg.ino in (7, x, 18446744073709551615)",
    "evt.arg.dev = FE00", "evt.arg.dev = fe00", "evt.arg.dev != x", "evt.arg[5] = 0", "evt.arg[6] in (7, 0)",
    "evt.rawarg.ino = 0", "evt.rawarg.ino != 0", "evt.rawarg.ino > 5", "evt.rawarg.dev in (0, 1)",
    "fs.path.nameraw = x", "fs.path.nameraw = '/tmp//y/.'", "fs.path.nameraw = /etc/z", "fs.path.nameraw exists",
    "evt.arg.uid exists", "evt.arg[1] exists", "evt.arg[2] = 0755",
)  # fmt: skip


@pytest.mark.parametrize("text", ASKED)
def test_an_argument_is_what_its_getter_says(text):
    batch, tables = builders.batch_of(EVENTS)
    events = builders.events_of(batch, tables)
    condition = compile_expression(text)
    judge = compile_condition(condition)
    columns = Columns(
        [condition], lambda batch, row: builders.event_of(batch, row, tables), memory=Memory(tables.processes.get)
    )
    for name in ("bash", "renamed"):
        SHELL.comm = name
        columns.begin()
        rows, truth, _ = columns.ask(batch)
        found = set(rows[truth[:, 0] == YES].tolist())
        assert found == {row for row, event in enumerate(events) if judge(event)}, name
    SHELL.comm = "bash"


def test_a_member_of_a_process_is_looked_up_once_for_each_version():
    asked: list[int] = []
    batch, tables = builders.batch_of([builders.exec_event("bash", process=SHELL) for _ in range(5)])

    def process_of(index: int) -> Process | None:
        asked.append(index)
        return tables.processes.get(index)

    memory = Memory(process_of)
    for text in ("evt.arg.exe contains x", "evt.arg.exe = x"):
        columns = Columns(
            [compile_expression(text)], lambda batch, row: builders.event_of(batch, row, tables), memory=memory
        )
        columns.begin()
        columns.ask(batch)
    # Once for the member, and once for each question whether the version is as it was.
    assert len(asked) == 3
