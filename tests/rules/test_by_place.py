"""What a place in a pool answers is what the value in it would."""

from __future__ import annotations

import numpy as np
import pytest

from tuimon.rules.asked import GONE, NO, YES
from tuimon.rules.by_place import by_place
from tuimon.rules.checks import Checks
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import Check
from tuimon.rules.pools import Pool


def of(text: str):
    check = compile_expression(text)
    assert isinstance(check, Check)
    info, arg = Checks().field(check.left)
    return by_place(check, info, arg)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proc.name exists", [GONE, YES, YES]),
        ("proc.name = a", [GONE, YES, NO]),
        ("proc.name != a", [GONE, NO, YES]),
        ("proc.name in (a, b, c)", [GONE, YES, YES]),
        ("proc.name = none", [GONE, NO, NO]),
        ("proc.name != none", [GONE, YES, YES]),
    ],
)
def test_a_constant_is_equal_to_one_value_at_most(text, expected):
    pool = Pool()
    places = pool.places([None, "a", "b"])
    assert of(text).said(pool, places).tolist() == expected


def test_a_number_is_compared_as_the_number_that_it_is():
    pool = Pool()
    assert of("proc.pid = 07").said(pool, pool.places([7, 8, None])).tolist() == [YES, NO, GONE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evt.rawarg[1] = 7", [GONE, YES, YES, NO, NO, YES]),
        ("evt.rawarg[1] = a", [GONE, NO, NO, NO, YES, NO]),
        ("evt.rawarg[1] in (7, 8)", [GONE, YES, YES, YES, NO, YES]),
        ("evt.rawarg[1] in (7, a)", [GONE, NO, YES, NO, YES, YES]),
    ],
)
def test_a_value_of_any_type_is_compared_as_what_it_is(text, expected):
    """A number is compared only where all constants are numbers."""
    pool = Pool()
    check = compile_expression(text)
    values = [None, 7, "7", 8, "a", b"7"]
    assert of(text).said(pool, pool.places(values)).tolist() == expected
    made, test, _ = Checks().predicate_of(check)
    assert [GONE if value is None else YES if test(made(value)) else NO for value in values] == expected


@pytest.mark.parametrize(
    "text",
    [
        "evt.rawarg[1] != 7",
        "proc.name contains a",
        "proc.name = anyof (a, b)",
        "proc.aname = a",
        "fd.ip = 10.0.0.1",
        "proc.name = val(proc.pname)",
    ],
)
def test_what_asks_more_of_a_value_is_asked_of_values(text):
    assert of(text) is None


def test_no_place_is_answered_without_one():
    assert of("proc.name = a").said(Pool(), np.empty(0, np.int32)).tolist() == []
