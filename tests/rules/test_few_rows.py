"""What other checks have left of a large batch is asked row by row, and said of it is what columns say."""

from __future__ import annotations

import pytest

from tests import builders
from tuimon.rules.columns import YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory

SHELL = builders.process("bash", pid=4000)
MANY = 2048


@pytest.mark.parametrize(
    "text",
    [
        "evt.type = kill and (proc.name = bash or fd.name contains x)",
        "evt.type = kill and evt.rawarg.pid > 3 and not proc.name = sh",
        "evt.type = kill and (evt.arg.pid = bash or evt.args contains sig)",
        "not evt.type = kill or proc.name = sh",
        "proc.name = bash and evt.rawres < 0 and fd.name = /etc/7",
    ],
)
@pytest.mark.parametrize("few", [1, 8, 9])
def test_few_rows_that_are_left_are_told_as_all_would_be(text, few):
    events = [
        builders.syscall_event("kill", args=(at, 9), process=SHELL)
        if at % (MANY // few) == 5
        else builders.open_event(f"/etc/{at % 50}", ret=-2 if at % 700 == 7 else 3)
        for at in range(MANY)
    ]
    batch, tables = builders.batch_of(events)
    condition = compile_expression(text)
    judge = compile_condition(condition)
    columns = Columns(
        [condition], lambda batch, row: builders.event_of(batch, row, tables), memory=Memory(tables.processes.get)
    )
    columns.begin()
    rows, truth, _ = columns.ask(batch)
    expected = [row for row in range(MANY) if judge(builders.event_of(batch, row, tables)) is True]
    assert rows[truth[:, 0] == YES].tolist() == expected
