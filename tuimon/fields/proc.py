"""proc.*: the process that made the event, its ancestors, its session and group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from tuimon.events import Event, Process
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Getter, Scope, Value, add
from tuimon.records import ExeFlag

_PROCESS: Final = Scope.PROCESS


def exeline(process: Process) -> str:
    """Return argv[0] and the arguments."""
    return " ".join((process.exe, *process.args))


def _cwd(process: Process) -> str:
    cwd = process.cwd
    return cwd if not cwd or cwd.endswith("/") else cwd + "/"


def _args_text(process: Process) -> str:
    return " ".join(process.args)


def _env_text(process: Process) -> str | None:
    return None if process.env is None else " ".join(process.env)


# Getters are made from functions of a process; the three places they are read at are self, parent and ancestors.

_Part = Callable[[Process], Value]


def _own(part: _Part) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        process = event.process
        return None if process is None else part(process)

    return get


def _parents(part: _Part) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        process = event.process
        if process is None or process.parent is None:
            return None
        return part(process.parent)

    return get


def ancestor(process: Process, steps: int) -> Process | None:
    """Return the process itself for 0, its parent for 1, ...; None beyond the oldest known."""
    at: Process | None = process
    while steps > 0 and at is not None:
        at = at.parent
        steps -= 1
    return at


Line = Callable[[Iterable[Process]], Value]
"""A value by the ancestors of a process, the parent first."""


def _line(part: Callable[[Process], str | int]) -> Line:
    return lambda above: tuple(map(part, above)) or None


def _ancestors(part: Callable[[Process], str | int]) -> Getter:
    """Make the getter of an ancestor field: one of them with an index, all of them without."""
    line = _line(part)

    def get(event: Event, arg: str | None) -> Value:
        process = event.process
        if process is None:
            return None
        if arg is None:
            return line(process.ancestors())
        if not arg.isdigit():
            return None
        above = ancestor(process, int(arg))
        return None if above is None else part(above)

    return get


def _args(event: Event, arg: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    if arg is None:
        return _args_text(process)
    at = int(arg) if arg.isdigit() else -1
    return process.args[at] if 0 <= at < len(process.args) else ""


def _args_line(above: Iterable[Process]) -> Value:
    return " ".join(filter(None, map(_args_text, above))) or None


def _aargs(event: Event, arg: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    if arg is None:
        return _args_line(process.ancestors())
    above = ancestor(process, int(arg)) if arg.isdigit() else None
    return None if above is None else _args_text(above)


def variable(process: Process, name: str) -> str | None:
    """Return a variable of the environment, empty when it is not set; None when the environment is not known."""
    if process.env is None:
        return None
    start = name + "="
    return next((text[len(start) :] for text in process.env if text.startswith(start)), "")


def _env(event: Event, arg: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    return _env_text(process) if arg is None else variable(process, arg)


def _env_line(above: Iterable[Process]) -> Value:
    return tuple(text for text in map(_env_text, above) if text is not None) or None


def _aenv(event: Event, arg: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    if arg is None:
        return _env_line(process.ancestors())
    if arg.isdigit():
        above = ancestor(process, int(arg))
        return None if above is None else _env_text(above)
    return variable_above(process.ancestors(), arg)


def variable_above(above: Iterable[Process], name: str) -> str:
    """Return a variable of the nearest of some processes that has it set to anything, empty when none has."""
    found = (variable(each, name) for each in above)
    return next((text for text in found if text), "")


# Leaders.


def _leader(process: Process, number: int, *, virtual: bool) -> Process | None:
    """Return the nearest of self and ancestors whose pid is ``number``: leader of the session or group."""
    at: Process | None = process
    for _ in range(64):
        if at is None:
            return None
        if (at.vpid if virtual else at.pid) == number:
            return at
        at = at.parent
    return None


def _of_leader(number: Callable[[Process], int], part: Callable[[Process], str], *, virtual: bool = False) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        process = event.process
        if process is None:
            return None
        leader = _leader(process, number(process), virtual=virtual)
        return "" if leader is None else part(leader)

    return get


def shell_pid(process: Process) -> int | None:
    """Return the pid of a process that is a shell by its name, else None."""
    return process.pid if process.comm.endswith("sh") and len(process.comm) > 1 else None


def shell_above(above: Iterable[Process]) -> int | None:
    """Return the pid of the last of some processes that is a shell."""
    found = None
    for each in above:
        if (pid := shell_pid(each)) is not None:
            found = pid
    return found


def _login_shell(process: Process) -> Value:
    above = shell_above(process.ancestors())
    return shell_pid(process) if above is None else above


# Times.


def _duration(event: Event, _: str | None) -> Value:
    process = event.process
    return None if process is None or not process.start_ns else event.ts_ns - process.start_ns


def _parent_duration(event: Event, _: str | None) -> Value:
    process = event.process
    parent = None if process is None else process.parent
    return None if parent is None or not parent.start_ns else event.ts_ns - parent.start_ns


def _start(event: Event, _: str | None) -> Value:
    process = event.process
    return None if process is None or not process.start_ns else process.start_ns + event.boot_to_epoch_ns


def _parent_start(event: Event, _: str | None) -> Value:
    process = event.process
    parent = None if process is None else process.parent
    return None if parent is None or not parent.start_ns else parent.start_ns + event.boot_to_epoch_ns


def _exe_age(event: Event, _: str | None) -> Value:
    process = event.process
    if process is None or not process.exe_ctime_ns or not process.start_ns:
        return None
    age = process.start_ns + event.boot_to_epoch_ns - process.exe_ctime_ns
    return age if age > 0 else None


def _exe_age_in_namespace(event: Event, _: str | None) -> Value:
    process = event.process
    if process is None or not process.exe_ctime_ns or not process.pidns_start_ns:
        return None
    age = process.exe_ctime_ns - (process.pidns_start_ns + event.boot_to_epoch_ns)
    return age if age > 0 else None


def _namespace_start(event: Event, _: str | None) -> Value:
    process = event.process
    return None if process is None or not process.pidns_start_ns else process.pidns_start_ns + event.boot_to_epoch_ns


def _exe_flag(flag: ExeFlag) -> Getter:
    return _own(lambda process: bool(process.exe_flags & flag))


def _exe(process: Process) -> str:
    return process.exe


def _exepath(process: Process) -> str:
    return process.exepath


def _comm(process: Process) -> str:
    return process.comm


def _cmdline(process: Process) -> str:
    return process.cmdline


def _pid(process: Process) -> int:
    return process.pid


def _sid(process: Process) -> int:
    return process.sid


def _pgid(process: Process) -> int:
    return process.pgid


def _vpgid(process: Process) -> int:
    return process.vpgid


OF_LINE: Final[dict[str, Line]] = {"proc.aargs": _args_line, "proc.aenv": _env_line}
"""Fields that, without an argument, hang on the ancestors of a process alone: children of one process share them."""
OF_ONE: Final[dict[str, _Part]] = {}
"""Fields that, with a number as their argument, show a part of one of them."""


def _text(name: str, doc: str, get: Getter) -> None:
    add("process", name, T.CHARBUF, doc, get, _PROCESS)


def _of_ancestors(name: str, type: T, doc: str, part: Callable[[Process], str | int]) -> None:
    OF_LINE[name] = _line(part)
    OF_ONE[name] = part
    add(
        "process",
        name,
        type,
        f"{doc} of an ancestor: [0] the process itself, [1] its parent, ...; any ancestor without an index",
        _ancestors(part),
        _PROCESS,
        arg="optional",
        no_rhs=True,
        no_transformer=True,
        any_of=True,
    )


_text("proc.exe", "argv[0]: the name the program was started under", _own(_exe))
_text("proc.pexe", "argv[0] of the parent", _parents(_exe))
_of_ancestors("proc.aexe", T.CHARBUF, "argv[0]", _exe)
_text("proc.exepath", "real path of the program's file", _own(_exepath))
_text("proc.pexepath", "real path of the parent's program", _parents(_exepath))
_of_ancestors("proc.aexepath", T.CHARBUF, "real path of the program", _exepath)
_text("proc.name", "short name of the process (comm, up to 15 bytes)", _own(_comm))
_text("proc.pname", "short name of the parent", _parents(_comm))
_of_ancestors("proc.aname", T.CHARBUF, "short name", _comm)
add(
    "process",
    "proc.args",
    T.CHARBUF,
    "arguments after argv[0], with blanks between; [n] is one of them, counted from 0",
    _args,
    _PROCESS,
    arg="optional",
)
add(
    "process",
    "proc.aargs",
    T.CHARBUF,
    "arguments of an ancestor: [1] the parent, ...; of all ancestors together without an index",
    _aargs,
    _PROCESS,
    arg="optional",
)
_text("proc.cmdline", "short name and arguments", _own(_cmdline))
_text("proc.pcmdline", "short name and arguments of the parent", _parents(_cmdline))
_of_ancestors("proc.acmdline", T.CHARBUF, "short name and arguments", _cmdline)
add(
    "process",
    "proc.cmdnargs",
    T.UINT64,
    "how many arguments follow argv[0]",
    _own(lambda process: len(process.args)),
    _PROCESS,
)
add(
    "process",
    "proc.cmdlenargs",
    T.UINT64,
    "length of the arguments after argv[0] in bytes, without what separates them",
    _own(lambda process: sum(len(arg.encode("utf-8", "surrogateescape")) for arg in process.args)),
    _PROCESS,
)
_text("proc.exeline", "argv[0] and the arguments", _own(exeline))
add(
    "process",
    "proc.env",
    T.CHARBUF,
    "environment with blanks between the variables; [NAME] is the value of one",
    _env,
    _PROCESS,
    arg="optional",
)
add(
    "process",
    "proc.aenv",
    T.CHARBUF,
    "environment of an ancestor: [n] the n-th, [NAME] a variable of the nearest that sets it; any without",
    _aenv,
    _PROCESS,
    arg="optional",
    no_rhs=True,
    no_transformer=True,
    any_of=True,
)
_text("proc.cwd", "working directory, with a slash at the end", _own(_cwd))
add(
    "process",
    "proc.loginshellid",
    T.INT64,
    "pid of the oldest shell among the process and its ancestors",
    _own(_login_shell),
    _PROCESS,
)
add("process", "proc.tty", T.UINT32, "device number of the terminal, 0 without one", _own(lambda p: p.tty), _PROCESS)
add("process", "proc.pid", T.INT64, "process id", _own(_pid), _PROCESS)
add("process", "proc.ppid", T.INT64, "process id of the parent", _own(lambda p: p.ppid or None), _PROCESS)
_of_ancestors("proc.apid", T.INT64, "process id", _pid)
add(
    "process",
    "proc.vpid",
    T.INT64,
    "process id as the process itself sees it, in its pid namespace",
    _own(lambda p: p.vpid or None),
    _PROCESS,
)
add(
    "process",
    "proc.pvpid",
    T.INT64,
    "process id of the parent, in the parent's pid namespace",
    _parents(lambda p: p.vpid or None),
    _PROCESS,
)
add("process", "proc.sid", T.INT64, "session id", _own(lambda p: p.vsid or p.sid), _PROCESS)
_text("proc.sname", "short name of the session's leader", _of_leader(_sid, _comm))
_text("proc.sid.exe", "argv[0] of the session's leader", _of_leader(_sid, _exe))
_text("proc.sid.exepath", "real path of the session leader's program", _of_leader(_sid, _exepath))
add(
    "process",
    "proc.vpgid",
    T.INT64,
    "process group id as the process itself sees it, in its pid namespace",
    _own(lambda p: p.vpgid),
    _PROCESS,
)
_text("proc.vpgid.name", "short name of the leader of proc.vpgid", _of_leader(_vpgid, _comm, virtual=True))
_text("proc.vpgid.exe", "argv[0] of the leader of proc.vpgid", _of_leader(_vpgid, _exe, virtual=True))
_text(
    "proc.vpgid.exepath", "real path of the program of proc.vpgid's leader", _of_leader(_vpgid, _exepath, virtual=True)
)
add("process", "proc.pgid", T.INT64, "process group id on the host", _own(_pgid), _PROCESS)
_text("proc.pgid.name", "short name of the leader of proc.pgid", _of_leader(_pgid, _comm))
_text("proc.pgid.exe", "argv[0] of the leader of proc.pgid", _of_leader(_pgid, _exe))
_text("proc.pgid.exepath", "real path of the program of proc.pgid's leader", _of_leader(_pgid, _exepath))
add("process", "proc.duration", T.RELTIME, "nanoseconds since the process was made", _duration)
add("process", "proc.ppid.duration", T.RELTIME, "nanoseconds since the parent was made", _parent_duration)
add("process", "proc.pid.ts", T.RELTIME, "when the process was made, in nanoseconds since 1970", _start)
add("process", "proc.ppid.ts", T.RELTIME, "when the parent was made, in nanoseconds since 1970", _parent_start)
for _name, _flag, _doc in (
    ("proc.is_exe_writable", ExeFlag.WRITABLE, "whether the user who runs the program may write to its file"),
    (
        "proc.is_exe_upper_layer",
        ExeFlag.UPPER_LAYER,
        "whether the program's file lies in the writable layer of an overlay: it is not as the image brought it",
    ),
    (
        "proc.is_exe_lower_layer",
        ExeFlag.LOWER_LAYER,
        "whether the program's file lies in a read-only layer of an overlay: the image brought it",
    ),
    ("proc.is_exe_from_memfd", ExeFlag.MEMFD, "whether the program's file exists only in memory (memfd_create)"),
):
    add("process", _name, T.BOOL, _doc, _exe_flag(_flag), _PROCESS)
add(
    "process",
    "proc.is_sid_leader",
    T.BOOL,
    "whether the process leads its session",
    _own(lambda p: p.sid == p.pid),
    _PROCESS,
)
add(
    "process",
    "proc.is_vpgid_leader",
    T.BOOL,
    "whether the process leads the group of proc.vpgid",
    _own(lambda p: p.vpgid == p.vpid),
    _PROCESS,
)
add(
    "process",
    "proc.is_pgid_leader",
    T.BOOL,
    "whether the process leads its group",
    _own(lambda p: p.pgid == p.pid),
    _PROCESS,
)
add(
    "process",
    "proc.exe_ino",
    T.INT64,
    "inode number of the program's file",
    _own(lambda p: p.exe_ino or None),
    _PROCESS,
)
add(
    "process",
    "proc.exe_ino.ctime",
    T.ABSTIME,
    "when the inode of the program's file last changed, in nanoseconds since 1970",
    _own(lambda p: p.exe_ctime_ns or None),
    _PROCESS,
)
add(
    "process",
    "proc.exe_ino.mtime",
    T.ABSTIME,
    "when the program's file was last written, in nanoseconds since 1970",
    _own(lambda p: p.exe_mtime_ns or None),
    _PROCESS,
)
add(
    "process",
    "proc.exe_ino.ctime_duration_proc_start",
    T.ABSTIME,
    "nanoseconds between the last change of the program's inode and the start of the process",
    _exe_age,
)
add(
    "process",
    "proc.exe_ino.ctime_duration_pidns_start",
    T.ABSTIME,
    "nanoseconds between the start of the pid namespace and the last change of the program's inode",
    _exe_age_in_namespace,
)
add(
    "process",
    "proc.pidns_init_start_ts",
    T.UINT64,
    "when the first process of the pid namespace was made, in nanoseconds since 1970",
    _namespace_start,
)
add(
    "process",
    "proc.fdlimit",
    T.INT64,
    "how many fds the process may have open",
    _own(lambda p: p.fd_limit or None),
    _PROCESS,
)
