"""Every field of the registry, asked of columns, says what the rules' own evaluator says of each event."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.every_field import WIDER, conditions, every_field
from tests.rules import strategies
from tuimon.batch import Batch, concat, take
from tuimon.compact import compacted
from tuimon.events import Event
from tuimon.fields.evtarg import args_text
from tuimon.fields.facts import facts
from tuimon.resources import find_recording
from tuimon.rules import filter as filters
from tuimon.rules.args_checks import Sought, may_be, sought
from tuimon.rules.args_names import folded
from tuimon.rules.args_text import is_written
from tuimon.rules.args_words import ArgsWords, Search
from tuimon.rules.columns import NO, PERHAPS, YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.filter import Preparation
from tuimon.rules.loader import compile_expression
from tuimon.rules.look import Look
from tuimon.rules.nodes import Check, FieldRef, Literal
from tuimon.rules.numbering import Memory
from tuimon.workbench.replay import Replay

FIELDS = every_field()
MORE = (
    "evt.time startswith 1", "evt.time endswith 7", "evt.time glob '*.*1*'", "evt.time > 12", "evt.time contains ':'",
    "evt.time contains 0.1", "evt.time.iso8601 endswith '+0000'", "evt.datetime regex '.*[0-9]'", "evt.datetime < 3",
    "evt.datetime contains ' '", "evt.time in (a, b)", "evt.time icontains ':0'", "evt.time != x", "len(evt.time) = 18",
    "evt.args contains '(O_RDONLY) mode'", "evt.args contains /etc", "evt.args startswith 'fd='", "evt.args endswith 0",
    "evt.args contains '=3'", "evt.args icontains O_rd", "evt.info != ''", "evt.args = ''", "evt.args contains ''",
    "evt.args contains ' '", "evt.args regex '.*name=[^ ]*etc.*'", "evt.args glob 'res=0*'", "len(evt.args) > 40",
    "evt.args contains anyof (exe, 3)", "tolower(evt.args) contains name", "evt.args contains 'res=0'",
    "evt.args in ('res=0', 'res=-2(ENOENT)')", "evt.info in ('a b', '')", "evt.args contains 'fd=3(<f>'",
    "evt.args contains passwd", "evt.args contains root", "evt.args contains nginx", "evt.args endswith bash",
    "evt.args contains name", "evt.args contains ' name=/etc/'", "evt.args = 'res=0 path=/tmp'",
    "evt.args contains usr/", "evt.args contains 4t", "evt.args contains ':s7'", "evt.args contains ho",
    "evt.args contains 'ns'", "evt.args contains ro", "evt.args contains 're'",
    "evt.args startswith f", "evt.args startswith 'res='", "evt.args startswith ''",
    "evt.args in ('fd=3 name=x', x)", "evt.args == 'domain=2(AF_INET) type=1 proto=0'", "not evt.args = x",
    "evt.args != 'domain=2(AF_INET) type=1 proto=0'", "not evt.args != 'res=0'",
    "evt.args contains O_TRUNC", "evt.args contains ENOENT", "evt.args icontains eNOENT", "evt.args icontains PassWD",
    "evt.args icontains at_fd", "evt.args contains SIGCHLD", "evt.args icontains CLONE_VM", "evt.args iglob '*NAME*'",
    "evt.args regex '.*passwd.*'", "evt.args regex '.*sh.*'", "evt.args glob '*passwd*'", "evt.args glob '*bash*'",
    "evt.args iglob '*Root*'", "evt.args regex '.*O_RDONLY.*'", "evt.args icontains Nginx", "evt.args contains AF_IN",
    "evt.args contains NONE", "evt.args icontains 'na'", "evt.args contains ADD", "evt.args icontains 'res=e'",
    "evt.args contains /etc/passwd", "evt.args icontains /ETC/Pass", "evt.args glob '*/etc/pas*'",
    "evt.args regex '.*etc/pass.*'", "evt.args contains 'name=/etc'", "evt.args contains bin/",
    "evt.args contains '/..'", "evt.args contains '-c '", "evt.args contains 'PATH=/'",
    "evt.args icontains 'path=/USR'",
    "evt.args contains DECnet", "evt.args contains sleep", "evt.info contains 'exe=sh'", "evt.args contains sh",
    "evt.args regex '.*(passwd|sleep|nginx).*'", "evt.args regex '.*etc/(pass|group).*|.*sh.*'",
    "evt.args contains anyof (passwd, sleep)", "evt.args contains oneof (passwd, etc)",
    "evt.args contains allof (etc, name)", "evt.args icontains anyof (PASS, bash)", "evt.args regex '.*exe=(sh|ls).*'",
    "evt.args glob '*exe=*sh*cwd=/*'", "evt.args glob '*sh*args=*'", "evt.args endswith ' filename=/usr/bin/ls'",
    "evt.args contains '(sh) '", "evt.args contains 'comm=bash'", "evt.args startswith 'res=0 exe=sh'",
    "evt.args regex '.*tid=.*(bash).*'", "evt.args contains 'tty='", "evt.args contains '=-1'",
    "evt.args contains 'NAME) arg'",
    "fd.uid contains 3", "fd.uid endswith 4", "fd.containername contains ':/etc'",
    "fd.containerdirectory != 'host:/etc'",
    "fd.containername = 'host:/etc/passwd'", "fd.containername icontains 'HOST:'", "evt.abspath.src startswith /etc",
    "evt.abspath.dst exists", "container.duration > 1000000000", "container.start_ts exists", "fd.ino >= 1",
    "fd.is_upper_layer = false", "fd.dev.minor in (0, 1, 2)", "evt.latency > 100", "evt.latency.human contains s",
    "evt.buflen > 0", "thread.vtid > 1", "evt.around[1700000000000000000] = 4000000000", "evt.arg.fd startswith 3",
    "evt.arg.fd = '<f>/etc/passwd'", "evt.arg.res = ENOENT", "evt.arg.args contains -", "evt.arg.uid = root",
    "evt.rawarg.ino > 0", "evt.arg.pid exists", "proc.vmsize > 0", "thread.vmsize = 0", "proc.stdin.type exists",
    "fdlist.nums exists", "fd.ino = val(proc.exe_ino)", "evt.time = val(evt.datetime)", "proc.nthreads >= 1",
    "evt.count.error.file = 1", "evt.count.error.net exists", "evt.is_syslog = false",
)  # fmt: skip


@pytest.fixture(scope="module")
def recorded() -> tuple[list[Batch], Replay, list[list[Event]]]:
    """The built-in recording in two batches, one of them made smaller, and its events."""
    replay = Replay(find_recording("demo"))
    whole = concat(list(replay.batches()))
    batches = []
    for rows in np.array_split(np.arange(len(whole)), 2):
        part = take(whole, rows)
        part.first_num = whole.first_num + int(rows[0])
        batches.append(part)
    batches[1] = compacted(batches[1])
    return batches, replay, [[replay.event(batch, row) for row in range(len(batch))] for batch in batches]


@pytest.fixture(scope="module")
def memory(recorded) -> Memory:
    """One for all conditions, as in the engine."""
    return Memory(recorded[1].processes.get)


def said(columns: Columns, batch: Batch) -> list[int]:
    rows, truth, _ = columns.ask(batch)
    found = np.zeros(len(batch), np.int8)
    found[rows] = truth[:, 0]
    return found.tolist()


def expected_of(judge, events) -> list[int]:
    return [YES if (found := judge(event)) else PERHAPS if found is None else NO for event in events]


@pytest.mark.parametrize(("info", "name"), FIELDS, ids=[name for _, name in FIELDS])
def test_a_field_says_of_recorded_events_what_the_evaluator_says(info, name, recorded, memory):
    batches, replay, events = recorded
    for text in conditions(info, name):
        judge = compile_condition(compile_expression(text))
        columns = Columns([compile_expression(text)], replay.event, memory=memory)
        for batch, objects in zip(batches, events, strict=True):
            assert said(columns, batch) == expected_of(judge, objects), text


@pytest.mark.parametrize("text", [*MORE, *WIDER])
def test_each_operator_says_of_recorded_events_what_the_evaluator_says(text, recorded, memory):
    batches, replay, events = recorded
    judge = compile_condition(compile_expression(text))
    columns = Columns([compile_expression(text)], replay.event, memory=memory)
    for batch, objects in zip(batches, events, strict=True):
        assert said(columns, batch) == expected_of(judge, objects)
        assert said(columns, batch) == expected_of(judge, objects)


def test_what_was_prepared_answers_as_what_was_not(recorded, monkeypatch):
    """Groups by place are kept for arguments by name; values of one argument serve others."""
    batches, replay, _ = recorded
    monkeypatch.setattr(filters, "_WORTH_IT", 1)
    prepared, fresh = Memory(replay.processes.get), Memory(replay.processes.get)
    asked = [text for info, name in FIELDS if info.name in ("evt.arg", "evt.rawarg") for text in conditions(info, name)]
    plain = {
        text: [said(Columns([compile_expression(text)], replay.event, memory=fresh), batch) for batch in batches]
        for text in asked
    }
    preparation = Preparation(replay.event, prepared)
    while preparation.prepare(batches) is not None:
        pass
    for text in asked:
        columns = Columns([compile_expression(text)], replay.event, memory=prepared)
        for batch, expected in zip(batches, plain[text], strict=True):
            assert said(columns, batch) == expected, text


def every_condition() -> list[str]:
    return [text for info, name in FIELDS for text in conditions(info, name)] + [*MORE, *WIDER]


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(st.sampled_from(every_condition()), min_size=1, max_size=3),
    made=st.lists(strategies.events(), min_size=1, max_size=12),
    with_table=st.booleans(),
)
def test_a_field_says_of_made_events_what_the_evaluator_says(texts, made, with_table):
    batch, tables = builders.batch_of(made)
    events = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    memory = Memory(tables.processes.get if with_table else None)
    for text in texts:
        condition = compile_expression(text)
        columns = Columns([condition], lambda batch, row: builders.event_of(batch, row, tables), memory=memory)
        assert said(columns, batch) == expected_of(compile_condition(condition), events), text
        for process in tables.processes.values():
            process.comm, process.exepath, process.vpid = "nginx", "/usr/bin/nginx", 77
        for cgroup in list(tables.containers):
            tables.containers[cgroup] = builders.container("aaaaaaaaaaaa", name="web")
        events = [builders.event_of(batch, row, tables) for row in range(len(batch))]
        assert said(columns, batch) == expected_of(compile_condition(condition), events), text


@pytest.mark.parametrize("ns", [None, 7, 1_250_000_007])
@pytest.mark.parametrize("call", ["poll", "openat"])
@pytest.mark.parametrize(
    "text",
    [
        "evt.latency exists", "evt.latency > 100", "evt.latency.s = 1", "evt.latency.ns = 7", "evt.wait_latency > 5",
        "evt.latency.human contains s", "evt.wait_latency exists",
    ],
)  # fmt: skip
def test_how_long_a_call_took_is_told_by_its_own_record(text, call, ns):
    """It is known of some events only, whatever their type."""
    event = builders.syscall_event(call, args=(0, 0, 5), given="/x")
    if ns is not None:
        event = builders.timed(event, ns)
    condition = compile_expression(text)
    columns = Columns([condition], lambda _batch, _row: event)
    assert said(columns, event.batch) == expected_of(compile_condition(condition), [event])


@pytest.mark.parametrize("op", ["=", "startswith"])
def test_the_names_of_parameters_rule_out_no_text_that_an_event_has(recorded, op):
    for event in {facts(event).name: event for part in recorded[2] for event in part}.values():
        text, name = args_text(event), facts(event).name
        assert may_be(Check(FieldRef("evt.args"), op, Literal(text)), name)
        assert may_be(Check(FieldRef("evt.args"), "!=", Literal(text)), name)
        assert may_be(Check(FieldRef("evt.args"), "startswith", Literal(text[:3])), name)
        assert may_be(Check(FieldRef("evt.args"), op, Literal("x")), name) is (not text)


def test_no_word_of_two_letters_rules_out_an_event_that_has_it(recorded):
    """Whatever a text is put together from, its letters are looked for where they come from."""
    batches, replay, events = recorded
    columns = Columns([], replay.event)
    for batch, objects in zip(batches, events, strict=True):
        codes = columns.memory.known(batch).codes
        look = Look(columns, batch, codes)
        of_word: dict[str, dict[int, list[int]]] = {}
        for row, event in enumerate(objects):
            for pair in set(re.findall(r"(?=(\w\w))", args_text(event), re.ASCII)):
                of_word.setdefault(pair, {}).setdefault(int(codes[row]), []).append(row)
        for pair, where in of_word.items():
            rows = np.array(sorted(row for some in where.values() for row in some[:3]))
            for op in ("contains", "icontains"):
                check = Check(FieldRef("evt.args"), op, Literal(pair))
                what = sought(check)
                assert not what.words or ArgsWords(look, Search(what)).likely(rows).all(), (op, pair)


WORDS = ("sh", "etc", "usr", "ls", "root", "so", "lib", "nginx", "sleep", "tmp", "ENOENT", "O_CLOEXEC", "SIG", "RDONLY")


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("word", WORDS)
def test_what_surely_holds_a_word_holds_it_and_what_may_not_does_not(word, fold, recorded):
    batches, replay, events = recorded
    columns, found = Columns([], replay.event), 0
    for batch, objects in zip(batches, events, strict=True):
        rows, codes = np.arange(len(batch)), columns.memory.known(batch).codes
        look = Look(columns, batch, codes)
        wanted = folded(word, fold=fold)
        what = Sought((wanted.encode(),), ((wanted.encode(), wanted.encode()),), fold)
        words = ArgsWords(look, Search(what))
        holds = np.array([wanted in folded(args_text(event), fold=fold) for event in objects])
        written = np.flatnonzero(is_written(look, rows))
        opens = look.opens(written)
        assert opens.at.tolist() == list(range(len(written)))
        assert words.likely(rows)[holds].all()
        assert words.shown_by_opens(opens, written).tolist() == holds[written].tolist()
        sure = words.sure(rows)
        assert holds[sure].all()
        found += int(sure.sum())
    assert found or word not in ("sh", "etc", "ENOENT", "O_CLOEXEC", "RDONLY")


def test_a_pattern_that_ends_at_a_line_is_asked_of_texts_of_several_lines():
    """In RE2's patterns a dot stands for anything but the end of a line."""
    paths = ("/tmp/shadow", "/tmp/shadow\n", "/tmp/\nshadow", "/tmp/other", "/tmp/other\n")
    events = [*map(builders.open_event, paths), builders.exec_event("sh", args=("-c", "a\nshadow"))]
    batch, tables = builders.batch_of([*events, builders.exec_event("sh", args=("-c", "shadow"))])
    event_of = functools.partial(builders.event_of, tables=tables)
    for text in ("evt.args regex '.*shadow.*'", "evt.args glob '*shadow*'", "evt.args icontains SHADOW"):
        condition = compile_expression(text)
        judge = compile_condition(condition)
        expected = expected_of(judge, [event_of(batch, row) for row in range(len(batch))])
        assert said(Columns([condition], event_of), batch) == expected, text


def test_a_word_across_two_records_is_in_neither_of_them():
    """One search goes through the texts of all records, which lie side by side."""
    events = [builders.open_event(path) for path in ("/tmp/xs", "hello/shsh", "/a/s", "hs", "sh")]
    batch, tables = builders.batch_of(events)
    columns = Columns([], lambda batch, row: builders.event_of(batch, row, tables))
    look = Look(columns, batch, columns.memory.known(batch).codes)
    rows = np.arange(len(batch))
    texts = [b"sh" in b"".join(batch.slots(row)) for row in rows]
    assert ArgsWords(look, Search(Sought((b"sh",)))).likely(rows).tolist() == texts
