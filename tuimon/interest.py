"""What to ask of the kernel: the calls that the rules in force need, and those that the live pane shows."""

from __future__ import annotations

from typing import Final

from tuimon.capture.source import Interest, Want
from tuimon.rules.ruleset import RuleSet, calls_wanted
from tuimon.syscalls import CALLS, NAME_TO_NR, NR_TO_NAME

LOUD: Final = frozenset(
    """
    read write readv writev pread pwrite preadv pwritev preadv2 pwritev2 lseek close
    fstat stat lstat newfstatat statx
    poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 epoll_ctl futex futex_waitv sched_yield nanosleep
    clock_nanosleep clock_gettime gettimeofday time getpid gettid getppid getuid geteuid getgid getegid getrandom
    mmap munmap mprotect brk madvise mremap rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sigaltstack
    restart_syscall getrusage times sysinfo uname getcwd ioctl fcntl recvmsg sendmsg recvfrom sendto recvmmsg sendmmsg
    set_robust_list get_robust_list rseq set_tid_address arch_prctl prlimit getrlimit wait4 waitid exit exit_group
    access faccessat faccessat2 readlink readlinkat getdents getdents64 sched_getaffinity sched_setaffinity membarrier
    getsockopt setsockopt getsockname getpeername shutdown fsync fdatasync sync ftruncate fadvise64 io_uring_enter
    eventfd2 timerfd_settime timerfd_gettime clock_getres getpgrp getpgid getsid statfs fstatfs pipe pipe2 capget
    """.split()  # noqa: SIM905  a list literal would take a line each
)
"""Calls that say little about what happens and come by the million; the live pane shows them on request. The counters
count them all the same."""

_ALWAYS_ON: Final = frozenset({"clone", "clone3", "fork", "vfork"})
"""New processes come as process events anyway; asking for the calls too would show each twice."""
STATE: Final = frozenset(
    """
    chdir fchdir setsid setpgid capset setns unshare prlimit setrlimit
    setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid
    """.split()  # noqa: SIM905
)
"""Calls that change what later events say of the process: always asked for, whatever the rules, and never filtered."""
UNFILTERED: Final = STATE | frozenset(name for name, call in CALLS.items() if call.reserved)
"""Calls that the kernel never filters for the rules: what follows is judged by what their records say."""
_RULE_WANT: Final = Want.RULES | Want.PATHS


def interest_for(ruleset: RuleSet | None, *, view: bool, cgroups: frozenset[int], everything: bool) -> Interest:
    """Return what to emit in detail.

    Args:
        ruleset: The rules in force.
        view: Whether a live pane is open.
        cgroups: What it shows; empty means all.
        everything: Whether it shows the loud calls too.
    """
    calls = {NAME_TO_NR[name]: Want.RULES for name in STATE}
    if view:
        for nr, name in NR_TO_NAME.items():
            if name not in _ALWAYS_ON and (everything or (name in CALLS and name not in LOUD)):
                calls[nr] = calls.get(nr, Want.NOTHING) | Want.VIEW
    environ = False
    if ruleset is not None:
        data = ruleset.uses("evt.buffer")
        environ = ruleset.uses("proc.env", "proc.aenv")
        for name in calls_wanted(ruleset):
            number = NAME_TO_NR.get(name)
            if number is not None and name not in _ALWAYS_ON:
                calls[number] = calls.get(number, Want.NOTHING) | _RULE_WANT | (Want.DATA if data else Want.NOTHING)
    loud = frozenset(nr for nr in calls if NR_TO_NAME.get(nr, "") in LOUD)
    return Interest(calls=calls, cgroups=cgroups, environ=environ, loud=loud)
