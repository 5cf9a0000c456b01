"""What the arguments of each system call mean: which register holds a path, a directory, an fd, a socket address.

The kernel side builds its tables from this (which strings to copy, which fd to resolve, which ring an event goes to);
the fields and the one-line summaries read the arguments by it. Categories are Falco's (``evt.category``): a call that
Falco does not look into is ``other``. Argument positions are those of the manual pages, section 2, counted from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tuimon.syscalls.numbers import ALIASES, ALL_NAMES, NR_TO_NAME


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one system call, as register positions 0 to 5; None where it has no such argument."""

    name: str
    """Falco's name."""
    category: str = "other"
    """file, net, IPC, memory, process, signal, user, sleep, wait, time, system, other; for reads and writes io-read,
    io-write, io-other, which ``evt.category`` narrows by the type of the fd."""
    fd: int | None = None
    """The fd it works on; for a call that also returns one, the fd it starts from (accept, dup)."""
    fd2: int | None = None
    """A second fd: target of dup2, input of sendfile, copy_file_range and splice."""
    path: int | None = None
    """First path (slot GIVEN)."""
    dirfd: int | None = None
    """Directory the first path starts from; None: the working directory."""
    path2: int | None = None
    """Second path (slot GIVEN2)."""
    dirfd2: int | None = None
    sockaddr: int | None = None
    """A ``struct sockaddr *`` that the caller fills in."""
    text: int | None = None
    """A name that is not a path (memfd_create, delete_module): slot GIVEN, without a BASE."""
    data: int | None = None
    """Buffer of an I/O call; its length is the next argument."""
    copied: int | None = None
    """Pointer to a struct or a string that the record carries too; what of it says ``copy``."""
    copy: str = ""
    """Bytes of it; ``next``: as many as the next argument says; ``poll``: fds of poll; ``text``: a string; ``vector``,
    ``message``, ``messages``: the data behind its first buffer, where data is asked for; ``limits``: prlimit's two."""
    result: str = ""
    """What the record tells besides the return value (bpf/results.h): ``queue`` of accept, ``ids`` behind three
    pointers, ``memory`` of the process, ``pipe`` inode, ``option`` length, ``offsets`` after a copy, ``value`` of
    fsconfig, ``mask1``, ``mask3`` and ``mask4`` signals behind that argument; where data is asked for, ``control``
    messages and the module's ``image``."""
    returns_fd: bool = False
    """A return value of 0 or more is a new fd, and that is the fd of the event."""
    reserved: bool = False
    """Must survive floods: exec, credentials, mounts, modules, ptrace and the like use the reserved rings."""

    @property
    def has_path(self) -> bool:
        """Whether it takes a path at all."""
        return self.path is not None


# name, category, then one letter and a position each: f fd, g second fd, p path, d its directory, q second path, e its
# directory, s socket address, t text, b buffer, x memory to copy (xPOSITION:WHAT); =WHAT is told besides the result;
# > returns an fd; ! uses the reserved rings.
_TABLE = """
open file p0 >
creat file p0 >
openat file d0 p1 >
openat2 file d0 p1 >
open_by_handle_at file d0 >
name_to_handle_at other d0 p1
close io-other f0
close_range io-other
stat file p0
lstat file p0
fstat file f0
newfstatat file d0 p1
statx other d0 p1
access file p0
faccessat other d0 p1
faccessat2 other d0 p1
lseek file f0
llseek file f0
chdir file p0
fchdir file f0
getcwd file t0
chroot process p0 !
pivot_root other p0 q1 !
rename file p0 q1
renameat file d0 p1 e2 q3
renameat2 file d0 p1 e2 q3
link file p0 q1
linkat file d0 p1 e2 q3
symlink file p0 q1
symlinkat file p0 e1 q2
unlink file p0
unlinkat file d0 p1
rmdir file p0
mkdir file p0
mkdirat file d0 p1
mknod other p0
mknodat other d0 p1
chmod file p0
fchmod file f0
fchmodat file d0 p1
fchmodat2 other d0 p1
chown file p0
lchown file p0
fchown file f0
fchownat file d0 p1
utime other p0
utimes other p0
futimesat other d0 p1
utimensat other d0 p1
truncate other p0
ftruncate other f0
fallocate other f0
statfs other p0
fstatfs other f0
fsync other f0
fdatasync other f0
syncfs other f0
readahead other f0
fadvise64 other f0
readlink other p0
readlinkat other d0 p1
getdents file f0
getdents64 file f0
readdir other f0
flock file f0
setxattr other p0
lsetxattr other p0
fsetxattr other f0
getxattr other p0
lgetxattr other p0
fgetxattr other f0
listxattr other p0
llistxattr other p0
flistxattr other f0
removexattr other p0
lremovexattr other p0
fremovexattr other f0
setxattrat other d0 p1
getxattrat other d0 p1
listxattrat other d0 p1
removexattrat other d0 p1
file_getattr other d0 p1
file_setattr other d0 p1
inotify_add_watch other f0 p1
fanotify_mark other f0 d3 p4
acct other p0
uselib other p0
swapon other p0
swapoff other p0
userfaultfd file >
copy_file_range file f2 g0 =offsets
read io-read f0 b1
pread io-read f0 b1
readv io-read f0 x1:vector
preadv io-read f0 x1:vector
preadv2 other f0
write io-write f0 b1
pwrite io-write f0 b1
writev io-write f0 x1:vector
pwritev io-write f0 x1:vector
pwritev2 other f0
sendfile io-write f0 g1 x2:8
splice io-other f0 g2
tee other f0 g1
vmsplice other f0
ioctl io-other f0
fcntl io-other f0
dup io-other f0 >
dup2 io-other f0 g1 >
dup3 io-other f0 g1 >
io_uring_setup io-other x1:24 >
io_uring_enter io-other f0 =mask4
io_uring_register io-other f0
socket net >
bind net f0 s1
connect net f0 s1
listen net f0
accept net f0 =queue >
accept4 net f0 =queue >
shutdown net f0
getsockname net f0
getpeername net f0
setsockopt net f0 x3:next
getsockopt net f0 x3:4 =option
sendto io-write f0 s4 b1
recvfrom io-read f0 b1
sendmsg io-write f0 x1:message
recvmsg io-read f0 x1:message =control
sendmmsg io-write f0 x1:messages
recvmmsg io-read f0 x1:messages =control
send io-write f0 b1
recv io-read f0 b1
socketpair IPC x3:8
pipe IPC x0:8 =pipe
pipe2 IPC x0:8 =pipe
eventfd IPC >
eventfd2 IPC >
futex IPC
inotify_init IPC >
inotify_init1 IPC >
inotify_rm_watch other f0
fanotify_init other >
process_vm_readv IPC x1:vector !
process_vm_writev IPC x1:vector !
brk memory =memory
mmap memory f4 =memory
munmap memory =memory
mprotect memory
mlock memory
mlock2 memory
mlockall memory
munlock memory
munlockall memory
memfd_create memory t0 >
memfd_secret other >
epoll_create wait >
epoll_create1 wait >
epoll_ctl other f0 g2
epoll_wait wait f0
epoll_pwait other f0
epoll_pwait2 other f0
poll wait x0:poll
ppoll wait x0:poll =mask3
select wait
nanosleep sleep x0:16
timerfd_create time >
timerfd_settime other f0
timerfd_gettime other f0
signalfd signal f0 =mask1 >
signalfd4 signal f0 =mask1 >
kill signal
tkill signal
tgkill signal
pidfd_send_signal other f0
pidfd_open process >
pidfd_getfd process f0 >
execve process p0 !
execveat process d0 p1 !
clone process
clone3 process
fork process
vfork process
exit other
exit_group other
prctl process
capset process x1:24 !
ptrace process !
setns process f0 !
unshare process !
setsid process !
setpgid process !
getrlimit process x1:16
setrlimit process x1:16 !
prlimit process x2:limits !
semop process x1:12
semctl process
semget process
setuid user !
setgid user !
setreuid user !
setregid user !
setresuid user !
setresgid user !
setfsuid other !
setfsgid other !
setgroups other !
getuid user
geteuid user
getgid user
getegid user
getresuid user =ids
getresgid user =ids
quotactl user p1 x3:72
quotactl_fd other f0
mount file p0 q1 x2:text !
umount file p0 !
umount2 file p0 !
move_mount other d0 p1 e2 q3 !
mount_setattr other d0 p1 !
open_tree other d0 p1 > !
open_tree_attr other d0 p1 > !
fsopen other t0 > !
fspick other d0 p1 > !
fsconfig system f0 x2:text =value !
fsmount other f0 > !
statmount other
listmount other
init_module other x2:text =image !
finit_module other f0 x1:text !
delete_module other t0 !
kexec_load other !
kexec_file_load other f0 g1 !
bpf other > !
seccomp other
keyctl other
perf_event_open other >
landlock_create_ruleset other >
landlock_add_rule other f0
landlock_restrict_self other f0
mq_open other t0 >
mq_unlink other t0
mq_timedsend other f0
mq_timedreceive other f0
mq_notify other f0
mq_getsetattr other f0
"""

_LETTERS = {
    "f": "fd",
    "g": "fd2",
    "p": "path",
    "d": "dirfd",
    "q": "path2",
    "e": "dirfd2",
    "s": "sockaddr",
    "t": "text",
    "b": "data",
    "x": "copied",
}


def _parse(line: str) -> Call:
    name, category, *marks = line.split()
    positions = {_LETTERS[mark[0]]: int(mark[1]) for mark in marks if mark[0] in _LETTERS}
    copy = next((mark[3:] for mark in marks if mark[0] == "x"), "")
    result = next((mark[1:] for mark in marks if mark[0] == "="), "")
    return Call(name, category, **positions, copy=copy, result=result, returns_fd=">" in marks, reserved="!" in marks)


def _table() -> dict[str, Call]:
    calls = {call.name: call for call in map(_parse, _TABLE.strip().splitlines())}
    for name in ALL_NAMES - ALIASES.keys():
        calls.setdefault(name, Call(name))
    return calls


CALLS: Final[Mapping[str, Call]] = MappingProxyType(_table())
"""Falco's name to the meaning of the arguments: every call of every architecture we know."""

CALL_OF_NR: Final[Mapping[int, Call]] = MappingProxyType({nr: CALLS[name] for nr, name in NR_TO_NAME.items()})
"""Native (or pseudo) number of the running machine to the same."""
