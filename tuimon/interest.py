"""What to ask of the kernel: the calls that the rules in force need, and those that the live pane shows."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Set
from dataclasses import dataclass
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
_DATA_FIELDS: Final = (
    "evt.buffer", *(f"evt.{kind}.{name}" for kind in ("arg", "rawarg") for name in ("data", "msgcontrol", "img")),
)  # fmt: skip
"""Fields of what a call read or wrote, which is carried only for those who ask."""

_TIME_FIELDS: Final = (
    "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.latency.quantized", "evt.wait_latency",
)  # fmt: skip
"""Fields that only the entry of a call makes known."""

_MESSAGES: Final = frozenset({"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"})
"""Calls that carry names to a server and back; what a program sends with write is not told from any other write."""


@dataclass(frozen=True, slots=True)
class RuleNeeds:
    """What a rule set asks for. Finding it takes some milliseconds, which a swap of rules must not cost."""

    calls: Mapping[int, Want]
    environ: bool


def _numbers(names: Set[str]) -> set[int]:
    """Return the numbers of calls that can be asked for, and that this machine has."""
    return {NAME_TO_NR[name] for name in names - _ALWAYS_ON if name in NAME_TO_NR}


def needs_of(ruleset: RuleSet) -> RuleNeeds:
    """Return what a rule set asks for."""
    want = _RULE_WANT
    want |= Want.DATA if ruleset.uses(*_DATA_FIELDS) else Want.NOTHING
    want |= Want.TIME if ruleset.uses(*_TIME_FIELDS) else Want.NOTHING
    return RuleNeeds(dict.fromkeys(_numbers(calls_wanted(ruleset)), want), ruleset.uses("proc.env", "proc.aenv"))


@functools.cache
def _viewed(*, everything: bool) -> Mapping[int, Want]:
    """Return the calls that a live pane shows."""
    return dict.fromkeys(_numbers(NAME_TO_NR.keys() if everything else CALLS.keys() - LOUD), Want.VIEW)


@functools.cache
def _messages() -> Mapping[int, Want]:
    return dict.fromkeys(_numbers(_MESSAGES), Want.VIEW | Want.DATA)


@dataclass(frozen=True, slots=True)
class Views:
    """What the open views look at."""

    cgroups: frozenset[int] | None = frozenset()
    """What the live pane shows; None: all, none: it is closed."""
    everything: bool = False
    """The loud calls too."""
    messages: bool = False
    """What is sent and received, with its first bytes."""
    besides: frozenset[str] = frozenset()
    """Calls, by name, that a rule being written needs. They come wherever the pane looks, behind no prefilter, and are
    not what is given up first."""


def interest_for(needs: RuleNeeds | None, views: Views) -> Interest:
    """Return what to emit in detail.

    Args:
        needs: What the rules in force ask for; None: there are none.
        views: What is looked at.
    """
    calls = {NAME_TO_NR[name]: Want.RULES for name in STATE}
    besides = _numbers(views.besides)
    wants = [needs.calls if needs is not None else {}, dict.fromkeys(besides, Want.VIEW)]
    if views.cgroups is None or views.cgroups:
        wants.append(_viewed(everything=views.everything))
        if views.messages:
            wants.append(_messages())
    for more in wants:
        for number, want in more.items():
            calls[number] = calls[number] | want if number in calls else want
    return Interest(
        calls=calls,
        cgroups=views.cgroups or frozenset(),
        environ=needs is not None and needs.environ,
        loud=frozenset(nr for nr in calls if NR_TO_NAME.get(nr, "") in LOUD and nr not in besides),
    )
