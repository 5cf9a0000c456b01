"""evt.*: what it is called, when it was, how it ended."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from tests.builders import (
    AT_FDCWD,
    BOOT_TO_EPOCH_NS,
    TS_NS,
    batch_of,
    connect_event,
    exec_event,
    fork_event,
    open_event,
    syscall_event,
    timed,
)
from tuimon import fields
from tuimon.batch import number
from tuimon.events import Event
from tuimon.fields.registry import Value
from tuimon.records import Flag, Kind


def get(name: str, event: Event, arg: str | None = None) -> Value:
    info = fields.lookup(name)
    assert info is not None
    assert info.get is not None
    return info.get(event, arg)


def test_times_are_those_of_the_event():
    """Alerts carry them, receivers sort by them."""
    event = open_event("/x", ts_ns=TS_NS + 123)
    at = BOOT_TO_EPOCH_NS + TS_NS + 123
    assert get("evt.rawtime", event) == at
    assert get("evt.rawtime.s", event) == at // 10**9
    assert get("evt.rawtime.ns", event) == at % 10**9 == 123
    local = datetime.fromtimestamp(at // 10**9)
    assert get("evt.time", event) == f"{local:%H:%M:%S}.000000123"
    assert get("evt.time.s", event) == f"{local:%H:%M:%S}"
    assert get("evt.datetime", event) == f"{local:%Y-%m-%d %H:%M:%S}.000000123"
    assert get("evt.datetime.s", event) == f"{local:%Y-%m-%d %H:%M:%S}"
    assert get("evt.time.iso8601", event) == "2023-11-14T23:13:20.000000123+0000"


@pytest.mark.parametrize(
    ("event", "name", "category"),
    [
        (open_event("/x"), "openat", "file"),
        (exec_event(), "execve", "process"),
        (fork_event(), "clone", "process"),
        (syscall_event("exit", kind=Kind.EXIT), "procexit", "process"),
        (connect_event(), "connect", "net"),
        (syscall_event("read", fd_type=0o100000, real="/x"), "read", "file"),
        (syscall_event("read", fd_type=0o010000), "read", "ipc"),
        (syscall_event("read", slim=True), "read", "unknown"),
        (syscall_event("mmap"), "mmap", "memory"),
        (syscall_event("setuid"), "setuid", "user"),
        (syscall_event("kill"), "kill", "signal"),
        (syscall_event("getpid"), "getpid", "other"),
        (syscall_event("openat", kind=Kind.IO_URING), "openat", "file"),
    ],
)
def test_type_and_category(event: Event, name: str, category: str):
    """Rules are indexed by the first and narrowed by the second."""
    assert get("evt.type", event) == name
    assert get("evt.category", event) == category
    assert get("evt.type.is", event, name) == 1
    assert get("evt.type.is", event, "stat") == 0
    assert get("syscall.type", event) == (None if name == "procexit" else name)


@pytest.mark.parametrize(
    ("ret", "res", "failed"),
    [(0, "SUCCESS", False), (3, "SUCCESS", False), (-2, "ENOENT", True), (-13, "EACCES", True), (-9999, "-9999", True)],
)
def test_results_of_calls(ret: int, res: str, failed: bool):
    """evt.res is the name, evt.rawres the number."""
    event = open_event("/x", ret=ret)
    assert get("evt.res", event) == res
    assert get("evt.rawres", event) == ret
    assert get("evt.failed", event) is failed
    assert get("evt.count.error", event) == int(failed)
    assert get("evt.count.error.file", event) == int(failed)
    assert get("evt.count.error.net", event) is None


def test_what_returns_nothing_has_no_result():
    """Falco: absent for procexit and for calls it does not look into."""
    for event in (
        syscall_event("exit", kind=Kind.EXIT),
        syscall_event("getpid", ret=1),
    ):
        for name in ("evt.res", "evt.rawres", "evt.failed"):
            assert get(name, event) is None


@pytest.mark.parametrize(("ret", "said"), [(5, ["SUCCESS", 5, False]), (-13, ["EACCES", -13, True])])
def test_a_request_of_io_uring_with_its_outcome_is_as_good_as_a_call(ret: int, said: list[Value]):
    event = syscall_event("openat", kind=Kind.IO_URING_DONE, given="/x", args=(AT_FDCWD, 0, os.O_WRONLY), ret=ret)
    assert [get(name, event) for name in ("evt.res", "evt.rawres", "evt.failed")] == said
    assert get("fd.num", event) == max(ret, -1)
    assert get("evt.is_open_write", event) is True
    assert get("fs.path.name", event) == "/x"


def test_a_request_of_io_uring_without_is_taken_for_a_success():
    """It is told before it has an outcome; a rule that asks for one must not be blind to it."""
    event = syscall_event("openat", kind=Kind.IO_URING, given="/x", args=(AT_FDCWD, 0, os.O_WRONLY))
    assert [get(name, event) for name in ("evt.res", "evt.rawres", "evt.failed")] == [None, 0, None]
    assert get("evt.is_open_write", event) is True


@pytest.mark.parametrize(
    ("flags", "reads", "writes"),
    [
        (os.O_RDONLY, True, False),
        (os.O_WRONLY, False, True),
        (os.O_RDWR, True, True),
        (os.O_WRONLY | os.O_CREAT, False, True),
    ],
)
@pytest.mark.parametrize("call", ["open", "openat"])
@pytest.mark.parametrize("ret", [3, -13])
def test_open_read_and_write_look_at_the_flags_alone(call: str, ret: int, flags: int, reads: bool, writes: bool):
    """Falco: regardless of success."""
    event = open_event("/x", call=call, flags=flags, ret=ret)
    assert get("evt.is_open_read", event) is reads
    assert get("evt.is_open_write", event) is writes


def test_openat2_has_its_flags_where_openat_has_them():
    """The kernel side unpacks struct open_how."""
    event = syscall_event("openat2", args=(0, 0, os.O_RDWR | os.O_CREAT, 0o755, 8), given="/x", ret=3)
    assert get("evt.is_open_write", event) is True
    assert get("evt.is_open_exec", event) is True
    assert get("evt.arg", event, "resolve") == "RESOLVE_BENEATH"


def test_open_flags_of_other_events_are_false_not_absent():
    """``not evt.is_open_write=true`` must hold for a connect."""
    for event in (connect_event(), exec_event(), syscall_event("exit", kind=Kind.EXIT)):
        for name in ("evt.is_open_read", "evt.is_open_write", "evt.is_open_exec", "evt.is_open_create"):
            assert get(name, event) is False


@pytest.mark.parametrize(
    ("call", "flags", "mode", "is_exec"),
    [("openat", os.O_CREAT, 0o755, True), ("openat", os.O_CREAT, 0o644, False), ("openat", 0, 0o755, False),
     ("open", os.O_TMPFILE | os.O_RDWR, 0o700, True), ("creat", 0, 0o777, True), ("creat", 0, 0o600, False)],
)  # fmt: skip
def test_open_exec_means_made_with_an_exec_bit(call: str, flags: int, mode: int, is_exec: bool):
    """The mode counts only when the flags make a file."""
    assert get("evt.is_open_exec", open_event("/x", call=call, flags=flags, mode=mode)) is is_exec


@pytest.mark.parametrize(
    ("flags", "ret", "created"),
    [(os.O_CREAT | os.O_EXCL, 3, True), (os.O_CREAT | os.O_EXCL, -17, False), (os.O_TMPFILE | os.O_RDWR, 3, True),
     (os.O_RDWR, 3, False)],
)  # fmt: skip
def test_open_create(flags: int, ret: int, created: bool):
    """Only what is certain counts as made."""
    assert get("evt.is_open_create", open_event("/x", flags=flags, ret=ret)) is created


@pytest.mark.parametrize(
    ("call", "reads", "writes", "direction"),
    [("read", True, False, "read"), ("write", False, True, "write"), ("sendto", False, True, "write"),
     ("recvmsg", True, False, "read"), ("openat", False, False, None)],
)  # fmt: skip
def test_io_fields(call: str, reads: bool, writes: bool, direction: str | None):
    """Which calls move data."""
    event = syscall_event(call)
    assert get("evt.is_io_read", event) is reads
    assert get("evt.is_io_write", event) is writes
    assert get("evt.is_io", event) is (reads or writes)
    assert get("evt.io_dir", event) == direction


def test_data_of_files_and_sockets():
    """A socket's addresses take the slot of the data, which moves to the next free one."""
    written = syscall_event("write", args=(3, 0, 5), ret=5, sock=b"hello" * 20, real="/x", fd_type=0o100000)
    assert get("evt.buffer", written) == b"hello" * 20
    assert get("evt.buflen", written) == 5
    sent = connect_event(call="sendto", ret=4, given2="data")
    assert get("evt.buffer", sent) == b"data"
    assert get("evt.buffer", connect_event(call="sendto")) is None
    assert get("evt.buffer", open_event("/x")) is None
    assert get("evt.buflen", syscall_event("read", ret=-11, fd_type=0o010000)) is None


def test_syslog_is_a_write_to_dev_log():
    """evt.is_syslog."""
    assert get("evt.is_syslog", syscall_event("write", real="/dev/log", fd_type=0o100000)) is True
    assert get("evt.is_syslog", syscall_event("write", real="/dev/null", fd_type=0o100000)) is False
    assert get("evt.is_syslog", syscall_event("read", real="/dev/log", fd_type=0o100000)) is False


def test_truncation_can_be_seen_by_rules():
    """Never cut silently."""
    assert get("evt.is_truncated", open_event("/x")) is False
    assert get("evt.is_truncated", syscall_event("unlink", given="/x", flags=Flag.TRUNCATED)) is True


def test_constants():
    """What Falco always answers the same."""
    event = open_event("/x", num=5)
    assert get("evt.num", event) == 5
    assert get("evt.source", event) == "syscall"
    assert get("evt.dir", event) == "<"
    assert get("evt.count", event) == 1
    assert get("evt.is_async", event) is False
    assert get("evt.hostname", event) == os.environ.get("FALCO_HOSTNAME", os.uname().nodename)


LATENCIES = ("evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.latency.quantized")


def test_the_time_that_a_call_took_follows_its_texts():
    """It is there while a rule asks; Falco says 0, which is true of no call."""
    event = open_event("/x")
    assert [get(name, event) for name in (*LATENCIES, "evt.wait_latency")] == [None] * 6
    took = timed(syscall_event("poll", given="/x"), 1_250_000_007)
    assert [get(name, took) for name in LATENCIES] == [1_250_000_007, 1, 250_000_007, "1.25s", 90]
    assert get("evt.wait_latency", took) == 1_250_000_007
    assert get("evt.wait_latency", timed(open_event("/x"), 5)) is None
    assert get("fs.path.name", timed(open_event("/x"), 5)) == "/x"


@pytest.mark.parametrize(
    ("ns", "words"), [(0, "0ns"), (999, "999ns"), (1500, "1.5us"), (2_000_000, "2ms"), (61_000_000_000, "61s")]
)
def test_latencies_in_words(ns: int, words: str):
    assert get("evt.latency.human", timed(open_event("/x"), ns)) == words


def test_times_since_the_run_began_and_since_the_event_before():
    """Both are known only where the engine has given a batch its place in the run."""
    event = open_event("/x")
    assert get("evt.reltime", event) is None
    assert get("evt.deltatime", event) is None
    number(event.batch, 7, event.ts_ns - 3_000_000_005, event.ts_ns - 1_000_000_002)
    assert [get(f"evt.reltime{part}", event) for part in ("", ".s", ".ns")] == [3_000_000_005, 3, 5]
    assert [get(f"evt.deltatime{part}", event) for part in ("", ".s", ".ns")] == [1_000_000_002, 1, 2]
    assert get("evt.deltatime", event.alone()) == 1_000_000_002


def test_the_first_event_of_a_run_has_none_before_it():
    """And a batch's rows follow each other, also when one is taken out."""
    batch, _ = batch_of([open_event("/a"), open_event("/b")])
    number(batch, 1, 0, 0)
    first, second = (Event(batch, row, None, None, 0) for row in (0, 1))
    assert [get("evt.reltime", first), get("evt.deltatime", first)] == [0, 0]
    assert [get("evt.reltime", second), get("evt.deltatime", second)] == [1, 1]
    assert get("evt.deltatime", second.alone()) == 1
