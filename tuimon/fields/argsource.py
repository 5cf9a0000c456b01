"""Where the value of each parameter of an event lies in its record: one table, and the ways it names.

Raw values only: numbers as the kernel has them, text, bytes. How they are printed is told in evtarg.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from tuimon.events import decode
from tuimon.fields import argresult as result
from tuimon.fields import flags as names
from tuimon.fields.argresult import Raw, Source, number_at
from tuimon.fields.facts import Facts
from tuimon.fields.sock import ip_text
from tuimon.records import ExeFlag, Kind, Slot
from tuimon.syscalls import PARAMS, Param

# Where the parameters come from: a register (0 to 5, sN to read it as signed, rN when a result stands there: see
# bpf/results.h; R: only when the call succeeded), a number of what an argument points to (cOFFSET and its struct
# format; C: only when the call succeeded), or one of the named sources below.
# Parameters that are not named here are absent: the record does not carry them.
_TABLE = """
accept: fd=ret tuple=tuple queuepct=queue_pct queuelen=r4 queuemax=r5
accept4: fd=ret tuple=tuple queuepct=queue_pct queuelen=r4 queuemax=r5 flags=3
access: res=ret name=given mode=1
bind: res=ret addr=local fd=fd
bpf: fd=ret cmd=0
brk: res=ret vm_size=mem0 vm_rss=mem4 vm_swap=mem8 addr=0
capset: res=ret cap_inheritable=cap8 cap_permitted=cap4 cap_effective=cap0
chdir chroot rmdir unlink stat lstat: res=ret path=given
chmod: res=ret filename=given mode=1
chown lchown: res=ret path=given uid=1 gid=2
close fchdir fstat getdents getdents64: res=ret fd=fd
close_range: res=ret first=0 last=1 flags=2
connect: res=ret tuple=tuple fd=fd addr=remote
copy_file_range: res=ret fdout=s2 offout=r3 fdin=s0 offin=r1 len=4
creat: fd=ret name=given mode=1 dev=dev ino=ino creat_flags=creat_flags
delete_module: res=ret name=given flags=1
dup: res=ret oldfd=s0
dup2: res=ret oldfd=s0 newfd=s1
dup3: res=ret oldfd=s0 newfd=s1 flags=2
epoll_create: res=ret size=s0
epoll_create1: res=ret flags=0
epoll_wait: res=ret maxevents=s2
eventfd: res=ret initval=0 flags=none
eventfd2: res=ret flags=1 initval=0
fchmod: res=ret fd=fd mode=1
fchmodat: res=ret dirfd=s0 filename=given mode=2
fchown: res=ret fd=fd uid=1 gid=2
fchownat: res=ret dirfd=s0 pathname=given uid=2 gid=3 flags=4
fcntl: res=ret fd=fd cmd=1 arg=2
finit_module: res=ret fd=fd uargs=string flags=2
flock: res=ret fd=fd operation=1
fsconfig: res=ret fd=fd cmd=1 key=string value_bytebuf=config_bytes value_charbuf=config_text aux=s4
futex: res=ret addr=0 op=1 val=2
getegid: egid=ret
geteuid: euid=ret
getgid: gid=ret
getuid: uid=ret
getcwd: res=ret path=got_given
getresgid: res=ret rgid=R3 egid=R4 sgid=R5
getresuid: res=ret ruid=R3 euid=R4 suid=R5
select munlockall: res=ret
nanosleep: res=ret interval=timespec
pipe: res=ret fd1=C0i fd2=C4i ino=R5
process_vm_readv process_vm_writev: res=ret pid=s0 data=data
getrlimit: res=ret cur=C0q max=C8q resource=0
setrlimit: res=ret cur=c0q max=c8q resource=0
getsockopt: res=ret fd=fd level=1 optname=2 val=optval optlen=R5
setsockopt: res=ret fd=fd level=1 optname=2 val=optval optlen=4
init_module: res=ret img=image length=1 uargs=string
inotify_init: res=ret flags=none
inotify_init1: res=ret flags=0
io_uring_enter: res=ret fd=fd to_submit=1 min_complete=2 flags=3 sig=r5
io_uring_register: res=ret fd=fd opcode=1 arg=2 nr_args=3
io_uring_setup: res=ret entries=0 sq_entries=C0I cq_entries=C4I flags=c8I sq_thread_cpu=c12I \
 sq_thread_idle=c16I features=C20I
ioctl: res=ret fd=fd request=1 argument=2
keyctl: res=ret operation=0 arg2=1 arg3=2 arg4=3 arg5=4
kill: res=ret pid=s0 sig=1
link: res=ret oldpath=given newpath=given2
linkat: res=ret olddir=s0 oldpath=given newdir=s2 newpath=given2 flags=4
listen: res=ret fd=fd backlog=s1
llseek: res=ret fd=fd offset=offset_halves whence=4
lseek: res=ret fd=fd offset=S1 whence=2
memfd_create: fd=ret name=given flags=1
mkdir: res=ret path=given mode=1
mkdirat: res=ret dirfd=s0 path=given mode=2
mknod: res=ret path=given mode=1 dev=2
mknodat: res=ret dirfd=s0 path=given mode=2 dev=3
mlock munlock: res=ret addr=0 len=1
mlock2: res=ret addr=0 len=1 flags=2
mlockall: res=ret flags=0
mmap: res=ret vm_size=mem0 vm_rss=mem4 vm_swap=mem8 addr=0 length=1 prot=2 flags=3 fd=fd offset=5
mprotect: res=ret addr=0 length=1 prot=2
munmap: res=ret vm_size=mem0 vm_rss=mem4 vm_swap=mem8 addr=0 length=1
mount: res=ret dev=given dir=given2 type=string flags=3
newfstatat: res=ret dirfd=s0 path=given flags=3
open: fd=ret name=given flags=1 mode=open_mode dev=dev ino=ino
open_by_handle_at: fd=ret mountfd=s0 flags=2 path=real dev=dev ino=ino
openat: fd=ret dirfd=s0 name=given flags=2 mode=open_mode dev=dev ino=ino
openat2: fd=ret dirfd=s0 name=given flags=2 mode=open_mode resolve=4 dev=dev ino=ino
pidfd_getfd: fd=ret pid_fd=s0 target_fd=s1 flags=2
pidfd_open: fd=ret pid=s0 flags=1
pipe2: res=ret fd1=C0i fd2=C4i ino=R5 flags=1
poll: res=ret fds=fds timeout=s2
ppoll: res=ret fds=fds sigmask=r5
prctl: res=ret option=0 arg2_str=prctl_name arg2_int=prctl_int
pread pwrite preadv pwritev: res=ret data=data fd=fd size=io_size pos=3
prlimit: res=ret newcur=new0 newmax=new8 oldcur=old0 oldmax=old8 pid=s0 resource=1
procexit: status=ret ret=exit_code sig=exit_signal core=exit_core
ptrace: res=ret addr=2 data=3 request=0 pid=s1
quotactl: res=ret special=given quotafilepath=quota_path dqb_bhardlimit=quota0Q dqb_bsoftlimit=quota8Q \
 dqb_curspace=quota16Q dqb_ihardlimit=quota24Q dqb_isoftlimit=quota32Q dqb_btime=quota48Q dqb_itime=quota56Q \
 dqi_bgrace=info0Q dqi_igrace=info8Q dqi_flags=info16I quota_fmt_out=quota_format_out cmd=quota_cmd type=quota_type \
 id=2 quota_fmt=quota_format
read write readv writev: res=ret data=data fd=fd size=io_size
recv send sendmsg recvfrom sendto sendmmsg: res=ret data=data fd=fd size=io_size tuple=tuple
recvmsg recvmmsg: res=ret data=data fd=fd size=io_size tuple=tuple msgcontrol=control
rename: res=ret oldpath=given newpath=given2
renameat: res=ret olddirfd=s0 oldpath=given newdirfd=s2 newpath=given2
renameat2: res=ret olddirfd=s0 oldpath=given newdirfd=s2 newpath=given2 flags=4
seccomp: res=ret op=0 flags=1
semctl: res=ret semid=s0 semnum=s1 cmd=2 val=s3
semget: res=ret key=s0 nsems=s1 semflg=2
semop: res=ret nsops=2 sem_num_0=sem0H sem_op_0=sem2h sem_flg_0=sem4H sem_num_1=sem6H sem_op_1=sem8h \
 sem_flg_1=sem10H semid=s0
sendfile: res=ret offset=C0Q out_fd=s0 in_fd=s1 size=3
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
signalfd: res=ret fd=s0 mask=r5 flags=none
signalfd4: res=ret flags=3 fd=s0 mask=r5
socket: fd=ret domain=0 type=1 proto=2 flags=1
socketpair: res=ret fd1=C0i fd2=C4i domain=0 type=1 proto=2
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
clone clone3 fork vfork: res=ret exe=exe args=args tid=tid pid=tgid ptid=ppid cwd=cwd fdlimit=fdlimit pgft_maj=majflt \
 pgft_min=minflt vm_size=vm_kb vm_rss=rss_kb vm_swap=swap_kb comm=comm flags=clone_flags uid=euid gid=egid \
 vtid=vtid vpid=vpid pidns_init_start_ts=pidns_start
execve execveat: res=ret exe=exe args=args tid=tid pid=tgid ptid=ppid cwd=cwd fdlimit=fdlimit pgft_maj=majflt \
 pgft_min=minflt vm_size=vm_kb vm_rss=rss_kb vm_swap=swap_kb comm=comm env=env \
 tty=tty vpgid=vpgid loginuid=loginuid flags=exe_flags cap_inheritable=cap_inheritable cap_permitted=cap_permitted \
 cap_effective=cap_effective exe_ino=exe_ino exe_ino_ctime=exe_ctime exe_ino_mtime=exe_mtime uid=euid \
 trusted_exepath=exepath pgid=pgid gid=egid filename=given
"""


def _register(at: int) -> Source:
    return lambda f: f.reg(at)


def _int_register(at: int) -> Source:
    """Read an int: the kernel looks at the lower half of the register, whatever a program leaves in the upper one."""

    def get(f: Facts) -> Raw:
        value = f.reg(at)
        return None if value is None else value & 0xFFFFFFFF

    return get


def _signed(at: int) -> Source:
    return lambda f: f.fd_reg(at)


def _signed64(at: int) -> Source:
    def get(f: Facts) -> Raw:
        value = f.reg(at)
        return value if value is None or value < 1 << 63 else value - (1 << 64)

    return get


def _copied(offset: int, shape: str, *, must_succeed: bool) -> Source:
    """Read a number of the struct that an argument points to."""

    def get(f: Facts) -> Raw:
        return None if must_succeed and f.ret < 0 else number_at(f.copied(), offset, shape)

    return get


def _proc(name: str) -> Source:
    """Read the process description of an exec or fork record."""

    def get(f: Facts) -> Raw:
        described = f.event.batch.proc_of(f.event.row)
        return None if described is None else int(described[name])

    return get


def _of_process(name: str) -> Source:
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
    # The name that the thread had when the call returned is the one it was given, cut as the kernel cuts it.
    return f.event.comm if f.reg(0) == 15 and f.ret >= 0 else None


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
        return (f.slot(Slot.ARGV).removesuffix(b"\0") + b"\0").partition(b"\0")[2]
    process = f.event.process
    if process is None:
        return None
    return "\0".join((*process.args, "")).encode("utf-8", "surrogateescape")


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


def _got_given(f: Facts) -> Raw:
    return f.given() if f.ret >= 0 else None


def _string(f: Facts) -> Raw:
    raw = f.copied()
    return decode(raw) if raw else None


def _timespec(f: Facts) -> Raw:
    seconds, rest = number_at(f.copied(), 0, "q"), number_at(f.copied(), 8, "q")
    return None if seconds is None or rest is None else seconds * 1_000_000_000 + rest


def _option_value(f: Facts) -> Raw:
    """Return an option of a socket: a number when it is as long as an int, else its bytes."""
    raw = f.copied()
    if not raw or (f.ret < 0 and f.name == "getsockopt"):
        return None
    return number_at(raw, 0, "i") if len(raw) == 4 else raw


def _polled(f: Facts) -> Raw:
    """Return FD:EVENTS of each fd given to poll, the events that came in hexadecimal."""
    if f.polled() is None:
        return None
    raw = f.copied()
    return " ".join(f"{fd}:{came:x}" for fd, _, came in struct.iter_unpack("<iHH", raw[: len(raw) & ~7]))


def _capability(offset: int) -> Source:
    """Join the two halves of a set of capabilities given to capset(2)."""

    def get(f: Facts) -> Raw:
        low, high = (number_at(f.copied(), at, "I") for at in (offset, offset + 12))
        return None if low is None else low | (high or 0) << 32

    return get


def _new_limit(offset: int) -> Source:
    """Read the limit given to prlimit; Falco shows 0 for none."""
    return lambda f: number_at(f.slot(Slot.SOCK), offset, "q") or 0 if f.event.ext is not None else None


def _old_limit(offset: int) -> Source:
    return lambda f: number_at(f.slot(Slot.GIVEN2), offset, "q") or 0 if f.event.ext is not None else None


def _semaphore(offset: int, shape: str) -> Source:
    """Read one of the first two operations of semop; Falco shows 0 for one that is not there."""

    def get(f: Facts) -> Raw:
        raw = f.copied()
        count = (f.reg(2) or 0) if raw else 0
        return (number_at(raw, offset, shape) if offset < 6 * count else 0) if raw else None

    return get


_SOURCES: Final[dict[str, Source]] = {
    "ret": lambda f: f.ret,
    "fd": lambda f: f.fd_num(),
    "given": lambda f: f.given(),
    "given2": lambda f: f.given2(),
    "real": lambda f: f.real(),
    "tuple": _tuple,
    "quota_cmd": result.quota_command,
    "quota_type": result.quota_type,
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
    "got_given": _got_given,
    "string": _string,
    "timespec": _timespec,
    "optval": _option_value,
    "fds": _polled,
    **{f"cap{offset}": _capability(offset) for offset in (0, 4, 8)},
    **{f"new{offset}": _new_limit(offset) for offset in (0, 8)},
    **{f"old{offset}": _old_limit(offset) for offset in (0, 8)},
    **{
        f"sem{offset}{shape}": _semaphore(offset, shape)
        for offset, shape in ((0, "H"), (2, "h"), (4, "H"), (6, "H"), (8, "h"), (10, "H"))
    },
    "dev": lambda f: _of_file(f, "dev"),
    "ino": lambda f: _of_file(f, "ino"),
    "creat_flags": lambda f: _of_file(f, "flags"),
    "majflt": _proc("major_faults"),
    "minflt": _proc("minor_faults"),
    "vm_kb": result.described_kb("vm_pages"),
    "rss_kb": result.described_kb("rss_pages"),
    "swap_kb": result.described_kb("swap_pages"),
    "none": lambda _: 0,
    "queue_pct": result.queue_pct,
    "control": lambda f: f.slot(Slot.BASE) or None,
    "image": lambda f: f.slot(Slot.GIVEN2) or None,
    "config_bytes": result.config_bytes,
    "config_text": result.config_text,
    "offset_halves": result.offset_halves,
    "quota_path": result.quota_path,
    "quota_format": result.quota_format,
    "quota_format_out": result.quota_format_out,
    **{f"mem{offset}": result.memory(offset) for offset in (0, 4, 8)},
    **{f"quota{offset}Q": result.quota(offset) for offset in (0, 8, 16, 24, 32, 48, 56)},
    **{f"info{offset}{shape}": result.quota_info(offset, shape) for offset, shape in ((0, "Q"), (8, "Q"), (16, "I"))},
    "vtid": _proc("vtid"),
    "clone_flags": _proc("clone_flags"),
    "pidns_start": _of_process("pidns_start_ns"),
}


def _of_file(f: Facts, member: str) -> Raw:
    """Return a member of the opened file; Falco shows 0 for what a failed call did not open."""
    file = f.file()
    if file is None:
        return 0 if f.ret < 0 else None
    return int(getattr(file, member))


_INTS: Final = ("FLAGS", "ENUMFLAGS", "SIGTYPE")
LONGS: Final = frozenset({("ptrace", "request")})
"""Of those types the arguments of which the kernel looks at all 64 bits."""


def _source(text: str, event_name: str, param: Param) -> Source:
    if text.isdigit():
        is_int = param.type.startswith(_INTS) and (event_name, param.name) not in LONGS
        return _int_register(int(text)) if is_int else _register(int(text))
    if text[0] in "cC" and text[1:-1].isdigit():
        return _copied(int(text[1:-1]), text[-1], must_succeed=text[0] == "C")
    if text[0] in "rR" and text[1:].isdigit():
        return result.result(int(text[1:]), must_succeed=text[0] == "R")
    if text[0] in "sS" and text[1:].isdigit():
        return _signed(int(text[1:])) if text[0] == "s" else _signed64(int(text[1:]))
    return _SOURCES[text]


@dataclass(frozen=True, slots=True)
class Bound:
    """A parameter together with the way to get it; ``get`` is None when the record never carries it."""

    param: Param
    get: Source | None
    source: str = ""
    """The table's word for where it comes from; empty when the record never carries it."""


def _bound_to(event_name: str, param: Param, text: str) -> Bound:
    return Bound(param, _source(text, event_name, param) if text else None, text)


def _bind() -> dict[str, tuple[Bound, ...]]:
    out: dict[str, tuple[Bound, ...]] = {}
    for line in _TABLE.replace("\\\n", "").strip().splitlines():
        events, _, spec = line.partition(":")
        texts = {name: text for name, _, text in (word.partition("=") for word in spec.split())}
        for event_name in events.split():
            out[event_name] = tuple(
                _bound_to(event_name, param, texts.get(param.name, "")) for param in PARAMS[event_name]
            )
    for event_name, params in PARAMS.items():
        out.setdefault(event_name, tuple(Bound(param, None) for param in params))
    return out


BOUND: Final = _bind()
"""Event name to its parameters, in Falco's order."""
FILLED: Final = frozenset(
    text
    for params in BOUND.values()
    for place, bound in enumerate(params)
    for text in (bound.param.name, str(place))
    if bound.get is not None
)
"""Names and places of parameters that some event has a value for; the others no rule can ever see."""
BOUND_BY_NAME: Final = {event: {bound.param.name: bound for bound in params} for event, params in BOUND.items()}
"""Event name to parameter name to the same."""


def bound_of(name: str, arg: str) -> Bound | None:
    """Return a parameter of a type of event by its name or its place, None when there is none."""
    if not arg.isdigit():
        return BOUND_BY_NAME.get(name, {}).get(arg)
    params = BOUND.get(name, ())
    return params[int(arg)] if int(arg) < len(params) else None
