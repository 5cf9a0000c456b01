"""The process table: who made an event, then and not now."""

from __future__ import annotations

import itertools
import json
import struct
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.enrich.proc_records import FCHDIR, batch, call, credentials, end, execute, fork, move, prlimit, started
from tests.enrich.proc_tree import write_process
from tuimon.enrich.processes import ProcessTable
from tuimon.enrich.procfs import Procfs
from tuimon.errors import RecordingError
from tuimon.events import Process


@pytest.fixture
def table() -> ProcessTable:
    return ProcessTable()


def rows(table: ProcessTable, *records: object, first_num: int = 1) -> list[Process | None]:
    """Apply a batch; return the process of each row."""
    made = batch(*records, first_num=first_num)  # type: ignore[arg-type]
    table.apply(made)
    return [table.get(i) for i in made.process_at.tolist()]


def comms(found: list[Process | None]) -> list[str]:
    return [p.comm if p is not None else "-" for p in found]


def test_rows_before_an_exec_belong_to_the_old_program_and_rows_after_it_to_the_new_one(table):
    """Else a shell's reads would be shown as made by what it started later."""
    found = rows(
        table,
        fork(10, 100, 200, comm=b"bash"),
        call(20, 200),
        execute(30, 200, (b"ls", b"-l")),
        call(40, 200),
        end(50, 200),
        call(60, 100),
    )
    assert comms(found) == ["bash", "bash", "ls", "ls", "ls", "bash"]
    assert found[2] is found[3] is found[4]
    assert (found[2].exe, found[2].args, found[2].cwd, found[2].exepath) == ("ls", ("-l",), "/root", "/usr/bin/ls")
    assert found[2].cmdline == "ls -l"


def test_a_child_has_its_parents_program_until_it_executes_its_own(table):
    found = rows(
        table, execute(5, 100, (b"bash", b"-i"), comm=b"bash"), fork(10, 100, 200, comm=b"bash"), call(20, 200)
    )
    child = found[2]
    assert child.parent is found[0]
    assert (child.exe, child.args, child.ppid, child.pid) == ("bash", ("-i",), 100, 200)
    assert found[1] is found[0], "the fork itself is the parent's event"


def test_a_fork_of_a_thread_makes_no_process(table):
    found = rows(table, execute(5, 100), fork(10, 100, 100, tid=101), call(20, 100))
    assert found[0] is found[1] is found[2]


def test_every_exec_in_a_chain_has_its_own_rows_within_one_batch(table):
    found = rows(
        table,
        execute(10, 100, comm=b"a"),
        call(11, 100),
        execute(12, 100, comm=b"b"),
        execute(13, 100, comm=b"c"),
        call(14, 100),
    )
    assert comms(found) == ["a", "a", "b", "c", "c"]


def test_the_newest_version_goes_on_in_the_next_batch(table):
    rows(table, execute(10, 100, comm=b"a"))
    assert comms(rows(table, call(20, 100), call(21, 100), first_num=2)) == ["a", "a"]


def test_a_reused_pid_is_another_process(table):
    """A process is (pid, start time): the second must not inherit the first one's parent or end."""
    first = rows(table, fork(10, 1, 200), execute(11, 200, comm=b"old"), end(12, 200))
    second = rows(table, fork(20, 2, 200, start_ns=started(900)), call(21, 200), first_num=4)
    assert first[2].end_ns == 12
    assert second[1] is not first[1]
    assert second[1].end_ns is None
    assert second[1].parent.pid == 2
    assert table.current(200) is second[1]


def test_a_pid_reused_without_a_seen_exit_ends_the_old_process(table):
    first = rows(table, execute(10, 200, comm=b"old"))
    rows(table, execute(20, 200, comm=b"new", start_ns=started(900)), first_num=2)
    assert first[0].end_ns is not None


def test_within_one_batch_a_reused_pid_splits_the_rows(table):
    found = rows(
        table,
        execute(10, 200, comm=b"old"),
        end(11, 200),
        fork(12, 1, 200, comm=b"init", start_ns=started(900)),
        call(13, 200),
    )
    assert comms(found) == ["old", "old", "init", "init"]


def test_an_ended_process_is_not_current_but_keeps_its_late_rows(table):
    found = rows(table, execute(10, 200), end(11, 200), call(12, 200))
    assert found[2] is found[0]
    assert table.current(200) is None


def test_changed_credentials_make_a_new_version(table):
    """An alert about a file opened before setuid(0) must not say root."""
    found = rows(
        table,
        execute(10, 200, euid=1000, egid=1000),
        call(11, 200),
        credentials(12, 200, euid=0, egid=1000),
        call(13, 200),
    )
    assert [p.uid for p in found] == [1000, 1000, 0, 0]
    assert found[3].args == found[0].args
    assert found[3].index != found[0].index


def test_a_call_that_changes_nothing_makes_no_version(table):
    found = rows(table, execute(10, 200, euid=5), credentials(11, 200, euid=5), call(12, 200))
    assert found[0] is found[1] is found[2]


def test_another_threads_credentials_are_not_the_process(table):
    found = rows(table, execute(10, 200, euid=1000), credentials(11, 200, euid=0, tid=201), call(12, 200))
    assert found[2].uid == 1000


def test_a_process_that_moves_shows_where_it_was_at_each_event(table):
    """Relative arguments mean nothing else."""
    found = rows(
        table,
        execute(10, 200, cwd=b"/root"),
        call(11, 200),
        move(12, 200, b"sub", b"/root/sub"),
        call(13, 200),
        move(14, 200, b"/nowhere", ret=-2),
        credentials(15, 200, euid=7),
        move(16, 200, b"/dev/shm"),
        move(17, 200, b"", b"/etc", nr=FCHDIR),
        fork(18, 200, 201, comm=b"ls"),
        call(19, 201),
    )
    cwds = ["/root", "/root", "/root/sub", "/root/sub", "/root/sub", "/root/sub", "/dev/shm", "/etc", "/etc", "/etc"]
    assert [p.cwd for p in found] == cwds
    assert [p.uid for p in found[4:7]] == [0, 7, 7]


def test_a_flood_of_moves_costs_one_version_a_batch(table):
    rows(table, execute(10, 200))
    found = rows(table, *[move(100 + n, 200, b"/%d" % (n % 2)) for n in range(2000)], call(9999, 200), first_num=2)
    assert found[-1].cwd == "/1"
    assert len({p.index for p in found}) == 2


def test_a_new_name_of_the_main_thread_makes_a_new_version(table):
    """prctl(PR_SET_NAME) hides a program; the rows before it must keep the old name."""
    found = rows(
        table,
        execute(10, 200, comm=b"miner"),
        call(11, 200, comm=b"miner"),
        call(12, 200, comm=b"[kworker]"),
        call(13, 200),
        call(14, 200, comm=b"sshd"),
    )
    assert comms(found) == ["miner", "miner", "[kworker]", "[kworker]", "sshd"]
    assert table.current(200) is found[4]


def test_of_a_process_that_ended_with_another_name_there_is_one(table):
    """The tree listed it once for each name that it had in its last batch, all of them over."""
    rows(
        table,
        execute(10, 200, comm=b"sh"),
        call(11, 200, comm=b"sh"),
        call(12, 200, comm=b"id"),
        end(13, 200),
        execute(14, 201, comm=b"ls"),
        end(15, 201),
    )
    assert sorted((p.pid, p.comm) for p in table.ended()) == [(200, "id"), (201, "ls")]


def test_a_program_that_renames_itself_all_the_time_costs_its_own_rows_only(table):
    """Each event under another name: a version each, and no more work than that. Quadratic work would take minutes."""
    names = [call(1000 + n, 200, comm=b"n%d" % n) for n in range(3000)]
    others = [call(1000 + n, 201, comm=b"calm") for n in range(3000)]
    found = rows(table, execute(10, 200, comm=b"miner"), *names, *others)
    own = [p.comm for p in found if p.pid == 200]
    assert own == ["miner", *[f"n{n}" for n in range(3000)]]
    assert {p.comm for p in found if p.pid == 201} == {"calm"}


def test_the_name_of_another_thread_is_not_the_processes(table):
    found = rows(table, execute(10, 200, comm=b"java"), call(11, 200, tid=201, comm=b"GC Thread"), call(12, 200))
    assert comms(found) == ["java", "java", "java"]


def test_a_name_in_no_encoding_survives(table):
    found = rows(table, execute(10, 200, (b"\xff\xfe", b"a\tb"), comm=b"\xff\x1b[31m"))
    assert found[0].comm.encode("utf-8", "surrogateescape") == b"\xff\x1b[31m"
    assert found[0].exe.encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert found[0].args == ("a\tb",)


def test_empty_arguments_are_kept(table):
    found = rows(table, execute(10, 200, (b"sh", b"", b"-c", b"")))
    assert found[0].args == ("", "-c", "")


def test_the_environment_is_there_only_when_it_was_captured(table):
    found = rows(table, execute(10, 200), execute(11, 201, env=(b"A=1", b"B=")))
    assert found[0].env is None
    assert found[1].env == ("A=1", "B=")


def test_a_process_nobody_saw_being_made_stands_in_with_its_pid(table):
    found = rows(table, call(10, 77), call(11, 77))
    assert found[0] is found[1]
    assert (found[0].pid, found[0].comm) == (77, "")


def test_the_fork_that_comes_after_its_childs_first_rows_fills_them_in(table):
    """Rings are drained one after the other: a child's call can arrive a drain before the fork that made it."""
    early = rows(table, call(started(200) + 100, 200))
    late = rows(table, fork(started(200) + 50, 100, 200), call(started(200) + 200, 200), first_num=2)
    assert early[0] is late[1]
    assert early[0].parent is late[0]
    assert early[0].start_ns == started(200)


def test_the_parent_at_the_fork_stays_whoever_adopts_the_child(table):
    found = rows(
        table,
        execute(10, 100, comm=b"sshd"),
        fork(11, 100, 200, comm=b"sshd"),
        end(12, 100),
        execute(13, 200, comm=b"sh", ppid=1),
    )
    assert found[3].parent is found[0]
    assert found[3].ppid == 100


def test_ancestors_lead_to_the_top(table):
    found = rows(
        table,
        execute(1, 1, comm=b"init", ppid=0),
        fork(2, 1, 10, comm=b"init"),
        execute(3, 10, comm=b"sshd"),
        fork(4, 10, 20, comm=b"sshd"),
        execute(5, 20, comm=b"bash"),
        fork(6, 20, 30, comm=b"bash"),
        execute(7, 30, comm=b"cat"),
    )
    assert [p.comm for p in found[6].ancestors()] == ["bash", "sshd", "init"]


def test_an_exec_takes_its_parents_newest_program(table):
    found = rows(
        table,
        fork(10, 1, 100),
        fork(11, 100, 200),
        execute(12, 100, comm=b"nginx"),
        execute(13, 200, comm=b"worker"),
    )
    assert found[3].parent is found[2]


def test_dropped_versions_leave_what_history_still_shows(table):
    found = rows(table, execute(10, 200, comm=b"a"), execute(11, 200, comm=b"b"), end(12, 200))
    assert table.retire(3) == 0, "event 3 still belongs to the ended process"
    assert table.get(found[0].index) is found[0]
    assert table.retire(4) == 2
    assert table.get(found[0].index) is None
    assert len(table) == 0
    again = rows(table, call(20, 200), first_num=4)
    assert again[0] is not found[2]


def test_long_command_lines_count_for_as_long_as_they_are_kept(table):
    """Else whoever starts programs with 32 KB of arguments would fill the memory behind the history's bound."""
    rows(table, execute(10, 100, (b"a",)))
    short = table.nbytes
    rows(table, *[execute(20 + n, 200 + n, (b"b", b"x" * 8000)) for n in range(10)], first_num=2)
    assert table.nbytes > short + 80_000
    rows(table, *[end(40 + n, 200 + n) for n in range(10)], first_num=12)
    rows(table, call(60, 100), first_num=22)
    table.retire(oldest_kept_num=22)
    assert table.nbytes == short


def test_a_living_process_is_never_dropped(table):
    found = rows(table, execute(10, 200))
    assert table.retire(10**9) == 0
    assert table.current(200) is found[0]


def test_a_chain_of_forks_does_not_keep_every_ancestor(table):
    """A program that forks and ends for ever must not fill the memory through its children's parents."""
    num = 1
    for pid in range(1000, 3000):
        made = batch(fork(pid, pid, pid + 1), end(pid + 1, pid), first_num=num)
        table.apply(made)
        num += 2
        table.retire(num - 20)
    assert len(table) < 100
    assert sum(1 for _ in table.current(3000).ancestors()) < 200


def test_impossible_pids_of_a_damaged_recording_do_no_harm(table):
    found = rows(table, call(10, 0xFFFFFFFF), execute(11, 0xFFFFFFF0), call(12, 5))
    assert found[0] is None
    assert found[2].pid == 5


def test_an_empty_batch_is_fine(table):
    made = batch()
    table.apply(made)
    assert len(made.process_at) == 0


def test_seeding_reads_processes_with_their_parents(tmp_path: Path):
    write_process(tmp_path, 1, comm="systemd", ppid=0)
    write_process(tmp_path, 50, comm="sshd", ppid=1, argv=("/usr/sbin/sshd", "-D"))
    write_process(tmp_path, 60, comm="a) (b", ppid=50, uid=1000)
    table = ProcessTable(Procfs(tmp_path), lambda _: 7)
    assert table.seed() == 3
    made = table.current(60)
    assert (made.comm, made.uid, made.cgroup_id, made.from_procfs) == ("a) (b", 1000, 7, True)
    assert [p.comm for p in made.ancestors()] == ["sshd", "systemd"]
    assert table.current(50).args == ("-D",)


def test_a_seeded_process_and_its_records_are_one(tmp_path: Path):
    """The start time of /proc is cut to ticks; the record's is whole. They must be seen to be the same."""
    write_process(tmp_path, 60, comm="bash", start_ns=started(60) // 10_000_000 * 10_000_000)
    table = ProcessTable(Procfs(tmp_path), lambda _: 0)
    table.seed()
    before = table.current(60)
    found = rows(table, credentials(started(60) + 5, 60, euid=3), call(started(60) + 6, 60))
    assert found[0].parent is before.parent
    assert found[0].start_ns == started(60)
    assert found[0].uid == 3
    assert before.end_ns is None


def test_environments_are_read_when_somebody_looks_at_them(tmp_path: Path):
    """A rule about the environment may come later than the process, and than tuimon."""
    for pid in range(60, 160):
        write_process(tmp_path, pid, comm="late")
        (tmp_path / str(pid) / "environ").write_bytes(b"A=1\0B=two words\0")
    table = ProcessTable(Procfs(tmp_path), lambda _: 0)
    table.seed()
    assert table.current(60).env is None
    table.want_environ(True)
    for n in range(3):
        rows(table, call(1000 + n, 60), first_num=n + 1)
    assert {table.current(pid).env for pid in range(60, 160)} == {("A=1", "B=two words")}
    early = ProcessTable(Procfs(tmp_path), lambda _: 0)
    early.want_environ(True)
    early.seed()
    assert early.current(60).env == ("A=1", "B=two words")


def test_an_unknown_pid_is_read_from_procfs(tmp_path: Path):
    table = ProcessTable(Procfs(tmp_path), lambda _: 0)
    table.seed()
    write_process(tmp_path, 70, comm="late", ppid=1)
    assert comms(rows(table, call(10, 70))) == ["late"]


def test_reading_unknown_pids_is_bounded_and_made_up_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A storm of unknown pids must not stall the event path behind /proc."""
    clock = [1000.0]
    monkeypatch.setattr("tuimon.enrich.processes.time.monotonic", lambda: clock[0])
    table = ProcessTable(Procfs(tmp_path), lambda _: 0)
    table.seed()
    for pid in range(1000, 1500):
        write_process(tmp_path, pid, comm=f"p{pid}")
    found = rows(table, *[call(pid, pid) for pid in range(1000, 1500)])
    named = sum(p.comm != "" for p in found)
    assert 0 < named <= 200
    clock[0] += 10.0
    again = rows(table, *[call(pid, pid) for pid in range(1300, 1500)], first_num=501)
    assert all(p.comm == f"p{p.pid}" for p in again)


def test_a_process_whose_exit_was_lost_is_ended_by_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = [1000.0]
    monkeypatch.setattr("tuimon.enrich.processes.time.monotonic", lambda: clock[0])
    table = ProcessTable(Procfs(tmp_path), lambda _: 0)
    write_process(tmp_path, 70, comm="here")
    table.seed()
    rows(table, execute(10, 80, comm=b"gone"))
    assert table.current(80) is not None
    clock[0] += 3600.0
    rows(table, call(20, 70), first_num=2)
    assert table.current(80) is None
    assert table.current(70) is not None


def test_pids_that_a_flood_brought_and_that_never_come_again_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """More than can be read from /proc, and gone when there would be time: each would stay for ever."""
    clock = [1000.0]
    monkeypatch.setattr("tuimon.enrich.processes.time.monotonic", lambda: clock[0])
    table = ProcessTable(Procfs(tmp_path), lambda _: 0)
    write_process(tmp_path, 70, comm="here")
    table.seed()
    rows(table, *[call(pid, pid) for pid in range(1000, 2000)])
    assert len(table) == 1001
    clock[0] += 3600.0
    rows(table, call(3000, 70), first_num=1001)
    rows(table, call(3001, 70), first_num=1002)
    table.retire(oldest_kept_num=1002)
    assert [p.pid for p in table.living()] == [70]
    assert len(table) == 1


def test_a_saved_table_comes_back_the_same(table):
    rows(table, execute(1, 1, comm=b"init", ppid=0), fork(2, 1, 10), execute(3, 10, (b"\xff",), comm=b"sh"), end(4, 10))
    state = json.loads(json.dumps(table.to_state()))
    back = ProcessTable.from_state(state)
    assert len(back) == len(table)
    for index in range(len(table)):
        assert back.get(index) == table.get(index)
    assert back.current(1).comm == "init"
    assert back.current(10) is None
    assert comms(rows(back, execute(9, 1, comm=b"new", ppid=0), call(10, 1), first_num=5)) == ["new", "new"]
    assert back.seed() == 0, "a recording's table never looks at this machine"


def test_a_recording_begins_with_what_it_can_be_about(table):
    """Not with every process that ever was: that made it large, slow to begin and slow to open."""
    rows(table, execute(1, 1, comm=b"init", ppid=0), fork(2, 1, 10), execute(3, 10, comm=b"daemon"))
    rows(table, fork(4, 1, 11), execute(5, 11, comm=b"early"), end(6, 11), first_num=10)  # over long before
    rows(table, fork(7, 1, 12), execute(8, 12, comm=b"sh"), fork(9, 12, 13), end(10, 12), first_num=20)
    rows(table, execute(104, 13, comm=b"child"), fork(105, 1, 14), end(106, 14), first_num=30)
    state = json.loads(json.dumps(table.to_state(since_ns=100)))
    kept = {(row["pid"], row["comm"]) for row in state["processes"]}
    assert {(1, "init"), (10, "daemon"), (13, "child"), (13, "sh"), (14, "init")} <= kept
    assert (12, "sh") in kept, "it is over, but it is somebody's parent"
    assert 11 not in {pid for pid, _ in kept}
    assert len(state["processes"]) < len(table)
    back = ProcessTable.from_state(state)
    assert [p.comm for p in back.current(13).ancestors()] == ["sh", "init"]


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {"processes": 3},
        {"processes": [{"pid": 1}]},
        {"processes": [{"pid": "1", "start_ns": 0, "index": 0}]},
        {"processes": [{"pid": 1, "start_ns": 0, "index": -4}]},
        {"processes": [{"pid": 1, "start_ns": 0, "index": 0, "args": "x"}]},
        {"processes": [{"pid": 1, "start_ns": 0, "index": 0}], "newest": {"1": 5}},
        {"processes": [{"pid": 1, "start_ns": 0, "index": 0}, {"pid": 2, "start_ns": 0, "index": 0}]},
    ],
)
def test_a_damaged_state_is_refused_with_a_sentence(state):
    with pytest.raises(RecordingError, match="damaged"):
        ProcessTable.from_state(state)


actions = st.lists(
    st.tuples(
        st.sampled_from(["fork", "exec", "exit", "call", "setuid", "name"]),
        st.integers(1, 5),
        st.integers(1, 5),
        st.integers(0, 2),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@example([("exec", 2, 1, 1), ("exit", 2, 1, 0), ("call", 2, 2, 0)], [2])
@given(actions, st.lists(st.integers(1, 39), max_size=4))
def test_batches_cut_anywhere_give_the_same_processes(steps, cuts):
    """Where a drain happens to end must not change who made an event."""
    records = []
    alive: set[int] = set()
    for ts_ns, (what, pid, other, value) in enumerate(steps, 1_000_000_000):
        start = started(pid)
        alive.add(pid)
        match what:
            case "fork" if other not in alive:  # no kernel gives a child the pid of a living process
                alive.add(other)
                records.append(fork(ts_ns, pid, other, start_ns=started(other), comm=b"c%d" % pid))
            case "exec":
                records.append(execute(ts_ns, pid, comm=b"x%d" % value, start_ns=start, euid=value))
            case "exit":
                alive.discard(pid)
                records.append(end(ts_ns, pid, comm=b"x0", start_ns=start))
            case "setuid":
                records.append(credentials(ts_ns, pid, comm=b"x1", start_ns=start, euid=value))
            case "name":
                records.append(call(ts_ns, pid, comm=b"n%d" % value))
            case _:
                records.append(call(ts_ns, pid))
    whole = rows(ProcessTable(), *records)
    parts: list[Process | None] = []
    table = ProcessTable()
    edges = sorted({0, len(records), *(c for c in cuts if c < len(records))})
    for begin, stop in itertools.pairwise(edges):
        parts += rows(table, *records[begin:stop], first_num=begin + 1)
    seen_whole = [(p.pid, p.comm, p.exe) for p in whole if p is not None]
    seen_parts = [(p.pid, p.comm, p.exe) for p in parts if p is not None]
    assert [s[0] for s in seen_whole] == [s[0] for s in seen_parts]
    known = [(w, p) for w, p in zip(seen_whole, seen_parts, strict=True) if w[1] and p[1] and w[2] and p[2]]
    assert all(w == p for w, p in known)


def test_a_limit_that_another_process_sets_is_followed(table):
    """prlimit(1) changes what proc.fdlimit says of a process that makes no call about it."""
    limit = struct.pack("<QQ", 555, 1024)
    found = rows(
        table,
        execute(10, 100, comm=b"shell"),
        execute(11, 200, comm=b"server"),
        call(12, 200),
        prlimit(13, 100, 200, limit),
        call(14, 200),
        prlimit(15, 100, 200, limit, resource=6),
        prlimit(16, 100, 200, struct.pack("<QQ", 9, 9), levels=1),
        call(17, 200),
    )
    assert [p.fd_limit for p in (found[2], found[4], found[7])] == [found[1].fd_limit, 555, 555]
    assert found[4].comm == "server"


def test_a_limit_that_a_thread_sets_is_its_processs(table):
    """Its credentials are its own."""
    found = rows(
        table,
        execute(10, 200, comm=b"server", fd_limit=1024),
        credentials(11, 200, tid=201, fd_limit=555, euid=7),
        call(12, 200),
    )
    assert (found[2].fd_limit, found[2].uid) == (555, found[0].uid)
