"""The evaluator's three-valued logic, and what the truth table cannot show: lists, made-up fields, sharing, names."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings

from tests import builders
from tests.rules import strategies
from tuimon.errors import RuleError
from tuimon.fields.registry import UNKNOWN, FieldInfo, FieldType, Value
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import Program, compile_condition
from tuimon.rules.explain import explain
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import And, Check, Expanded, FieldRef, Literal, MacroRef, Not, Or, Transform, ValueList

TEXT = FieldType.CHARBUF
EVENT = builders.open_event()


def checks_with(value: Value, type_: FieldType = TEXT, real: Value = None, plain: bool = False, **more) -> Checks:
    """Checks that know one field, x.y, with this value."""
    info = FieldInfo("x.y", type_, "made up", lambda _event, _arg: value, "x", **more)
    return Checks(
        plain_falco=plain,
        resolve=lambda name: (info, None) if name == "x.y" else None,
        twin_of=lambda _info: lambda _event, _arg: real,
    )


def judge(
    value: Value, op: str, *texts: str, type_: FieldType = TEXT, modifier: str | None = None, **more
) -> bool | None:
    many = op in ("in", "intersects", "pmatch") or modifier
    right = ValueList(tuple(map(Literal, texts))) if many else Literal(texts[0])
    check = Check(FieldRef("x.y"), op, right, modifier)
    return compile_condition(check, checks=checks_with(value, type_, **more))(EVENT)


@pytest.mark.parametrize(
    ("value", "op", "texts", "expected"),
    [
        (("a", "b"), "in", ("a", "b", "c"), True),
        (("a", "z"), "in", ("a", "b", "c"), False),
        ((), "in", ("a",), True),
        ((), "in", (), True),
        (("a",), "in", (), False),
        (("a", "z"), "intersects", ("a", "b"), True),
        (("y", "z"), "intersects", ("a", "b"), False),
        ((), "intersects", ("a",), False),
        (None, "in", ("a",), False),
        (UNKNOWN, "in", ("a",), None),
    ],
)
def test_lists(value, op, texts, expected):
    assert judge(value, op, *texts, is_list=True) is expected


def test_lists_take_no_other_operator():
    with pytest.raises(RuleError, match="list"):
        judge(("a",), "=", "a", is_list=True)


def test_lists_of_numbers_and_addresses():
    assert judge((1, 2), "in", "1", "2", "3", type_=FieldType.UINT64, is_list=True) is True
    assert judge((b"\x7f\0\0\1",), "intersects", "127.0.0.1", type_=FieldType.IPADDR, is_list=True) is True
    assert judge((b"\x0a\0\0\1",), "in", "10.0.0.0/8", type_=FieldType.IPNET, is_list=True) is True


def test_any_of_several_values():
    assert judge(("a", "b"), "=", "b", any_of=True) is True
    assert judge(("a", "b"), "!=", "b", any_of=True) is True
    assert judge(("b",), "!=", "b", any_of=True) is False
    assert judge((), "!=", "b", any_of=True) is False
    assert judge(("ab", "c"), "startswith", "a", "x", modifier="anyof", any_of=True) is True


@pytest.mark.parametrize(
    ("given_", "real", "op", "expected"),
    [
        ("/a", "/b", "=", True),
        ("/b", "/a", "=", True),
        ("/b", "/c", "=", False),
        (None, "/a", "=", True),
        ("/a", None, "=", True),
        (None, None, "=", False),
        ("/b", "/c", "!=", True),
        ("/a", "/b", "!=", False),
        ("/b", "/a", "!=", False),
        (None, "/b", "!=", True),
        (None, None, "!=", False),
        (UNKNOWN, "/a", "=", True),
        (UNKNOWN, "/b", "=", None),
        ("/b", UNKNOWN, "=", None),
        (UNKNOWN, "/a", "!=", False),
        (UNKNOWN, "/b", "!=", None),
        (UNKNOWN, None, "=", None),
    ],
)
def test_two_truths_of_a_path(given_, real, op, expected):
    assert judge(given_, op, "/a", real=real, is_path=True) is expected


def test_plain_falco_looks_at_the_given_path_only_and_knows_no_unknown():
    assert judge("/b", "=", "/a", real="/a", is_path=True, plain=True) is False
    assert judge(UNKNOWN, "=", "/a", plain=True) is False
    assert judge(UNKNOWN, "!=", "/a", plain=True) is False


def test_a_field_that_cannot_be_filled_is_absent():
    info = FieldInfo("x.y", TEXT, "made up", None, "x")
    checks = Checks(resolve=lambda _name: (info, None), twin_of=lambda _info: None)
    for op in ("=", "!="):
        assert compile_condition(Check(FieldRef("x.y"), op, Literal("a")), checks=checks)(EVENT) is False


TRUTHS = {True: "a", False: "b", None: UNKNOWN}


@pytest.mark.parametrize(("left", "right"), list(product(TRUTHS, TRUTHS)))
def test_and_or_not_follow_kleene(left, right):
    values = {"x.l": TRUTHS[left], "x.r": TRUTHS[right]}
    checks = Checks(
        resolve=lambda name: (FieldInfo(name, TEXT, "", lambda _e, _a: values[name], "x"), None),
        twin_of=lambda _info: None,
    )
    one, two = (Check(FieldRef(name), "=", Literal("a")) for name in values)
    order = {False: 0, None: 1, True: 2}
    by_order = {rank: truth for truth, rank in order.items()}
    both, either = And((one, two)), Or((one, two))
    assert compile_condition(both, checks=checks)(EVENT) is by_order[min(order[left], order[right])]
    assert compile_condition(either, checks=checks)(EVENT) is by_order[max(order[left], order[right])]
    assert compile_condition(Not(one), checks=checks)(EVENT) is by_order[2 - order[left]]


@settings(max_examples=300, deadline=None)
@given(text=strategies.conditions, event=strategies.events())
def test_explanation_and_evaluator_agree(text, event):
    node = compile_expression(text)
    assert explain(node, event).truth is compile_condition(node)(event)


@settings(max_examples=200, deadline=None)
@given(text=strategies.conditions, event=strategies.events())
def test_knowing_the_type_changes_nothing(text, event):
    from tuimon.syscalls import event_name

    node = compile_expression(text)
    program = Program(Checks())
    (test,) = program.compile([node], event_name(event.kind, event.nr))
    context = program.blank()
    context[0] = event
    assert test(context) is compile_condition(node)(event)


def test_every_value_is_asked_for_once_per_event():
    asked = []
    info = FieldInfo("x.y", TEXT, "", lambda _e, _a: asked.append(1) or "a", "x")
    checks = Checks(resolve=lambda _name: (info, None), twin_of=lambda _info: None)
    parts = tuple(Check(FieldRef("x.y"), "=", Literal(text)) for text in "bcda")
    judge_ = compile_condition(Or(parts), checks=checks)
    assert judge_(EVENT) is True
    assert len(asked) == 1
    judge_(EVENT)
    assert len(asked) == 2


def test_a_repeated_part_is_judged_once():
    calls = []
    info = FieldInfo("x.y", TEXT, "", lambda _e, _a: "a", "x")
    checks = Checks(resolve=lambda _name: (info, None), twin_of=lambda _info: None)
    plain = checks._compiled

    def counting(check):
        make = plain(check)

        def bind(slot_of):
            test = make(slot_of)
            return lambda context: (calls.append(check.op), test(context))[1]

        return bind

    checks._compiled = counting
    macro = Expanded("m", Check(FieldRef("x.y"), "regex", Literal("a+")))
    program = Program(checks)
    first, second = program.compile([And((macro, Check(FieldRef("x.y"), "=", Literal("a")))), Not(macro)])
    context = program.blank()
    context[0] = EVENT
    assert first(context) is True
    assert second(context) is False
    assert calls.count("regex") == 1


def test_events_do_not_see_each_others_values():
    judge_ = compile_condition(compile_expression("fd.name = /a"))
    assert judge_(builders.open_event("/a")) is True
    assert judge_(builders.open_event("/b")) is False
    assert judge_(builders.open_event("/a")) is True


class Names:
    """Host names and their addresses."""

    revision = 0

    def __init__(self, known: dict[str, frozenset[bytes] | None]) -> None:
        self.known = known

    def lookup(self, name):
        return self.known.get(name, frozenset())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fd.sip.name = right", True),
        ("fd.sip.name = wrong", False),
        ("fd.sip.name != wrong", True),
        ("fd.sip.name != right", False),
        ("fd.sip.name in (wrong, right)", True),
        ("fd.sip.name in (wrong, slow)", None),
        ("fd.sip.name != slow", None),
        ("fd.sip.name = nobody", False),
        ("fd.sip.name in (slow, right)", True),
    ],
)
def test_host_names_on_the_right_are_resolved(text, expected):
    names = Names({"right": frozenset((bytes([10, 0, 0, 9]),)), "wrong": frozenset((bytes(4),)), "slow": None})
    judge_ = compile_condition(compile_expression(text), checks=Checks(addresses=names))
    assert judge_(builders.connect_event("10.0.0.9")) is expected
    assert judge_(builders.open_event()) is False


def test_near_a_moment():
    event = builders.open_event()
    for distance_ms, expected in ((0, True), (5, True), (6, False), (-5, True)):
        at = event.time_ns + distance_ms * 1_000_000
        assert compile_condition(compile_expression(f"evt.around[{at}] = 5"))(event) is expected


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Check(FieldRef("no.such"), "=", Literal("x")), "nonexistent field no.such"),
        (Check(FieldRef("proc.pid"), "=", Literal("x")), "not a valid number"),
        (Check(FieldRef("proc.pid"), "startswith", Literal("1")), "operator startswith"),
        (Check(FieldRef("proc.pid"), "=", Transform("val", (FieldRef("proc.name"),))), "cannot be compared"),
        (Check(FieldRef("fd.name"), "pmatch", Transform("val", (FieldRef("fd.name"),))), "needs constants"),
        (Check(FieldRef("proc.name"), "in", ValueList(()), "anyof"), "anyof cannot follow in"),
        (Check(FieldRef("fd.sip.name"), "startswith", Literal("x")), "cannot be used with fd.sip.name"),
        (Check(Transform("tolower", (FieldRef("proc.pid"),)), "=", Literal("x")), "tolower"),
        (MacroRef("m"), "macro m is not resolved"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_a_sentence(node, message):
    with pytest.raises(RuleError, match=message):
        compile_condition(node)


def test_a_pattern_that_an_event_brings_along_cannot_break_the_evaluator():
    # The loader refuses this; what is put together by hand must not break either.
    pattern = Transform("val", (FieldRef("proc.name"),))
    judge_ = compile_condition(Check(FieldRef("fd.name"), "regex", pattern))
    assert judge_(builders.open_event("/a", process=builders.process("("))) is False
    assert judge_(builders.open_event("/a", process=builders.process("/[a]"))) is True


def test_nesting_to_the_language_bound_does_not_break_the_compiler():
    node = Check(FieldRef("proc.name"), "=", Literal("cat"))
    for depth in range(100):
        node = Not(And((node, Check(FieldRef("proc.pid"), "!=", Literal(str(depth))))))
    assert compile_condition(node)(builders.open_event()) is True
