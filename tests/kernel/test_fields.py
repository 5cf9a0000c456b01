"""What a known program does, through the kernel and the fields, in the words Falco uses for it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fields.test_evt import get
from tests.kernel.live import WAIT_S, interest, python
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Want
from tuimon.events import HOST, Event
from tuimon.render import summary
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

WORK = r"""
import ctypes, mmap, os, socket, sys
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None)
def refused(call, *args):
    try: call(*args)
    except OSError: pass
d = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
os.close(os.open("new", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o755))
refused(os.open, "/nonexistent/shadow", os.O_RDONLY)
os.symlink("new", "link")
r = os.open("link", os.O_RDONLY)
os.read(r, 10)
os.rename("new", "newer")
os.link("newer", "second")
os.chmod("newer", 0o4755, dir_fd=d)
os.mkdir("sub", 0o700, dir_fd=d)
os.rmdir("sub", dir_fd=d)
os.truncate("newer", 0)
m = os.memfd_create("note", 1)
os.write(m, b"a\0b")
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5)
c = socket.socket(); c.connect(s.getsockname())
k, _ = s.accept()
c.send(b"hello"); k.recv(10)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.sendto(b"q", ("127.0.0.1", 9))
x = socket.socket(socket.AF_UNIX); refused(x.connect, "/nonexistent/socket")
e = socket.socket(socket.AF_INET6); refused(e.connect, ("::1", 1))
libc.ptrace(16, 1, 0, 0)
libc.syscall(int(sys.argv[2]), ctypes.c_long(1 << 32 | socket.AF_INET), 1, 0)
libc.unshare(0x04000000)
libc.syscall(437, -100, b"newer", ctypes.byref((ctypes.c_ulonglong * 3)(0, 0, 8)), 24)
os.setuid(0)
mmap.mmap(-1, 4096)
libc.delete_module(b"nosuch", 2048)
refused(os.execve, "/nonexistent/x", ["x"], {})
os.kill(os.getpid(), 0)
os.execv("/bin/sh", ["sh", "-c", "kill -9 $$"])
"""

CALLS = (
    "openat openat2 symlink read rename link fchmodat mkdirat unlinkat truncate memfd_create write bind listen connect "
    "accept4 sendto recvfrom ptrace socket unshare setuid mmap delete_module execve kill"
)

# evt.type, then evt.args as a pattern; @ stands for the folder. Calls between them are the interpreter's own.
EXPECTED = [
    (
        "openat",
        r"fd=3\(<d>@\) dirfd=-100\(AT_FDCWD\) name=\.\(@\) flags=5121\(O_DIRECTORY\|O_RDONLY\|O_CLOEXEC\) mode=0 .*",
    ),
    (
        "openat",
        r"fd=4\(<f>@/new\) .* name=new\(@/new\) flags=20519\(O_EXCL\|O_CREAT\|O_RDWR\|O_CLOEXEC\|O_F_CREATED\) .*",
    ),
    ("openat", r"fd=-2\(ENOENT\) .* name=/nonexistent/shadow flags=4097\(O_RDONLY\|O_CLOEXEC\) mode=0 .*"),
    ("symlink", r"res=0 target=new linkpath=link\(@/link\)"),
    ("openat", r"fd=4\(<f>@/link\) .* name=link\(@/link\) .*"),
    ("read", r"res=0 data=NULL fd=4\(<f>@/new\) size=10"),
    ("rename", r"res=0 oldpath=new\(@/new\) newpath=newer\(@/newer\)"),
    ("link", r"res=0 oldpath=newer\(@/newer\) newpath=second\(@/second\)"),
    ("fchmodat", r"res=0 dirfd=3\(<d>@\) filename=newer\(@/newer\) mode=04755\(S_IXOTH.*S_ISUID\)"),
    ("mkdirat", r"res=0 dirfd=3\(<d>@\) path=sub\(@/sub\) mode=1C0"),
    ("unlinkat", r"res=0 dirfd=3\(<d>@\) name=sub\(@/sub\) flags=512\(AT_REMOVEDIR\)"),
    ("truncate", ""),
    ("memfd_create", r"fd=5\(<m>note\) name=note flags=1\(MFD_CLOEXEC\)"),
    ("write", r"res=3 data=a\.b fd=5\(<m>note\) size=3"),
    ("bind", r"res=0 addr=127\.0\.0\.1:(\d+) fd=6\(<4>127\.0\.0\.1:\1\)"),
    ("listen", r"res=0 fd=6\(<4>127\.0\.0\.1:\d+\) backlog=5"),
    ("connect", r"res=0 tuple=(127\.0\.0\.1:\d+->127\.0\.0\.1:\d+) fd=7\(<4t>\1\) addr=127\.0\.0\.1:\d+"),
    ("accept4", r"fd=8\(<4t>(127\.0\.0\.1:\d+->127\.0\.0\.1:\d+)\) tuple=\1 .*"),
    ("sendto", r"res=5 data=hello fd=7\(<4t>.*\) size=5 tuple=.*"),
    ("recvfrom", r"res=5 data=hello tuple=.* fd=8\(<4t>.*\) size=10"),
    ("sendto", r"res=1 data=q fd=9\(<4u>0\.0\.0\.0:\d+->127\.0\.0\.1:9\) size=1 tuple=0\.0\.0\.0:\d+->127\.0\.0\.1:9"),
    ("connect", r"res=-2\(ENOENT\) tuple=NULL fd=10\(<u>/nonexistent/socket\) addr=/nonexistent/socket"),
    ("connect", r"res=-\d+\(\w+\) tuple=NULL fd=11\(<6.*\) addr=::1:1"),
    ("ptrace", r"res=-1\(EPERM\) addr=0 data=0 request=11\(PTRACE_ATTACH\) pid=1"),
    # The kernel takes an int: what a program leaves in the register's upper half hides nothing.
    ("socket", r"fd=\d+.* domain=2\(AF_INET\) type=1 proto=0 .*"),
    ("unshare", r"res=0 flags=128\(CLONE_NEWUTS\)"),
    (
        "openat2",
        r"fd=\d+\(<f>@/newer\) .* name=newer\(@/newer\) flags=1\(O_RDONLY\) mode=0 resolve=1\(RESOLVE_BENEATH\) .*",
    ),
    ("setuid", r"res=0 uid=0\(root\)"),
    ("mmap", r"res=\d+ .* length=4096 prot=3\(PROT_READ\|PROT_WRITE\) flags=9\(MAP_SHARED\|MAP_ANONYMOUS\) fd=-1.*"),
    ("delete_module", r"res=-\d+\(\w+\) name=nosuch flags=2\(O_NONBLOCK\)"),
    ("execve", r"res=-2\(ENOENT\) .*"),
    ("kill", r"res=0 pid=\d+ sig=0"),
    ("execve", r"res=0 .* args=-c\.kill -9 \$\$\. .*"),
    ("kill", r"res=0 pid=\d+ sig=9\(SIGKILL\)"),
    ("procexit", r"status=9 ret=0 sig=9\(SIGKILL\) core=0 .*"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Event]]]:
    """The folder of the workload and its events."""
    folder = tmp_path_factory.mktemp("work")
    source = KernelSource()
    source.start()
    try:
        source.set_interest(interest(*CALLS.split(), want=Want.RULES | Want.PATHS | Want.DATA))
        source.drain(0)
        events: list[Event] = []
        with subprocess.Popen(python(WORK, str(folder), str(NAME_TO_NR["socket"]))) as process:
            deadline = time.monotonic() + WAIT_S
            while not any(get("evt.type", event) == "procexit" for event in events):
                assert time.monotonic() < deadline
                batch = source.drain(0.1)
                rows = (Event(batch, row, None, HOST, source.boot_to_epoch_ns) for row in range(len(batch)))
                events += [event for event in rows if event.tgid == process.pid]
        yield folder, events
    finally:
        source.close()


def test_a_known_program_is_told_in_falcos_words(found: tuple[Path, list[Event]]) -> None:
    """Kernel, record and fields together; each call in its turn, with all of its arguments."""
    folder, events = found
    left = iter(events)
    for name, pattern in EXPECTED:
        wanted = re.compile(pattern.replace("@", re.escape(str(folder))))
        seen = []
        for event in left:
            if get("evt.type", event) != name:
                continue
            seen.append(str(get("evt.args", event)))
            if wanted.fullmatch(seen[-1]):
                break
        else:
            pytest.fail(f"no {name} like {wanted.pattern} among {seen}")


def _one(events: list[Event], name: str, text: str) -> Event:
    return next(e for e in events if get("evt.type", e) == name and text in str(get("evt.args", e)))


def test_the_real_path_stands_behind_the_given_one(found: tuple[Path, list[Event]]) -> None:
    """A symlink cannot hide what was opened."""
    folder, events = found
    event = _one(events, "openat", "name=link")
    assert get("fd.name", event) == f"{folder}/link"
    assert get("fd.realpath", event) == f"{folder}/new"
    assert summary(event) == f"{folder}/link [{folder}/new] O_RDONLY|O_CLOEXEC = 4"


def test_paths_of_calls_that_open_nothing(found: tuple[Path, list[Event]]) -> None:
    """Also of calls that Falco does not look into."""
    folder, events = found
    assert get("fs.path.name", _one(events, "mkdirat", "sub")) == f"{folder}/sub"
    assert get("fs.path.source", _one(events, "rename", "")) == f"{folder}/new"
    assert get("fs.path.target", _one(events, "rename", "")) == f"{folder}/newer"
    assert get("fs.path.name", _one(events, "truncate", "")) == f"{folder}/newer"


def test_roles_and_protocols_of_sockets(found: tuple[Path, list[Event]]) -> None:
    """Client and server see the same connection."""
    _, events = found
    client, server = _one(events, "connect", "res=0"), _one(events, "accept4", "")
    assert get("fd.name", client) == get("fd.name", server)
    assert get("fd.sport", client) == get("fd.lport", server) == get("fd.rport", client)
    assert (get("fd.is_server", client), get("fd.is_server", server)) == (False, True)
    datagram = _one(events, "sendto", "data=q")
    assert (get("fd.l4proto", datagram), get("fd.name_changed", datagram)) == ("udp", True)
