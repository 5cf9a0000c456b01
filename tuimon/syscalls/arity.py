"""How many arguments system calls take: SYSCALL_DEFINEn of Linux 6.18, of those that come often and with a text."""

from __future__ import annotations

from typing import Final

from tuimon.syscalls.calls import CALLS

_BY_ARITY: Final = {
    1: """
        chdir chroot close dup epoll_create epoll_create1 eventfd exit exit_group fchdir fdatasync fsync inotify_init1
        mlockall munlockall rmdir setfsgid setfsuid setgid setuid swapoff umask unlink unshare userfaultfd
    """,
    2: """
        access capget capset creat dup2 eventfd2 fchmod flock fstat fstatfs ftruncate getgroups getpriority kill link
        listen lremovexattr lstat mkdir munlock munmap nanosleep pipe2 pidfd_open removexattr rename setgroups setns
        setpgid setregid setreuid shutdown stat statfs symlink timerfd_create tkill truncate umount2 utime utimes
        memfd_create fremovexattr chmod getrlimit setrlimit delete_module
    """,
    3: """
        accept bind bpf chown close_range connect dup3 execve faccessat fchmodat fchown fcntl finit_module getdents
        getdents64 getpeername getrandom getresgid getresuid getsockname inotify_add_watch init_module ioctl lchown
        listxattr llistxattr flistxattr lseek madvise mkdirat mknod mprotect msync open open_by_handle_at pidfd_getfd
        poll read readahead readlink readv recvmsg sched_setaffinity seccomp sendmsg setresgid setresuid socket
        symlinkat syslog tgkill unlinkat write writev mlock2
    """,
    4: """
        accept4 epoll_ctl epoll_wait faccessat2 fadvise64 fallocate getxattr lgetxattr fgetxattr mknodat newfstatat
        openat openat2 pidfd_send_signal pread64 prlimit64 ptrace pwrite64 readlinkat renameat sendfile
        sendmmsg signalfd4 socketpair timerfd_settime utimensat wait4 quotactl
    """,
    5: """
        clone execveat fchownat fsetxattr getsockopt keyctl linkat lsetxattr mount mremap name_to_handle_at ppoll prctl
        recvmmsg renameat2 setsockopt setxattr statx waitid fsconfig
    """,
}
ARITY: Final = {name: arity for arity, names in _BY_ARITY.items() for name in names.split()}
"""Name to number of arguments; a call that is not in it may take six."""

_BEHIND_THEM: Final = frozenset({"queue", "ids", "pipe", "option", "offsets", "mask1", "mask3", "mask4"})
"""Results (``Call.result``) that stand in registers behind the call's own: see bpf/results.h."""
_TOLD_CALLS: Final = frozenset(name for name, call in CALLS.items() if call.result in _BEHIND_THEM)
TOLD: Final = {name: 6 if name in _TOLD_CALLS else arity for name, arity in ARITY.items()}
"""Name to the number of registers that say something in a record."""
