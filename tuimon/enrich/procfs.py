"""The only reader of /proc. Its root is a parameter, so that tests can show it a made-up one.

Two uses: every process once at the start (the capture then keeps the table up to date), and one process on demand when
an event names a pid that nobody saw being made. A process may end between two reads of its files: what is missing is
left at its default, and only a process without a ``stat`` counts as gone.

psutil lists the processes; their files are read directly, because psutil's own objects cost some 1 ms per process for
what is read here in 0.1 ms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from tuimon.enrich.overlay import layer_of, overlay_mounts
from tuimon.events import UNSET_ID, Process, decode
from tuimon.records import ExeFlag

TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
"""Length of the clock tick that ``stat`` counts the start time in."""

_DELETED: Final = " (deleted)"
_MAX_BYTES: Final = 131_072
"""Of one file: a process may have megabytes of arguments, and every version of it would keep them."""
_MAX_TABLE_BYTES: Final = 8 * 1024 * 1024
"""Of a table of sockets: some 50,000 of them."""
_MEMORY: Final = (b"VmSize", b"VmRSS", b"VmSwap", b"Threads")


class Memory(NamedTuple):
    """What ``status`` says of a process's memory, in kB, and its number of threads; 0 for a kernel thread's memory."""

    size_kb: int
    rss_kb: int
    swap_kb: int
    threads: int


def same_start(a_ns: int, b_ns: int) -> bool:
    """Tell whether two start times may be of the same process: equal when counted in clock ticks.

    ``stat`` shows the kernel's ``start_boottime`` cut to ticks (fs/proc/array.c), events carry it whole.
    """
    return a_ns // TICK_NS == b_ns // TICK_NS


def own_memory_bytes() -> int:
    """Return the resident memory of this process, 0 where /proc does not tell."""
    return _own_statm()[0]


def own_anonymous_bytes() -> int:
    """Return what of it is neither a file's nor shared, as mapped rings are; 0 where /proc does not tell."""
    resident, shared = _own_statm()
    return resident - shared


def _own_statm() -> tuple[int, int]:
    """Return (resident, shared) bytes of this process (``statm``, proc_pid_statm(5))."""
    try:
        with open("/proc/self/statm") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return resident * page, shared * page


class Procfs:
    """A proc file system.

    Args:
        root: Where it is mounted.
    """

    def __init__(self, root: str | os.PathLike[str] = "/proc") -> None:
        self.root = Path(root)
        self._root = os.fspath(root)
        self._live = self._root == "/proc"
        self._own_mnt_ns = self._namespace("self", "mnt")

    def pids(self) -> list[int]:
        """Return the pids of all processes, ascending."""
        if self._live:
            return psutil.pids()
        return sorted(int(name) for name in os.listdir(self._root) if name.isdecimal())

    def boot_to_epoch_ns(self) -> int:
        """Return what to add to a time since boot to get the time since the epoch."""
        return int(psutil.boot_time() * 1_000_000_000)

    def processes(self) -> Iterator[Process]:
        """Yield every process that can be read; its parent is not linked yet, its ppid is set."""
        for pid in self.pids():
            process = self.read(pid)
            if process is not None:
                yield process

    def read(self, pid: int) -> Process | None:
        """Return a process as it is now, None when there is none (any more).

        ``parent``, ``index`` and ``cgroup_id`` are for the process table to fill.
        """
        stat = self._stat(pid)
        if stat is None:
            return None
        comm, fields = stat
        try:
            start_ns = int(fields[19]) * TICK_NS
            process = Process(
                pid=pid,
                start_ns=start_ns,
                ppid=int(fields[1]),
                comm=comm,
                pgid=int(fields[2]),
                sid=int(fields[3]),
                tty=int(fields[4]) & 0xFFFFFFFF,
                exec_ns=start_ns,
                from_procfs=True,
            )
        except (IndexError, ValueError):
            return None
        if comm.startswith("kworker/"):
            # ``stat`` shows what a worker works on too (fs/proc/array.c, proc_task_name); its comm is the part before.
            process.comm = comm.partition("-")[0].partition("+")[0][:15]
        argv = self.strings(pid, "cmdline")
        process.exe = argv[0] if argv else ""
        process.args = argv[1:]
        process.mnt_ns = self._namespace(pid, "mnt")
        self._fill_executable(process)
        process.cwd = self._link(pid, "cwd")
        self._fill_status(process)
        process.loginuid = self._number(pid, "loginuid", UNSET_ID)
        process.pid_ns = self._namespace(pid, "pid")
        process.fd_limit = self._fd_limit(pid)
        return process

    def start_ns(self, pid: int) -> int | None:
        """Return when a process started, since boot, in whole clock ticks; None when it is gone."""
        stat = self._stat(pid)
        if stat is None or len(stat[1]) < 20 or not stat[1][19].isdigit():
            return None
        return int(stat[1][19]) * TICK_NS

    def comm(self, pid: int) -> str:
        """Return the short name of a process, empty when it is gone."""
        return decode(self._bytes(pid, "comm").rstrip(b"\n"))

    def ppid(self, pid: int) -> int:
        """Return the parent's pid, 0 when there is none or the process is gone."""
        stat = self._stat(pid)
        return int(stat[1][1]) if stat is not None and len(stat[1]) > 1 and stat[1][1].isdigit() else 0

    def strings(self, pid: int, name: str) -> tuple[str, ...]:
        """Return the strings of ``cmdline`` or ``environ``, empty when the process is gone or has none.

        A process may rewrite its own (setproctitle): then the bytes are whatever it wrote, split at NUL.
        """
        raw = self._bytes(pid, name)
        if not raw:
            return ()
        if raw.endswith(b"\0"):
            raw = raw[:-1]
        return tuple(decode(part) for part in raw.split(b"\0"))

    def cwd(self, pid: int) -> str:
        """Return the working directory of a process, empty when it cannot be read."""
        return self._link(pid, "cwd")

    def exe(self, pid: int) -> str:
        """Return the path of the executable, empty for kernel threads and what cannot be read."""
        return self._link(pid, "exe")

    def open_exe(self, pid: int) -> int | None:
        """Open the file a process runs, also a deleted one or a memfd; None when it cannot be. The caller closes it."""
        try:
            return os.open(f"{self._root}/{pid}/exe", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None

    def fds(self, pid: int) -> dict[int, str]:
        """Return what each open file descriptor of a process refers to, as ``/proc/PID/fd`` shows it.

        Paths are as the process's root shows them; others look like ``socket:[123]`` or ``anon_inode:[eventpoll]``.
        """
        folder = f"{self._root}/{pid}/fd"
        found: dict[int, str] = {}
        try:
            names = os.listdir(folder)
        except OSError:
            return found
        for name in names:
            target = self._link(pid, f"fd/{name}")
            if target and name.isdecimal():
                found[int(name)] = target
        return found

    def own_fd(self, fd: int) -> str:
        """Return the path of a file that we ourselves have open, empty when there is none."""
        try:
            return os.readlink(f"{self._root}/self/fd/{fd}")
        except OSError:
            return ""

    def argv(self, pid: int) -> tuple[str, ...]:
        """Return the command line of a process, empty when it is gone."""
        return self.strings(pid, "cmdline")

    def uid(self, pid: int) -> int:
        """Return the effective uid of a process, UNSET_ID when it is gone."""
        for line in self._bytes(pid, "status").splitlines():
            if line.startswith(b"Uid:"):
                return int(line.split()[2])
        return UNSET_ID

    def root_of(self, pid: int) -> str:
        """Return the path under which the files of a process's mount namespace are found, "" when it is ours."""
        theirs = self._link(pid, "ns/mnt")
        try:
            ours = os.readlink(f"{self._root}/self/ns/mnt")
        except OSError:
            return ""
        return f"{self._root}/{pid}/root" if theirs and theirs != ours else ""

    def cgroups(self, pid: int, tid: int = 0) -> dict[str, str]:
        """Return the cgroup path per hierarchy: controllers as the file names them, "" for cgroup v2.

        Args:
            pid: The process.
            tid: One of its threads, which may have one of its own in a threaded cgroup; the process's for 0.
        """
        paths: dict[str, str] = {}
        for line in decode(self._bytes(pid, f"task/{tid}/cgroup" if tid else "cgroup")).splitlines():
            parts = line.split(":", 2)
            if len(parts) == 3:
                paths[parts[1]] = parts[2]
        return paths

    def memory(self, pid: int) -> Memory | None:
        """Return the memory and the number of threads of a process, None when it is gone."""
        said = dict.fromkeys(_MEMORY, 0)
        for line in self._bytes(pid, "status").splitlines():
            key, _, value = line.partition(b":")
            if key in said:
                said[key] = int(value.split()[0])
        return Memory(*said.values()) if said[b"Threads"] else None

    def faults(self, pid: int, tid: int) -> tuple[int, int] | None:
        """Return the (major, minor) page faults of a thread, None when it is gone."""
        stat = self._stat(pid, f"task/{tid}/stat")
        return None if stat is None else (int(stat[1][9]), int(stat[1][7]))

    def cpu_times(self, pid: int, tid: int) -> tuple[int, int] | None:
        """Return the time a thread has spent (outside, inside) the kernel in ns, None when it is gone."""
        stat = self._stat(pid, f"task/{tid}/stat")
        return None if stat is None else (int(stat[1][11]) * TICK_NS, int(stat[1][12]) * TICK_NS)

    def net_table(self, pid: int, name: str) -> list[str]:
        """Return the lines of a socket table of a process's network namespace, without its heading."""
        return decode(self._bytes(pid, f"net/{name}", _MAX_TABLE_BYTES)).splitlines()[1:]

    def pid_ns_level(self, pid: int) -> int:
        """Return how many pid namespaces lie between a process and us, 0 for our own (and for what is gone)."""
        for line in self._bytes(pid, "status").splitlines():
            if line.startswith(b"NSpid:"):
                return max(len(line.split()) - 2, 0)
        return 0

    def _fill_executable(self, process: Process) -> None:
        path = self._link(process.pid, "exe")
        if path.endswith(_DELETED):
            path = path.removesuffix(_DELETED)
            process.exe_flags |= ExeFlag.DELETED
        if path.startswith("/memfd:"):
            process.exe_flags |= ExeFlag.MEMFD
        process.exepath = path
        if not path:
            return
        try:
            info = os.stat(f"{self._root}/{process.pid}/exe")
        except OSError:
            return
        process.exe_ino = info.st_ino
        process.exe_ctime_ns = info.st_ctime_ns
        process.exe_mtime_ns = info.st_mtime_ns
        if process.mnt_ns != self._own_mnt_ns:
            # Only containers' root file systems are worth the reading of their mounts.
            mounts = overlay_mounts(decode(self._bytes(process.pid, "mountinfo")).splitlines())
            process.exe_flags |= layer_of(path, info, mounts)

    def _fill_status(self, process: Process) -> None:
        for line in self._bytes(process.pid, "status").splitlines():
            key, _, value = line.partition(b":")
            words = value.split()
            try:
                match key:
                    case b"Uid":
                        process.uid = int(words[1])
                    case b"Gid":
                        process.gid = int(words[1])
                    case b"NSpid":
                        process.vpid = int(words[-1])
                        process.pid_ns_level = len(words) - 1
                    case b"NSpgid":
                        process.vpgid = int(words[-1])
                    case b"NSsid":
                        process.vsid = int(words[-1])
                    case b"CapInh":
                        process.cap_inheritable = int(words[0], 16)
                    case b"CapPrm":
                        process.cap_permitted = int(words[0], 16)
                    case b"CapEff":
                        process.cap_effective = int(words[0], 16)
                        return
            except (IndexError, ValueError):
                continue

    def _stat(self, pid: int, name: str = "stat") -> tuple[str, list[bytes]] | None:
        """Return comm and the fields behind it (state first); comm may itself hold blanks and brackets."""
        raw = self._bytes(pid, name)
        left, right = raw.find(b"("), raw.rfind(b")")
        if left < 0 or right < left:
            return None
        return decode(raw[left + 1 : right]), raw[right + 1 :].split()

    def _fd_limit(self, pid: int) -> int:
        for line in self._bytes(pid, "limits").splitlines():
            if line.startswith(b"Max open files"):
                soft = line.split()[3]
                return int(soft) if soft.isdigit() else 0
        return 0

    def _number(self, pid: int, name: str, default: int) -> int:
        text = self._bytes(pid, name).strip()
        return int(text) if text.isdigit() else default

    def _namespace(self, pid: int | str, name: str) -> int:
        """Return the inode number of a namespace from the text of its link, such as ``mnt:[4026531841]``."""
        _, _, number = self._link(pid, f"ns/{name}").partition(":[")
        number = number.rstrip("]")
        return int(number) if number.isdecimal() else 0

    def _bytes(self, pid: int, name: str, limit: int = _MAX_BYTES) -> bytes:
        try:
            fd = os.open(f"{self._root}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            parts = []
            size = 0
            while size < limit and (part := os.read(fd, 65536)):
                parts.append(part)
                size += len(part)
            return b"".join(parts)
        except OSError:
            return b""
        finally:
            os.close(fd)

    def _link(self, pid: int | str, name: str) -> str:
        try:
            return os.readlink(f"{self._root}/{pid}/{name}")
        except OSError:
            return ""
