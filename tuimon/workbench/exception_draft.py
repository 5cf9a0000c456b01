"""An exception drafted from an alert: the narrowest that hides it, to be widened field by field, and what it hides.

The draft holds only fields that the event has and that the rule is about: what its condition or its output mentions,
and always the program and the container. Each field has steps from exactly this value to any value at all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tuimon.batch import Batch
from tuimon.errors import RuleError
from tuimon.events import Alert, Event
from tuimon.rules.checks import Checks
from tuimon.rules.definitions import RuleDef
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.evaluate import Judge, compile_condition
from tuimon.rules.loader import LoadResult, compile_expression
from tuimon.rules.nodes import And, Check, Condition, Expanded, FieldRef, Literal, Not, ValueList
from tuimon.rules.numbering import Memory
from tuimon.rules.prefilter_numpy import EventOf
from tuimon.rules.printer import print_value
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.local_rules import Edit, ExceptionSpec, add_exception
from tuimon.workbench.preview import Cancel, Group, Preview, preview, who
from tuimon.workbench.scan import Scan
from tuimon.workbench.steps import Part, Step, steps_of, text_of

_PATHS: Final = ("fd.name", "fs.path.name", "fs.path.source", "fs.path.target")
_ALWAYS: Final = ("proc.name",)
_PLACES: Final = ("container.image.repository", "container.name", "container.id")
"""The first of them that the event has says where it happened."""
_FAMILIES: Final = {
    "proc.exepath": ("proc.exe", "proc.exepath", "proc.is_exe"),
    "proc.cmdline": ("proc.cmdline", "proc.args", "proc.exeline"),
    "proc.pname": ("proc.p", "proc.a"),
    "proc.pcmdline": ("proc.pcmdline", "proc.acmdline"),
    "fd.sip": ("fd.s", "fd.r", "fd.name", "fd.net", "fd.ip", "fd.c", "fd.port"),
    "fd.sport": ("fd.sport", "fd.rport", "fd.port"),
    "user.name": ("user.",),
    "k8s.ns.name": ("k8s.", "container."),
}
"""A field is of use where the rule mentions one that begins so."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What an exception hides."""

    alerts: tuple[Alert, ...]
    """Of those given, oldest first."""
    preview: Preview
    """Of the history: ``removed`` are the alerts that it would not have raised."""
    own: tuple[str, str]
    """Container and process that the draft was made for."""
    covers: int
    """Events of the rule's types that the exception is true for and the rule is not: it would hide them too, were the
    rule made wider."""
    covers_groups: tuple[tuple[str, str, int], ...]
    """Container, process, events; the most first."""

    @property
    def others(self) -> tuple[Group, ...]:
        """What else it hides: groups of hidden alerts by other programs or in other containers."""
        return tuple(
            group for group in self.preview.groups if group.removed and (group.container, group.process) != self.own
        )


@dataclass(frozen=True)
class Draft:
    """An exception being made. Never changed: ``widen`` and its like return another."""

    rule: RuleDef
    parts: tuple[Part, ...]
    own: tuple[str, str]
    """Container and process of the alert."""
    loaded: LoadResult

    def part(self, field: str) -> Part:
        """Return the part of a field; RuleError when the draft has none."""
        found = next((part for part in self.parts if part.field == field), None)
        if found is None:
            raise RuleError(f"the draft has no {field}", f"it has {', '.join(part.field for part in self.parts)}")
        return found

    def widen(self, field: str) -> Draft:
        """Take the next wider step of a field; behind the last it is left out."""
        return self._at(field, self.part(field).at + 1)

    def narrow(self, field: str) -> Draft:
        """Take the next narrower step of a field."""
        return self._at(field, self.part(field).at - 1)

    def leave_out(self, field: str) -> Draft:
        """Let a field have any value."""
        return self._at(field, len(self.part(field).steps))

    def _at(self, field: str, at: int) -> Draft:
        part = self.part(field)
        moved = replace(part, at=min(max(at, 0), len(part.steps)))
        return replace(self, parts=tuple(moved if each is part else each for each in self.parts))

    @property
    def steps(self) -> tuple[tuple[str, Step], ...]:
        """The fields that are not left out, with their steps."""
        return tuple((part.field, part.step) for part in self.parts if part.step is not None)

    @property
    def text(self) -> str:
        """The exception as a condition."""
        return " and ".join(f"{field} {step}" for field, step in self.steps)

    @property
    def condition(self) -> Condition:
        """The exception as a condition, resolved.

        Raises:
            RuleError: Every field is left out: such an exception would switch the rule off.
        """
        if not self.steps:
            raise RuleError("an exception without a field would hide every alert", "disable the rule if that is meant")
        return compile_expression(self.text, self.loaded)

    @property
    def spec(self) -> ExceptionSpec:
        """The exception as it is written into a rule file, under a name that the rule does not have yet."""
        _ = self.condition
        taken = {each.name for each in self.rule.exceptions}
        container, process = (re.sub("[^a-z0-9]+", "_", text.lower()).strip("_") for text in self.own)
        base = f"{process or 'program'}_in_{container or 'container'}"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        return ExceptionSpec(
            rule=self.rule.name,
            name=name,
            fields=tuple(field for field, _ in self.steps),
            comps=tuple(step.op for _, step in self.steps),
            values=tuple(print_value(step.value) for _, step in self.steps),
        )

    def edit(self, text: str, path: str = "local.yaml") -> Edit:
        """Return the edit that writes the exception into the user's own rule file.

        Args:
            text: The file's text as it is.
            path: For messages.

        Raises:
            RuleError: See ``local_rules.add_exception``.
        """
        return add_exception(text, self.spec, path)

    def files(self, files: Sequence[RuleFile], path: str) -> tuple[RuleFile, ...]:
        """Return the rule files with the exception in the user's own, which comes last when it is new.

        Raises:
            RuleError: That file belongs to tuimon or the system, or nothing can be added to it.
        """
        own = next((file for file in files if file.path == path), RuleFile(path, ""))
        if own.origin == "builtin":
            raise RuleError(f"{path} belongs to tuimon and is not written to", "choose a file of your own")
        edited = RuleFile(path, self.edit(own.text, path).apply(own.text), own.origin)
        if any(file.path == path for file in files):
            return tuple(edited if file.path == path else file for file in files)
        return (*files, edited)

    def rulesets(self, *, plain_falco: bool = False) -> tuple[RuleSet, RuleSet]:
        """Return two rule sets of this rule alone: as it is, and with the exception."""
        excepted = And((self.rule.condition, Not(Expanded("exception", self.condition))))
        sets = [
            RuleSet.build(_One((replace(self.rule, condition=condition, enabled=True),)), 0, plain_falco=plain_falco)
            for condition in (self.rule.condition, excepted)
        ]
        return sets[0], sets[1]

    def hides(
        self,
        history_batches: Sequence[Batch],
        event_of: EventOf,
        alerts: Iterable[Alert] = (),
        *,
        plain_falco: bool = False,
        memory: Memory | None = None,
        limit: int = 500,
        cancel: Cancel | None = None,
        breath_s: float = 0.0,
    ) -> Hidden:
        """Return what the exception would have hidden.

        Args:
            history_batches: ``History.batches()``.
            event_of: Makes the row object of an event.
            alerts: Past alerts, also such whose events the history does not keep any more.
            plain_falco: How the engine judges.
            memory: Kept from an earlier look at this history.
            limit: Hidden events listed.
            cancel: Set it to end early; ``preview.complete`` then says so.
            breath_s: Sleep after each batch, so that another thread can have the interpreter.

        Raises:
            RuleError: Every field is left out.
        """
        before, after = self.rulesets(plain_falco=plain_falco)
        seen = preview(
            history_batches,
            event_of,
            before,
            after,
            [self.rule.name],
            limit=limit,
            memory=memory,
            cancel=cancel,
            breath_s=breath_s,
        )
        judge = compile_condition(self.condition, plain_falco=plain_falco)
        hidden = [alert for alert in alerts if alert.rule == self.rule.name and judge(alert.event) is True]
        batches = history_batches if seen.complete else ()
        covers = self._covered(batches, event_of, before.fresh_checks(), memory, breath_s)
        groups = sorted(covers.items(), key=lambda pair: (-pair[1], pair[0]))
        return Hidden(
            alerts=tuple(hidden),
            preview=seen,
            own=self.own,
            covers=sum(covers.values()),
            covers_groups=tuple((*key, count) for key, count in groups),
        )

    def _covered(
        self, batches: Sequence[Batch], event_of: EventOf, checks: Checks, memory: Memory | None, breath_s: float
    ) -> dict[tuple[str, str], int]:
        """Return, by container and process, how many events the exception covers beside those the rule matches."""
        near = And((self.condition, Not(self.rule.condition)))
        scan = Scan([near], [self.rule.event_types], event_of, checks, memory)
        found: dict[tuple[str, str], int] = {}
        for batch in batches:
            answer = scan.ask(batch)
            for row in answer.rows[answer.true[:, 0]].tolist():
                key = who(event_of(batch, row))
                found[key] = found.get(key, 0) + 1
            if breath_s:
                time.sleep(breath_s)
        return found


@dataclass(frozen=True, slots=True)
class _One:
    rules: tuple[RuleDef, ...]


def draft(alert: Alert | Sequence[Alert], loaded: LoadResult) -> Draft:
    """Return the narrowest exception for an alert, or for a group of alerts of one rule.

    Of a group, a field takes the narrowest step that holds for all of them, and is left out when none does.

    Args:
        alert: One alert, or several.
        loaded: The rules in force.

    Raises:
        RuleError: The rule is not there any more, or nothing can be said about the events.
    """
    alerts = [alert] if isinstance(alert, Alert) else list(alert)
    rule = loaded.rule(alerts[0].rule)
    if rule is None:
        raise RuleError(f"the rule {alerts[0].rule} is not in force any more", "its alerts stay in the list")
    if any(each.rule != rule.name for each in alerts):
        raise RuleError("these are alerts of several rules", "draft an exception for one rule at a time")
    parts = [part for field in _wanted(rule, alerts[0].event) if (part := _part(field, alerts, loaded)) is not None]
    if not parts:
        raise RuleError("the event has no field to tell it by", "write the exception by hand")
    return Draft(rule, tuple(parts), who(alerts[0].event), loaded)


def _wanted(rule: RuleDef, event: Event) -> Iterator[str]:
    """Yield the fields that the rule is about and the event has, in the order of a readable exception."""
    mentioned = {*rule.fields, *rule.output_fields}
    yield from _ALWAYS
    for field, starts in _FAMILIES.items():
        if field.startswith("proc.") and _mentions(mentioned, starts):
            yield field
    paths: list[str] = [
        field for field in _PATHS if field in mentioned or (field == "fd.name" and _mentions(mentioned, ("fd.",)))
    ]
    paths += sorted(field for field in mentioned if field.startswith("evt.arg") and _is_path(field, event))
    yield from (field for field in paths if text_of(field, event).startswith("/"))
    for field in ("fd.sip", "fd.sport"):
        if _mentions(mentioned, _FAMILIES[field]):
            yield field
    for field in ("user.name", "k8s.ns.name"):
        if _mentions(mentioned, _FAMILIES[field]):
            yield field
    place = next((field for field in _PLACES if text_of(field, event)), None)
    if place is not None:
        yield place


def _mentions(mentioned: Collection[str], starts: tuple[str, ...]) -> bool:
    return any(name.startswith(starts) for name in mentioned)


def _is_path(field: str, event: Event) -> bool:
    return text_of(field, event).startswith("/")


def _part(field: str, alerts: Sequence[Alert], loaded: LoadResult) -> Part | None:
    """Return a field with the steps that hold for all of the alerts and mean what they say."""
    value = text_of(field, alerts[0].event)
    if not value:
        return None
    steps = []
    for step in steps_of(field, value):
        judge = _judge(field, step, loaded)
        if judge is not None and all(judge(alert.event) is True for alert in alerts):
            steps.append(step)
    return Part(field, tuple(steps)) if steps else None


def _judge(field: str, step: Step, loaded: LoadResult) -> Judge | None:
    """Return the test of one step; None when its value cannot be written (a word of it names a list, ...)."""
    try:
        condition = compile_expression(f"{field} {step}", loaded)
        if not isinstance(condition, Check) or not _says(condition, field, step):
            return None
        return compile_condition(condition)
    except RuleError:
        return None


def _says(check: Check, field: str, step: Step) -> bool:
    right = check.right.items[0] if isinstance(check.right, ValueList) and len(check.right.items) == 1 else check.right
    name = field.partition("[")[0]
    left = check.left.name if isinstance(check.left, FieldRef) else ""
    return left == name and isinstance(right, Literal) and right.text == step.value
