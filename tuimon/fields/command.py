"""``tuimon fields``: the registry on a terminal, as JSON, or as the reference page docs/fields.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from tuimon.errors import SettingsError
from tuimon.fields import all_fields
from tuimon.fields.registry import FieldInfo
from tuimon.fields.unfilled import Unfilled, unfilled

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_TITLES: Final = {
    "evt": ("evt, syscall", "the event itself"),
    "process": ("proc, thread", "the process and thread that made it"),
    "user": ("user", "the user it ran as"),
    "group": ("group", "the group it ran as"),
    "fd": ("fd", "the file, socket or other object it works on"),
    "fdlist": ("fdlist", "the fds given to poll"),
    "fs.path": ("fs.path", "the paths it works on"),
    "container": ("container", "the container it comes from"),
    "k8s": ("k8s", "the Kubernetes pod it comes from"),
}
_ARGUMENTS: Final = {"no": "", "optional": "[arg]", "required": "[ARG]"}

_INTRO: Final = """# Fields

Every field that a condition or an output can use. This page is written by `tuimon fields --markdown`; the names and
types are Falco's, and those marked tuimon are our own.

- **Absent is not empty.** A check on a field that an event does not have is false, whatever the operator; `not` makes
  it true, and `exists` asks.
- **Unknown is not false.** `container.*` and `k8s.*` may not be known yet; such a check waits for the answer.
- `[arg]` may, `[ARG]` must be followed by an argument, in brackets or behind a dot.
- *any*: several values at once; a check holds when one of them satisfies it.
- *path*: a path test also looks at the real path of the object that the kernel returned.
- *from /proc*: no event carries it. It is read when a rule asks, at most a second after the event and never on its way;
  until then it is unknown. A process that is gone by then, an old event and a recording have none. Where the event
  describes its process (an exec, a change of credentials) memory, threads, page faults and the kinds of the standard
  fds are the kernel's own, as of the event.
- *filter*: only for conditions. *output*: only for outputs. *not printed*: conditions resolve the names it is
  compared with, an output has nothing to show. *not filled*: known, but this version has no value for it.
"""


_UNFILLED: Final = """
## evt.arg: arguments

`evt.arg.NAME` takes the names of Falco's event table. Every argument of a system call has a value as far as the record
carries it: what a call reads or writes (`data`, `msgcontrol`, `img`) only while a rule asks for it, the memory after
`brk`, `mmap` and `munmap` and what lies behind pointers of loud calls only for rules, not for a view. `vm_rss` and
`vm_swap` are the kernel's running sums, which may be some dozen pages per processor behind /proc. These never have
one:

| Event | Argument | Why |
|---|---|---|
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("fields", help="list the fields of the rule language")
    parser.add_argument("pattern", nargs="?", default="", metavar="PATTERN", help="part of a name, or a glob: proc.a*")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--markdown", action="store_true", help="print the reference page")
    shape.add_argument("--json", action="store_true", help="print a JSON array, one object per field")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the fields asked for.

    Raises:
        SettingsError: When no field fits the pattern.
    """
    fields = matching(args.pattern)
    if not fields:
        raise SettingsError(f"No field fits {args.pattern!r}.", "tuimon fields without a pattern lists them all.")
    if args.markdown:
        text = markdown(fields)
    elif args.json:
        text = json.dumps([as_dict(info) for info in fields], indent=1) + "\n"
    else:
        text = table(fields)
    sys.stdout.write(text)
    return 0


def matching(pattern: str) -> tuple[FieldInfo, ...]:
    """Return the fields whose name holds the text, or fits the glob; all for an empty pattern."""
    if any(char in pattern for char in "*?["):
        return tuple(info for info in all_fields() if fnmatchcase(info.name, pattern))
    return tuple(info for info in all_fields() if pattern in info.name)


def notes(info: FieldInfo) -> list[str]:
    """Return the marks of a field, in words."""
    marks = (
        ("list", info.is_list),
        ("any", info.any_of),
        ("path", info.is_path),
        ("filter", info.filter_only),
        ("output", info.print_only),
        ("from /proc", info.from_proc),
        ("not printed", info.compared_only),
        ("not filled", info.get is None and not info.compared_only),
        ("deprecated", bool(info.deprecated)),
    )
    return [word for word, holds in marks if holds]


def as_dict(info: FieldInfo) -> dict[str, object]:
    """Return a field as JSON shows it."""
    return {
        "name": info.name,
        "class": info.group,
        "type": str(info.type),
        "description": info.doc,
        "argument": info.arg,
        "list": info.is_list,
        "any_of": info.any_of,
        "path": info.is_path,
        "filter_only": info.filter_only,
        "output_only": info.print_only,
        "from_proc": info.from_proc,
        "filled": info.get is not None or info.compared_only,
        "deprecated": info.deprecated or None,
    }


def table(fields: Sequence[FieldInfo]) -> str:
    """Return the fields one a line: name, type, meaning, marks."""
    names = [info.name + _ARGUMENTS[info.arg] for info in fields]
    width = max(map(len, names))
    lines = []
    for name, info in zip(names, fields, strict=True):
        marks = notes(info)
        tail = f"  ({', '.join(marks)})" if marks else ""
        lines.append(f"{name:<{width}}  {info.type:<9}  {info.doc}{tail}")
    return "\n".join(lines) + "\n"


def markdown(fields: Iterable[FieldInfo]) -> str:
    """Return the reference page, a table for each class of fields."""
    by_group: dict[str, list[FieldInfo]] = {}
    for info in fields:
        by_group.setdefault(info.group, []).append(info)
    parts = [_INTRO]
    for group, members in by_group.items():
        title, what = _TITLES[group]
        parts.append(f"\n## {title}: {what}\n\n| Field | Type | Meaning | |\n|---|---|---|---|\n")
        parts.extend(_row(info) for info in members)
    parts.append(_UNFILLED)
    parts.extend(_unfilled_row(row) for row in unfilled())
    return "".join(parts)


def _unfilled_row(row: Unfilled) -> str:
    params = ", ".join(f"`{name}`" for name in row.params) or "all"
    return f"| {', '.join(f'`{name}`' for name in row.events)} | {params} | {row.why} |\n"


def _row(info: FieldInfo) -> str:
    meaning = f"{info.doc}; deprecated: {info.deprecated}" if info.deprecated else info.doc
    return f"| `{info.name}{_ARGUMENTS[info.arg]}` | {info.type} | {meaning} | {', '.join(notes(info))} |\n"
