"""Columns say of real events what the rules' own evaluator says of each of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.batch import Batch, concat, take
from tuimon.compact import compacted
from tuimon.events import Event
from tuimon.resources import find_recording
from tuimon.rules import numbering
from tuimon.rules.columns import NO, PERHAPS, YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.filter import Preparation, TextFilter, compile_filter
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory
from tuimon.workbench.replay import Replay

CONDITIONS = """
fd.name contains etc
fd.name != /etc/passwd
fd.name icontains PASS
fd.name startswith anyof (/etc, /usr, /proc)
fd.name endswith allof (s, ss)
fd.name regex '.*/l[a-z.]+[0-9]'
fd.name glob '*/lib*.so*'
fd.name glob '/e?c/*[sd]'
fd.name pmatch (/usr/lib, /etc/)
fd.name in (/etc/passwd, /etc/shadow, "")
fd.name = val(proc.exepath)
fd.nameraw startswith etc
fd.nameraw contains ..
fd.nameraw exists
fs.path.nameraw != /etc/passwd
evt.arg.name exists
evt.arg.name startswith /
fd.is_server exists
fd.connected exists
fd.name_changed exists
fd.realpath startswith /usr
fd.directory in (/etc, /, /tmp)
fd.filename startswith pass
fd.type in (file, directory, ipv4)
fd.typechar = o
fd.num > 3
fd.num in (3, 4, -1)
fd.sport exists
fd.port > 0
fd.ip exists
fd.l4proto != tcp
fd.net = 127.0.0.0/8
fd.ino > 0
fd.dev.major >= 0
fd.is_upper_layer = true
fd.containername startswith host
fd.uid exists
basename(fd.name) = passwd
toupper(fd.filename) startswith P
len(fd.name) > 20
join("/", (fd.directory, fd.filename)) contains etc
evt.type in (openat, connect)
evt.type.is.openat = 1
evt.dir = <
evt.is_io = true
evt.category = file
evt.res = ENOENT
evt.res != SUCCESS
evt.failed = true
evt.rawres > 3
evt.rawres in (0, -2)
evt.rawres != 0
evt.count.error = 1
evt.cpu = 0
evt.num in (1, 5, 77)
evt.num >= 20
evt.rawtime > 0
evt.rawtime.s > 0
evt.rawtime.ns < 500000000
evt.deltatime >= 1000
evt.deltatime.s = 0
evt.deltatime.ns exists
evt.reltime > 1000000000
evt.reltime.s in (0, 1)
evt.reltime.ns exists
evt.latency = 0
evt.time.s exists
evt.datetime.s contains 2
evt.rawres exists
evt.cpu exists
thread.ismain != true
fd.num = -1
fd.num exists
fd.num != 3
fd.lip exists
fd.rport > 0
fd.lnet = 127.0.0.0/8
fd.sproto exists
fd.proto exists
fd.sockfamily = ip
fd.is_server = true
fd.connected = true
fd.name_changed = false
evt.is_syslog = true
evt.count.error.file = 1
evt.count.error.net = 0
evt.count.error.other >= 0
evt.count.error.memory exists
evt.pluginname exists
evt.arg.flags exists
evt.arg.flags contains CLONE
evt.rawarg.flags > 0
evt.arg.option exists
evt.arg.cmd exists
evt.arg.prot contains EXEC
evt.arg.mode contains S_I
evt.arg[1] exists
evt.arg[2] contains O_
evt.arg.cap_permitted exists
proc.pid.ts > 0
proc.ppid.ts exists
k8s.deployment.name exists
fs.path.nameraw contains etc
fs.path.name != /etc/passwd
fd.nameraw != /etc/passwd
fd.realpath exists
fd.filename != passwd
fd.directory != /etc
basename(fd.name) != passwd
tolower(fd.name) glob "*ETC*"
len(fd.directory) < 6
evt.is_open_read = true
evt.is_open_write = true
evt.is_open_create = true
evt.is_open_exec = true
evt.arg.flags contains O_CREAT
evt.arg.flags contains O_DIRECTORY
evt.arg.mode exists
evt.arg.name contains etc
evt.arg.path exists
evt.arg.oldpath startswith /
evt.arg.dirfd = AT_FDCWD
evt.arg.fd exists
evt.arg.res = 0
evt.arg[0] exists
evt.args contains etc
evt.info contains name
evt.buffer exists
evt.is_truncated = true
proc.name in (sh, bash, cat)
proc.aname = sh
proc.aname[2] exists
proc.pname != sh
proc.cmdline contains -c
proc.args exists
proc.exepath startswith /usr
proc.pid > 100
proc.duration > 0
proc.duration < 1000000000
proc.ppid.duration >= 5000000
proc.ppid.duration exists
proc.name = val(proc.pname)
proc.is_exe_upper_layer = true
thread.tid > 100
thread.ismain = true
user.uid = 0
user.name = root
user.loginuid = -1
user.loginname exists
group.gid = 0
container.id != host
container.name startswith shop
container.image.repository exists
container.start_ts > 0
k8s.pod.name exists
fs.path.name startswith /tmp
fs.path.source exists
""".strip().splitlines()


@pytest.fixture(scope="module")
def recorded() -> tuple[list[Batch], Replay]:
    """The built-in recording in a few batches."""
    replay = Replay(find_recording("demo"))
    whole = concat(list(replay.batches()))
    parts = []
    for rows in np.array_split(np.arange(len(whole)), 3):
        part = take(whole, rows)
        part.first_num = whole.first_num + int(rows[0])
        parts.append(part)
    return parts, replay


@pytest.fixture(scope="module")
def events(recorded) -> list[tuple[Batch, list[Event]]]:
    batches, replay = recorded
    return [(batch, [replay.event(batch, row) for row in range(len(batch))]) for batch in batches]


@pytest.fixture(scope="module")
def memory() -> Memory:
    """One for all conditions, as in the engine."""
    return Memory()


@pytest.mark.parametrize("text", CONDITIONS)
def test_each_condition_says_of_real_events_what_the_evaluator_says(text, events, recorded, memory):
    condition = compile_expression(text)
    judge = compile_condition(condition)
    columns = Columns([condition], recorded[1].event, memory=memory)
    for batch, objects in events:
        expected = [YES if (said := judge(event)) else PERHAPS if said is None else NO for event in objects]
        for each in (batch, compacted(batch)):
            rows, truth, _ = columns.ask(each)
            found = np.zeros(len(batch), np.int8)
            found[rows] = truth[:, 0]
            assert found.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.sampled_from(CONDITIONS), min_size=2, max_size=4),
    words=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_conditions_put_together_keep_the_rows_that_the_evaluator_keeps(texts, words, events, recorded, memory):
    text = texts[0]
    for word, more in zip(words, texts[1:], strict=False):
        text = f"({text}) {'and' if word else 'or'} not ({more})"
    keep = compile_filter(text, None, recorded[1].event, memory)
    batch, objects = events[1]
    some = objects[:: max(len(objects) // 150, 1)]
    kept = set(keep.rows(batch).tolist())
    assert [event.row for event in some if event.row in kept] == [event.row for event in some if keep.matches(event)]


@pytest.mark.parametrize("wanted", ["passwd", "E", "/etc", "sh", "nosuchtext", "-c", "root"])
def test_plain_text_is_found_in_real_events_as_in_each_of_them(wanted, events, recorded, memory):
    keep = TextFilter(wanted, wanted, recorded[1].event, memory)
    for batch, objects in events:
        expected = [event.row for event in objects if keep.matches(event)]
        assert keep.rows(batch).tolist() == expected
        assert keep.rows(compacted(batch)).tolist() == expected


def test_a_prepared_history_answers_as_one_that_is_not(events, recorded):
    batches, replay = recorded
    memory = Memory()
    preparation = Preparation(replay.event, memory)
    large = concat(batches * 3)
    large.first_num = 1
    assert preparation.prepare([large]) is large
    assert preparation.prepare([large]) is None
    for text in ("fd.name contains etc", "proc.name = sh", "evt.failed = true"):
        prepared = compile_filter(text, None, replay.event, memory).rows(large)
        assert prepared.tolist() == compile_filter(text, None, replay.event).rows(large).tolist()


@settings(max_examples=80, deadline=None)
@given(text=strategies.conditions, made=st.lists(strategies.events(), min_size=1, max_size=12))
def test_one_memory_serves_changing_processes_and_containers(text, made):
    """What becomes known later must not be hidden by an answer from before."""
    batch, tables = builders.batch_of(made)
    memory = Memory()

    def event_of(batch: Batch, row: int) -> Event:
        return builders.event_of(batch, row, tables)

    keep = compile_filter(text, None, event_of, memory)
    keep.rows(batch)
    for process in tables.processes.values():
        process.comm, process.exepath = "nginx", "/usr/bin/nginx"
    for cgroup in list(tables.containers):
        tables.containers[cgroup] = builders.container("aaaaaaaaaaaa", name="web")
    expected = [row for row in range(len(batch)) if keep.matches(event_of(batch, row))]
    assert keep.rows(batch).tolist() == expected


def test_values_are_let_go_of_when_they_grow_too_many_and_filters_say_the_same(recorded, monkeypatch):
    batches, replay = recorded
    memory = Memory()
    kept = compile_filter("fd.name contains etc and proc.name exists", None, replay.event, memory)
    before = [kept.rows(batch).tolist() for batch in batches]
    assert memory.value_bytes > 0
    held = memory.value_bytes
    monkeypatch.setattr(numbering, "_MAX_VALUE_BYTES", 0)
    monkeypatch.setattr(numbering, "_MAX_AGE_S", -1.0)
    assert [kept.rows(batch).tolist() for batch in batches] == before
    assert memory.value_bytes < held


def test_answers_about_arguments_do_not_outlive_the_numbers_they_are_kept_by(monkeypatch):
    """A filter in force for days must not take one open for another, nor keep what every open was."""
    memory = Memory()
    batches = [builders.batch_of([builders.open_event(path)]) for path in ("/etc/passwd", "/tmp/x")]
    tables = batches[0][1]
    keep = compile_filter("evt.args contains passwd", None, lambda b, row: builders.event_of(b, row, tables), memory)
    assert keep.rows(batches[0][0]).tolist() == [0]
    monkeypatch.setattr(numbering, "_MAX_NUMBERS", -1)
    monkeypatch.setattr(numbering, "_MAX_AGE_S", -1.0)
    assert keep.rows(batches[1][0]).tolist() == []
    assert keep.rows(batches[0][0]).tolist() == [0]
