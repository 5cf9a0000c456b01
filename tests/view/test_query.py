"""The filter bar's text: expressions, plain text, opposites, and several at once."""

import numpy as np
import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.errors import RuleError
from tuimon.rules.filter import compile_filter
from tuimon.view.query import compile_all, compile_one, is_expression, parted


@pytest.fixture
def engine():
    return fed_engine(1)


def compiled(engine):
    return lambda text: compile_filter(text, None, engine.event)


def kept(engine, *terms):
    batch = engine.history.batches()[0]
    return set(compile_all(terms, compiled(engine)).rows(batch).tolist())


def test_an_exclamation_mark_keeps_the_rest(engine):
    everything = set(range(len(engine.batch)))
    for text in ("shadow", "evt.type = openat"):
        assert kept(engine, text)
        assert kept(engine, f"!{text}") == kept(engine, f"! {text}") == everything - kept(engine, text)


def test_all_of_several_must_hold(engine):
    assert kept(engine, "evt.type = openat", "shadow") == kept(engine, "evt.type = openat") & kept(engine, "shadow")
    both = kept(engine, "evt.type = openat or evt.type = read", "container.name = web")
    assert both == kept(engine, "(evt.type = openat or evt.type = read) and container.name = web")
    assert kept(engine, "shadow", "!shadow") == set()
    assert kept(engine, "evt.num > 3", "!shadow") == kept(engine, "evt.num > 3") - kept(engine, "shadow")
    assert compile_all((), compiled(engine)) is None


def test_what_can_be_joined_by_and(engine):
    how = compiled(engine)
    assert is_expression("evt.type = openat", how)
    assert not is_expression("shadow", how)
    assert not is_expression("!evt.type = openat", how)
    assert parted(("a", "evt.type = openat"), how) == (["evt.type = openat"], ["a"])


def test_a_mistake_behind_the_mark_is_where_it_is(engine):
    with pytest.raises(RuleError) as plain:
        compile_one("nosuch.field = 1", compiled(engine))
    with pytest.raises(RuleError) as opposite:
        compile_one("!  nosuch.field = 1", compiled(engine))
    assert opposite.value.column == plain.value.column + 3


def test_rows_are_ascending(engine):
    rows = compile_all(("shadow", "!nothing"), compiled(engine)).rows(engine.history.batches()[0])
    assert (np.diff(rows) > 0).all()
