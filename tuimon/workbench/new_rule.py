"""New rules from what one sees: from an event or an alert, from a filter; and a filter from a rule.

A proposal names the family of calls that the event is one of (every way to open a file, not just this one), who did it
and where; its fields can be widened and narrowed like an exception's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tuimon.errors import RuleError
from tuimon.escape import clean
from tuimon.events import Alert, Event
from tuimon.fields.facts import facts
from tuimon.rules.definitions import RuleDef
from tuimon.rules.event_types import EventTypeIndex
from tuimon.rules.filter import plain_text
from tuimon.rules.items import PRIORITIES
from tuimon.rules.loader import LoadResult, compile_expression
from tuimon.rules.printer import print_condition, print_value
from tuimon.syscalls import ALIASES, EVENT_NAMES, event_name
from tuimon.workbench.local_rules import Edit, append_item, folded, plain
from tuimon.workbench.steps import Part, steps_of, text_of

_FAMILIES: Final = (
    ("open", "openat", "openat2"),
    ("execve", "execveat"),
    ("clone", "clone3", "fork", "vfork"),
    ("accept", "accept4"),
    ("rename", "renameat", "renameat2"),
    ("unlink", "unlinkat", "rmdir"),
    ("mkdir", "mkdirat"),
    ("link", "linkat"),
    ("symlink", "symlinkat"),
    ("chmod", "fchmod", "fchmodat", "fchmodat2"),
    ("chown", "lchown", "fchown", "fchownat"),
    ("dup", "dup2", "dup3"),
    ("init_module", "finit_module"),
    ("umount", "umount2"),
    ("setuid", "setresuid", "setreuid"),
    ("setgid", "setresgid", "setregid"),
    ("sendto", "sendmsg", "sendmmsg"),
    ("recvfrom", "recvmsg", "recvmmsg"),
)
"""Calls that do the same thing; a rule about one of them is easily walked around by another."""
_VERBS: Final = {
    "open": "opened", "execve": "executed", "clone": "started a process", "accept": "accepted a connection",
    "connect": "connected", "rename": "renamed", "unlink": "removed", "mkdir": "made a folder", "chmod": "changed mode",
}  # fmt: skip
_PATHS: Final = ("fs.path.target", "fs.path.name", "fd.name")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule being made. Never changed: ``widen`` and its like return another."""

    name: str
    desc: str
    fixed: tuple[str, ...]
    """Parts of the condition that are no choice of fields: event types, how a file was opened, where."""
    parts: tuple[Part, ...]
    output: str
    priority: str = "Notice"
    tags: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The condition as text."""
        chosen = [f"{part.field} {part.step}" for part in self.parts if part.step is not None]
        return " and ".join((*self.fixed, *chosen))

    def widen(self, field: str) -> Proposal:
        """Take the next wider step of a field; behind the last it is left out."""
        return self._moved(field, 1)

    def narrow(self, field: str) -> Proposal:
        """Take the next narrower step of a field."""
        return self._moved(field, -1)

    def leave_out(self, field: str) -> Proposal:
        """Let a field have any value."""
        return self._moved(field, max(len(part.steps) for part in self.parts))

    def _moved(self, field: str, by: int) -> Proposal:
        parts = tuple(
            replace(part, at=min(max(part.at + by, 0), len(part.steps))) if part.field == field else part
            for part in self.parts
        )
        return replace(self, parts=parts)

    @property
    def text(self) -> str:
        """The rule as an item of a rule file, beginning with ``- rule:``."""
        tags = f"\n  tags: [{', '.join(map(plain, self.tags))}]" if self.tags else ""
        return (
            f"- rule: {plain(self.name)}\n"
            f"  desc: {plain(self.desc)}\n"
            f"  condition: >\n{folded(self.condition)}"
            f"  output: >\n{folded(self.output)}"
            f"  priority: {self.priority.upper()}{tags}\n"
        )

    def edit(self, text: str, path: str = "local.yaml") -> Edit:
        """Return the edit that puts the rule at the end of a rule file.

        Raises:
            RuleError: The file is not YAML, or nothing can be added to it.
        """
        data: dict[str, Any] = {
            "rule": self.name,
            "desc": self.desc,
            "condition": f"{self.condition}\n",
            "output": f"{self.output}\n",
            "priority": self.priority.upper(),
        }
        if self.tags:
            data["tags"] = list(self.tags)
        return append_item(text, self.text, data, path)


def from_event(event: Event, loaded: LoadResult | None = None) -> Proposal:
    """Return a rule for events like this one, general enough to be useful.

    It takes every call of the event's family, the program by its name, and the folder of the path; narrower and wider
    steps of each field are there to be chosen.

    Args:
        event: The event.
        loaded: The rules in force, for a name that is not taken yet.
    """
    type_ = event_name(event.kind, event.nr)
    family = family_of(type_)
    f = facts(event)
    names = _PATHS if "openat" not in family else ("fd.name",)
    path = next((field for field in names if text_of(field, event).startswith("/")), None)
    fixed = [_types(family)]
    if "openat" in family:
        # One whose flags nobody knows is neither.
        modes = [field for field in ("evt.is_open_write", "evt.is_open_read") if text_of(field, event) == "true"]
        fixed += [f"{field}=true" for field in modes[:1]]
        fixed += ["fd.num>=0"] if f.ret >= 0 else []
    container = event.container
    if container is not None:
        fixed.append(f"container.id {'=' if container.is_host else '!='} host")
    parts = list(_parts(event, family, path))
    process = clean(text_of("proc.name", event)) or "program"
    verb = "wrote" if "evt.is_open_write=true" in fixed else _VERBS.get(family[0], type_)
    title = _title(process, verb, container is not None and not container.is_host)
    return Proposal(
        name=_free(title, loaded),
        desc=f"{process} {verb}, as seen in one event",
        fixed=tuple(fixed),
        parts=tuple(parts),
        output=_output(verb, path, network="->" in text_of("fd.name", event)),
    )


def from_alert(alert: Alert, loaded: LoadResult | None = None) -> Proposal:
    """Return a rule for events like the alert's, as urgent as the rule that fired."""
    proposal = from_event(alert.event, loaded)
    return replace(proposal, priority=alert.priority if alert.priority in PRIORITIES else proposal.priority)


def from_filter(text: str, loaded: LoadResult) -> Proposal:
    """Return a rule whose condition is a filter.

    Plain text becomes a look into command lines and names of files. Without an event type the rule would be asked
    of every event there is; it gets those of a program's start.

    Raises:
        RuleError: The filter is wrong; says where.
    """
    try:
        condition = compile_expression(text, loaded)
        fixed = f"({text.strip()})" if " or " in text else text.strip()
    except RuleError:
        wanted = plain_text(text)
        if wanted is None:
            raise
        value = print_value(wanted)
        fixed = f"(proc.cmdline icontains {value} or fd.name icontains {value})"
        condition = compile_expression(fixed, loaded)
    types = EventTypeIndex(EVENT_NAMES, ALIASES).of(condition)
    return Proposal(
        name=_free("Events Of Interest", loaded),
        desc=f"events that the filter {text.strip()} keeps".replace("\n", " "),
        fixed=(*(("evt.type in (execve, execveat)",) if types is None else ()), fixed),
        parts=(),
        output=_output("matched", "fd.name", network=False),
    )


def filter_from_rule(rule: RuleDef) -> str:
    """Return what a filter must say to keep the events that a rule matches, its exceptions included.

    Macros and lists stay named: a filter may use those of the rules in force.
    """
    parts = [" ".join(rule.condition_text.split())]
    excepted = [each.condition for each in rule.exceptions if each.condition is not None]
    if not excepted:
        return parts[0]
    return " and ".join([f"({parts[0]})", *(f"not {_wrapped(print_condition(each))}" for each in excepted)])


def _wrapped(text: str) -> str:
    return text if text.startswith("(") else f"({text})"


def family_of(type_: str) -> tuple[str, ...]:
    """Return the calls that do what one does, itself among them."""
    return next((family for family in _FAMILIES if type_ in family), (type_,))


def _types(family: tuple[str, ...]) -> str:
    return f"evt.type in ({', '.join(family)})" if len(family) > 1 else f"evt.type = {family[0]}"


def _parts(event: Event, family: tuple[str, ...], path: str | None) -> Iterator[Part]:
    """Yield the fields of a proposal, each at the step that is general enough."""
    is_exec = "execve" in family
    yield from _part("proc.name", event, 0)
    yield from _part("proc.pname", event, 0 if is_exec else None)
    yield from _part("proc.exepath", event, None)
    if path is not None and not is_exec:
        yield from _part(path, event, 1)
    yield from _part("fd.sip", event, 0)
    yield from _part("fd.sport", event, 0)
    yield from _part("user.name", event, None)
    yield from _part("container.image.repository", event, None)


def _part(field: str, event: Event, at: int | None) -> Iterator[Part]:
    """Yield a field at a step (None: left out), when the event has it and its value can be written as it is."""
    value = text_of(field, event)
    if value and value.isprintable():
        steps = tuple(steps_of(field, value))
        yield Part(field, steps, len(steps) if at is None else min(at, len(steps) - 1))


def _title(process: str, verb: str, in_container: bool) -> str:
    plainly = "".join(char for char in process if char.isalnum() or char in "-_.") or "program"
    words = f"{plainly} {verb}{' in container' if in_container else ''}"
    return " ".join(word[:1].upper() + word[1:] for word in words.split())


def _free(name: str, loaded: LoadResult | None) -> str:
    taken = {rule.name for rule in loaded.rules} if loaded is not None else set()
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def _output(verb: str, path: str | None, *, network: bool) -> str:
    about = " connection=%fd.name" if network else f" file=%{path}" if path is not None else ""
    return (
        f"%proc.name {verb} (command=%proc.cmdline parent=%proc.pname{about} user=%user.name"
        " container=%container.name image=%container.image.repository)"
    )
