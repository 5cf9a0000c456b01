"""The tree: who is whose child, folding, filters that keep ancestors and descendants, and ended processes."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.ui.fake_engine import WEB, fed_engine
from tuimon.errors import RuleError
from tuimon.events import HOST, Event, Process, event_at
from tuimon.rulefiles import RuleFile
from tuimon.rules.filter import compile_filter
from tuimon.rules.loader import load
from tuimon.view.process_filter import half_typed, has, rows_of
from tuimon.view.process_tree import ORDERS, ProcessTree, key_of
from tuimon.view.tree_lines import TreeLines, lead, process_lines, recent, tree_header, user_of

CONTAINER = 7001


class Engine:
    """Only what the tree asks for."""

    def __init__(self, *processes):
        self.processes = list(processes)
        self.loaded = None

    def process_list(self, *, ended=False):
        return [p for p in self.processes if ended or p.end_ns is None]

    def container_of(self, cgroup_id):
        return WEB if cgroup_id == CONTAINER else HOST if cgroup_id == 1 else None

    def filter(self, text):
        by_index = {process.index: process for process in self.processes}
        return compile_filter(
            text, self.loaded, lambda batch, row: event_at(batch, row, by_index.get, self.container_of, 0)
        )


_index = itertools.count(1)


def made(name, pid, parent=None, *, start=None, **more):
    return builders.process(
        name, pid=pid, parent=parent, index=next(_index), start_ns=(start or pid) * 1_000_000_000, **more
    )


def family():
    init = made("systemd", 1)
    sshd = made("sshd", 10, init)
    bash = made("bash", 20, sshd, args=("-l",))
    vim = made("vim", 30, bash, args=("notes.txt",))
    web = made("nginx", 40, init, cgroup_id=CONTAINER)
    worker = made("nginx", 50, web, cgroup_id=CONTAINER)
    return [init, sshd, bash, vim, web, worker]


def tree(*processes):
    made_tree = ProcessTree(Engine(*(processes or family())))
    made_tree.sync()
    return made_tree


def shown(view):
    return [(row.depth, row.process.comm, row.process.pid) for row in view.rows]


def text_of(line):
    return "".join(cell.text for cell in line)


def test_children_stand_under_their_parent_in_order():
    assert shown(tree()) == [
        (0, "systemd", 1), (1, "sshd", 10), (2, "bash", 20), (3, "vim", 30), (1, "nginx", 40), (2, "nginx", 50),
    ]  # fmt: skip


def test_a_child_of_an_older_version_of_its_parent_stands_under_the_newest():
    shell = made("bash", 20)
    child = made("ls", 21, shell)
    newest = made("python", 20, start=20)
    assert shown(tree(newest, child)) == [(0, "python", 20), (1, "ls", 21)]


def test_a_pid_used_again_is_nobodys_old_parent():
    gone = made("gone", 20, start=20)
    orphan = made("orphan", 30, gone, start=30)
    orphan.ppid = 1
    other = made("other", 20, start=99)
    init = made("init", 1)
    assert shown(tree(init, other, orphan)) == [(0, "init", 1), (1, "orphan", 30), (1, "other", 20)]


def test_without_its_parent_a_process_hangs_on_the_nearest_ancestor_that_is_there():
    init = made("init", 1)
    middle = made("middle", 10, init)
    leaf = made("leaf", 20, middle)
    leaf.ppid = 10
    assert shown(tree(init, leaf)) == [(0, "init", 1), (1, "leaf", 20)]


def test_folding_hides_descendants_and_says_how_many():
    view = tree()
    view.fold(key_of(view.rows[1].process))
    assert shown(view) == [(0, "systemd", 1), (1, "sshd", 10), (1, "nginx", 40), (2, "nginx", 50)]
    assert view.rows[1].hidden == 2
    view.fold(key_of(view.rows[1].process))
    assert len(view.rows) == 6
    view.fold(key_of(view.rows[1].process), False)
    assert len(view.rows) == 6


def test_folding_all_keeps_the_first_two_levels_and_unfolding_all_brings_back_everything():
    view = tree()
    view.fold_all(True)
    assert [row.process.comm for row in view.rows] == ["systemd", "sshd", "nginx"]
    view.fold_all(False)
    assert len(view.rows) == 6


@pytest.mark.parametrize(
    ("text", "pids", "matches"),
    [
        ("bash", [1, 10, 20, 30], 1),
        ("VIM", [1, 10, 20, 30], 1),
        ("notes.txt", [1, 10, 20, 30], 1),
        ("web", [1, 40, 50], 2),
        ("/usr/bin/sshd", [1, 10, 20, 30], 1),
        ("50", [1, 40, 50], 1),
        ("no such", [], 0),
        ("  ", [1, 10, 20, 30, 40, 50], 6),
    ],
)
def test_a_filter_keeps_what_is_above_and_below_a_match(text, pids, matches):
    view = tree()
    view.set_filter(text)
    assert [row.process.pid for row in view.rows] == pids
    assert view.matches == matches
    assert view.total == 6


def test_a_filter_looks_into_what_is_folded_and_marks_what_it_found():
    view = tree()
    view.fold_all(True)
    view.set_filter("vim")
    assert [(row.process.comm, row.matched) for row in view.rows] == [
        ("systemd", False), ("sshd", False), ("bash", False), ("vim", True),
    ]  # fmt: skip
    view.set_filter("")
    assert [row.process.comm for row in view.rows] == ["systemd", "sshd", "nginx"]


def test_every_order_shows_every_process():
    view = tree()
    firsts = {}
    for _ in ORDERS:
        order = view.turn_order(1)
        firsts[order] = [row.process.comm for row in view.rows if row.depth == 1]
        assert len(view.rows) == 6
    assert firsts == {
        "start": ["sshd", "nginx"], "pid": ["sshd", "nginx"], "name": ["nginx", "sshd"], "newest": ["nginx", "sshd"],
    }  # fmt: skip
    assert view.turn_order(-1) == ORDERS[-1]


def test_ended_processes_come_only_when_asked_for():
    processes = family()
    processes[3].end_ns = 99_000_000_000
    view = tree(*processes)
    assert len(view.rows) == 5
    view.show_ended(True)
    assert len(view.rows) == 6
    view.show_ended(False)
    assert len(view.rows) == 5


def test_rows_are_made_again_only_when_a_process_came_went_or_changed():
    view = tree()
    assert not view.sync()
    view._engine.processes.append(made("new", 60, view._engine.processes[0]))
    assert view.sync()
    assert view.position((60, 60_000_000_000)) == 6
    assert view.position((61, 0)) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 29), min_size=1, max_size=30), st.sampled_from(["", "p1", "p2", "zzz"]))
def test_every_process_is_shown_exactly_once_whatever_the_parents(parents, text):
    """Also with loops, which only a damaged recording can hold: no endless walk, nothing twice."""
    processes = [Process(pid=n + 1, start_ns=1_000_000_000, comm=f"p{n}") for n in range(len(parents))]
    for process, parent in zip(processes, parents, strict=True):
        process.parent = processes[parent % len(processes)]
        process.ppid = process.parent.pid
    view = ProcessTree(Engine(*processes))
    view.sync()
    assert sorted(row.process.pid for row in view.rows) == [p.pid for p in processes]
    view.set_filter(text)
    kept = {row.process.pid for row in view.rows}
    assert {process.pid for process in processes if text in process.comm} <= kept


# Lines.


@pytest.mark.parametrize("width", [60, 78, 118, 198])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_line_shows_the_process_under_its_parent(width, ascii_only):
    view = tree()
    lines = TreeLines(view, 0, ascii_only=ascii_only)
    text = text_of(lines.line(3, width))
    assert "vim" in text
    assert "notes.txt" in text
    assert "web" in text_of(lines.line(4, width))
    assert text.isascii() or not ascii_only
    assert lines.line(99, width) == ()
    assert "container" in text_of(tree_header(width))


def test_a_deep_tree_leaves_room_for_names():
    assert lead(1000, 78) == " " * 26
    assert lead(2, 78) == " " * 4


def test_marks_say_folded_ended_and_brought_in_later():
    processes = family()
    processes[5].end_ns = 99_000_000_000
    processes[4].exe_flags = 0x5
    view = ProcessTree(Engine(*processes))
    view.show_ended(True)
    view.fold(key_of(processes[1]))
    lines = TreeLines(view, builders.BOOT_TO_EPOCH_NS)
    texts = [text_of(lines.line(seq, 118)) for seq in range(lines.end)]
    assert "sshd +2" in texts[1]
    assert "new executable" in texts[2]
    assert "ended 22:14:59" in texts[3]


def test_the_fold_mark_is_where_it_is_drawn():
    lines = TreeLines(tree(), 0)
    for width in (78, 118):
        text = "".join(cell.text.ljust(max(cell.width, 0))[: cell.width or None] for cell in lines.line(1, width)[:-1])
        at = text.index("▾")
        assert lines.mark_at(1, at, width)
        assert not lines.mark_at(1, at - 1, width)
        assert not lines.mark_at(3, at, width)


def test_a_user_has_a_name_where_one_is_known():
    assert user_of(builders.process(uid=0), HOST) == "root"
    assert user_of(builders.process(uid=0xFFFFFFFF), HOST) == ""
    assert user_of(builders.process(uid=123456), HOST) == "123456"
    assert user_of(builders.process(uid=0), None) == "root"


def test_the_dialog_says_everything_a_process_holds_and_its_events():
    engine = fed_engine()
    shell = next(p for p in engine.process_list() if p.comm == "sh")
    shell.cap_effective = 0x3
    text = "\n".join(map(text_of, process_lines(shell, engine, 0, 100)))
    for part in ("4415  (inside: 4415)", "0x3", "nginx", "fchmodat", "/tmp/x", "not captured"):
        assert part in text
    assert "\\_ 4415 sh -i" in text


def test_recent_events_are_those_of_the_process_newest_first_and_bounded(monkeypatch):
    engine = fed_engine(rounds=4)
    shell = next(p for p in engine.process_list() if p.comm == "sh")
    events, more = recent(shell, engine)
    assert {event.tgid for event in events} == {shell.pid}
    assert [e.num for e in events] == sorted((e.num for e in events), reverse=True)
    assert not more
    monkeypatch.setattr("tuimon.view.tree_lines._EVENTS", 2)
    events, more = recent(shell, engine)
    assert (len(events), more) == (2, True)
    shell.start_ns = 1 << 62
    assert recent(shell, engine) == ([], False)


def test_before_it_is_known_when_the_machine_was_booted_no_time_of_day_is_told():
    view = tree()
    assert not re.search(r"\d\d:\d\d:\d\d", text_of(TreeLines(view, 0).line(1, 118)))
    assert re.search(r"\d\d:\d\d:\d\d", text_of(TreeLines(view, builders.BOOT_TO_EPOCH_NS).line(1, 118)))


@pytest.mark.parametrize(
    ("condition", "pids"),
    [
        ("proc.name = nginx and container.id != host", [1, 40, 50]),
        ("container.id != host and proc.pid > 40", [1, 40, 50]),
        ("proc.pname = sshd", [1, 10, 20, 30]),
        ("not container.id = host and not proc.pname = systemd", [1, 40, 50]),
        ("proc.cmdline contains notes", [1, 10, 20, 30]),
        ("proc.aname = sshd and proc.args exists", [1, 10, 20, 30]),
        ("user.uid = 5", []),
        ("container.name = web or proc.name in (vim, emacs)", [1, 10, 20, 30, 40, 50]),
    ],
)
def test_a_condition_keeps_what_is_above_and_below_too(condition, pids):
    view = tree()
    view.set_filter(condition)
    assert [row.process.pid for row in view.rows] == pids
    matched = {row.process.pid for row in view.rows if row.matched}
    assert view.matches == len(matched)
    found = view._engine.filter(condition)
    rows = rows_of(view._processes)
    events = [Event(rows, at, one, view.owner(one), 0) for at, one in enumerate(view._processes)]
    assert matched == {one.process.pid for one in events if found.matches(one)}, "as the exact evaluator has it"


@pytest.mark.parametrize(
    ("condition", "message", "column"),
    [
        ("proc.name = ", "", 0),
        ("proc.nam = vim", "proc.nam", 1),
        ("proc.name = vim and evt.type = open", "evt.type is of an event, not of a process", 21),
        ("proc.duration > 5", "proc.duration is of an event", 1),
        ("proc.name = vim and opened", "fd.name is of an event", 21),
        ("(proc.name = vim", "", 0),
    ],
)
def test_a_wrong_condition_is_refused_with_its_place_and_the_last_filter_stays(condition, message, column):
    engine = Engine(*family())
    engine.loaded = load((RuleFile("r", "- {macro: opened, condition: fd.name exists}\n"),))
    view = ProcessTree(engine)
    view.sync()
    view.set_filter("container.id != host")
    before = view.rows
    with pytest.raises(RuleError) as caught:
        view.set_filter(condition)
    assert message in str(caught.value)
    assert caught.value.column == column or not column
    assert (view.filter_text, view.rows) == ("container.id != host", before)


@pytest.mark.parametrize("text", ["bash -l", '"bash -l"', "opened", "-l", "uid=0", "a (b", "BASH"])
def test_what_is_no_condition_is_looked_for_as_text(text):
    """A macro's name too, when only an event can satisfy it."""
    shell = made("bash", 20, args=("-l", "opened", "a", "(b"), uid=0)
    engine = Engine(made("systemd", 1, uid=1), shell)
    engine.loaded = load((RuleFile("r", "- {macro: opened, condition: fd.name exists}\n"),))
    view = ProcessTree(engine)
    view.sync()
    view.set_filter(text)
    assert [row.process.pid for row in view.rows if row.matched] == [20]


def test_a_condition_is_asked_again_when_a_container_becomes_known():
    """The processes are the same; what their container is called came later."""
    engine = Engine(*family())
    owner, engine.container_of = engine.container_of, lambda cgroup_id: None
    view = ProcessTree(engine)
    view.sync()
    view.set_filter("container.name = web")
    assert view.rows == ()
    assert not view.sync()
    engine.container_of = owner
    assert view.sync()
    assert [row.process.pid for row in view.rows] == [1, 40, 50]
    assert not view.sync()


def test_the_beginning_of_a_condition_is_known():
    assert all(map(half_typed, ("proc.", "proc.na", "not container.i", "k8s.pod.name")))
    assert not any(map(half_typed, ("", "proc", "proc.name = ", "nginx.conf", "sshd -D", "proc.name=x")))


def test_what_a_process_has_is_what_needs_no_event():
    assert all(map(has, ("proc.name", "proc.aname", "container.label.app", "user.name", "group.gid", "k8s.ns.name")))
    assert not any(map(has, ("evt.type", "fd.name", "proc.duration", "proc.vmsize", "nothing")))
