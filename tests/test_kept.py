"""Events kept as bytes: the same event for whoever looks, and small."""

from __future__ import annotations

import sys

import pytest

from tests.builders import batch_of, event_of, exec_event, open_event, syscall_event
from tuimon.batch import number
from tuimon.events import Event
from tuimon.fields import all_fields
from tuimon.kept import kept, unpacked


def events() -> list[Event]:
    batch, tables = batch_of(
        [open_event("/etc/shadow"), exec_event("bash", args=("-c", "id")), syscall_event("getpid")]
    )
    number(batch, 100, 1_000, 900)
    return [event_of(batch, row, tables) for row in range(len(batch))]


@pytest.mark.parametrize("row", range(3))
def test_a_kept_event_says_in_every_field_what_the_event_said(row: int) -> None:
    event = events()[row]
    small = kept(event)
    assert len(small.batch) == 1
    for info in all_fields():
        if info.get is not None and info.arg != "required" and not info.from_proc:
            assert info.get(small, None) == info.get(event, None), info.name


@pytest.mark.parametrize("row", range(3))
def test_what_lists_ask_is_told_without_its_batch(row: int) -> None:
    event = events()[row]
    small = kept(event)
    unpacked.cache_clear()
    assert (small.num, small.ts_ns, small.cgroup_id) == (event.num, event.ts_ns, event.cgroup_id)
    assert unpacked.cache_info().currsize == 0


def test_a_kept_event_is_small_and_has_nothing_decoded() -> None:
    """Ten thousand alerts hold one each."""
    event = events()[0]
    event.facts = object()
    small = kept(event)
    assert small.facts is None
    assert sys.getsizeof(small._raw) < 500


def test_a_kept_event_can_be_kept_again() -> None:
    once = kept(events()[1])
    twice = kept(once)
    assert twice._raw == once._raw
