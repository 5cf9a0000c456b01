"""The events that Falco knows, and the parameters each one shows, in Falco's order.

Rules written for Falco name events and parameters (``evt.type``, ``evt.arg.NAME``), so both tables follow its schema
4.3.0. Calls that Falco does not look into have no parameters worth naming: it gives them the call's number twice, under
the names ``ID`` and ``nativeID``, and prints none of them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from tuimon.records import Kind
from tuimon.syscalls.numbers import ALIASES, ALL_NAMES, NR_TO_NAME

# events = name:TYPE of each parameter, ":x" for one printed in hexadecimal, ":o" in octal; a line that starts with a
# blank goes on with the one before.
_TABLE = """
accept = fd:FD tuple:SOCKTUPLE queuepct:UINT8 queuelen:UINT32 queuemax:UINT32
accept4 = fd:FD tuple:SOCKTUPLE queuepct:UINT8 queuelen:UINT32 queuemax:UINT32 flags:INT32:x
access = res:ERRNO name:FSPATH mode:FLAGS32
asyncevent = plugin_id:UINT32 name:CHARBUF data:BYTEBUF
bind = res:ERRNO addr:SOCKADDR fd:FD
bpf = fd:FD cmd:ENUMFLAGS32
brk = res:UINT64:x vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 addr:UINT64:x
capset = res:ERRNO cap_inheritable:UINT64:x cap_permitted:UINT64:x cap_effective:UINT64:x
chdir getcwd = res:ERRNO path:CHARBUF
chmod = res:ERRNO filename:FSPATH mode:MODE
chown lchown = res:ERRNO path:FSPATH uid:UINT32 gid:UINT32
chroot lstat lstat64 rmdir stat stat64 unlink = res:ERRNO path:FSPATH
clone clone3 fork vfork = res:PID exe:CHARBUF args:BYTEBUF tid:PID pid:PID ptid:PID cwd:CHARBUF fdlimit:INT64
  pgft_maj:UINT64 pgft_min:UINT64 vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 comm:CHARBUF cgroups:BYTEBUF
  flags:FLAGS32 uid:UINT32 gid:UINT32 vtid:PID vpid:PID pidns_init_start_ts:UINT64
close fchdir fstat getdents getdents64 = res:ERRNO fd:FD
close_range = res:ERRNO first:UINT32 last:UINT32 flags:FLAGS32
connect = res:ERRNO tuple:SOCKTUPLE fd:FD addr:SOCKADDR
container = json:CHARBUF
copy_file_range = res:ERRNO fdout:FD offout:UINT64 fdin:FD offin:UINT64 len:UINT64
cpu_hotplug = cpu:UINT32 action:UINT32
creat = fd:FD name:FSPATH mode:UINT32:o dev:UINT32:x ino:UINT64 creat_flags:FLAGS16
delete_module = res:ERRNO name:CHARBUF flags:FLAGS32
drop = ratio:UINT32
dup = res:FD oldfd:FD
dup2 = res:FD oldfd:FD newfd:FD
dup3 = res:FD oldfd:FD newfd:FD flags:FLAGS32
epoll_create = res:ERRNO size:INT32
epoll_create1 mlockall unshare userfaultfd = res:ERRNO flags:FLAGS32
epoll_wait = res:ERRNO maxevents:ERRNO
eventfd = res:FD initval:UINT64 flags:UINT32:x
eventfd2 = res:FD flags:FLAGS16 initval:UINT64
execve = res:ERRNO exe:CHARBUF args:BYTEBUF tid:PID pid:PID ptid:PID cwd:CHARBUF fdlimit:UINT64 pgft_maj:UINT64
  pgft_min:UINT64 vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 comm:CHARBUF cgroups:BYTEBUF env:BYTEBUF
  tty:UINT32 vpgid:PID loginuid:UID flags:FLAGS32 cap_inheritable:UINT64:x cap_permitted:UINT64:x
  cap_effective:UINT64:x exe_ino:UINT64 exe_ino_ctime:ABSTIME exe_ino_mtime:ABSTIME uid:UID
  trusted_exepath:FSPATH pgid:PID gid:GID filename:FSPATH
execveat = res:ERRNO exe:CHARBUF args:BYTEBUF tid:PID pid:PID ptid:PID cwd:CHARBUF fdlimit:UINT64
  pgft_maj:UINT64 pgft_min:UINT64 vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 comm:CHARBUF cgroups:BYTEBUF
  env:BYTEBUF tty:UINT32 vpgid:PID loginuid:UID flags:FLAGS32 cap_inheritable:UINT64:x cap_permitted:UINT64:x
  cap_effective:UINT64:x exe_ino:UINT64 exe_ino_ctime:ABSTIME exe_ino_mtime:ABSTIME uid:UID
  trusted_exepath:FSPATH pgid:PID gid:GID
fchmod = res:ERRNO fd:FD mode:MODE
fchmodat = res:ERRNO dirfd:FD filename:FSRELPATH mode:MODE
fchown = res:ERRNO fd:FD uid:UINT32 gid:UINT32
fchownat = res:ERRNO dirfd:FD pathname:FSRELPATH uid:UINT32 gid:UINT32 flags:FLAGS32
fcntl = res:FD fd:FD cmd:ENUMFLAGS8 arg:UINT64:x
finit_module = res:ERRNO fd:FD uargs:CHARBUF flags:FLAGS32
flock = res:ERRNO fd:FD operation:FLAGS32
fsconfig = res:ERRNO fd:FD cmd:ENUMFLAGS32 key:CHARBUF value_bytebuf:BYTEBUF value_charbuf:CHARBUF aux:INT32
fstat64 munlockall select = res:ERRNO
futex = res:ERRNO addr:UINT64:x op:FLAGS16 val:UINT64
getegid = egid:GID
geteuid = euid:UID
getgid = gid:GID
getpeername getsockname =
getresgid setresgid = res:ERRNO rgid:GID egid:GID sgid:GID
getresuid setresuid = res:ERRNO ruid:UID euid:UID suid:UID
getrlimit setrlimit = res:ERRNO cur:INT64 max:INT64 resource:ENUMFLAGS8
getsockopt setsockopt = res:ERRNO fd:FD level:ENUMFLAGS8 optname:ENUMFLAGS8 val:DYNAMIC optlen:UINT32
getuid = uid:UID
groupadded groupdeleted = gid:UINT32 name:CHARBUF container_id:CHARBUF
infra = source:CHARBUF name:CHARBUF description:CHARBUF scope:CHARBUF
init_module = res:ERRNO img:BYTEBUF length:UINT64 uargs:CHARBUF
inotify_init = res:FD flags:UINT8:x
inotify_init1 = res:FD flags:FLAGS16
io_uring_enter = res:ERRNO fd:FD to_submit:UINT32 min_complete:UINT32 flags:FLAGS32 sig:SIGSET
io_uring_register = res:ERRNO fd:FD opcode:ENUMFLAGS16 arg:UINT64:x nr_args:UINT32
io_uring_setup = res:ERRNO entries:UINT32 sq_entries:UINT32 cq_entries:UINT32 flags:FLAGS32 sq_thread_cpu:UINT32
  sq_thread_idle:UINT32 features:FLAGS32
ioctl = res:ERRNO fd:FD request:UINT64:x argument:UINT64:x
keyctl = res:ERRNO operation:ENUMFLAGS32 arg2:DYNAMIC arg3:DYNAMIC arg4:DYNAMIC arg5:DYNAMIC
kill = res:ERRNO pid:PID sig:SIGTYPE
link rename = res:ERRNO oldpath:FSPATH newpath:FSPATH
linkat = res:ERRNO olddir:FD oldpath:FSRELPATH newdir:FD newpath:FSRELPATH flags:FLAGS32
listen = res:ERRNO fd:FD backlog:INT32
llseek lseek = res:ERRNO fd:FD offset:UINT64 whence:ENUMFLAGS8
memfd_create = fd:FD name:CHARBUF flags:FLAGS32
mkdir = res:ERRNO path:FSPATH mode:UINT32:x
mkdirat = res:ERRNO dirfd:FD path:FSRELPATH mode:UINT32:x
mknod = res:ERRNO path:FSPATH mode:MODE dev:UINT32
mknodat = res:ERRNO dirfd:FD path:FSRELPATH mode:MODE dev:UINT32
mlock munlock = res:ERRNO addr:UINT64:x len:UINT64
mlock2 = res:ERRNO addr:UINT64:x len:UINT64 flags:FLAGS32
mmap = res:ERRNO vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 addr:UINT64:x length:UINT64 prot:FLAGS32
  flags:FLAGS32 fd:FD offset:UINT64
mmap2 = res:ERRNO vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 addr:UINT64:x length:UINT64 prot:FLAGS32
  flags:FLAGS32 fd:FD pgoffset:UINT64
mount = res:ERRNO dev:CHARBUF dir:FSPATH type:CHARBUF flags:FLAGS32
mprotect = res:ERRNO addr:UINT64:x length:UINT64 prot:FLAGS32
munmap = res:ERRNO vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32 addr:UINT64:x length:UINT64
nanosleep = res:ERRNO interval:RELTIME
newfstatat = res:ERRNO dirfd:FD path:FSRELPATH flags:FLAGS32
notification = id:CHARBUF desc:CHARBUF
open = fd:FD name:FSPATH flags:FLAGS32 mode:UINT32:o dev:UINT32:x ino:UINT64
open_by_handle_at = fd:FD mountfd:FD flags:FLAGS32 path:FSPATH dev:UINT32:x ino:UINT64
openat = fd:FD dirfd:FD name:FSRELPATH flags:FLAGS32 mode:UINT32:o dev:UINT32:x ino:UINT64
openat2 = fd:FD dirfd:FD name:FSRELPATH flags:FLAGS32 mode:UINT32:o resolve:FLAGS32 dev:UINT32:x ino:UINT64
page_fault = addr:UINT64:x ip:UINT64:x error:FLAGS32
pidfd_getfd = fd:FD pid_fd:FD target_fd:FD flags:UINT32:x
pidfd_open = fd:FD pid:PID flags:FLAGS32
pipe = res:ERRNO fd1:FD fd2:FD ino:UINT64
pipe2 = res:ERRNO fd1:FD fd2:FD ino:UINT64 flags:FLAGS32
pluginevent = plugin_id:UINT32 event_data:BYTEBUF
poll = res:ERRNO fds:FDLIST timeout:INT64
ppoll = res:ERRNO fds:FDLIST timeout:RELTIME sigmask:SIGSET
prctl = res:ERRNO option:ENUMFLAGS32 arg2_str:CHARBUF arg2_int:INT64
pread pwrite pwritev = res:ERRNO data:BYTEBUF fd:FD size:UINT32 pos:UINT64
preadv = res:ERRNO size:UINT32 data:BYTEBUF fd:FD pos:UINT64
prlimit = res:ERRNO newcur:INT64 newmax:INT64 oldcur:INT64 oldmax:INT64 pid:INT64 resource:ENUMFLAGS8
process_vm_readv process_vm_writev = res:INT64 pid:PID data:BYTEBUF
procexit = status:ERRNO ret:ERRNO sig:SIGTYPE core:UINT8 reaper_tid:PID
procinfo = cpu_usr:UINT64 cpu_sys:UINT64
ptrace = res:ERRNO addr:DYNAMIC:x data:DYNAMIC:x request:ENUMFLAGS16 pid:PID
quotactl = res:ERRNO special:CHARBUF quotafilepath:CHARBUF dqb_bhardlimit:UINT64 dqb_bsoftlimit:UINT64
  dqb_curspace:UINT64 dqb_ihardlimit:UINT64 dqb_isoftlimit:UINT64 dqb_btime:RELTIME dqb_itime:RELTIME
  dqi_bgrace:RELTIME dqi_igrace:RELTIME dqi_flags:FLAGS8 quota_fmt_out:FLAGS8 cmd:FLAGS16 type:FLAGS8 id:UINT32
  quota_fmt:FLAGS8
read write writev = res:ERRNO data:BYTEBUF fd:FD size:UINT32
readv = res:ERRNO size:UINT32 data:BYTEBUF fd:FD
recv send sendmsg sendto = res:ERRNO data:BYTEBUF fd:FD size:UINT32 tuple:SOCKTUPLE
recvfrom = res:ERRNO data:BYTEBUF tuple:SOCKTUPLE fd:FD size:UINT32
recvmmsg = res:ERRNO fd:FD size:UINT32 data:BYTEBUF tuple:SOCKTUPLE msgcontrol:BYTEBUF
recvmsg = res:ERRNO size:UINT32 data:BYTEBUF tuple:SOCKTUPLE msgcontrol:BYTEBUF fd:FD
renameat = res:ERRNO olddirfd:FD oldpath:FSRELPATH newdirfd:FD newpath:FSRELPATH
renameat2 = res:ERRNO olddirfd:FD oldpath:FSRELPATH newdirfd:FD newpath:FSRELPATH flags:FLAGS32
scapevent = event_type:UINT32 event_data:UINT64
seccomp = res:ERRNO op:UINT64 flags:UINT64:x
semctl = res:ERRNO semid:INT32 semnum:INT32 cmd:FLAGS16 val:INT32
semget = res:ERRNO key:INT32:x nsems:INT32 semflg:FLAGS32
semop = res:ERRNO nsops:UINT32 sem_num_0:UINT16 sem_op_0:INT16 sem_flg_0:FLAGS16 sem_num_1:UINT16 sem_op_1:INT16
  sem_flg_1:FLAGS16 semid:INT32
sendfile = res:ERRNO offset:UINT64 out_fd:FD in_fd:FD size:UINT64
sendmmsg = res:ERRNO fd:FD size:UINT32 data:BYTEBUF tuple:SOCKTUPLE
setgid = res:ERRNO gid:GID
setns = res:ERRNO fd:FD nstype:FLAGS32
setpgid = res:ERRNO pid:PID pgid:PID
setregid = res:ERRNO rgid:UID egid:UID
setreuid = res:ERRNO ruid:UID euid:UID
setsid = res:PID
setuid = res:ERRNO uid:UID
shutdown = res:ERRNO fd:FD how:ENUMFLAGS8
signaldeliver = spid:PID dpid:PID sig:SIGTYPE
signalfd = res:FD fd:FD mask:UINT32:x flags:UINT8:x
signalfd4 = res:FD flags:FLAGS16 fd:FD mask:UINT32:x
socket = fd:FD domain:ENUMFLAGS32 type:UINT32 proto:UINT32 flags:FLAGS32
socketpair = res:ERRNO fd1:FD fd2:FD source:UINT64:x peer:UINT64:x domain:ENUMFLAGS32 type:UINT32 proto:UINT32
splice = res:ERRNO fd_in:FD fd_out:FD size:UINT64 flags:FLAGS32
switch = next:PID pgft_maj:UINT64 pgft_min:UINT64 vm_size:UINT32 vm_rss:UINT32 vm_swap:UINT32
symlink = res:ERRNO target:CHARBUF linkpath:FSPATH
symlinkat = res:ERRNO target:CHARBUF linkdirfd:FD linkpath:FSRELPATH
tgkill = res:ERRNO pid:PID tid:PID sig:SIGTYPE
timerfd_create = res:FD clockid:UINT8 flags:UINT8:x
tkill = res:ERRNO tid:PID sig:SIGTYPE
umount = res:ERRNO name:FSPATH
umount2 = res:ERRNO name:FSPATH flags:FLAGS32
unlinkat = res:ERRNO dirfd:FD name:FSRELPATH flags:FLAGS32
useradded userdeleted = uid:UINT32 gid:UINT32 name:CHARBUF home:CHARBUF shell:CHARBUF container_id:CHARBUF
"""

# Names of other architectures' calls, and of old events: legal in rules, never seen here.
_ELSEWHERE = """
    _newselect fstatat64 fstatfs64 multiplexer oldfstat oldlstat oldolduname oldstat olduname pciconfig_iobase
    pciconfig_read pciconfig_write riscv_flush_icache riscv_hwprobe rtas s390_guarded_storage s390_pci_mmio_read
    s390_pci_mmio_write s390_runtime_instr s390_sthyi sigaction sigpending sigprocmask sigreturn sigsuspend spu_create
    spu_run statfs64 subpage_prot swapcontext switch_endian sync_file_range2 sys_debug_setcontext timerfd waitpid
"""

_NOT_SYSCALLS = """
    asyncevent container cpu_hotplug drop groupadded groupdeleted infra notification page_fault pluginevent procexit
    procinfo scapevent signaldeliver switch useradded userdeleted
"""

NOT_SYSCALLS: Final = frozenset(_NOT_SYSCALLS.split())
"""Events that no system call makes: tracepoints and Falco's own."""


class Param(NamedTuple):
    """One parameter of an event."""

    name: str
    type: str
    """Falco's type: ERRNO, FD, FSPATH, FLAGS32, UINT64, ..."""
    style: str
    """How a number is printed: ``d``, ``x`` (upper case, no prefix) or ``o`` (with a leading 0)."""


def _param(text: str) -> Param:
    name, kind, *style = text.split(":")
    return Param(name, kind, style[0] if style else "d")


def _params() -> dict[str, tuple[Param, ...]]:
    out: dict[str, tuple[Param, ...]] = {}
    for line in _TABLE.strip().replace("\n ", "").splitlines():
        names, _, spec = line.partition(" =")
        params = tuple(_param(text) for text in spec.split())
        out.update(dict.fromkeys(names.split(), params))
    return out


PARAMS: Final[Mapping[str, tuple[Param, ...]]] = MappingProxyType(_params())
"""Event name to its parameters; an event that is not here has only ID and nativeID."""

_GENERIC = (Param("ID", "SYSCALLID", "d"), Param("nativeID", "UINT16", "d"))

EVENT_NAMES: Final = (
    (ALL_NAMES - ALIASES.keys()) | frozenset(ALIASES) | NOT_SYSCALLS | PARAMS.keys() | frozenset(_ELSEWHERE.split())
)
"""Every name ``evt.type`` may be compared with, the kernel's own names of renamed calls included."""

PARAM_NAMES: Final = frozenset(param.name for params in PARAMS.values() for param in params) | {"ID", "nativeID"}
"""Every parameter name that some event has."""


def params_of(name: str) -> tuple[Param, ...]:
    """Return the parameters of an event with the way each is printed."""
    return PARAMS.get(ALIASES.get(name, name), _GENERIC)


def event_params(name: str) -> tuple[tuple[str, str], ...]:
    """Return (name, type) of the parameters of an event, in Falco's order."""
    return tuple((param.name, param.type) for param in params_of(name))


def param_types(param_name: str) -> frozenset[str]:
    """Return the types a parameter name has over all events; empty when no event has it."""
    if param_name not in PARAM_NAMES:
        return frozenset()
    pairs = [param for params in (*PARAMS.values(), _GENERIC) for param in params]
    return frozenset(param.type for param in pairs if param.name == param_name)


def event_name(kind: int, nr: int) -> str:
    """Return ``evt.type`` of a record: the call's name, ``procexit`` for the end of a process."""
    if kind == Kind.EXIT:
        return "procexit"
    if kind == Kind.HEARTBEAT:
        return "heartbeat"
    return NR_TO_NAME.get(nr, "unknown")
