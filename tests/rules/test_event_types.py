"""Which event types a condition can be true for: Falco's algebra of sets."""

from __future__ import annotations

import pytest

from tuimon.rules.event_types import EventTypeIndex
from tuimon.rules.nodes import Expanded, Not
from tuimon.rules.parser import parse_condition

UNIVERSE = frozenset(("open", "openat", "close", "read", "execve"))
INDEX = EventTypeIndex(UNIVERSE | {"open_old"}, {"open_old": "open"})
REST = "openat close read execve"

ROWS = [
    ("evt.type = open", "open"),
    ("evt.type == open", "open"),
    ("syscall.type = open", "open"),
    ("evt.type in (open, close)", "open close"),
    ("evt.type != open", REST),
    ("not evt.type = open", REST),
    ("not evt.type != open", "open"),
    ("not not evt.type = open", "open"),
    ("not evt.type in (open, close)", "openat read execve"),
    ("evt.type exists", None),
    ("not evt.type exists", ""),
    ("proc.name = x", None),
    ("not proc.name = x", None),
    ("evt.type = open and proc.name = x", "open"),
    ("evt.type = open or proc.name = x", None),
    ("evt.type = open or evt.type = close", "open close"),
    ("evt.type = open and evt.type = close", ""),
    ("not (evt.type = open or evt.type = close)", "openat read execve"),
    ("not (evt.type = open and proc.name = x)", None),
    ("not (evt.type = open or proc.name = x)", REST),
    ("evt.type = open and not evt.type = open", ""),
    ("(evt.type = open or evt.type = close) and evt.type in (close, read)", "close"),
    ("evt.type startswith open", None),
    ("evt.type intersects (open)", None),
    ("evt.type = anyof (open, close)", None),
    ("evt.type in ()", ""),
    ("not evt.type in ()", "open openat close read execve"),
    ("evt.type = open_old", "open"),
    ("evt.type = nosuch", ""),
    ("evt.num = 0", None),
    ("evt.num = 0 and evt.type = open", "open"),
    ("evt.type = val(proc.name)", None),
]


@pytest.mark.parametrize(("text", "types"), ROWS, ids=[text for text, _ in ROWS])
def test_a_condition_gives_the_event_types_it_can_be_true_for(text: str, types: str | None) -> None:
    assert INDEX.of(parse_condition(text)) == (None if types is None else frozenset(types.split()))


def test_macros_are_looked_through_either_way() -> None:
    inner = Expanded("m", parse_condition("evt.type = open"))
    assert INDEX.of(inner) == {"open"}
    assert INDEX.of(Not(inner)) == UNIVERSE - {"open"}
    assert INDEX.of(inner) == {"open"}
