"""evt.arg, evt.args and evt.rawarg: the parameters of an event, as Falco names and prints them.

Every parameter has a raw value (a number, text or bytes) and up to two texts: its plain form and, for many types, a
resolved one; Falco prints ``plain(resolved)`` in ``evt.args`` and the resolved one, if there is one, for
``evt.arg.NAME``. What the record does not carry is absent, and printed as ``<NA>`` in ``evt.args``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tuimon.enrich.users import group_name, user_name
from tuimon.events import Event
from tuimon.fields import flags as names
from tuimon.fields.facts import AT_FDCWD, Facts, facts, ip_text
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Value, add
from tuimon.records import ExeFlag, Kind, Slot
from tuimon.syscalls import PARAMS, Param, params_of

Raw = int | str | bytes | None
_Source = Callable[[Facts], Raw]

_DATA_SHOWN: Final = 80
"""Bytes of data that evt.args shows, as Falco's default snap length."""

# Where the parameters come from: a register (0 to 5, sN to read it as signed), or one of the named sources below.
# Parameters that are not named here are absent: the record does not carry them.
_TABLE = """
accept: fd=ret tuple=tuple
accept4: fd=ret tuple=tuple flags=3
access: res=ret name=given mode=1
bind: res=ret addr=local fd=fd
bpf: fd=ret cmd=0
brk: res=ret addr=0
capset: res=ret
chdir chroot rmdir unlink stat lstat: res=ret path=given
chmod: res=ret filename=given mode=1
chown lchown: res=ret path=given uid=1 gid=2
close fchdir fstat getdents getdents64: res=ret fd=fd
close_range: res=ret first=0 last=1 flags=2
connect: res=ret tuple=tuple fd=fd addr=remote
copy_file_range: res=ret fdout=s2 fdin=s0 len=4
creat: fd=ret name=given mode=1
delete_module: res=ret name=given flags=1
dup: res=ret oldfd=s0
dup2: res=ret oldfd=s0 newfd=s1
dup3: res=ret oldfd=s0 newfd=s1 flags=2
epoll_create: res=ret size=s0
epoll_create1: res=ret flags=0
epoll_wait: res=ret maxevents=s2
eventfd: res=ret initval=0
eventfd2: res=ret flags=1 initval=0
fchmod: res=ret fd=fd mode=1
fchmodat: res=ret dirfd=s0 filename=given mode=2
fchown: res=ret fd=fd uid=1 gid=2
fchownat: res=ret dirfd=s0 pathname=given uid=2 gid=3 flags=4
fcntl: res=ret fd=fd cmd=1 arg=2
finit_module: res=ret fd=fd flags=2
flock: res=ret fd=fd operation=1
fsconfig: res=ret fd=fd cmd=1 aux=s4
futex: res=ret addr=0 op=1 val=2
getegid: egid=ret
geteuid: euid=ret
getgid: gid=ret
getuid: uid=ret
getcwd getresgid getresuid pipe select process_vm_readv process_vm_writev munlockall nanosleep: res=ret
getrlimit setrlimit: res=ret resource=0
getsockopt: res=ret fd=fd level=1 optname=2
setsockopt: res=ret fd=fd level=1 optname=2 optlen=4
init_module: res=ret length=1
inotify_init: res=ret
inotify_init1: res=ret flags=0
io_uring_enter: res=ret fd=fd to_submit=1 min_complete=2 flags=3
io_uring_register: res=ret fd=fd opcode=1 arg=2 nr_args=3
io_uring_setup: res=ret entries=0
ioctl: res=ret fd=fd request=1 argument=2
keyctl: res=ret operation=0 arg2=1 arg3=2 arg4=3 arg5=4
kill: res=ret pid=s0 sig=1
link: res=ret oldpath=given newpath=given2
linkat: res=ret olddir=s0 oldpath=given newdir=s2 newpath=given2 flags=4
listen: res=ret fd=fd backlog=s1
llseek: res=ret fd=fd whence=4
lseek: res=ret fd=fd offset=S1 whence=2
memfd_create: fd=ret name=given flags=1
mkdir: res=ret path=given mode=1
mkdirat: res=ret dirfd=s0 path=given mode=2
mknod: res=ret path=given mode=1 dev=2
mknodat: res=ret dirfd=s0 path=given mode=2 dev=3
mlock munlock: res=ret addr=0 len=1
mlock2: res=ret addr=0 len=1 flags=2
mlockall: res=ret flags=0
mmap: res=ret addr=0 length=1 prot=2 flags=3 fd=fd offset=5
mprotect: res=ret addr=0 length=1 prot=2
munmap: res=ret addr=0 length=1
mount: res=ret dev=given dir=given2 flags=3
newfstatat: res=ret dirfd=s0 path=given flags=3
open: fd=ret name=given flags=1 mode=open_mode
open_by_handle_at: fd=ret mountfd=s0 flags=2 path=real
openat: fd=ret dirfd=s0 name=given flags=2 mode=open_mode
openat2: fd=ret dirfd=s0 name=given flags=2 mode=open_mode resolve=4
pidfd_getfd: fd=ret pid_fd=s0 target_fd=s1 flags=2
pidfd_open: fd=ret pid=s0 flags=1
pipe2: res=ret flags=1
poll: res=ret timeout=s2
ppoll: res=ret
prctl: res=ret option=0 arg2_str=prctl_name arg2_int=prctl_int
pread pwrite preadv pwritev: res=ret data=data fd=fd size=io_size pos=3
prlimit: res=ret pid=s0 resource=1
procexit: status=ret ret=exit_code sig=exit_signal core=exit_core
ptrace: res=ret addr=2 data=3 request=0 pid=s1
quotactl: res=ret special=given id=2
read write readv writev: res=ret data=data fd=fd size=io_size
recv send sendmsg recvmsg recvfrom sendto sendmmsg recvmmsg: res=ret data=data fd=fd size=io_size tuple=tuple
rename: res=ret oldpath=given newpath=given2
renameat: res=ret olddirfd=s0 oldpath=given newdirfd=s2 newpath=given2
renameat2: res=ret olddirfd=s0 oldpath=given newdirfd=s2 newpath=given2 flags=4
seccomp: res=ret op=0 flags=1
semctl: res=ret semid=s0 semnum=s1 cmd=2 val=s3
semget: res=ret key=s0 nsems=s1 semflg=2
semop: res=ret nsops=2 semid=s0
sendfile: res=ret out_fd=s0 in_fd=s1 size=3
setgid: res=ret gid=0
setns: res=ret fd=fd nstype=1
setpgid: res=ret pid=s0 pgid=s1
setregid: res=ret rgid=0 egid=1
setresgid: res=ret rgid=0 egid=1 sgid=2
setresuid: res=ret ruid=0 euid=1 suid=2
setreuid: res=ret ruid=0 euid=1
setsid: res=ret
setuid: res=ret uid=0
shutdown: res=ret fd=fd how=1
signalfd: res=ret fd=s0
signalfd4: res=ret flags=3 fd=s0
socket: fd=ret domain=0 type=1 proto=2 flags=1
socketpair: res=ret domain=0 type=1 proto=2
splice: res=ret fd_in=s0 fd_out=s2 size=4 flags=5
symlink: res=ret target=given linkpath=given2
symlinkat: res=ret target=given linkdirfd=s1 linkpath=given2
tgkill: res=ret pid=s0 tid=s1 sig=2
timerfd_create: res=ret clockid=0 flags=1
tkill: res=ret tid=s0 sig=1
umount: res=ret name=given
umount2: res=ret name=given flags=1
unlinkat: res=ret dirfd=s0 name=given flags=2
unshare: res=ret flags=0
userfaultfd: res=ret flags=0
clone clone3 fork vfork: res=ret exe=exe args=args tid=tid pid=tgid ptid=ppid cwd=cwd fdlimit=fdlimit comm=comm \
 flags=clone_flags uid=euid gid=egid vtid=vtid vpid=vpid pidns_init_start_ts=pidns_start
execve execveat: res=ret exe=exe args=args tid=tid pid=tgid ptid=ppid cwd=cwd fdlimit=fdlimit comm=comm env=env \
 tty=tty vpgid=vpgid loginuid=loginuid flags=exe_flags cap_inheritable=cap_inheritable cap_permitted=cap_permitted \
 cap_effective=cap_effective exe_ino=exe_ino exe_ino_ctime=exe_ctime exe_ino_mtime=exe_mtime uid=euid \
 trusted_exepath=exepath pgid=pgid gid=egid filename=given
"""


def _register(at: int) -> _Source:
    return lambda f: f.reg(at)


def _signed(at: int) -> _Source:
    return lambda f: f.fd_reg(at)


def _signed64(at: int) -> _Source:
    def get(f: Facts) -> Raw:
        value = f.reg(at)
        return value if value is None or value < 1 << 63 else value - (1 << 64)

    return get


def _proc(name: str) -> _Source:
    """Read the process description of an exec or fork record."""

    def get(f: Facts) -> Raw:
        described = f.event.batch.proc_of(f.event.row)
        return None if described is None else int(described[name])

    return get


def _of_process(name: str) -> _Source:
    def get(f: Facts) -> Raw:
        process = f.event.process
        return None if process is None else getattr(process, name)

    return get


def _tuple(f: Facts) -> Raw:
    sock = f.sock()
    if sock is None or f.ret < 0:
        return None
    if not sock.is_ip:
        return f.fd_name()
    if f.name in ("sendto", "sendmsg", "sendmmsg"):
        return f"{ip_text(sock.laddr)}:{sock.lport}->{ip_text(sock.raddr)}:{sock.rport}"
    if f.name in ("recvfrom", "recvmsg", "recvmmsg", "recv"):
        return f"{ip_text(sock.raddr)}:{sock.rport}->{ip_text(sock.laddr)}:{sock.lport}"
    return f.tuple_text(sock)


def _local(f: Facts) -> Raw:
    sock = f.sock()
    if sock is None:
        return None
    return f"{ip_text(sock.laddr)}:{sock.lport}" if sock.is_ip else f.fd_name()


def _remote(f: Facts) -> Raw:
    sock = f.sock()
    if sock is None:
        return None
    return f"{ip_text(sock.raddr)}:{sock.rport}" if sock.is_ip else f.fd_name()


def _prctl_name(f: Facts) -> Raw:
    return f.given() if f.reg(0) == 15 else None


def _prctl_int(f: Facts) -> Raw:
    return 0 if f.reg(0) == 15 else _signed64(1)(f)


def _data(f: Facts) -> Raw:
    return f.data() or b""


def _io_size(f: Facts) -> Raw:
    # The vectored calls are given no total; what was moved is the best there is.
    vectored = f.name.endswith(("v", "msg"))
    return max(f.ret, 0) if vectored else f.reg(2)


def _args(f: Facts) -> Raw:
    """Return the arguments after argv[0] as the kernel lays them out, each with its NUL."""
    if f.kind == Kind.EXEC:
        argv = f.slot(Slot.ARGV).removesuffix(b"\0").split(b"\0")[1:]
        return b"".join(arg + b"\0" for arg in argv)
    process = f.event.process
    if process is None:
        return None
    return b"".join(arg.encode("utf-8", "surrogateescape") + b"\0" for arg in process.args)


def _env(f: Facts) -> Raw:
    raw = f.slot(Slot.ENV)
    return raw + b"\0" if raw else None


def _exe_flags(f: Facts) -> Raw:
    process = f.event.process
    return None if process is None else process.exe_flags & ~ExeFlag.DELETED


def _loginuid(f: Facts) -> Raw:
    process = f.event.process
    if process is None:
        return None
    return -1 if process.loginuid == 0xFFFFFFFF else process.loginuid


_SOURCES: Final[dict[str, _Source]] = {
    "ret": lambda f: f.ret,
    "fd": lambda f: f.fd_num(),
    "given": lambda f: f.given(),
    "given2": lambda f: f.given2(),
    "real": lambda f: f.real(),
    "tuple": _tuple,
    "local": _local,
    "remote": _remote,
    "open_mode": names.open_mode,
    "prctl_name": _prctl_name,
    "prctl_int": _prctl_int,
    "data": _data,
    "io_size": _io_size,
    "args": _args,
    "env": _env,
    "exe_flags": _exe_flags,
    "loginuid": _loginuid,
    "exit_code": lambda f: f.ret >> 8 & 0xFF,
    "exit_signal": lambda f: f.ret & 0x7F,
    "exit_core": lambda f: f.ret >> 7 & 1,
    "tid": lambda f: f.tid,
    "tgid": lambda f: f.tgid,
    "exe": _of_process("exe"),
    "exepath": _of_process("exepath"),
    "cwd": _of_process("cwd"),
    "comm": _of_process("comm"),
    "ppid": _of_process("ppid"),
    "tty": _of_process("tty"),
    "pgid": _of_process("pgid"),
    "vpgid": _of_process("vpgid"),
    "vpid": _of_process("vpid"),
    "exe_ino": _of_process("exe_ino"),
    "exe_ctime": _of_process("exe_ctime_ns"),
    "exe_mtime": _of_process("exe_mtime_ns"),
    "cap_inheritable": _of_process("cap_inheritable"),
    "cap_permitted": _of_process("cap_permitted"),
    "cap_effective": _of_process("cap_effective"),
    "euid": _of_process("uid"),
    "egid": _of_process("gid"),
    "fdlimit": _of_process("fd_limit"),
    "vtid": _proc("vtid"),
    "clone_flags": _proc("clone_flags"),
    "pidns_start": _of_process("pidns_start_ns"),
}


def _source(text: str) -> _Source:
    if text.isdigit():
        return _register(int(text))
    if text[0] in "sS" and text[1:].isdigit():
        return _signed(int(text[1:])) if text[0] == "s" else _signed64(int(text[1:]))
    return _SOURCES[text]


@dataclass(frozen=True, slots=True)
class _Bound:
    """A parameter together with the way to get it; ``get`` is None when the record never carries it."""

    param: Param
    get: _Source | None


def _bind() -> dict[str, tuple[_Bound, ...]]:
    out: dict[str, tuple[_Bound, ...]] = {}
    for line in _TABLE.replace("\\\n", "").strip().splitlines():
        events, _, spec = line.partition(":")
        sources = {name: _source(text) for name, _, text in (word.partition("=") for word in spec.split())}
        for event_name in events.split():
            out[event_name] = tuple(_Bound(param, sources.get(param.name)) for param in PARAMS[event_name])
    for event_name, params in PARAMS.items():
        out.setdefault(event_name, tuple(_Bound(param, None) for param in params))
    return out


_BOUND: Final = _bind()
_BY_NAME: Final = {event: {bound.param.name: bound for bound in params} for event, params in _BOUND.items()}


# Printing.


def _number(value: int, style: str) -> str:
    if style == "x":
        return f"{value & 0xFFFFFFFFFFFFFFFF:X}"
    if style == "o":
        return f"0{value:o}" if value else "0"
    return str(value)


def _printable(raw: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in raw)


def _fd_resolved(f: Facts, value: int, own: bool) -> str:
    if value < 0:
        return "AT_FDCWD" if value == AT_FDCWD else names.errno_name(value)
    if not own or f.fd_kind() is None:
        return ""
    name = f.fd_name()
    return "" if name is None else f"<{_typechar_l4(f)}>{name}"


def _typechar_l4(f: Facts) -> str:
    char = TYPECHARS.get(f.fd_kind() or "", "o")
    sock = f.sock()
    if sock is None or not sock.is_ip or sock.bound_only:
        return char
    return char + {6: "t", 17: "u", 1: "i", 58: "i"}.get(sock.protocol, "")


TYPECHARS: Final = {
    "file": "f",
    "directory": "d",
    "ipv4": "4",
    "ipv6": "6",
    "unix": "u",
    "pipe": "p",
    "event": "e",
    "signalfd": "s",
    "eventpoll": "l",
    "inotify": "i",
    "timerfd": "t",
    "netlink": "n",
    "bpf": "b",
    "userfaultfd": "u",
    "io_uring": "r",
    "memfd": "m",
    "pidfd": "P",
}
"""fd.type to fd.typechar."""

_UNSIGNED_BITS: Final = {"UINT8": 8, "UINT16": 16, "UINT32": 32}


def _own_fd(f: Facts, name: str, value: int) -> bool:
    return value == f.fd_num() and (
        name in ("fd", "dirfd", "out_fd", "fdout", "fd_in", "linkdirfd") or f.call.returns_fd
    )


def _texts(f: Facts, param: Param, raw: Raw) -> tuple[str, str]:
    """Return the plain and the resolved text of a parameter, the second empty when it says no more."""
    kind = param.type
    if isinstance(raw, str):
        if kind in ("FSPATH", "FSRELPATH") and raw and not raw.startswith("/"):
            full = f.path2() if f.call.path2 is not None and raw == f.given2() else f.path()
            return raw, full or ""
        return raw, ""
    if isinstance(raw, bytes):
        return (_printable(raw[:_DATA_SHOWN] if param.name == "data" else raw) if raw else "NULL"), ""
    if raw is None:
        return "NULL" if kind in ("SOCKTUPLE", "SOCKADDR", "BYTEBUF") else "<NA>", ""
    return _number_texts(f, param, raw)


def _number_texts(f: Facts, param: Param, raw: int) -> tuple[str, str]:
    kind = param.type
    if kind.startswith("FLAGS"):
        own, text = _flags(f, param, raw)
        return str(own), text
    if kind.startswith("ENUMFLAGS"):
        own, text = names.decode_enum(f.name, param.name, raw)
        return str(own), text
    if kind == "ERRNO":
        return str(raw), names.errno_name(raw) if raw < 0 else ""
    if kind == "FD":
        return str(raw), _fd_resolved(f, raw, _own_fd(f, param.name, raw))
    if kind == "PID":
        return str(raw), _comm_of(f, raw)
    if kind == "MODE":
        return _number(raw & 0xFFFF, "o"), names.mode_names(raw & 0xFFFF)
    if kind in ("UID", "GID"):
        number = raw & 0xFFFFFFFF
        who = user_name(number) if kind == "UID" else group_name(number)
        return str(raw if raw < 0 else number), who or ""
    if kind == "SIGTYPE":
        return str(raw), names.signal_name(raw)
    if kind in _UNSIGNED_BITS:
        raw &= (1 << _UNSIGNED_BITS[kind]) - 1
    return _number(raw, param.style), ""


def _flags(f: Facts, param: Param, raw: int) -> tuple[int, str]:
    return names.decode_flags(f.name, param.name, raw)


def _comm_of(f: Facts, pid: int) -> str:
    """Return the name of a process we happen to have at hand: the actor, its parent, or a fork's child."""
    process = f.event.process
    if process is None or pid <= 0:
        return ""
    if pid in (process.pid, f.tid) or (f.kind == Kind.FORK and pid == f.ret):
        return process.comm
    parent = process.parent
    return parent.comm if parent is not None and parent.pid == pid else ""


# The fields.


def _bound(f: Facts, arg: str) -> _Bound | None:
    """Find a parameter by its name or its place."""
    if arg.isdigit():
        params = _BOUND.get(f.name, ())
        at = int(arg)
        return params[at] if at < len(params) else None
    return _BY_NAME.get(f.name, {}).get(arg)


def arg_text(event: Event, arg: str | None) -> str | None:
    """Return evt.arg: one parameter as text, resolved where Falco resolves it; None when the event has none."""
    f = facts(event)
    bound = _bound(f, arg) if arg else None
    if bound is None or bound.get is None:
        return None
    raw = bound.get(f)
    if raw is None:
        return None
    plain, resolved = _texts(f, bound.param, raw)
    return resolved or plain


def arg_raw(event: Event, arg: str | None) -> Value:
    """Return evt.rawarg: one parameter as a number, text or bytes; flags in Falco's own numbers."""
    f = facts(event)
    bound = _bound(f, arg) if arg else None
    if bound is None or bound.get is None:
        return None
    raw = bound.get(f)
    if not isinstance(raw, int):
        return raw
    kind = bound.param.type
    if kind.startswith("FLAGS"):
        return _flags(f, bound.param, raw)[0]
    if kind.startswith("ENUMFLAGS"):
        return names.decode_enum(f.name, bound.param.name, raw)[0]
    return raw & ((1 << _UNSIGNED_BITS[kind]) - 1) if kind in _UNSIGNED_BITS else raw


def args_text(event: Event, _: str | None = None) -> str:
    """Return evt.args: all parameters, ``name=value`` or ``name=plain(resolved)``, separated by blanks."""
    f = facts(event)
    parts = []
    for bound in _BOUND.get(f.name, ()):
        plain, resolved = _texts(f, bound.param, bound.get(f) if bound.get is not None else None)
        parts.append(f"{bound.param.name}={plain}({resolved})" if resolved else f"{bound.param.name}={plain}")
    return " ".join(parts)


_NOT_SHOWN: Final = frozenset({"FSPATH", "FSRELPATH", "FD", "ERRNO", "SOCKTUPLE", "SOCKADDR", "BYTEBUF"})
_DESCRIBES_PROCESS: Final = frozenset({"execve", "execveat", "clone", "clone3", "fork", "vfork"})
_SHOWN_NUMBERS: Final = frozenset({"UID", "GID", "PID"})


def shown_params(f: Facts) -> list[str]:
    """Return the parameters that a one-line summary shows beside the subject: flags, modes, signals, ids."""
    out: list[str] = []
    if f.name in _DESCRIBES_PROCESS:
        return out
    for bound in _BOUND.get(f.name, ()):
        param = bound.param
        raw = bound.get(f) if bound.get is not None and param.type not in _NOT_SHOWN else None
        if not isinstance(raw, int):
            continue
        text = _shown(f, param, raw)
        if text:
            out.append(text)
    return out


def _shown(f: Facts, param: Param, raw: int) -> str:
    plain, resolved = _number_texts(f, param, raw)
    if param.type == "MODE" or (param.name == "mode" and param.style == "o"):
        return plain if raw else ""
    if param.type.startswith(("FLAGS", "ENUMFLAGS")):
        return resolved or ("" if plain == "0" else plain)
    if param.type == "SIGTYPE":
        return resolved or plain
    if param.type in _SHOWN_NUMBERS or param.name in ("uid", "gid"):
        return f"{param.name}={resolved or plain}"
    if param.name == "mode":
        return f"0{raw:o}"
    return ""


_ABSPATH_CALLS: Final = frozenset(
    {
        "renameat",
        "renameat2",
        "symlinkat",
        "openat",
        "openat2",
        "open_by_handle_at",
        "linkat",
        "unlinkat",
        "mkdirat",
        "fchmodat",
        "fchownat",
    }
)


def _abspath(event: Event, arg: str | None) -> Value:
    f = facts(event)
    if f.name not in _ABSPATH_CALLS:
        return None
    if f.name == "open_by_handle_at":
        return f.real()
    if f.name == "symlinkat":
        return f.path2()
    return f.path2() if arg == "dst" else f.path()


def has_params(event_name: str) -> bool:
    """Return whether Falco looks into the parameters of an event."""
    return params_of(event_name)[0].name != "ID" if params_of(event_name) else False


add("evt", "evt.args", T.CHARBUF, "all arguments of the event, NAME=VALUE each", args_text)
add(
    "evt",
    "evt.arg",
    T.CHARBUF,
    "one argument as text, by name or by place: evt.arg.flags, evt.arg[0]",
    arg_text,
    arg="required",
)
add(
    "evt",
    "evt.rawarg",
    T.DYN,
    "one argument as the number, text or bytes it is, by name; its type is the argument's",
    arg_raw,
    arg="required",
    no_rhs=True,
    no_transformer=True,
)
add("evt", "evt.info", T.CHARBUF, "the same text as evt.args", args_text)
add(
    "evt",
    "evt.abspath",
    T.CHARBUF,
    "absolute path of a call that starts from a directory fd; .src and .dst pick one of two",
    _abspath,
    arg="required",
)
