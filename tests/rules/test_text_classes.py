"""Classes of texts: two records of one class are one to every rule, or a rule would be asked the wrong file."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.fields.registry import FieldType
from tuimon.records import Kind
from tuimon.rules import prefilter_bits, text_classes
from tuimon.rules.checks import Checks
from tuimon.rules.loader import compile_expression
from tuimon.rules.predicates import predicate
from tuimon.rules.ruleset import RuleSet
from tuimon.rules.text_classes import _Questions

PIECES = ("/", "a", "ab", "b", ".", "..", "//", "/a", "/a/b", "é", "c", ".ssh", "*")
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
OPS = ("=", "!=", "in", "startswith", "endswith", "contains", "icontains", "glob", "pmatch", "exists", "iglob", "regex")
FIELDS = ("fd.name", "fd.nameraw", "fd.directory", "fd.filename", "evt.arg.name", "fs.path.name", "fs.path.nameraw")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def checks_of_opens(draw: st.DrawFn) -> str:
    field, op = draw(st.sampled_from(FIELDS)), draw(st.sampled_from(OPS))
    if op == "exists":
        return f"{field} exists"
    if op in ("in", "pmatch"):
        return f"{field} {op} ({', '.join(map(quoted, draw(st.lists(texts, min_size=1, max_size=3))))})"
    text = draw(texts)
    return f"{field} {op} {quoted(text.replace('*', '.') if op == 'regex' else text)}"


@st.composite
def conditions(draw: st.DrawFn) -> str:
    parts = draw(st.lists(checks_of_opens(), min_size=1, max_size=4))
    parts += draw(st.lists(st.sampled_from(("evt.is_open_write = true", "fd.num >= 0", "fd.typechar = d")), max_size=1))
    parts = [draw(st.sampled_from(("", "not "))) + part for part in parts]
    return "evt.type in (open, openat) and (" + draw(st.sampled_from((" and ", " or "))).join(parts) + ")"


@st.composite
def opens(draw: st.DrawFn):
    given_text = draw(texts)
    return builders.open_event(
        given_text,
        cwd=draw(st.sampled_from(("/", "/a", "/a/b", ""))),
        real=draw(st.sampled_from((None, None, "/a/b/c", "/a"))),
        ret=draw(st.sampled_from((3, 7, -2))),
        call=draw(st.sampled_from(("open", "openat"))),
        fd_type=draw(st.sampled_from((0o100000, 0o040000, 0))),
    )


def built(texts_of_rules: list[str]) -> RuleSet:
    rules = [strategies.rule(f"r{at}", compile_expression(text)) for at, text in enumerate(texts_of_rules)]
    return RuleSet.build(SimpleNamespace(rules=rules), 1)


@settings(max_examples=200, deadline=None)
@given(st.lists(conditions(), min_size=1, max_size=3), st.lists(opens(), min_size=1, max_size=12))
def test_classes_leave_the_same_rows_and_rules_as_the_texts_themselves(rules, events):
    batch, tables = builders.batch_of(events)
    by_class, by_text = built(rules), built(rules)
    for bucket in map(by_text._bucket, np.unique(batch.head["kind"].astype(int) * 1024 + batch.head["nr"]).tolist()):
        bucket.mask._texts = None
    assert by_class.candidates(batch, tables).tolist() == by_text.candidates(batch, tables).tolist()
    assert {row: [rule.name for rule, _ in judges] for row, judges in by_class._hints.items()} == {
        row: [rule.name for rule, _ in judges] for row, judges in by_text._hints.items()
    }


def test_texts_that_rules_cannot_tell_apart_are_asked_once():
    rules = built(["evt.type = openat and fd.name startswith /etc/ssh and fd.filename = id_rsa"])
    names = [f"/usr/lib/x{number}" for number in range(50)] + ["/etc/ssh/id_rsa", "/etc/ssh/b", "/etc/ssh/c"]
    batch, tables = builders.batch_of([builders.open_event(name) for name in names])
    assert rules.candidates(batch, tables).tolist() == [50]
    (bucket,) = rules._buckets.values()
    assert bucket.mask._details.used == 3


def test_what_the_kernel_says_of_the_file_tells_records_apart():
    """evt.arg.flags shows whether the call made the file, which lies beside the texts."""
    rules = built(["evt.type = openat and evt.arg.flags contains O_F_CREATED"])
    made, plain = (builders.open_event("/x", base2=struct.pack("<QII", 1, 2, flags)) for flags in (0x80, 0))
    batch, tables = builders.batch_of([plain, made])
    assert rules.candidates(batch, tables).tolist() == [1]


@pytest.mark.parametrize(
    "text", ["tolower(fd.name) = /x", "fd.name = val(fd.directory)", "fd.ino = 5", "evt.arg.dirfd = 3", "fd.uid = 0"]
)
def test_with_checks_that_are_not_understood_the_texts_themselves_count(text):
    asked = [compile_expression("fd.name = /x"), compile_expression(text)]
    assert text_classes.text_classes(asked, Checks(), Kind.SYSCALL, "openat") is None


def test_only_opens_have_classes():
    asked = [compile_expression("fd.name = /x")]
    assert text_classes.text_classes(asked, Checks(), Kind.SYSCALL, "openat") is not None
    assert text_classes.text_classes(asked, Checks(), Kind.SYSCALL, "unlinkat") is None
    assert text_classes.text_classes(asked, Checks(), Kind.EXEC, "openat") is None


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, min_size=1, max_size=12, unique=True), st.lists(texts, min_size=1, max_size=6))
def test_nested_prefixes_are_all_found(prefixes, values):
    questions = _Questions(prefixes={prefix: 1 << at for at, prefix in enumerate(prefixes)})
    questions.close()
    for value in values:
        wanted = sum(1 << at for at, prefix in enumerate(prefixes) if value.startswith(prefix))
        assert questions.answers(value) == wanted


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), texts, st.sampled_from(("pmatch", "glob")))
def test_a_quick_no_is_never_wrong(constants, value, op):
    needles = text_classes._first_parts(constants) if op == "pmatch" else (text_classes._literal_part(constants[0]),)
    if not any(needle in value for needle in needles):
        assert not predicate(op, FieldType.CHARBUF, constants)(value)


def test_the_memory_of_texts_is_bounded(monkeypatch):
    monkeypatch.setattr(text_classes, "_MAX_TEXTS", 10)
    rules = built(["evt.type = openat and fd.name startswith /etc"])
    for turn in range(5):
        names = [f"/{turn}/d{number}/x" for number in range(8)]
        batch, tables = builders.batch_of([builders.open_event(name) for name in names])
        assert rules.candidates(batch, tables).tolist() == []
    (bucket,) = rules._buckets.values()
    assert len(bucket.mask._texts._known) <= 10
    assert len(bucket.mask._texts._of_folder) <= 10


def test_the_memory_of_long_texts_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(text_classes, "_MAX_TEXT_BYTES", 100_000)
    rules = built(["evt.type = openat and fd.name startswith /etc"])
    for turn in range(10):
        names = [f"/{turn}/{number}/{'x' * 4000}" for number in range(5)]
        batch, tables = builders.batch_of([builders.open_event(name) for name in names])
        assert rules.candidates(batch, tables).tolist() == []
    (bucket,) = rules._buckets.values()
    assert sum(map(len, bucket.mask._texts._known)) <= 100_000
    assert len(bucket.mask._texts._of_folder) <= 25


def test_answers_that_come_again_after_all_was_forgotten_have_a_number_of_their_own(monkeypatch):
    monkeypatch.setattr(text_classes, "_MAX_TEXTS", 2)
    rules = built(["evt.type = openat and fd.name startswith /etc", "evt.type = openat and fd.name endswith .key"])
    for name in ("/a", "/etc/b", "/c.key", "/etc/d.key", "/e", "/etc/f", "/g.key") * 3:
        batch, tables = builders.batch_of([builders.open_event(name)])
        assert len(rules.candidates(batch, tables)) == (name.startswith("/etc") or name.endswith(".key")), name


@settings(max_examples=200, deadline=None)
@given(
    rules=st.lists(strategies.conditions, min_size=1, max_size=6),
    events=st.lists(strategies.events(), min_size=1, max_size=10),
)
def test_guards_and_shared_parts_rule_nothing_out_that_holds(rules, events):
    """Else a rule would be lost as soon as enough others ask about the same field."""
    batch, tables = builders.batch_of(events)
    plain = built(rules)
    before = prefilter_bits.MIN_GUARDED
    prefilter_bits.MIN_GUARDED = 1
    try:
        guarded = built(rules)
        kept = guarded.candidates(batch, tables).tolist()
    finally:
        prefilter_bits.MIN_GUARDED = before
    assert kept == plain.candidates(batch, tables).tolist()
