"""System call numbers of x86_64, arm64 and i386, and the way between numbers and Falco's event names.

The tables hold the kernel's own names in order of number (``@N`` jumps to N), read from the uapi headers
``asm/unistd_64.h``, ``asm/unistd_32.h`` and ``asm-generic/unistd.h`` of Linux 6.1, with the calls added up to 7.0. A
few calls are named differently by Falco (``pread64`` is its ``pread``); tuimon shows Falco's name and understands both.

A 32-bit call is mapped to the native number of the same call. Thirteen i386 calls have no native twin, or one whose
arguments mean something else; they get numbers of our own from PSEUDO_FIRST on, where no kernel has any yet.
"""

import platform
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_X86_64 = """
    read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask
    rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise
    shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile socket connect accept
    sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt
    getsockopt clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv
    msgctl fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat
    link unlink symlink readlink chmod fchmod chown fchown lchown umask gettimeofday getrlimit getrusage sysinfo
    times ptrace getuid syslog getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid
    setregid getgroups setgroups setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget
    capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib
    personality ustat statfs fstatfs sysfs getpriority setpriority sched_setparam sched_getparam
    sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval
    mlock munlock mlockall munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex setrlimit
    chroot sync acct settimeofday mount umount2 swapon swapoff reboot sethostname setdomainname iopl ioperm
    create_module init_module delete_module get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg
    afs_syscall tuxcall security gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr
    listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill time futex sched_setaffinity
    sched_getaffinity set_thread_area io_setup io_destroy io_getevents io_submit io_cancel get_thread_area
    lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old remap_file_pages getdents64 set_tid_address
    restart_syscall semtimedop fadvise64 timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    clock_settime clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes
    vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify
    mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get inotify_init
    inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat newfstatat
    unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list
    get_robust_list splice tee sync_file_range vmsplice move_pages utimensat epoll_pwait signalfd timerfd_create
    eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2
    inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark
    prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv
    process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create
    kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect
    pkey_alloc pkey_free statx io_pgetevents rseq uretprobe uprobe @424 pidfd_send_signal io_uring_setup
    io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount fspick pidfd_open clone3
    close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd
    landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv
    set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount
    listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat
    removexattrat open_tree_attr file_getattr file_setattr listns rseq_slice_yield
"""

_ARM64 = """
    io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr lgetxattr
    fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr getcwd lookup_dcookie
    eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl inotify_init1 inotify_add_watch inotify_rm_watch
    ioctl ioprio_set ioprio_get flock mknodat mkdirat unlinkat symlinkat linkat renameat umount2 mount
    pivot_root nfsservctl statfs fstatfs truncate ftruncate fallocate faccessat chdir fchdir chroot fchmod
    fchmodat fchownat fchown openat close vhangup pipe2 quotactl getdents64 lseek read write readv writev
    pread64 pwrite64 preadv pwritev sendfile pselect6 ppoll signalfd4 vmsplice splice tee readlinkat newfstatat
    fstat sync fsync fdatasync sync_file_range timerfd_create timerfd_settime timerfd_gettime utimensat acct
    capget capset personality exit exit_group waitid set_tid_address unshare futex set_robust_list
    get_robust_list nanosleep getitimer setitimer kexec_load init_module delete_module timer_create
    timer_gettime timer_getoverrun timer_settime timer_delete clock_settime clock_gettime clock_getres
    clock_nanosleep syslog ptrace sched_setparam sched_setscheduler sched_getscheduler sched_getparam
    sched_setaffinity sched_getaffinity sched_yield sched_get_priority_max sched_get_priority_min
    sched_rr_get_interval restart_syscall kill tkill tgkill sigaltstack rt_sigsuspend rt_sigaction
    rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigreturn setpriority getpriority reboot
    setregid setgid setreuid setuid setresuid getresuid setresgid getresgid setfsuid setfsgid times setpgid
    getpgid getsid setsid getgroups setgroups uname sethostname setdomainname getrlimit setrlimit getrusage
    umask prctl getcpu gettimeofday settimeofday adjtimex getpid getppid getuid geteuid getgid getegid gettid
    sysinfo mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr msgget msgctl msgrcv msgsnd
    semget semctl semtimedop semop shmget shmctl shmat shmdt socket socketpair bind listen accept connect
    getsockname getpeername sendto recvfrom setsockopt getsockopt shutdown sendmsg recvmsg readahead brk munmap
    mremap add_key request_key keyctl clone execve mmap fadvise64 swapon swapoff mprotect msync mlock munlock
    mlockall munlockall mincore madvise remap_file_pages mbind get_mempolicy set_mempolicy migrate_pages
    move_pages rt_tgsigqueueinfo perf_event_open accept4 recvmmsg @260 wait4 prlimit64 fanotify_init
    fanotify_mark name_to_handle_at open_by_handle_at clock_adjtime syncfs setns sendmmsg process_vm_readv
    process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf
    execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free
    statx io_pgetevents rseq kexec_file_load @424 pidfd_send_signal io_uring_setup io_uring_enter
    io_uring_register open_tree move_mount fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2
    pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset
    landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv set_mempolicy_home_node
    cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount
    lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat
    open_tree_attr file_getattr file_setattr listns rseq_slice_yield
"""

# By i386 number, each already under the name of its native twin (mmap2 as mmap, chown32 as chown, ...).
_I386 = """
    restart_syscall exit fork read write open close wait4 creat link unlink execve chdir time mknod chmod lchown
    @18 stat lseek getpid mount umount setuid getuid stime ptrace alarm fstat pause utime @33 access nice @36
    sync kill rename mkdir rmdir dup pipe times @45 brk setgid getgid signal geteuid getegid acct umount2 @54
    ioctl fcntl @57 setpgid @59 uname umask chroot ustat dup2 getppid getpgrp setsid rt_sigaction sgetmask
    ssetmask setreuid setregid rt_sigsuspend rt_sigpending sethostname setrlimit getrlimit getrusage
    gettimeofday settimeofday getgroups setgroups select symlink lstat readlink uselib swapon reboot readdir
    mmap munmap truncate ftruncate fchmod fchown getpriority setpriority @99 statfs fstatfs ioperm socketcall
    syslog setitimer getitimer stat lstat fstat uname iopl vhangup idle vm86 wait4 swapoff sysinfo ipc fsync
    rt_sigreturn clone setdomainname uname modify_ldt adjtimex mprotect rt_sigprocmask create_module init_module
    delete_module get_kernel_syms quotactl getpgid fchdir bdflush sysfs personality afs_syscall setfsuid
    setfsgid _llseek getdents select flock msync readv writev getsid fdatasync _sysctl mlock munlock mlockall
    munlockall sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_yield
    sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid getresuid
    vm86 query_module poll nfsservctl setresgid getresgid prctl rt_sigreturn rt_sigaction rt_sigprocmask
    rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 chown getcwd capget capset
    sigaltstack sendfile getpmsg putpmsg vfork getrlimit mmap truncate ftruncate stat lstat fstat lchown getuid
    getgid geteuid getegid setreuid setregid getgroups setgroups fchown setresuid getresuid setresgid getresgid
    chown setuid setgid setfsuid setfsgid pivot_root mincore madvise getdents64 fcntl @224 gettid readahead
    setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr
    lremovexattr fremovexattr tkill sendfile futex sched_setaffinity sched_getaffinity set_thread_area
    get_thread_area io_setup io_destroy io_getevents io_submit io_cancel fadvise64 @252 exit_group
    lookup_dcookie epoll_create epoll_ctl epoll_wait remap_file_pages set_tid_address timer_create timer_settime
    timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep statfs
    fstatfs tgkill utimes fadvise64 vserver mbind get_mempolicy set_mempolicy mq_open mq_unlink mq_timedsend
    mq_timedreceive mq_notify mq_getsetattr kexec_load waitid @286 add_key request_key keyctl ioprio_set
    ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat
    futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare
    set_robust_list get_robust_list splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait utimensat
    signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 epoll_create1
    dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init
    fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns
    process_vm_readv process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom
    memfd_create bpf execveat socket socketpair bind connect listen accept4 getsockopt setsockopt getsockname
    getpeername sendto sendmsg recvfrom recvmsg shutdown userfaultfd membarrier mlock2 copy_file_range preadv2
    pwritev2 pkey_mprotect pkey_alloc pkey_free statx arch_prctl io_pgetevents rseq @393 semget semctl shmget
    shmctl shmat shmdt msgget msgsnd msgrcv msgctl clock_gettime clock_settime clock_adjtime clock_getres
    clock_nanosleep timer_gettime timer_settime timerfd_gettime timerfd_settime utimensat pselect6 ppoll @416
    io_pgetevents recvmmsg mq_timedsend mq_timedreceive semtimedop rt_sigtimedwait futex sched_rr_get_interval
    pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig
    fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2
    mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret
    process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake
    futex_wait futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal
    setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr listns
    rseq_slice_yield
"""

_FALCO_NAMES = {"pread64": "pread", "pwrite64": "pwrite", "prlimit64": "prlimit", "_llseek": "llseek"}

PSEUDO_FIRST: Final = 496
"""The first of our own numbers for i386 calls without a native twin; all numbers are below 512."""

_PSEUDO = """
    umount stime nice signal sgetmask ssetmask readdir socketcall idle ipc bdflush llseek vm86
"""


def _unpack(table: str) -> dict[int, str]:
    out = {}
    number = 0
    for word in table.split():
        if word[0] == "@":
            number = int(word[1:])
        else:
            out[number] = word
            number += 1
    return out


def _falco_names(kernel_names: dict[int, str]) -> dict[int, str]:
    return {number: _FALCO_NAMES.get(name, name) for number, name in kernel_names.items()}


KERNEL_NAMES: Final[Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {"x86_64": MappingProxyType(_unpack(_X86_64)), "aarch64": MappingProxyType(_unpack(_ARM64))}
)
"""Machine (``uname -m``) to its calls: number to the kernel's name."""

MACHINE: Final = platform.machine()
"""The running machine; anything but ``aarch64`` is read as x86_64."""


def names_of(machine: str) -> dict[int, str]:
    """Return number to Falco's name for a machine, pseudo numbers of its 32-bit calls included."""
    arm = machine == "aarch64"
    out = _falco_names(_unpack(_ARM64 if arm else _X86_64))
    if not arm:
        out.update({PSEUDO_FIRST + at: name for at, name in enumerate(_PSEUDO.split())})
    return out


def numbers_of(machine: str) -> dict[str, int]:
    """Return name to number for a machine; Falco's name and the kernel's both lead to it."""
    out = {name: number for number, name in names_of(machine).items()}
    for kernel_name, name in _FALCO_NAMES.items():
        if name in out:
            out.setdefault(kernel_name, out[name])
    return out


NR_TO_NAME: Final[Mapping[int, str]] = MappingProxyType(names_of(MACHINE))
"""Native (or pseudo) number to Falco's event name, for the running machine."""

NAME_TO_NR: Final[Mapping[str, int]] = MappingProxyType(numbers_of(MACHINE))
"""Name (Falco's or the kernel's) to number, for the running machine."""


def _compat_i386() -> dict[int, int]:
    numbers = numbers_of("x86_64")
    return {nr32: numbers[name] for nr32, name in _unpack(_I386).items()}


COMPAT_I386: Final[Mapping[int, int]] = MappingProxyType(_compat_i386())
"""i386 number to x86_64 (or pseudo) number. The nine calls that never were implemented are not in it."""

ALIASES: Final[Mapping[str, str]] = MappingProxyType(_FALCO_NAMES)
"""The kernel's name to Falco's, where they differ."""

ALL_NAMES: Final = frozenset(
    name for table in (_X86_64, _ARM64, _I386) for name in table.split() if name[0] != "@"
) | frozenset(_FALCO_NAMES.values())
"""Every system call name of the three tables."""
