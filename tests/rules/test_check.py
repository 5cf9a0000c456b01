"""Checks against a catalogue that a test brings itself, and what the table tests/cases/types.yaml cannot say."""

from __future__ import annotations

from tuimon.fields.registry import FieldInfo, FieldType
from tuimon.rules.catalogue import Catalogue, default_catalogue, raw_type
from tuimon.rules.check import check_condition, field_hint, nearest_field
from tuimon.rules.nodes import Expanded
from tuimon.rules.operators import LIST_OPERATORS, MODIFIERS, OPERATORS, TRANSFORMERS, legal_operators, parse_value
from tuimon.rules.parser import parse_condition
from tuimon.rules.transform import function_for


def audit_field(name: str) -> tuple[FieldInfo, None] | None:
    if name != "ka.verb":
        return None
    return FieldInfo("ka.verb", FieldType.CHARBUF, "the verb", lambda _event, _arg: None, "ka"), None


AUDIT = Catalogue(
    resolve=audit_field,
    field_names=lambda: ("ka.verb",),
    event_names=frozenset(("pluginevent",)),
    aliases={},
    argument_types=lambda _name: frozenset(),
    argument_names=frozenset(),
)


def codes(text: str) -> list[str]:
    return [problem.code for problem in check_condition(parse_condition(text), AUDIT)]


def test_comparing_an_audit_field_with_na_is_unsafe() -> None:
    assert codes('ka.verb = "<NA>"') == ["LOAD_UNSAFE_NA_CHECK"]
    assert codes("ka.verb in (get, <NA>)") == ["LOAD_UNSAFE_NA_CHECK"]
    assert codes('ka.verb contains "<NA>"') == []
    assert codes("ka.verb = get") == []


def test_fields_come_from_the_catalogue() -> None:
    assert codes("proc.name = x") == ["LOAD_ERR_COMPILE_CONDITION"]
    assert nearest_field("ka.ver", AUDIT) == "ka.verb"


def test_problems_inside_an_opened_macro_are_found() -> None:
    node = Expanded("m", parse_condition("not (evt.type = open and proc.nme = x)"))
    assert [problem.message for problem in check_condition(node)] == ["unknown field proc.nme"]


def test_each_check_has_at_most_one_error() -> None:
    found = check_condition(parse_condition("fd.num in (x, y, z) and fd.num contains x and evt.type in (a, b)"))
    assert len(found) == 3


def test_a_field_for_an_exception_may_be_transformed() -> None:
    assert field_hint("proc.name") is None
    assert field_hint("proc.aname[2]") is None
    assert field_hint("tolower(proc.name)") is None
    assert field_hint("proc.nme") == "did you mean proc.name?"
    assert field_hint("x y") is not None
    assert field_hint("evt.arg") is not None


def test_every_operator_fits_some_type_and_says_what_it_means() -> None:
    fitting = {op for type_ in FieldType for op in legal_operators(type_)}
    assert fitting == set(OPERATORS)
    assert all(operator.doc for operator in OPERATORS.values())
    assert {"in", "intersects", "pmatch"} == LIST_OPERATORS
    assert set(MODIFIERS) == {"anyof", "oneof", "allof"}


def test_every_transformer_of_the_table_is_one_of_the_evaluator() -> None:
    for name in TRANSFORMERS:
        assert callable(function_for(name, None))


def test_constants_are_parsed_by_the_type_of_their_field() -> None:
    assert parse_value(FieldType.PORT, "22") == 22
    assert parse_value(FieldType.BOOL, "true") is True
    assert parse_value(FieldType.IPADDR, "10.0.0.1") == b"\x0a\0\0\x01"
    assert parse_value(FieldType.BYTEBUF, "cafe", "bcontains") == b"\xca\xfe"
    assert parse_value(FieldType.UINT32, "-1") == 0xFFFFFFFF


def test_arguments_of_events_have_field_types() -> None:
    names = default_catalogue().argument_names
    types = {name for each in names for name in default_catalogue().argument_types(each)}
    unknown = {name for name in types if raw_type(name) is None}
    assert raw_type("FLAGS32") is FieldType.UINT32
    assert raw_type("ENUMFLAGS8") is FieldType.UINT8
    assert unknown <= {
        "SOCKADDR",
        "SOCKTUPLE",
        "FDLIST",
        "CHARBUFARRAY",
        "CHARBUF_PAIR_ARRAY",
        "SIGSET",
        "DYN",
        "DYNAMIC",
    }


def test_rules_of_a_source_that_is_not_there_are_not_looked_into() -> None:
    from tuimon.rules.diagnostics import RuleFile
    from tuimon.rules.loader import load

    text = (
        "- rule: R\n  desc: d\n  condition: ka.verb = get\n  output: '%ka.verb'\n  priority: INFO\n"
        "  source: k8s_audit\n"
        "  exceptions: [{name: e, fields: [ka.verb], values: [[x]]}]\n"
    )
    result = load([RuleFile("f", text)])
    assert [found.code for found in result.diagnostics] == ["LOAD_UNKNOWN_SOURCE"]
    assert result.rules == ()


def test_an_argument_that_no_record_carries_is_warned_of() -> None:
    """Never a silent false: such a check can never hold."""
    found = check_condition(parse_condition("evt.arg.peer > 5 and evt.rawarg.flags = 1 and evt.arg[0] exists"))
    assert [(problem.code, problem.message) for problem in found] == [
        ("LOAD_COMPILE_CONDITION", "evt.arg.peer is known, but this version cannot tell it: it never has a value")
    ]
