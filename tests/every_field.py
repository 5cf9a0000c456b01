"""Conditions on every field of the registry: what "any filter" means for tests and benchmarks alike."""

from __future__ import annotations

from typing import Final

from tuimon.errors import RuleError
from tuimon.fields import FieldInfo, FieldType, all_fields
from tuimon.fields.argsource import FILLED
from tuimon.rules.loader import compile_expression
from tuimon.rules.values import NUMERIC, TEXTUAL

_ARGS: Final = {
    "evt.type.is": ("openat",),
    "evt.around": ("1700000000000000000",),
    "evt.abspath": ("src", "dst"),
    "evt.arg": tuple(sorted(FILLED)),
    "evt.rawarg": tuple(sorted(FILLED)),
    "proc.env": ("PATH",),
    "proc.aenv": ("2", "PATH"),
    "thread.cgroup": ("cpu",),
    "container.label": ("maintainer",),
    "k8s.pod.label": ("app",),
}
"""What stands in the brackets of fields that take something there; of others a number."""


WIDER: Final = (
    "evt.args contains /etc/passwd",
    "evt.args contains sh",
    "evt.args icontains Shadow",
    "evt.args glob '*/etc/pass*'",
    "evt.args glob '*pass*d*'",
    "evt.args regex '.*etc/pass.*'",
    "evt.args regex '.*(passwd|shadow).*'",
    "evt.args contains 'name=/etc'",
    "evt.type = openat and evt.args contains /etc",
    "evt.type in (execve, openat) and evt.args contains passwd",
    "proc.name = sh and evt.args contains passwd",
    "container.id != host and evt.args contains shadow",
    "evt.arg.fd contains etc and not evt.arg.name startswith /usr",
    "evt.arg.flags contains O_CREAT and evt.arg.name startswith /tmp",
    "evt.arg[2] endswith .so or evt.arg[1] contains AT_FDCWD",
    "fd.containername startswith host:/etc and evt.failed = true",
    "fd.name = val(proc.exepath)",
    "fd.name startswith val(proc.cwd)",
    "proc.cmdline contains val(fd.filename)",
    "evt.arg.exe != val(proc.exe)",
    "evt.rawres > val(fd.num)",
    "thread.tid != val(proc.pid)",
    "tolower(fd.filename) = val(proc.name)",
)
"""Questions of more than one word, of more than one field, and of one field compared with another."""


def names(info: FieldInfo) -> list[str]:
    """Return a field as it is written, without and with arguments."""
    out = [] if info.arg == "required" else [info.name]
    if info.arg != "no":
        out += [f"{info.name}[{arg}]" for arg in _ARGS.get(info.name, ("0", "2"))]
    return out


_TYPES: Final = ("evt.type", "syscall.type")
"""They are compared with names of event types and nothing else."""


def conditions(info: FieldInfo, name: str, number: int = 7) -> list[str]:
    """Return conditions on a field as it is written: that it exists, and what else its type allows.

    Args:
        info: The field.
        name: As it is written.
        number: Stands in the constants, so that each has been seen once only.
    """
    if info.name == "evt.around":
        return [f"{name} = 20000000000{number}"]
    if info.compared_only:
        return [f"{name} = host-{number}.invalid"]
    if info.name in _TYPES:
        return [f"{name} exists", f"{name} in (openat, connect)", f"{name} != openat"]
    exists = [] if info.filter_only else [f"{name} exists"]
    return exists + [f"{name} {asked}" for asked in _asked(info, number)]


def _asked(info: FieldInfo, number: int) -> list[str]:
    if info.is_list:
        return [f"intersects (file, x{number})"]
    if info.type in TEXTUAL:
        return [f"= x{number}", f"contains s{number}", f"!= x{number}"]
    if info.type in NUMERIC:
        return [f"= {number}", f"> {number}", f"!= {number}"]
    return {
        FieldType.BOOL: ["= true"],
        FieldType.BYTEBUF: [f"contains x{number}"],
        FieldType.IPADDR: [f'= "10.0.0.{number % 250}"'],
        FieldType.IPNET: [f"= 10.{number % 250}.0.0/16"],
        FieldType.DYN: [f"= {number}"],
    }.get(info.type, [])


def every_field() -> list[tuple[FieldInfo, str]]:
    """Return every field that can stand in a condition, as it is written."""
    written = [(info, name) for info in all_fields() if not info.print_only for name in names(info)]
    return [(info, name) for info, name in written if info.type != FieldType.DYN or _is_typed(name)]


def _is_typed(name: str) -> bool:
    """Whether an argument as it is has a type that can be compared."""
    try:
        compile_expression(f"{name} exists")
    except RuleError:
        return False
    return True
