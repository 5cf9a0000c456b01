"""Execs and forks that are put together differ in the digits of their numbers alone."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.batch import concat
from tuimon.fields.evtarg import args_text
from tuimon.resources import find_recording
from tuimon.rules.args_blind import but_for_digits
from tuimon.rules.columns import Columns
from tuimon.rules.look import Look
from tuimon.rules.numbering import Memory
from tuimon.workbench.replay import Replay


def without_digits(text: str) -> str:
    return re.sub("[0-9]+", "0", text)


def texts_of_groups(batch, event_of, memory: Memory | None = None) -> list[set[str]]:
    """Return the texts in each group, without their digits."""
    columns = Columns([], event_of, memory=memory)
    look = Look(columns, batch, columns.memory.known(batch).codes)
    kinds, groups = but_for_digits(look)
    rows = look.which(kinds, np.arange(len(batch)))
    found: list[set[str]] = [set() for _ in groups.first]
    for row, group in zip(rows.tolist(), groups.of_row.tolist(), strict=True):
        found[group].add(without_digits(args_text(event_of(batch, row))))
    return found


@pytest.mark.parametrize("with_table", [False, True])
def test_recorded_events_of_a_group_have_one_text_but_for_its_digits(with_table):
    replay = Replay(find_recording("demo"))
    batch = concat(list(replay.batches()))
    memory = Memory(replay.processes.get if with_table else None)
    found = texts_of_groups(batch, replay.event, memory)
    assert len(found) > 3
    assert all(len(texts) == 1 for texts in found)
    again = texts_of_groups(batch, replay.event, memory)
    assert again == found


@settings(max_examples=150, deadline=None)
@given(made=st.lists(strategies.events(), min_size=1, max_size=12))
def test_made_events_of_a_group_have_one_text_but_for_its_digits(made):
    batch, tables = builders.batch_of(made)
    event_of = functools.partial(builders.event_of, tables=tables)
    memory = Memory(tables.processes.get)
    assert all(len(texts) == 1 for texts in texts_of_groups(batch, event_of, memory))
    for process in tables.processes.values():  # what becomes known later parts them anew
        process.comm, process.tty, process.exepath = "nginx", process.pid, "usr/bin/nginx"
    assert all(len(texts) == 1 for texts in texts_of_groups(batch, event_of, memory))


def test_execs_of_one_program_are_one_whatever_their_pids():
    above = builders.process("sshd", pid=3800, index=9)
    actors = [
        builders.process("sh", args=("-c", text), pid=4000 + at, index=at, parent=above)
        for at, text in enumerate(["a", "a", "a", "b", "b1", "b2"])
    ]
    batch, tables = builders.batch_of([builders.exec_event(process=actor) for actor in actors])
    found = texts_of_groups(batch, functools.partial(builders.event_of, tables=tables))
    assert len(found) == 4  # a number in a text is not looked through
