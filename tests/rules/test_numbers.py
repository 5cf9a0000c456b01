"""Numbers of records are those that the fields' getters give."""

from __future__ import annotations

import numpy as np
import pytest

from tests import builders
from tuimon import fields
from tuimon.records import Kind
from tuimon.rules.numbers import is_number, numbers_of

EVENTS = [
    builders.open_event("/etc/passwd"),
    builders.open_event("/nowhere", ret=-2),
    builders.syscall_event("read", args=(7, 0, 5), ret=5),
    builders.exec_event("sh"),
]


@pytest.mark.parametrize(
    "name", ["evt.num", "evt.cpu", "evt.rawtime", "evt.rawtime.s", "evt.rawtime.ns", "thread.tid", "thread.ismain"]
)
def test_a_number_that_every_event_has(name):
    batch, tables = builders.batch_of(EVENTS)
    info, _ = fields.resolve(name)
    events = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    found, has = numbers_of(name, batch, np.arange(len(batch)), events[0].boot_to_epoch_ns)
    assert has is None
    assert found.tolist() == [int(info.get(event, None)) for event in events]


def test_the_fd_of_calls_that_return_or_take_one():
    batch, tables = builders.batch_of(EVENTS)
    rows = [row for row in range(len(batch)) if batch.head["kind"][row] == Kind.SYSCALL]
    found, _ = numbers_of("fd.num", batch, np.array(rows), 0)
    get = fields.resolve("fd.num")[0].get
    assert found.tolist() == [get(builders.event_of(batch, row, tables), None) for row in rows]
    assert is_number("fd.num", Kind.SYSCALL, "read")
    assert not is_number("fd.num", Kind.EXEC, "execve")
    assert not is_number("fd.num", Kind.SYSCALL, "kill")
