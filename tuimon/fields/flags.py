"""Numbers of the kernel's interface to names, printed in Falco's order.

Falco gives some flags numbers of its own (``flags=4097(O_RDONLY|O_CLOEXEC)``); rules that compare ``evt.rawarg.flags``
count on them. A table is therefore a tuple of (name, kernel bits, Falco's bits), in the order in which the names are
printed: a name is printed when all its bits are set and not yet printed by an earlier name, a name without bits only
when no bit is set at all.

Sources: the kernel's uapi headers (fcntl.h, sched.h, mman.h, mount.h, stat.h, bpf.h, ptrace.h, prctl.h, ...), names and
order as in Falco's event schema 4.3.0.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tuimon.records import FileFlag

if TYPE_CHECKING:
    from tuimon.fields.facts import Facts

Row = tuple[str, int, int]
Table = tuple[Row, ...]


# Python prefers the younger names of three numbers that have two.
_ERRNO_NAMES: Final = {
    **errno.errorcode,
    errno.EAGAIN: "EAGAIN",
    errno.EDEADLK: "EDEADLK",
    errno.EOPNOTSUPP: "EOPNOTSUPP",
}


def errno_name(ret: int) -> str:
    """Return the name of a negative return value, empty when it has none."""
    return _ERRNO_NAMES.get(-ret, "")


def signal_names(mask: int) -> str:
    """Return the names of a set of signals, signal 1 in its lowest bit, joined by commas; empty for none."""
    return ",".join(signal_name(at + 1) or str(at + 1) for at in range(64) if mask >> at & 1)


def signal_name(number: int) -> str:
    """Return SIGKILL for 9; an empty text when the number is no signal."""
    if number in _SIGNALS:
        return _SIGNALS[number]
    return f"SIGRT{number}" if 34 <= number <= 64 else ""


_SIGNALS: Final = {int(item): item.name for item in signal.Signals if item.name not in ("SIGRTMIN", "SIGRTMAX")}


def _bits(text: str) -> Table:
    """Read ``NAME:bits[:falco bits]``, blank-separated, numbers as Python writes them."""
    rows = []
    for word in text.split():
        name, bits, *own = word.split(":")
        rows.append((name, int(bits, 0), int(own[0], 0) if own else int(bits, 0)))
    return tuple(rows)


def _count(text: str, start: int = 0) -> dict[int, str]:
    """Read names in order of number."""
    return dict(enumerate(text.split(), start))


# O_LARGEFILE is 0 in Python on 64 bit; the kernel's bit is 0100000 there. The lower four are arch-dependent: ask os.
O_LARGEFILE: Final = 0o400000 if os.uname().machine == "aarch64" else 0o100000

OPEN_FLAGS: Final[Table] = (
    ("O_LARGEFILE", O_LARGEFILE, 1 << 11),
    ("O_DIRECTORY", os.O_DIRECTORY, 1 << 10),
    ("O_DIRECT", os.O_DIRECT, 1 << 9),
    ("O_TRUNC", os.O_TRUNC, 1 << 8),
    ("O_SYNC", os.O_SYNC, 1 << 7),
    ("O_NONBLOCK", os.O_NONBLOCK, 1 << 6),
    ("O_EXCL", os.O_EXCL, 1 << 5),
    ("O_DSYNC", os.O_DSYNC, 1 << 4),
    ("O_APPEND", os.O_APPEND, 1 << 3),
    ("O_CREAT", os.O_CREAT, 1 << 2),
    ("O_RDWR", os.O_RDWR, 3),
    ("O_WRONLY", os.O_WRONLY, 2),
    ("O_RDONLY", 0, 1),
    ("O_CLOEXEC", os.O_CLOEXEC, 1 << 12),
    ("O_NONE", 0, 0),
    ("O_TMPFILE", os.O_TMPFILE, 1 << 13),
    ("O_F_CREATED", 0, 1 << 14),
    ("FD_UPPER_LAYER", 0, 1 << 15),
    ("FD_LOWER_LAYER", 0, 1 << 16),
)
"""The last three are no flags of the call: they say what became of it (``file_flags_own``)."""
_DIRECTORY_OWN: Final = 1 << 10


def open_flags_own(flags: int) -> int:
    """Return Falco's number for the flags of open(2)."""
    own = (flags & os.O_ACCMODE) + 1 if flags & os.O_ACCMODE != os.O_ACCMODE else 0
    for name, bits, bit in OPEN_FLAGS:
        if name not in ("O_RDWR", "O_WRONLY") and bits and flags & bits == bits:
            own |= bit
    if flags & os.O_TMPFILE == os.O_TMPFILE and not flags & os.O_PATH:
        own &= ~_DIRECTORY_OWN
    return own


def file_flags_own(flags: int) -> int:
    """Return Falco's number for what is known of the opened file, given records.FileFlag bits."""
    return sum(bit for has, bit in _FILE_FLAGS if flags & has)


_FILE_FLAGS: Final = ((FileFlag.CREATED, 1 << 14), (FileFlag.UPPER_LAYER, 1 << 15), (FileFlag.LOWER_LAYER, 1 << 16))


def fd_flags_own(flags: int) -> int:
    """Return Falco's number for the flags of calls that make an fd without opening a file (no access mode)."""
    own = 0
    for name, bits, bit in OPEN_FLAGS:
        if name in ("O_NONBLOCK", "O_CLOEXEC", "O_DIRECT") and flags & bits == bits:
            own |= bit
    return own


CLONE_FLAGS: Final = _bits("""
    CLONE_FILES:0x400:1 CLONE_FS:0x200:2 CLONE_IO:0x80000000:4 CLONE_NEWIPC:0x08000000:8 CLONE_NEWNET:0x40000000:0x10
    CLONE_NEWNS:0x20000:0x20 CLONE_NEWPID:0x20000000:0x40 CLONE_NEWUTS:0x04000000:0x80 CLONE_PARENT:0x8000:0x100
    CLONE_PARENT_SETTID:0x100000:0x200 CLONE_PTRACE:0x2000:0x400 CLONE_SIGHAND:0x800:0x800
    CLONE_SYSVSEM:0x40000:0x1000 CLONE_THREAD:0x10000:0x2000 CLONE_UNTRACED:0x800000:0x4000 CLONE_VM:0x100:0x8000
    CLONE_NEWUSER:0x10000000:0x100000 CLONE_CHILD_CLEARTID:0x200000:0x800000 CLONE_CHILD_SETTID:0x1000000:0x1000000
    CLONE_SETTLS:0x80000:0x2000000 CLONE_VFORK:0x4000:0x8000000 CLONE_NEWCGROUP:0x02000000:0x10000000
""")

PROT_FLAGS: Final = _bits("""
    PROT_READ:1 PROT_WRITE:2 PROT_EXEC:4 PROT_SEM:8 PROT_GROWSDOWN:0x01000000:0x10 PROT_GROWSUP:0x02000000:0x20
    PROT_NONE:0
""")

MMAP_FLAGS: Final = _bits("""
    MAP_SHARED:1 MAP_PRIVATE:2 MAP_FIXED:0x10:4 MAP_ANONYMOUS:0x20:8 MAP_32BIT:0x40:0x10 MAP_NORESERVE:0x4000:0x40
    MAP_POPULATE:0x8000:0x80 MAP_NONBLOCK:0x10000:0x100 MAP_GROWSDOWN:0x100:0x200 MAP_DENYWRITE:0x800:0x400
    MAP_EXECUTABLE:0x1000:0x800 MAP_LOCKED:0x2000:0x4000
""")

MOUNT_FLAGS: Final = _bits("""
    RDONLY:1 NOSUID:2 NODEV:4 NOEXEC:8 SYNCHRONOUS:0x10 REMOUNT:0x20 MANDLOCK:0x40 DIRSYNC:0x80 NOATIME:0x400
    NODIRATIME:0x800 BIND:0x1000 MOVE:0x2000 REC:0x4000 SILENT:0x8000 POSIXACL:0x10000 UNBINDABLE:0x20000
    PRIVATE:0x40000 SLAVE:0x80000 SHARED:0x100000 RELATIME:0x200000 KERNMOUNT:0x400000 I_VERSION:0x800000
    STRICTATIME:0x1000000 LAZYTIME:0x2000000 NOSEC:0x10000000 BORN:0x20000000 ACTIVE:0x40000000 NOUSER:0x80000000
""")

MODES: Final = _bits("""
    S_IXOTH:0o1 S_IWOTH:0o2 S_IROTH:0o4 S_IXGRP:0o10 S_IWGRP:0o20 S_IRGRP:0o40 S_IXUSR:0o100 S_IWUSR:0o200
    S_IRUSR:0o400 S_ISVTX:0o1000 S_ISGID:0o2000 S_ISUID:0o4000
""")
NODE_TYPES: Final = {
    0o100000: "S_IFREG",
    0o020000: "S_IFCHR",
    0o060000: "S_IFBLK",
    0o010000: "S_IFIFO",
    0o140000: "S_IFSOCK",
}

FUTEX_OPS: Final = (
    *_bits("FUTEX_CLOCK_REALTIME:256 FUTEX_PRIVATE_FLAG:128"),
    *_bits("""
    FUTEX_CMP_REQUEUE_PI:12 FUTEX_WAIT_REQUEUE_PI:11 FUTEX_WAKE_BITSET:10 FUTEX_WAIT_BITSET:9 FUTEX_TRYLOCK_PI:8
    FUTEX_UNLOCK_PI:7 FUTEX_LOCK_PI:6 FUTEX_WAKE_OP:5 FUTEX_CMP_REQUEUE:4 FUTEX_REQUEUE:3 FUTEX_FD:2 FUTEX_WAKE:1
    FUTEX_WAIT:0
    """),
)

_SEMAPHORE_FLAGS: Final = _bits("IPC_NOWAIT:0o4000:1 SEM_UNDO:0x1000:2")
_QUOTA_FORMATS: Final = _bits("QFMT_NOT_USED:0:0 QFMT_VFS_OLD:1 QFMT_VFS_V0:2 QFMT_VFS_V1:4")

_FLAG_TABLES: Final[Mapping[str, Table]] = {
    "access.mode": _bits("F_OK:0 R_OK:4 W_OK:2 X_OK:1"),
    "close_range.flags": _bits("CLOSE_RANGE_UNSHARE:2 CLOSE_RANGE_CLOEXEC:4"),
    "creat.creat_flags": _bits("FD_UPPER_LAYER_CREAT:1 FD_LOWER_LAYER_CREAT:2"),
    "delete_module.flags": _bits("O_NONBLOCK:0o4000:2 O_TRUNC:0o1000:1"),
    "epoll_create1.flags": (("EPOLL_CLOEXEC", os.O_CLOEXEC, 1),),
    "execve.flags": _bits("EXE_WRITABLE:0x10:1 EXE_UPPER_LAYER:1:2 EXE_FROM_MEMFD:8:4 EXE_LOWER_LAYER:2:8"),
    "fchownat.flags": _bits("AT_SYMLINK_NOFOLLOW:0x100 AT_EMPTY_PATH:0x1000"),
    "finit_module.flags": _bits("""
        MODULE_INIT_IGNORE_MODVERSIONS:1 MODULE_INIT_IGNORE_VERMAGIC:2 MODULE_INIT_COMPRESSED_FILE:4
    """),
    "flock.operation": _bits("LOCK_SH:1 LOCK_EX:2 LOCK_NB:4 LOCK_UN:8 LOCK_NONE:0"),
    "futex.op": FUTEX_OPS,
    "io_uring_enter.flags": _bits("""
        IORING_ENTER_GETEVENTS:1 IORING_ENTER_SQ_WAKEUP:2 IORING_ENTER_SQ_WAIT:4 IORING_ENTER_EXT_ARG:8
    """),
    "io_uring_setup.flags": _bits("""
        IORING_SETUP_IOPOLL:1 IORING_SETUP_SQPOLL:2 IORING_SETUP_SQ_AFF:4:8 IORING_SETUP_CQSIZE:8:0x10
        IORING_SETUP_CLAMP:0x10:0x20 IORING_SETUP_ATTACH_RW:0x20:0x40 IORING_SETUP_R_DISABLED:0x40:0x80
    """),
    "io_uring_setup.features": _bits("""
        IORING_FEAT_SINGLE_MMAP:1 IORING_FEAT_NODROP:2 IORING_FEAT_SUBMIT_STABLE:4 IORING_FEAT_RW_CUR_POS:8
        IORING_FEAT_CUR_PERSONALITY:0x10 IORING_FEAT_FAST_POLL:0x20 IORING_FEAT_POLL_32BITS:0x40
        IORING_FEAT_SQPOLL_NONFIXED:0x80 IORING_FEAT_ENTER_EXT_ARG:0x100 IORING_FEAT_NATIVE_WORKERS:0x200
        IORING_FEAT_RSRC_TAGS:0x400
    """),
    "linkat.flags": _bits("AT_SYMLINK_FOLLOW:0x400 AT_EMPTY_PATH:0x1000"),
    "memfd_create.flags": _bits("MFD_CLOEXEC:1 MFD_ALLOW_SEALING:2 MFD_HUGETLB:4"),
    "mlock2.flags": _bits("MLOCK_ONFAULT:1"),
    "mlockall.flags": _bits("MCL_CURRENT:1 MCL_FUTURE:2 MCL_ONFAULT:4"),
    "mmap.prot": PROT_FLAGS,
    "mprotect.prot": PROT_FLAGS,
    "mmap.flags": MMAP_FLAGS,
    "mount.flags": MOUNT_FLAGS,
    "newfstatat.flags": _bits("AT_EMPTY_PATH:0x1000 AT_NO_AUTOMOUNT:0x800 AT_SYMLINK_NOFOLLOW:0x100"),
    "openat2.resolve": _bits("""
        RESOLVE_BENEATH:8:1 RESOLVE_IN_ROOT:0x10:2 RESOLVE_NO_MAGICLINKS:2:4 RESOLVE_NO_SYMLINKS:4:8
        RESOLVE_NO_XDEV:1:0x10 RESOLVE_CACHED:0x20
    """),
    "pidfd_open.flags": (("PIDFD_NONBLOCK", os.O_NONBLOCK, 1),),
    "renameat2.flags": _bits("RENAME_NOREPLACE:1 RENAME_EXCHANGE:2 RENAME_WHITEOUT:4"),
    "quotactl.dqi_flags": _bits("DQF_NONE:0 V1_DQF_RSQUASH:1"),
    "semget.semflg": _bits("IPC_EXCL:0o2000:0x4000 IPC_CREAT:0o1000:0x2000"),
    "semop.sem_flg_0": _SEMAPHORE_FLAGS,
    "semop.sem_flg_1": _SEMAPHORE_FLAGS,
    "splice.flags": _bits("SPLICE_F_MOVE:1 SPLICE_F_NONBLOCK:2 SPLICE_F_MORE:4 SPLICE_F_GIFT:8"),
    "umount2.flags": _bits("FORCE:1 DETACH:2 EXPIRE:4 NOFOLLOW:8"),
    "unlinkat.flags": _bits("AT_REMOVEDIR:0x200"),
    "clone.flags": CLONE_FLAGS,
    "clone3.flags": CLONE_FLAGS,
    "fork.flags": CLONE_FLAGS,
    "vfork.flags": CLONE_FLAGS,
    "setns.nstype": CLONE_FLAGS,
    "unshare.flags": CLONE_FLAGS,
}
# Numbers in the kernel, single bits for Falco.
_COMMAND_TABLES: Final[Mapping[str, Table]] = {
    "semctl.cmd": _bits("""
        IPC_STAT:2:1 IPC_SET:1:2 IPC_RMID:0:4 IPC_INFO:3:8 SEM_INFO:19:0x10 SEM_STAT:18:0x20 GETALL:13:0x40
        GETNCNT:14:0x80 GETPID:11:0x100 GETVAL:12:0x200 GETZCNT:15:0x400 SETALL:17:0x800 SETVAL:16:0x1000
    """),
    "quotactl.cmd": _bits("""
        Q_QUOTAON:0x800002:1 Q_QUOTAOFF:0x800003:2 Q_GETFMT:0x800004:4 Q_GETINFO:0x800005:8 Q_SETINFO:0x800006:0x10
        Q_GETQUOTA:0x800007:0x20 Q_SETQUOTA:0x800008:0x40 Q_SYNC:0x800001:0x80 Q_XQUOTAON:0x5801:0x100
        Q_XQUOTAOFF:0x5802:0x200 Q_XGETQUOTA:0x5803:0x400 Q_XSETQLIM:0x5804:0x800 Q_XGETQSTAT:0x5805:0x1000
        Q_XQUOTARM:0x5806:0x2000 Q_XQUOTASYNC:0x5807:0x4000
    """),
    "quotactl.quota_fmt": _QUOTA_FORMATS,
    "quotactl.quota_fmt_out": _QUOTA_FORMATS,
    "quotactl.type": _bits("USRQUOTA:0:1 GRPQUOTA:1:2"),
}
_OPENED: Final = frozenset(f"{call}.flags" for call in ("open", "openat", "openat2", "open_by_handle_at"))
_FD_FLAGGED: Final = frozenset(
    f"{call}.flags" for call in ("dup3", "eventfd2", "inotify_init1", "pipe2", "signalfd4", "socket", "userfaultfd")
)

_AF: Final = _count("""
    AF_UNSPEC AF_LOCAL|AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_ATMPVC AF_X25 AF_INET6 AF_ROSE
    AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY AF_ROUTE|AF_NETLINK AF_PACKET AF_ASH AF_ECONET AF_ATMSVC AF_RDS AF_SNA
    AF_IRDA AF_PPPOX AF_WANPIPE AF_LLC AF_IB AF_MPLS AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC AF_ISDN AF_PHONET
    AF_IEEE802154 AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP AF_MCTP
""") | {16: "AF_ROUTE|AF_NETLINK"}
_RLIMITS: Final = _count("""
    RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_MEMLOCK
    RLIMIT_AS RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME
""")
_BPF_CMDS: Final = _count("""
    BPF_MAP_CREATE BPF_MAP_LOOKUP_ELEM BPF_MAP_UPDATE_ELEM BPF_MAP_DELETE_ELEM BPF_MAP_GET_NEXT_KEY BPF_PROG_LOAD
    BPF_OBJ_PIN BPF_OBJ_GET BPF_PROG_ATTACH BPF_PROG_DETACH BPF_PROG_TEST_RUN|BPF_PROG_RUN BPF_PROG_GET_NEXT_ID
    BPF_MAP_GET_NEXT_ID BPF_PROG_GET_FD_BY_ID BPF_MAP_GET_FD_BY_ID BPF_OBJ_GET_INFO_BY_FD BPF_PROG_QUERY
    BPF_RAW_TRACEPOINT_OPEN BPF_BTF_LOAD BPF_BTF_GET_FD_BY_ID BPF_TASK_FD_QUERY BPF_MAP_LOOKUP_AND_DELETE_ELEM
    BPF_MAP_FREEZE BPF_BTF_GET_NEXT_ID BPF_MAP_LOOKUP_BATCH BPF_MAP_LOOKUP_AND_DELETE_BATCH BPF_MAP_UPDATE_BATCH
    BPF_MAP_DELETE_BATCH BPF_LINK_CREATE BPF_LINK_UPDATE BPF_LINK_GET_FD_BY_ID BPF_LINK_GET_NEXT_ID BPF_ENABLE_STATS
    BPF_ITER_CREATE BPF_LINK_DETACH BPF_PROG_BIND_MAP BPF_TOKEN_CREATE
""")
_FCNTL_CMDS: Final = {
    **_count("F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG F_GETSIG"),
    **_count("F_SETOWN_EX F_GETOWN_EX", 15),
    **_count("F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW", 36),
    **_count("F_SETLEASE F_GETLEASE F_NOTIFY", 1024),
    **_count("F_CANCELLK F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ", 1029),
}
_PTRACE: Final = {
    **_count("""
    PTRACE_TRACEME PTRACE_PEEKTEXT PTRACE_PEEKDATA PTRACE_PEEKUSR PTRACE_POKETEXT PTRACE_POKEDATA PTRACE_POKEUSR
    PTRACE_CONT PTRACE_KILL PTRACE_SINGLESTEP
    """),
    **_count("PTRACE_GETREGS PTRACE_SETREGS PTRACE_GETFPREGS PTRACE_SETFPREGS PTRACE_ATTACH PTRACE_DETACH", 12),
    **_count("PTRACE_GETFPXREGS PTRACE_SETFPXREGS", 18),
    **_count("PTRACE_OLDSETOPTIONS", 21),
    **_count("PTRACE_SYSCALL PTRACE_GET_THREAD_AREA PTRACE_SET_THREAD_AREA", 24),
    30: "PTRACE_ARCH_PRCTL",
    **_count("PTRACE_SYSEMU PTRACE_SYSEMU_SINGLESTEP PTRACE_SINGLEBLOCK", 31),
    **_count(
        """
    PTRACE_SETOPTIONS PTRACE_GETEVENTMSG PTRACE_GETSIGINFO PTRACE_SETSIGINFO PTRACE_GETREGSET PTRACE_SETREGSET
    PTRACE_SEIZE PTRACE_INTERRUPT PTRACE_LISTEN PTRACE_PEEKSIGINFO PTRACE_GETSIGMASK PTRACE_SETSIGMASK
    """,
        0x4200,
    ),
}
# Falco numbers the requests by its own list: ATTACH is 11 there and 16 in the kernel.
_PTRACE_ORDER: Final = """
    TRACEME PEEKTEXT PEEKDATA PEEKUSR POKETEXT POKEDATA POKEUSR CONT KILL SINGLESTEP ATTACH DETACH SYSCALL SETOPTIONS
    GETEVENTMSG GETSIGINFO SETSIGINFO GETREGSET SETREGSET SEIZE INTERRUPT LISTEN PEEKSIGINFO GETSIGMASK SETSIGMASK
    GETREGS SETREGS GETFPREGS SETFPREGS GETFPXREGS SETFPXREGS OLDSETOPTIONS GET_THREAD_AREA SET_THREAD_AREA ARCH_PRCTL
    SYSEMU SYSEMU_SINGLESTEP SINGLEBLOCK
"""
# Falco's numbers of fcntl's commands; the holes are those of its list.
_FCNTL_NUMBERS: Final = _bits("""
    DUPFD:1 GETFD:2 SETFD:3 GETFL:4 SETFL:5 GETLK:6 SETLK:8 SETLKW:9 SETOWN:10 GETOWN:12 SETSIG:13 GETSIG:15
    SETOWN_EX:21 GETOWN_EX:22 SETLEASE:23 GETLEASE:24 CANCELLK:25 DUPFD_CLOEXEC:26 NOTIFY:27 SETPIPE_SZ:28
    GETPIPE_SZ:29 OFD_GETLK:30 OFD_SETLK:31 OFD_SETLKW:32
""")
_FCNTL_OWN: Final = {f"F_{name}": number for name, number, _ in _FCNTL_NUMBERS}
_PTRACE_OWN: Final = {f"PTRACE_{name}": number for number, name in enumerate(_PTRACE_ORDER.split(), 1)}
_PRCTL: Final = {
    3: "PR_GET_DUMPABLE",
    4: "PR_SET_DUMPABLE",
    7: "PR_GET_KEEPCAPS",
    8: "PR_SET_KEEPCAPS",
    15: "PR_SET_NAME",
    16: "PR_GET_NAME",
    21: "PR_GET_SECCOMP",
    22: "PR_SET_SECCOMP",
    23: "PR_CAPBSET_READ",
    24: "PR_CAPBSET_DROP",
    27: "PR_GET_SECUREBITS",
    28: "PR_SET_SECUREBITS",
    33: "PR_MCE_KILL",
    35: "PR_SET_MM",
    36: "PR_SET_CHILD_SUBREAPER",
    37: "PR_GET_CHILD_SUBREAPER",
    38: "PR_SET_NO_NEW_PRIVS",
    39: "PR_GET_NO_NEW_PRIVS",
    40: "PR_GET_TID_ADDRESS",
    41: "PR_SET_THP_DISABLE",
    42: "PR_GET_THP_DISABLE",
    47: "PR_CAP_AMBIENT",
}
_KEYCTL: Final = _count("""
    KEYCTL_GET_KEYRING_ID KEYCTL_JOIN_SESSION_KEYRING KEYCTL_UPDATE KEYCTL_REVOKE KEYCTL_CHOWN KEYCTL_SETPERM
    KEYCTL_DESCRIBE KEYCTL_CLEAR KEYCTL_LINK KEYCTL_UNLINK KEYCTL_SEARCH KEYCTL_READ KEYCTL_INSTANTIATE KEYCTL_NEGATE
    KEYCTL_SET_REQKEY_KEYRING KEYCTL_SET_TIMEOUT KEYCTL_ASSUME_AUTHORITY KEYCTL_GET_SECURITY KEYCTL_SESSION_TO_PARENT
    KEYCTL_REJECT KEYCTL_INSTANTIATE_IOV KEYCTL_INVALIDATE KEYCTL_GET_PERSISTENT KEYCTL_DH_COMPUTE KEYCTL_PKEY_QUERY
    KEYCTL_PKEY_ENCRYPT KEYCTL_PKEY_DECRYPT KEYCTL_PKEY_SIGN KEYCTL_PKEY_VERIFY KEYCTL_RESTRICT_KEYRING KEYCTL_MOVE
    KEYCTL_CAPABILITIES KEYCTL_WATCH_KEY
""")
_SOCKOPTS: Final = _count(
    """
    SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_DONTROUTE SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE
    SO_NO_CHECK SO_PRIORITY SO_LINGER SO_BSDCOMPAT SO_REUSEPORT SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT
    SO_RCVTIMEO SO_SNDTIMEO SO_SECURITY_AUTHENTICATION SO_SECURITY_ENCRYPTION_TRANSPORT SO_SECURITY_ENCRYPTION_NETWORK
    SO_BINDTODEVICE SO_ATTACH_FILTER SO_DETACH_FILTER SO_PEERNAME SO_TIMESTAMP SO_ACCEPTCONN SO_PEERSEC SO_SNDBUFFORCE
    SO_RCVBUFFORCE SO_PASSSEC SO_TIMESTAMPNS SO_MARK SO_TIMESTAMPING SO_PROTOCOL SO_DOMAIN SO_RXQ_OVFL SO_WIFI_STATUS
    SO_PEEK_OFF SO_NOFCS SO_LOCK_FILTER SO_SELECT_ERR_QUEUE SO_BUSY_POLL SO_MAX_PACING_RATE SO_BPF_EXTENSIONS
    SO_INCOMING_CPU SO_ATTACH_BPF
    """,
    1,
) | {55: "SO_MEMINFO", 57: "SO_COOKIE", 59: "SO_PEERGROUPS"}

_ENUMS: Final[Mapping[str, Mapping[int, str]]] = {
    "bpf.cmd": _BPF_CMDS,
    "fcntl.cmd": _FCNTL_CMDS,
    "fsconfig.cmd": _count("""
        FSCONFIG_SET_FLAG FSCONFIG_SET_STRING FSCONFIG_SET_BINARY FSCONFIG_SET_PATH FSCONFIG_SET_PATH_EMPTY
        FSCONFIG_SET_FD FSCONFIG_CMD_CREATE FSCONFIG_CMD_RECONFIGURE
    """),
    "getrlimit.resource": _RLIMITS,
    "setrlimit.resource": _RLIMITS,
    "prlimit.resource": _RLIMITS,
    "getsockopt.level": {1: "SOL_SOCKET", 6: "SOL_TCP"},
    "setsockopt.level": {1: "SOL_SOCKET", 6: "SOL_TCP"},
    "getsockopt.optname": _SOCKOPTS,
    "setsockopt.optname": _SOCKOPTS,
    "io_uring_register.opcode": _count("""
        IORING_REGISTER_BUFFERS IORING_UNREGISTER_BUFFERS IORING_REGISTER_FILES IORING_UNREGISTER_FILES
        IORING_REGISTER_EVENTFD IORING_UNREGISTER_EVENTFD IORING_REGISTER_FILES_UPDATE IORING_REGISTER_EVENTFD_ASYNC
        IORING_REGISTER_PROBE IORING_REGISTER_PERSONALITY IORING_UNREGISTER_PERSONALITY IORING_REGISTER_RESTRICTIONS
        IORING_REGISTER_ENABLE_RINGS IORING_REGISTER_FILES2 IORING_REGISTER_FILES_UPDATE2 IORING_REGISTER_BUFFERS2
        IORING_REGISTER_BUFFERS_UPDATE IORING_REGISTER_IOWQ_AFF IORING_UNREGISTER_IOWQ_AFF
        IORING_REGISTER_IOWQ_MAX_WORKERS IORING_REGISTER_RING_FDS IORING_UNREGISTER_RING_FDS
    """),
    "keyctl.operation": _KEYCTL,
    "lseek.whence": _count("SEEK_SET SEEK_CUR SEEK_END"),
    "llseek.whence": _count("SEEK_SET SEEK_CUR SEEK_END"),
    "prctl.option": _PRCTL,
    "ptrace.request": _PTRACE,
    "shutdown.how": _count("SHUT_RD SHUT_WR SHUT_RDWR"),
    "socket.domain": _AF,
    "socketpair.domain": _AF,
}


def names(table: Iterable[Row], own: int) -> str:
    """Return the names of the bits of Falco's number, joined by ``|``; empty when none has a name.

    >>> names(OPEN_FLAGS, 4097)
    'O_RDONLY|O_CLOEXEC'
    """
    left, out = own, []
    for name, _, bits in table:
        if (bits == 0 and own == 0) or (bits and left & bits == bits):
            out.append(name)
            left &= ~bits
            if bits == own:
                break
    return "|".join(out)


def to_own(table: Iterable[Row], value: int) -> int:
    """Return Falco's number for the kernel's bits; bits without a name are left out."""
    own = 0
    for _, bits, bit in table:
        if bits and value & bits == bits:
            own |= bit
    return own


@lru_cache(maxsize=1024)
def decode_flags(event_name: str, param: str, value: int) -> tuple[int, str]:
    """Return (Falco's number, its names) of a flags parameter given the kernel's value."""
    key = f"{event_name}.{param}"
    table = flag_table(event_name, param)
    if table is None:
        return value, ""
    if key in _OPENED:
        own = open_flags_own(value)
    elif key in _FD_FLAGGED:
        own = fd_flags_own(value)
    elif key in _COMMAND_TABLES:
        own = next((bit for _, number, bit in table if number == value), 0)
    else:
        own = value & _FUTEX_BITS if key == "futex.op" else to_own(table, value)
    return own, names(table, own)


_FUTEX_BITS: Final = 0x1FF
"""futex(2)'s operation is a number and two flags in one: it is not taken apart bit by bit."""


def flag_table(event_name: str, param: str) -> Table | None:
    """Return the table of a flags parameter, None when its bits have no names."""
    key = f"{event_name}.{param}"
    if key in _OPENED or key in _FD_FLAGGED:
        return OPEN_FLAGS
    return _COMMAND_TABLES.get(key) or _FLAG_TABLES.get(key.replace("execveat", "execve"))


def enum_names(event_name: str, param: str) -> Mapping[int, str]:
    """Return the names of an enumerated parameter by the kernel's number; empty when it has none."""
    return _ENUMS.get(f"{event_name}.{param}", {})


def decode_enum(event_name: str, param: str, value: int) -> tuple[int, str]:
    """Return (Falco's number, its name) of an enumerated parameter given the kernel's value."""
    name = enum_names(event_name, param).get(value, "")
    if event_name == "ptrace":
        return _PTRACE_OWN.get(name, 0), name or "PTRACE_UNKNOWN"
    if event_name == "fcntl":
        return _FCNTL_OWN.get(name, 0), name or "UNKNOWN"
    if param == "level":
        return {1: 1, 6: 2}.get(value, 0), name or "UNKNOWN"
    return value, name


@lru_cache(maxsize=1024)
def mode_names(mode: int) -> str:
    """Return the names of the bits of a file mode, the node type last."""
    node = NODE_TYPES.get(mode & 0o170000)
    text = names(MODES, mode & 0o7777)
    return "|".join(filter(None, (text, node)))


def may_create(flags: int) -> bool:
    """Return whether open(2) looks at its mode argument with these flags."""
    return bool(flags & os.O_CREAT) or flags & os.O_TMPFILE == os.O_TMPFILE


def open_flags(f: Facts) -> int | None:
    """Return the kernel's flags of open, openat, openat2 and open_by_handle_at; None for every other event.

    The record of openat2 carries its ``struct open_how`` in the registers that openat has its flags and mode in.
    """
    return f.reg(_FLAGS_AT[f.name]) if f.name in _FLAGS_AT else None


_FLAGS_AT: Final = {"open": 1, "openat": 2, "openat2": 2, "open_by_handle_at": 2}


def open_mode(f: Facts) -> int | None:
    """Return the mode of open, openat and openat2, 0 when their flags make no file; None for every other event."""
    flags = open_flags(f)
    if flags is None or f.name == "open_by_handle_at":
        return None
    return f.reg(_FLAGS_AT[f.name] + 1) if may_create(flags) else 0
