"""The kernel source on the live kernel: known workloads, exact events."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.kernel.live import (
    Row,
    counts_settled,
    drain_until_exit,
    events_of,
    interest,
    python,
    rows,
)
from tuimon.batch import take
from tuimon.capture import counters, kernel
from tuimon.capture.cgroup_key import hierarchy_folder
from tuimon.capture.kernel import KernelSource, probe
from tuimon.capture.source import Interest, Want
from tuimon.records import ExeFlag, Flag, Kind, SizeClass, Slot, SockFlag
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

OPENS = "import os\nfor name in {names!r}:\n  try: os.open(name, os.O_RDONLY)\n  except OSError: pass\n"
COUNTED = 10_007
MARK_LOOP = """
import ctypes, sys
libc = ctypes.CDLL(None)
path = sys.argv[1].encode()
for _ in range(int(sys.argv[2])):
    libc.syscall({nr}, -100, path, 0)
"""


@pytest.fixture(scope="module")
def source() -> Iterator[KernelSource]:
    source = KernelSource()
    source.start()
    yield source
    source.close()


def opens(found: list[Row], ending: bytes) -> list[Row]:
    return [r for r in found if r.kind is Kind.SYSCALL and r.given.endswith(ending)]


def test_every_marked_openat_gives_one_event_or_is_counted_as_lost(source: KernelSource) -> None:
    """Rules would miss or double events otherwise."""
    before = source.counts()
    code = MARK_LOOP.format(nr=NAME_TO_NR["openat"])
    found = events_of(source, python(code, "/nowhere/tuimon-marked", str(COUNTED)), interest("openat"))
    lost = source.counts().dropped - before.dropped
    assert len(opens(found, b"tuimon-marked")) + lost >= COUNTED
    assert len(opens(found, b"tuimon-marked")) <= COUNTED
    assert lost or len(opens(found, b"tuimon-marked")) == COUNTED


def test_accounting_closes_under_a_full_rate_load_of_slim_records() -> None:
    """seen = emitted + filtered + dropped, with a ring far too small for the load; what was emitted is what is read."""
    source = KernelSource(rings={SizeClass.SLIM: 256 * 1024})
    source.start()
    try:
        source.set_interest(interest("read", "write", want=Want.VIEW))
        command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=200000"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            found = drain_until_exit(source, process.pid)
        source.set_interest(Interest())
        counts = counts_settled(source)
        assert counts.seen == counts.emitted + counts.filtered + counts.dropped
        assert counts.dropped == sum(counts.dropped_by_class)
        assert source.call_counts().dropped.sum() == counts.dropped
        found += rows(source.drain(0.1))
        assert len(found) == counts.emitted
        mine = [r for r in found if r.tgid == process.pid and r.name in ("read", "write")]
        assert len(mine) + counts.dropped >= 400_000
    finally:
        source.close()


def test_a_flood_of_calls_loses_no_process_event() -> None:
    """Reserved rings: whoever hides an exec behind a flood of reads hides nothing."""
    source = KernelSource(rings={SizeClass.SLIM: 128 * 1024, SizeClass.SHORT: 128 * 1024})
    source.start()
    try:
        source.set_interest(interest("read", "write", "openat", want=Want.VIEW))
        flood = subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=1"], stderr=subprocess.DEVNULL)
        command = ["sh", "-c", "i=0; while [ $i -lt 211 ]; do /bin/true $i; i=$((i+1)); done"]
        found: list[Row] = []
        with subprocess.Popen(command) as process:
            while process.poll() is None:
                batch = source.drain(0.05)
                found += rows(take(batch, np.flatnonzero(batch.head["kind"] != Kind.SYSCALL)))
        flood.kill()
        flood.wait()
        batch = source.drain(0.2)
        found += rows(take(batch, np.flatnonzero(batch.head["kind"] != Kind.SYSCALL)))
        counts = counts_settled(source)
        assert counts.dropped_by_class[SizeClass.SLIM] > 0
        assert sum(counts.dropped_by_class[SizeClass.PROC_SHORT :]) == 0
        executed = [r.argv[1] for r in found if r.kind is Kind.EXEC and r.argv[:1] == [b"/bin/true"] and r.argv[1:]]
        assert executed == [b"%d" % i for i in range(211)]
        forks = [r for r in found if r.kind is Kind.FORK and r.tgid == process.pid]
        exits = {r.tgid for r in found if r.kind is Kind.EXIT}
        assert len(forks) == 211
        assert {r.ret for r in forks} <= exits
    finally:
        source.close()


def test_counters_are_exact_per_call(source: KernelSource) -> None:
    nr = NAME_TO_NR["getpgid"]
    before = source.call_counts().calls[:, nr].sum(), source.call_counts().errors[:, nr].sum()
    code = f"import ctypes\nl = ctypes.CDLL(None)\nfor i in range(1009): l.syscall({nr}, -1 if i < 101 else 0)"
    subprocess.run(python(code), check=True)
    after = source.call_counts().calls[:, nr].sum(), source.call_counts().errors[:, nr].sum()
    assert int(after[0] - before[0]) == 1009
    assert int(after[1] - before[1]) == 101


def test_events_are_in_order_of_time(source: KernelSource) -> None:
    """Enrichment applies process events and calls in the order they come, across rings and across drains."""
    source.set_interest(interest("openat", "read", "write", "close", "mmap"))
    source.drain(0)
    with subprocess.Popen(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do /bin/true & cat /etc/passwd; done; wait"],
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        found = drain_until_exit(source, process.pid)
    times = [r.ts_ns for r in found]
    assert len(times) > 100
    assert times == sorted(times)


def test_own_calls_are_left_out_and_counted(source: KernelSource) -> None:
    source.set_interest(interest("openat", "getppid"))
    source.drain(0)
    before = source.counts().self_calls
    for _ in range(100):
        os.getppid()
    assert source.counts().self_calls - before >= 100
    assert not [r for r in rows(source.drain(0.05)) if r.tgid == os.getpid()]


# -- the two truths of a path ----------------------------------------------------------------------------------------


def test_given_and_real_path_of_a_plain_file(source: KernelSource, tmp_path: Path) -> None:
    target = tmp_path / "plain"
    target.write_text("x")
    (found,) = opens(events_of(source, python(OPENS.format(names=[str(target)])), interest("openat")), b"/plain")
    assert found.given == found.real == str(target).encode()
    assert Flag.REAL_SAME in found.flags
    assert found.base == b""
    assert stat.S_ISREG(found.fd_type)
    assert found.ret >= 3


def test_a_symlink_shows_both_paths(source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    (found,) = opens(
        events_of(source, python(OPENS.format(names=[str(tmp_path / "link")])), interest("openat")), b"link"
    )
    assert found.given == str(tmp_path / "link").encode()
    assert found.real == str(tmp_path / "target").encode()


def test_a_relative_path_carries_the_directory_it_starts_from(source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("x")
    code = OPENS.format(names=["./here"])
    (found,) = opens(events_of(source, python(code), interest("openat"), cwd=tmp_path), b"./here")
    assert (found.given, found.base) == (b"./here", str(tmp_path).encode())
    assert found.real == str(tmp_path / "here").encode()


def test_a_path_below_a_dirfd_carries_that_directory(source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/leaf").write_text("x")
    code = f"import os\nd = os.open({str(tmp_path / 'dir')!r}, os.O_RDONLY)\nos.open('leaf', os.O_RDONLY, dir_fd=d)"
    (found,) = opens(events_of(source, python(code), interest("openat")), b"leaf")
    assert (found.given, found.base) == (b"leaf", str(tmp_path / "dir").encode())
    assert found.real == str(tmp_path / "dir/leaf").encode()


def test_proc_self_root_does_not_hide_the_file(source: KernelSource) -> None:
    code = OPENS.format(names=["/proc/self/root/etc/passwd"])
    (found,) = opens(events_of(source, python(code), interest("openat")), b"/root/etc/passwd")
    assert found.given == b"/proc/self/root/etc/passwd"
    assert found.real == b"/etc/passwd"


@pytest.mark.parametrize("bound", ["a", "a/b/f", "."])
def test_a_bind_mount_does_not_give_a_file_another_name(source: KernelSource, tmp_path: Path, bound: str) -> None:
    """Else /etc/shadow bound to a scratch place were no password file any more. A folder, a file, a whole file system.

    The path is the one in the process's own mount namespace: the tmpfs is mounted there alone.
    """
    seen = {"a": "seen/b/../b/f", "a/b/f": "seen", ".": "seen/a/b/f"}[bound]
    make = f"mkdir -p {tmp_path}/a/b && echo x > {tmp_path}/a/b/f"
    place = f"touch {tmp_path}/seen" if bound == "a/b/f" else f"mkdir {tmp_path}/seen"
    script = (
        f"mount -t tmpfs none {tmp_path} && {make} && {place}"
        f" && mount --bind {tmp_path}/{bound} {tmp_path}/seen && exec cat {tmp_path}/{seen}"
    )
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
    found = events_of(source, command, interest("openat"), stdout=subprocess.DEVNULL)
    (read,) = [r for r in opens(found, seen.encode()) if r.comm == b"cat"]
    assert read.given == f"{tmp_path}/{seen}".encode()
    assert read.real == f"{tmp_path}/a/b/f".encode()


def test_a_failed_open_keeps_its_name(source: KernelSource) -> None:
    (found,) = opens(
        events_of(source, python(OPENS.format(names=["/no/such/file"])), interest("openat")), b"/such/file"
    )
    assert found.given == b"/no/such/file"
    assert found.real == b""
    assert found.ret == -2
    assert Flag.USER_MEMORY in found.flags


def test_openat2_reads_like_openat(source: KernelSource) -> None:
    code = (
        "import ctypes, struct\nhow = struct.pack('QQQ', 0o100 | 1, 0o640, 0)\n"
        f"ctypes.CDLL(None).syscall({NAME_TO_NR['openat2']}, -100, b'/nowhere/how', how, 24)"
    )
    (found,) = opens(events_of(source, python(code), interest("openat2")), b"/how")
    assert found.args[2:4] == (0o101, 0o640)


def test_a_path_of_the_greatest_length_is_whole(source: KernelSource, tmp_path: Path) -> None:
    """4,095 bytes and deep: GIVEN and REAL are both complete."""
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\nname = 'd' * 199\nat = sys.argv[1]\n"
        "while len(at) + 200 < 4000:\n  os.mkdir(name); os.chdir(name); at += '/' + name\n"
        "open('f', 'w').close()\nos.open(at + '/f', os.O_RDONLY)"
    )
    found = events_of(source, python(code, str(tmp_path)), interest("openat"))
    long = [r for r in opens(found, b"/f") if len(r.given) > 3700]
    assert len(long) == 1
    assert Flag.TRUNCATED not in long[0].flags
    assert long[0].real == long[0].given
    relative = [r for r in opens(found, b"f") if r.given == b"f"]
    assert relative[0].base + b"/f" == relative[0].real == long[0].given


def test_a_path_too_deep_to_walk_is_marked(source: KernelSource, tmp_path: Path) -> None:
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\n"
        "for _ in range(300): os.mkdir('d'); os.chdir('d')\n"
        "open('deepest', 'w').close()"
    )
    (found,) = opens(events_of(source, python(code, str(tmp_path)), interest("openat")), b"deepest")
    assert Flag.TRUNCATED in found.flags


def test_two_path_calls_carry_both(source: KernelSource, tmp_path: Path) -> None:
    code = "import os\nopen('a', 'w').close()\nos.rename('a', 'b')\nos.symlink('b', 'c')\nos.unlink('c')"
    asked = interest("rename", "symlink", "unlink")
    found = [r for r in events_of(source, python(code), asked, cwd=tmp_path) if r.kind is Kind.SYSCALL]
    here = str(tmp_path).encode()
    assert [(r.name, r.given, r.base) for r in found] == [
        ("rename", b"a", here), ("symlink", b"b", here), ("unlink", b"c", here),
    ]  # fmt: skip
    assert [found[0].slots[Slot.GIVEN2], found[0].slots[Slot.BASE2]] == [b"b", here]
    assert [found[1].slots[Slot.GIVEN2], found[1].slots[Slot.BASE2]] == [b"c", here]


# -- exec, fork, exit ------------------------------------------------------------------------------------------------


def test_exec_tells_program_arguments_and_process(source: KernelSource, tmp_path: Path) -> None:
    command = ["/bin/echo", "one", "", "two words"]
    found = events_of(source, command, Interest(), stdout=subprocess.DEVNULL, cwd=tmp_path)
    (executed,) = [r for r in found if r.kind is Kind.EXEC]
    assert executed.argv == [b"/bin/echo", b"one", b"", b"two words"]
    assert executed.given == b"/bin/echo"
    assert executed.real == os.path.realpath("/bin/echo").encode()
    assert executed.base == str(tmp_path).encode()
    assert executed.comm == b"echo"
    assert executed.name == "execve"
    info = executed.proc
    assert info["ppid"] == os.getpid()
    assert (info["pid"], info["tid"], info["pgid"], info["sid"]) == (
        executed.tgid, executed.tgid, os.getpgid(0), os.getsid(0),
    )  # fmt: skip
    program = os.stat("/bin/echo")
    assert info["exe_ino"] == program.st_ino
    assert info["exe_mode"] == program.st_mode
    assert info["exe_mtime_ns"] == program.st_mtime_ns
    assert info["exe_ctime_ns"] == program.st_ctime_ns
    assert info["loginuid"] == int(Path("/proc/self/loginuid").read_text())
    assert info["mnt_ns"] == os.stat("/proc/self/ns/mnt").st_ino
    assert info["pid_ns"] == os.stat("/proc/self/ns/pid").st_ino


def test_a_successful_execve_is_one_event(source: KernelSource) -> None:
    """Its system call exit would be a second one."""
    found = events_of(source, ["/bin/true"], interest("execve"))
    assert [r.kind for r in found if r.name == "execve"] == [Kind.EXEC]
    code = "import os\ntry: os.execv('/nowhere/program', ['program'])\nexcept OSError: pass"
    found = events_of(source, python(code), interest("execve"))
    failed = [r for r in found if r.kind is Kind.SYSCALL and r.name == "execve"]
    assert [(r.given, r.ret) for r in failed] == [(b"/nowhere/program", -2)]
    assert failed[0].proc["pid"] == failed[0].tgid


def test_twenty_kilobytes_of_arguments_are_whole(source: KernelSource) -> None:
    argument = "".join(chr(97 + i % 26) for i in range(20_000))
    found = events_of(source, ["/bin/true", argument], Interest())
    (executed,) = [r for r in found if r.kind is Kind.EXEC]
    assert executed.argv == [b"/bin/true", argument.encode()]
    assert Flag.TRUNCATED not in executed.flags


def test_a_hundred_kilobytes_of_arguments_are_marked_truncated(source: KernelSource) -> None:
    found = events_of(source, ["/bin/true", "x" * 100_000], Interest())
    (executed,) = [r for r in found if r.kind is Kind.EXEC]
    assert Flag.TRUNCATED in executed.flags
    assert len(executed.slots[Slot.ARGV]) > 20_000
    assert executed.given == b"/bin/true"


def test_environment_comes_on_request_only(source: KernelSource) -> None:
    env = {"TUIMON_MARK": "seen", "PATH": "/bin"}
    without = [r for r in events_of(source, ["/bin/true"], Interest(), env=env) if r.kind is Kind.EXEC]
    asked = Interest(environ=True)
    with_it = [r for r in events_of(source, ["/bin/true"], asked, env=env) if r.kind is Kind.EXEC]
    assert without[0].slots[Slot.ENV] == b""
    assert b"TUIMON_MARK=seen" in with_it[0].slots[Slot.ENV].split(b"\0")


def test_fork_names_the_child_and_exit_its_code(source: KernelSource) -> None:
    code = "import os\np = os.fork()\nif not p: os._exit(7)\nos.waitpid(p, 0)"
    source.set_interest(Interest())
    source.drain(0)
    with subprocess.Popen(python(code)) as process:
        found = drain_until_exit(source, process.pid)
    (forked,) = [r for r in found if r.kind is Kind.FORK and r.tgid == process.pid]
    child = forked.ret
    assert forked.proc["pid"] == forked.proc["tid"] == child
    assert forked.proc["ppid"] == process.pid
    assert forked.real == os.path.realpath(sys.executable).encode()
    assert forked.base == os.getcwd().encode()
    (ended,) = [r for r in found if r.kind is Kind.EXIT and r.tgid == child]
    assert ended.ret == 7 << 8
    assert ended.proc["start_ns"] == forked.proc["start_ns"]


def test_a_killed_process_ends_with_its_signal(source: KernelSource) -> None:
    found = events_of(source, python("import os\nos.kill(os.getpid(), 9)"), Interest())
    (ended,) = [r for r in found if r.kind is Kind.EXIT]
    assert ended.ret == 9


def test_threads_are_neither_forks_nor_exits(source: KernelSource) -> None:
    code = (
        "import threading\nts = [threading.Thread(target=int) for _ in range(5)]\n"
        "[t.start() for t in ts]\n[t.join() for t in ts]"
    )
    found = events_of(source, python(code), Interest())
    assert [r.kind for r in found] == [Kind.EXEC, Kind.EXIT]


def test_execution_of_a_memfd_is_seen_as_such(source: KernelSource) -> None:
    code = (
        "import os, shutil\nfd = os.memfd_create('hidden')\n"
        "with open('/bin/true', 'rb') as a, open(fd, 'wb', closefd=False) as b: shutil.copyfileobj(a, b)\n"
        "os.execve(fd, ['nothing'], {})"
    )
    executed = [r for r in events_of(source, python(code), Interest()) if r.kind is Kind.EXEC][-1]
    assert ExeFlag(executed.proc["exe_flags"]) & (ExeFlag.MEMFD | ExeFlag.VIA_FD) == ExeFlag.MEMFD | ExeFlag.VIA_FD
    assert executed.name == "execveat"
    assert executed.real == b"/memfd:hidden"
    assert executed.argv == [b"nothing"]


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Path]:
    """Mount an overlay of a lower folder with two programs."""
    lower, upper, work, merged = (tmp_path / name for name in ("lower", "upper", "work", "merged"))
    for folder in (lower, upper, work, merged):
        folder.mkdir()
    for name in ("from_image", "changed"):
        (lower / name).write_bytes(Path("/bin/true").read_bytes())
        (lower / name).chmod(0o755)
    # An overlay cannot lie on one: the backing folders go on a tmpfs where the test's own folder is on one.
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no overlay can be mounted here: {mounted.stderr.decode().strip()}")
    yield merged
    subprocess.run(["umount", merged], check=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("from_image", ExeFlag.LOWER_LAYER),
        ("changed", ExeFlag.UPPER_LAYER),
        ("born", ExeFlag.UPPER_LAYER | ExeFlag.BORN_UPPER),
    ],
)
def test_overlay_layers_of_executed_files(source: KernelSource, overlay: Path, name: str, expected: ExeFlag) -> None:
    """Drift: what came with the image, what was changed, what was made in the container."""
    (overlay / "changed").chmod(0o775)
    (overlay / "born").write_bytes(Path("/bin/true").read_bytes())
    (overlay / "born").chmod(0o755)
    (executed,) = [r for r in events_of(source, [str(overlay / name)], Interest()) if r.kind is Kind.EXEC]
    layers = ExeFlag.UPPER_LAYER | ExeFlag.LOWER_LAYER | ExeFlag.BORN_UPPER
    assert ExeFlag(executed.proc["exe_flags"]) & layers == expected
    assert executed.real == str(overlay / name).encode()


# -- sockets ---------------------------------------------------------------------------------------------------------


TALK = """
import socket, sys
family, kind, address = socket.AddressFamily(int(sys.argv[1])), socket.SocketKind(int(sys.argv[2])), eval(sys.argv[3])
server = socket.socket(family, kind)
server.bind(address)
server.listen()
client = socket.socket(family, kind)
client.connect(server.getsockname())
server.accept()
print(client.getsockname(), server.getsockname())
"""


def talk(source: KernelSource, family: int, address: object) -> tuple[dict[str, Row], list[object]]:
    asked = interest("socket", "bind", "listen", "connect", "accept", "accept4")
    command = python(TALK, str(int(family)), str(int(socket.SOCK_STREAM)), repr(address))
    source.set_interest(asked)
    source.drain(0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = drain_until_exit(source, process.pid)
        assert process.stdout is not None
        said = process.stdout.read()
    mine = [r for r in found if r.tgid == process.pid and r.kind is Kind.SYSCALL]
    names = {r.name.removesuffix("4"): r for r in mine}
    return names, [said]


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_both_ends_of_an_internet_connection(source: KernelSource, family: socket.AddressFamily, host: str) -> None:
    calls, _ = talk(source, family, (host, 0))
    packed = socket.inet_pton(family, host)
    connect, accept, bound = calls["connect"].sock, calls["accept"].sock, calls["bind"].sock
    for end in (connect, accept):
        assert int(end["family"]) == family
        assert int(end["type"]) == socket.SOCK_STREAM
        assert int(end["protocol"]) == socket.IPPROTO_TCP
        assert end["laddr"].tobytes()[: len(packed)] == packed
        assert end["raddr"].tobytes()[: len(packed)] == packed
    assert (int(connect["lport"]), int(connect["rport"])) == (int(accept["rport"]), int(accept["lport"]))
    assert int(bound["lport"]) == int(connect["rport"]) > 0
    assert bound["laddr"].tobytes()[: len(packed)] == packed
    assert SockFlag(int(connect["flags"])) == SockFlag.CLIENT
    assert SockFlag(int(accept["flags"])) == SockFlag.SERVER
    assert SockFlag.LISTEN in SockFlag(int(calls["listen"].sock["flags"]))
    assert stat.S_ISSOCK(calls["socket"].fd_type)
    assert calls["accept"].ret >= 0


def test_unix_sockets_carry_their_path(source: KernelSource, tmp_path: Path) -> None:
    path = str(tmp_path / "talk.sock")
    calls, _ = talk(source, socket.AF_UNIX, path)
    assert {name: calls[name].sock_path.rstrip(b"\0") for name in ("bind", "connect", "accept")} == dict.fromkeys(
        ("bind", "connect", "accept"), path.encode()
    )
    assert int(calls["connect"].sock["family"]) == socket.AF_UNIX


def test_a_refused_connection_says_where_it_was_meant_to_go(source: KernelSource) -> None:
    code = "import socket\ns = socket.socket()\ns.connect_ex(('127.0.0.1', 1))"
    found = [r for r in events_of(source, python(code), interest("connect")) if r.name == "connect"]
    assert [(int(r.sock["rport"]), r.sock["raddr"].tobytes()[:4], r.ret) for r in found] == [
        (1, bytes([127, 0, 0, 1]), -111)
    ]


def test_an_unconnected_datagram_says_where_it_went(source: KernelSource) -> None:
    code = "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\ns.sendto(b'hello tuimon', ('127.0.0.1', 9))"
    asked = interest("sendto", want=Want.RULES | Want.PATHS | Want.DATA)
    (sent,) = [r for r in events_of(source, python(code), asked) if r.name == "sendto"]
    assert (int(sent.sock["rport"]), int(sent.sock["type"])) == (9, socket.SOCK_DGRAM)
    assert SockFlag.GIVEN in SockFlag(int(sent.sock["flags"]))
    assert sent.slots[Slot.GIVEN2] == b"hello tuimon"


def test_a_shell_redirected_to_a_socket_shows_the_socket_on_dup2(source: KernelSource) -> None:
    """The reverse shell rules look at the type of dup's new fd."""
    code = (
        "import os, socket\na, b = socket.socketpair()\nos.dup2(a.fileno(), 40, False)\n"
        "os.dup2(os.open('/etc/passwd', 0), 41, False)"
    )
    found = [r for r in events_of(source, python(code), interest("dup2", "dup3")) if r.name in ("dup2", "dup3")]
    assert stat.S_ISSOCK(found[0].fd_type)
    assert int(found[0].sock["family"]) == socket.AF_UNIX
    assert (found[1].real, found[1].ret) == (b"/etc/passwd", 41)


# -- what is asked for -----------------------------------------------------------------------------------------------


def test_interest_switches_at_once_without_loss_or_doubling(source: KernelSource) -> None:
    """Of two calls in a loop one is switched on and off by the hundred: the other is neither lost nor doubled."""
    code = (
        "import ctypes\nl = ctypes.CDLL(None)\nfor i in range(30011):\n"
        f"  l.syscall({NAME_TO_NR['getpgid']}, i + 10**8)\n  l.syscall({NAME_TO_NR['getsid']}, i + 10**8)"
    )
    before = source.counts().dropped
    always, both = interest("getpgid", want=Want.RULES), interest("getpgid", "getsid", want=Want.RULES)
    source.set_interest(always)
    source.drain(0)
    batches = []
    with subprocess.Popen(python(code)) as process:
        switches = 0
        while process.poll() is None:
            source.set_interest(both if switches % 2 else always)
            switches += 1
            batches.append(source.drain(0.001))
    found = [row for batch in batches for row in rows(batch)]
    if not any(r.kind is Kind.EXIT and r.tgid == process.pid for r in found):
        found += drain_until_exit(source, process.pid)
    assert switches > 10
    assert source.counts().dropped == before
    steady = [r.args[0] for r in found if r.name == "getpgid" and r.tgid == process.pid]
    assert steady == [i + 10**8 for i in range(30011)]
    switched = [r.args[0] for r in found if r.name == "getsid" and r.tgid == process.pid]
    assert len(switched) == len(set(switched))
    assert 0 < len(switched) < 30011


def test_a_view_is_limited_to_its_cgroups_and_rules_are_not(source: KernelSource) -> None:
    numbers = [NAME_TO_NR["getpgid"], NAME_TO_NR["getsid"]]
    code = f"import ctypes\nl = ctypes.CDLL(None)\nfor nr in {numbers}: l.syscall(nr, 0)"
    calls = {NAME_TO_NR["getpgid"]: Want.VIEW, NAME_TO_NR["getsid"]: Want.RULES}
    everywhere = events_of(source, python(code), Interest(calls))
    (own,) = {r.cgroup_id for r in everywhere}
    elsewhere = events_of(source, python(code), Interest(calls, frozenset({own + 10**6})))
    here = events_of(source, python(code), Interest(calls, frozenset({own})))
    names = [{r.name for r in found if r.kind is Kind.SYSCALL} for found in (everywhere, elsewhere, here)]
    assert names == [{"getpgid", "getsid"}, {"getsid"}, {"getpgid", "getsid"}]


def test_first_bytes_of_io_come_on_request(source: KernelSource, tmp_path: Path) -> None:
    code = "import os\nfd = os.open('note', os.O_CREAT | os.O_RDWR)\nos.write(fd, b'secret ' * 40)"
    asked = interest("write", want=Want.RULES | Want.PATHS | Want.DATA)
    (wrote,) = [r for r in events_of(source, python(code), asked, cwd=tmp_path) if r.name == "write"]
    assert wrote.slots[Slot.DATA] == (b"secret " * 40)[:80]
    assert wrote.real == str(tmp_path / "note").encode()


def test_a_32_bit_call_is_mapped_and_marked(source: KernelSource, tmp_path: Path) -> None:
    """A 64-bit program that enters by int 0x80 would be misread as another call by the number alone."""
    code = tmp_path / "gate.c"
    code.write_text(
        "#include <sys/mman.h>\n#include <string.h>\nint main(void) { int r;"
        ' char *p = mmap(0, 4096, 3, 0x20 | 2 | 0x40, -1, 0); strcpy(p, "/nowhere/gate");'
        'asm volatile("int $0x80" : "=a"(r) : "a"(5), "b"(p), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");'
        " return r != -2; }"
    )
    built = subprocess.run(["cc", "-o", tmp_path / "gate", code], capture_output=True)
    if built.returncode or subprocess.run([tmp_path / "gate"]).returncode:
        pytest.skip("no 32-bit system calls on this machine, or no compiler")
    (found,) = opens(events_of(source, [str(tmp_path / "gate")], interest("open", "fstat")), b"/gate")
    assert (found.name, found.given, found.ret) == ("open", b"/nowhere/gate", -2)
    assert Flag.COMPAT in found.flags


def test_reserved_calls_describe_the_process(source: KernelSource) -> None:
    code = "import os\nos.setresuid(1, 2, 3)"
    (changed,) = [r for r in events_of(source, python(code), interest("setresuid")) if r.name == "setresuid"]
    assert (changed.proc["ruid"], changed.proc["euid"]) == (1, 2)
    assert changed.args[:3] == (1, 2, 3)
    assert Flag.HAS_PROC in changed.flags


def test_a_version_1_controller_can_be_the_key() -> None:
    """Machines without cgroup version 2: the id is the inode number of the controller's folder."""
    root = Path("/sys/fs/cgroup/pids")
    if not (root / "cgroup.procs").exists():
        pytest.skip("no version 1 pids controller is mounted here")
    folder = root / f"tuimon-test-{os.getpid()}"
    folder.mkdir()
    source = KernelSource(cgroup_key="pids")
    try:
        source.start()
        script = f"echo $$ > {folder}/cgroup.procs; exec /bin/true"
        found = events_of(source, ["sh", "-c", script], Interest())
        (executed,) = [r for r in found if r.kind is Kind.EXEC and r.comm == b"true"]
        assert executed.cgroup_id == executed.proc["cgroup_id"] == folder.stat().st_ino
    finally:
        source.close()
        folder.rmdir()


def test_counter_slots_of_removed_cgroups_are_given_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of short-lived containers must not use the slots up, and nothing they counted may be lost."""
    monkeypatch.setattr(counters, "RECYCLE_S", 0.0)
    folder = hierarchy_folder("unified")
    if not (folder / "cgroup.controllers").exists():
        pytest.skip("no cgroup version 2 hierarchy is mounted here")
    nr = NAME_TO_NR["getpgid"]
    work = f"import ctypes\nl = ctypes.CDLL(None)\nfor _ in range(101): l.syscall({nr}, 0)"
    source = KernelSource(cgroup_slots=8)
    source.start()
    try:
        before = int(source.call_counts().calls[:, nr].sum())
        own = 0
        for at in range(30):
            group = folder / f"tuimon-test-{os.getpid()}-{at}"
            group.mkdir()
            try:
                script = f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -I -S -c '{work}'"
                subprocess.run(["sh", "-c", script], check=True)
                calls = source.call_counts()
                mine = calls.calls[calls.cgroup_ids == group.stat().st_ino]
                own += len(mine) == 1 and int(mine[0, nr]) == 101
            finally:
                group.rmdir()
            source.call_counts()
        assert int(source.call_counts().calls[:, nr].sum()) - before >= 30 * 101
        assert own >= 20
        assert len(source.call_counts().cgroup_ids) <= 8
        counts = counts_settled(source)
        source.close()
        assert source.counts().seen >= counts.seen
    finally:
        source.close()


def test_own_calls_are_left_out_in_a_pid_namespace_too() -> None:
    """There the process knows itself by another number than the kernel's events carry."""
    nr, mark = NAME_TO_NR["getpgid"], 0x7AB00000 + os.getpid()
    code = (
        "import ctypes, os\nfrom tuimon.capture.kernel import KernelSource\n"
        "from tuimon.capture.source import Interest, Want\n"
        f"def call(n):\n  for _ in range(n): ctypes.CDLL(None).syscall({nr}, {mark})\n"
        f"source = KernelSource()\nsource.set_interest(Interest({{{nr}: Want.RULES}}))\nsource.start()\ncall(101)\n"
        "child = os.fork()\nif not child:\n  call(7)\n  os._exit(0)\n"
        "os.waitpid(child, 0)\nseen = 0\n"
        f"for _ in range(5): seen += int((source.drain(0.1).head['arg'][:, 0] == {mark}).sum())\n"
        "source.close()\nprint(os.getpid(), seen)"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["1", "7"], "")


def test_the_heartbeat_notices_when_the_programs_are_gone(
    source: KernelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "HEARTBEAT_S", 0.05)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        source.drain(0.02)
    assert source.silent_s == 0.0
    doomed = KernelSource()
    doomed.start()
    try:
        assert doomed._programs is not None
        doomed._programs.detach()
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            doomed.drain(0.02)
        assert doomed.silent_s > 0.2
    finally:
        doomed.close()


def test_closing_from_another_thread_ends_the_drain() -> None:
    source = KernelSource()
    source.start()
    drained: list[int] = []

    def drain() -> None:
        while not source.ended:
            drained.append(len(source.drain(0.01)))

    thread = threading.Thread(target=drain)
    thread.start()
    subprocess.run(["/bin/true"], check=True)
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    assert drained


def test_the_second_start_needs_no_compiler(tmp_path: Path) -> None:
    """What was compiled is kept, trusted only in a folder of root's alone, and damaged files are made again."""
    cache = tmp_path / "cache"
    for _ in range(2):
        source = KernelSource(cache=cache)
        source.start()
        found = events_of(source, ["/bin/true"], Interest())
        source.close()
        assert [r.kind for r in found] == [Kind.EXEC, Kind.EXIT]
    (kept,) = cache.glob("*.json")
    code = (
        "import sys\nfrom pathlib import Path\nfrom tuimon.capture.kernel import KernelSource\n"
        "source = KernelSource(cache=Path(sys.argv[1]))\nsource.start()\nsource.close()\nsys.exit('bcc' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, cache], check=True)
    kept.write_text('{"maps": [')
    assert subprocess.run([sys.executable, "-c", code, cache]).returncode == 1
    cache.chmod(0o777)
    assert subprocess.run([sys.executable, "-c", code, cache]).returncode == 1


def test_probe_tells_what_there_is() -> None:
    facts = probe()
    assert facts.btf == facts.ring_buffer == facts.bcc_problem == ""
    assert facts.bcc
    assert facts.missing_capabilities == ()


def test_closing_detaches_and_keeps_the_last_counts() -> None:
    source = KernelSource()
    source.start()
    subprocess.run(["/bin/true"], check=True)
    source.close()
    counts = source.counts()
    source.close()
    assert counts.seen > 0
    assert counts.seen == counts.emitted + counts.filtered + counts.dropped
    subprocess.run(["/bin/true"], check=True)
    assert source.counts() == counts
    assert len(source.drain(0)) == 0


@pytest.mark.parametrize("kind", ["typed", "plain"])
def test_older_kinds_of_programs_read_the_same(kind: str, tmp_path: Path) -> None:
    """What an older kernel would load gives the same events."""
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    source = KernelSource(only_kind=kind)
    source.start()
    try:
        code = OPENS.format(names=[str(tmp_path / "link")])
        found = events_of(source, python(code, "x" * 500), interest("openat"))
        (read,) = opens(found, b"link")
        assert (read.given, read.real) == (str(tmp_path / "link").encode(), str(tmp_path / "target").encode())
        assert found[0].kind is Kind.EXEC
        assert found[0].argv[-1] == b"x" * 500
        assert found[0].proc["ppid"] == os.getpid()
        calls, _ = talk(source, socket.AF_INET, ("127.0.0.1", 0))
        assert int(calls["connect"].sock["rport"]) == int(calls["bind"].sock["lport"])
    finally:
        source.close()
