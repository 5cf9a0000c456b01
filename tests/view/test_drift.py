"""Drift: executables that no image brought, told by their inode's flags and not by their path."""

import dataclasses

import pytest

from tests import builders
from tests.builders import HOST, batch_of, container, event_of, exec_event, open_event
from tests.ui.fake_engine import DB, WEB
from tuimon.history import History
from tuimon.records import ExeFlag
from tuimon.view.drift import CHANGED, ELSEWHERE, MEMORY, NEW, TMPFS, DriftView, drifted
from tuimon.view.drift_lines import DriftLines, drift_header

LOWER, UPPER, BORN, MEMFD = ExeFlag.LOWER_LAYER, ExeFlag.UPPER_LAYER, ExeFlag.BORN_UPPER, ExeFlag.MEMFD
NONE = ExeFlag(0)


class Engine:
    """Only what the view asks for."""

    def __init__(self, *events):
        self.history = History()
        self.processes = []
        self.owners = {}
        self.tables = None
        if events:
            self.add(*events)

    def add(self, *events, magic=()):
        batch, self.tables = batch_of(events)
        for at, value in enumerate(magic):
            batch.proc["exe_magic"][at] = value
        self.owners |= self.tables.containers
        batch.head["ts_ns"] += self.history.last_num
        self.history.append(dataclasses.replace(batch, first_num=self.history.last_num + 1))

    def event(self, batch, row):
        return event_of(batch, row, self.tables)

    def process_list(self, *, ended=False):
        return self.processes

    def container_of(self, cgroup_id):
        return self.owners.get(cgroup_id)


def ran(path, flags, owner=WEB, **more):
    name = path.rpartition("/")[2]
    process = builders.process(name, exepath=path, exe_flags=int(flags), pid=4242, args=("-x",))
    return exec_event(name, process=process, container=owner, **more)


def found(engine):
    view = DriftView(engine)
    view.sync()
    return [(row.path, row.reason, row.count) for row in view.rows]


@pytest.mark.parametrize(
    ("flags", "owner", "reason"),
    [
        (UPPER | BORN, WEB, NEW),
        (UPPER, WEB, CHANGED),
        (LOWER, WEB, None),
        (NONE, WEB, None),
        (MEMFD, WEB, MEMORY),
        (MEMFD, HOST, MEMORY),
        (UPPER | BORN, HOST, None),
        (NONE, HOST, None),
    ],
)
def test_flags_decide(flags, owner, reason):
    expected = [] if reason is None else [("/tmp/x", reason, 1)]
    assert found(Engine(ran("/tmp/x", flags, owner))) == expected


def test_another_file_system_counts_only_where_an_overlay_was_seen():
    engine = Engine(ran("/data/tool", NONE, DB), ran("/bin/sh", LOWER), ran("/vol/a", NONE))
    assert found(engine) == [("/vol/a", ELSEWHERE, 1)]
    engine = Engine(ran("/bin/sh", LOWER))
    engine.add(ran("/dev/shm/a", NONE), magic=(0x01021994,))
    assert found(engine) == [("/dev/shm/a", TMPFS, 1)]


def test_runc_on_its_way_into_a_container_is_no_drift():
    own = builders.process("runc", exepath="/", args=("init",), exe_flags=0)
    copy = builders.process("runc", exepath="/memfd:runc_cloned:/proc/self/exe", exe_flags=int(MEMFD))
    other = builders.process("x", exepath="/", exe_flags=0)
    events = [exec_event("x", process=process, container=WEB) for process in (own, copy, other)]
    assert found(Engine(ran("/bin/sh", LOWER), *events)) == [("/", ELSEWHERE, 1)]


def test_repeats_are_counted_and_the_newest_comes_first():
    engine = Engine(ran("/tmp/a", UPPER | BORN), ran("/tmp/b", UPPER | BORN), open_event(), ran("/tmp/a", UPPER | BORN))
    view = DriftView(engine)
    assert view.sync()
    assert [(row.path, row.count, row.num) for row in view.rows] == [("/tmp/a", 2, 4), ("/tmp/b", 1, 2)]
    assert view.rows[0].cmdline == "a -x"
    assert not view.sync()
    engine.add(ran("/tmp/b", UPPER | BORN))
    assert view.sync()
    assert [(row.path, row.count) for row in view.rows] == [("/tmp/b", 2), ("/tmp/a", 2)]


def test_what_ran_before_tuimon_is_there_too():
    engine = Engine(ran("/bin/sh", LOWER))
    cgroup = next(iter(engine.owners))
    old = builders.process(
        "miner", exepath="/tmp/miner", exe_flags=int(UPPER | BORN), from_procfs=True, cgroup_id=cgroup
    )
    fine = builders.process("sh", exe_flags=int(LOWER), from_procfs=True, cgroup_id=cgroup)
    engine.processes = [old, fine]
    view = DriftView(engine)
    view.sync()
    assert [(row.path, row.num) for row in view.rows] == [("/tmp/miner", 0)]


def test_a_container_known_later_gives_its_name_and_a_host_takes_the_row_away():
    for late, names in ((WEB, ["web"]), (HOST, [])):
        engine = Engine(ran("/tmp/x", UPPER | BORN, None, cgroup_id=7001))
        view = DriftView(engine)
        view.sync()
        assert [row.container for row in view.rows] == [None]
        engine.owners[7001] = late
        assert view.sync()
        assert [row.container.name for row in view.rows] == names


def test_room_is_bounded_and_what_is_left_out_is_counted(monkeypatch):
    monkeypatch.setattr("tuimon.view.drift._MAX", 2)
    engine = Engine(*(ran(f"/tmp/{n}", UPPER | BORN) for n in range(5)))
    view = DriftView(engine)
    view.sync()
    assert (len(view.rows), view.dropped) == (2, 3)


def test_the_flags_of_a_process_in_a_word():
    words = {MEMFD: "memfd", UPPER | BORN: "new", UPPER: "changed", ExeFlag.DELETED: "deleted", LOWER: ""}
    assert {flags: drifted(builders.process(exe_flags=int(flags))) for flags in words} == words


@pytest.mark.parametrize("width", [78, 118])
def test_lines_say_where_what_and_why(width):
    evil = container("badbadbadbad", name=None)
    engine = Engine(ran("/tmp/x", UPPER | BORN), ran("/tmp/y", MEMFD, evil, cgroup_id=7002))
    view = DriftView(engine)
    view.sync()
    lines = DriftLines(view)
    texts = ["".join(cell.text for cell in lines.line(seq, width)) for seq in range(lines.end)]
    assert any("web" in text and "/tmp/x" in text and NEW in text for text in texts)
    assert any("badbadbadbad" in text for text in texts)
    assert "executable" in "".join(cell.text for cell in drift_header(width))
    assert lines.row(99) is None
    assert lines.line(99, width) == ()


def test_the_narrowest_terminal_has_room_for_the_path():
    taken = sum(cell.width for cell in drift_header(58) if cell.width > 0)
    assert 58 - taken >= 15
    assert sum(cell.width for cell in drift_header(78) if cell.width > 0) == 55


def test_an_execution_counts_once_though_history_joins_its_batch_to_the_next():
    engine = Engine(ran("/tmp/dropped", BORN))
    view = DriftView(engine)
    view.sync()
    for seen in (2, 3):
        engine.add(ran("/tmp/dropped", BORN))
        assert engine.history.join()
        view.sync()
        assert [row.count for row in view.rows] == [seen]
    engine.history.join()
    assert not view.sync()
