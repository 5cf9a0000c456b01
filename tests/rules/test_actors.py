"""Fields of processes asked for many of them at once say what their getters say of each."""

from __future__ import annotations

import pytest

from tests import builders
from tuimon.events import Event
from tuimon.fields import lookup
from tuimon.fields.proc import OF_LINE, OF_ONE
from tuimon.process import Process
from tuimon.rules.actors import ancestor_of, line_of, of_ancestors, of_lines
from tuimon.rules.columns import YES, Columns
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory


def family() -> list[Process]:
    """A process without a parent, its line, two children of one, and a loop that begins above one of them."""
    oldest = Process(10, 1, comm="init", args=("a",))
    middle = Process(20, 2, parent=oldest, comm="sh", args=("-c", "x"), env=("A=1",))
    children = [Process(pid, 3, parent=middle, comm=f"c{pid}") for pid in (30, 31)]
    grandchild = Process(40, 4, parent=children[0], comm="g")
    again = Process(20, 5, parent=grandchild, comm="same pid as above")
    return [oldest, middle, *children, grandchild, again]


@pytest.mark.parametrize("field", sorted(OF_LINE))
def test_fields_of_ancestors_are_told_together_as_one_by_one(field):
    processes = [None, *family()]
    line = line_of((field, None, "given"))
    assert line is not None
    batch = builders.open_event("/x").batch
    get = lookup(field).get
    values, of_process = of_lines(line, processes)
    assert [values[at] for at in of_process] == [get(Event(batch, 0, each, None, 0), None) for each in processes]


@pytest.mark.parametrize("field", sorted(OF_ONE))
@pytest.mark.parametrize("steps", ["1", "2", "3", "5"])
def test_fields_of_one_ancestor_are_told_together_as_one_by_one(field, steps):
    processes = [None, *family()]
    above = ancestor_of((field, steps, "given"))
    assert above is not None
    batch = builders.open_event("/x").batch
    get = lookup(field).get
    values, of_process = of_ancestors(above, processes)
    assert [values[at] for at in of_process] == [get(Event(batch, 0, each, None, 0), steps) for each in processes]


@pytest.mark.parametrize(
    "key", [("proc.aname", None, "given"), ("proc.aname", "0", "given"), ("proc.name", "1", "given")]
)
def test_what_no_ancestor_tells_is_left_to_the_getter(key):
    assert ancestor_of(key) is None


def test_children_of_a_process_share_what_is_told_of_their_ancestors():
    line = line_of(("proc.aname", None, "given"))
    assert line is not None
    _, of_process = of_lines(line, family())
    assert of_process[2] == of_process[3]
    assert line_of(("proc.aname", "1", "given")) is None
    assert line_of(("proc.name", None, "given")) is None


def test_versions_are_found_in_the_process_table_when_there_is_one():
    """No row object with its container has to be made for what hangs on the process alone."""
    batch, tables = builders.batch_of([builders.open_event("/x"), builders.exec_event("bash")])
    asked = []

    def process_of(index: int) -> Process | None:
        asked.append(index)
        return tables.processes.get(index)

    def event_of(batch, row):
        event = builders.event_of(batch, row, tables)
        return Event(batch, row, None, event.container, 0)

    columns = Columns([compile_expression("proc.name = bash")], event_of, memory=Memory(process_of))
    columns.begin()
    _, truth, _ = columns.ask(batch)
    expected = [builders.event_of(batch, row, tables).process.comm == "bash" for row in range(len(batch))]
    assert (truth[:, 0] == YES).tolist() == expected
    assert set(asked) == set(batch.process_at.tolist())
