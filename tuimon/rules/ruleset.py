"""The rules in force, as one immutable thing with a revision: which events can matter, and which rules an event breaks.

Rules lie in buckets by (kind, system call number), which decides ``evt.type``; a bucket is compiled the first time an
event of its kind comes, with everything the type decides already decided. ``candidates`` finds, with vector operations
on the columns, the rows that some rule may match; ``judge`` is the exact answer for one of them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.errors import RuleError
from tuimon.events import Container, Event, Process
from tuimon.fields import all_fields
from tuimon.records import Kind
from tuimon.rules.checks import Addresses, Checks, Context, Test
from tuimon.rules.evaluate import Program, compile_condition
from tuimon.rules.graph import FALSE, Graph
from tuimon.rules.matching import Counter, Rule, RuleHit
from tuimon.rules.nodes import Check, Condition, FieldRef, Operand, Transform, walk
from tuimon.rules.output import Template
from tuimon.rules.prefilter_kernel import Expression, KernelExpressions
from tuimon.rules.prefilter_numpy import Actors, EventOf, Mask
from tuimon.syscalls import CALLS, NR_TO_NAME, event_name

_SAMPLE_EVERY: Final = 64
"""One evaluation of a rule in so many is timed: two clock readings cost as much as a cheap rule."""
_FIRST: Final = 8
"""A rule's first evaluations are all timed, or one that is seldom looked at would never show what it costs."""
_KINDS: Final = 8
_CALL_NUMBERS: Final = 1024


class Definition(Protocol):
    """What the loader says about a rule (tuimon.rules.loader.RuleDef)."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def condition(self) -> Condition: ...  # noqa: D102
    @property
    def output(self) -> str: ...  # noqa: D102
    @property
    def priority(self) -> str: ...  # noqa: D102
    @property
    def tags(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def enabled(self) -> bool: ...  # noqa: D102
    @property
    def event_types(self) -> frozenset[str] | None: ...  # noqa: D102
    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102


class Loaded(Protocol):
    """What ``build`` needs of a LoadResult."""

    @property
    def rules(self) -> Sequence[Definition]: ...  # noqa: D102


class Processes(Protocol):
    """Process versions by index (tuimon.enrich.processes.ProcessTable)."""

    def get(self, index: int) -> Process | None:
        """Return a version, None when the index is not (or no longer) known."""


class Owners(Protocol):
    """Containers by cgroup (tuimon.enrich.containers.Containers)."""

    def of_cgroup(self, cgroup_id: int) -> Container | None:
        """Return the container or the host, None while it is not known."""


class Tables(Protocol):
    """Where ``candidates`` finds processes and containers; the engine is one."""

    @property
    def processes(self) -> Processes: ...  # noqa: D102
    @property
    def containers(self) -> Owners: ...  # noqa: D102


@dataclass(slots=True)
class _Bucket:
    """The rules that one kind of event can match, compiled together."""

    judges: tuple[tuple[Rule, Test], ...]
    blank: Context
    mask: Mask
    chosen: dict[bytes, tuple[tuple[Rule, Test], ...]] = field(default_factory=dict)
    """Judges by the bits of the clauses that the mask left."""


class RuleSet:
    """Rules that were loaded together. Judged by one thread; ``revision`` and ``rules`` may be read by any."""

    def __init__(
        self,
        rules: Sequence[Rule],
        conditions: Sequence[Condition],
        revision: int,
        checks: Checks,
        *,
        first_match_only: bool,
    ) -> None:
        self.revision = revision
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.first_match_only = first_match_only
        self._conditions = tuple(conditions)
        self._checks = checks
        self._buckets: dict[int, _Bucket] = {}
        self._names: frozenset[str] = frozenset().union(*(rule.event_types or () for rule in rules))
        self._any_type = any(rule.event_types is None for rule in rules)
        self._interesting = self._code_table()
        self._expressions: dict[int, Expression] | None = None
        self._actors = Actors()
        self._hinted: Batch | None = None
        self._hints: dict[int, tuple[tuple[Rule, Test], ...]] = {}
        self._turn = 0

    @classmethod
    def build(
        cls,
        loaded: Loaded,
        revision: int,
        previous: RuleSet | None = None,
        *,
        first_match_only: bool = False,
        plain_falco: bool = False,
        suggested_output: bool = False,
        addresses: Addresses | None = None,
        checks: Checks | None = None,
    ) -> RuleSet:
        """Return the rule set of what was loaded; only enabled rules of the syscall source take part.

        Args:
            loaded: What the loader made of the files.
            revision: Number of this rule set; alerts carry it.
            previous: The rule set it replaces: rules that did not change keep their counters.
            first_match_only: Falco's ``rule_matching: first``, in the order of the files.
            plain_falco: Unknown is absent, and only given paths count.
            suggested_output: Put the fields that are suggested for it behind every output (see ``suggested``).
            addresses: Resolves the names that ``fd.sip.name`` and its like are compared with.
            checks: Compiles the checks; tests bring their own.

        Raises:
            RuleError: A rule that the loader let through cannot be compiled; its name is in the sentence.
        """
        checks = checks or Checks(plain_falco=plain_falco, addresses=addresses)
        kept = {rule.signature: rule.counter for rule in previous.rules} if previous is not None else {}
        chosen = [each for each in loaded.rules if each.enabled and each.source == "syscall"]
        more = suggested() if suggested_output else ""
        rules = [_compiled(each, checks, kept, more) for each in chosen]
        conditions = [each.condition for each in chosen]
        ruleset = cls(rules, conditions, revision, checks, first_match_only=first_match_only)
        if previous is not None:
            ruleset._warm(previous)
        return ruleset

    def _warm(self, previous: RuleSet) -> None:
        """Compile now, in the caller's thread, for the kinds of events that are coming: the swap cannot wait."""
        for code in list(previous._buckets):
            self._bucket(code)

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def pairs(self) -> tuple[tuple[Rule, Condition], ...]:
        """Every rule with its condition, in the order of the files."""
        return tuple(zip(self.rules, self._conditions, strict=True))

    def fresh_checks(self) -> Checks:
        """Return a compiler of checks that mean what this rule set's mean, for another thread."""
        return self._checks.fresh()

    @property
    def event_types(self) -> frozenset[str] | None:
        """The event types some rule asks for by name; None when a rule takes all of them."""
        return None if self._any_type else self._names

    @property
    def named_types(self) -> frozenset[str]:
        """The event types that rules name, whether or not another rule takes all."""
        return self._names

    def uses(self, *names: str) -> bool:
        """Return whether a condition or an output of a rule mentions one of these fields."""
        wanted = frozenset(names)
        if any(wanted & fields_of(condition) for condition in self._conditions):
            return True
        return any(any(name in text for name in wanted) for rule in self.rules for text in rule.template.fields)

    def kernel_expressions(self, numbers: Collection[int] | None = None) -> dict[int, Expression]:
        """Return, by native system call number, what the kernel can ask before it sends an event for the rules.

        Calls that are not in it are not of interest to any rule. ``prefilter_c.c_prefilter`` prints it.

        Args:
            numbers: Of these only.
        """
        known = self._expressions
        if known is None:
            rules = ((condition, rule.event_types) for rule, condition in self._pairs())
            asked = KernelExpressions(rules, self.fresh_checks())
            wanted = {nr: name for nr, name in NR_TO_NAME.items() if self._any_type or name in self._names}
            known = self._expressions = {nr: asked.of(name) for nr, name in wanted.items()}
        return {nr: each for nr, each in known.items() if numbers is None or nr in numbers}

    def _pairs(self) -> Iterator[tuple[Rule, Condition]]:
        return zip(self.rules, self._conditions, strict=True)

    def candidates(self, batch: Batch, tables: Tables) -> NDArray[np.intp]:
        """Return the rows (ascending) that some rule may match; every other row surely matches none.

        Args:
            batch: Numbered, and with its processes (``process_at``).
            tables: Where processes and containers are found, as they are now.
        """
        if not self.rules or not len(batch):
            return np.empty(0, np.intp)
        rows = self.interesting(batch)
        if not len(rows):
            return rows
        event_of = _maker(tables)
        actors = self._actors.number(batch, rows, event_of)
        codes = batch.head["kind"][rows].astype(np.int32) * _CALL_NUMBERS + batch.head["nr"][rows]
        kept = []
        self._hinted, self._hints = batch, {}
        for code in np.unique(codes).tolist():
            mine = np.flatnonzero(codes == code)
            bucket = self._bucket(code)
            left = bucket.mask.keep(batch, rows[mine], actors[mine], self._actors.generation, event_of)
            self._hint(bucket, left.rows, left.bits)
            kept.append(left.rows)
        return np.sort(np.concatenate(kept))

    def _hint(self, bucket: _Bucket, rows: NDArray[np.intp], bits: NDArray[np.uint64]) -> None:
        """Keep which rules each candidate may match, so that ``judge`` need not try the others."""
        size = bits.shape[1] * bits.itemsize
        raw = bits.tobytes()
        for at, row in enumerate(rows.tolist()):
            key = raw[at * size : (at + 1) * size]
            chosen = bucket.chosen.get(key)
            if chosen is None:
                chosen = bucket.chosen[key] = tuple(bucket.judges[rule] for rule in bucket.mask.rules_of(key))
            self._hints[row] = chosen

    def interesting(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows (ascending) of the event types that some rule looks at."""
        kind = np.minimum(batch.head["kind"], _KINDS - 1)
        number = np.minimum(batch.head["nr"], _CALL_NUMBERS - 1)
        return np.flatnonzero(self._interesting[kind, number])

    def judge(self, event: Event) -> list[RuleHit]:
        """Return the rules that the event matches, in the order of the files.

        Hits with ``unknown`` set are undecided: a value is not known yet. With ``first_match_only`` there is one hit;
        when it is undecided, the next ones up to the first sure hit stand behind it as ``instead``.
        """
        head = event.batch.head
        bucket = self._bucket(int(head["kind"][event.row]) * _CALL_NUMBERS + int(head["nr"][event.row]))
        judges = bucket.judges
        if event.batch is self._hinted:
            judges = self._hints.get(event.row, judges)
        hits: list[RuleHit] = []
        context = bucket.blank.copy()
        context[0] = event
        self._turn += 1
        timed = self._turn % _SAMPLE_EVERY == 0
        for rule, test in judges:
            counter = rule.counter
            counter.evaluated += 1
            result = _timed(test, context, counter) if timed or counter.sampled < _FIRST else test(context)
            if result is False:
                continue
            if result is None:
                counter.unknown += 1
            elif not (self.first_match_only and hits):  # else it is not known yet whether it counts
                counter.matched += 1
            hits.append(RuleHit(rule, self.revision, unknown=result is None))
            if result and self.first_match_only:
                break
        return [replace(hits[0], instead=tuple(hits[1:]))] if self.first_match_only and hits else hits

    def applicable(self, event: Event) -> list[tuple[Rule, Condition]]:
        """Return the rules for the event's type with their conditions, in the order of the files."""
        name = event_name(event.kind, event.nr)
        return [pair for pair in self._pairs() if pair[0].takes(name)]

    def condition(self, rule: str) -> Condition | None:
        """Return the condition of a rule by its name, None when no such rule is in force."""
        return next((condition for each, condition in self._pairs() if each.name == rule), None)

    def _bucket(self, code: int) -> _Bucket:
        bucket = self._buckets.get(code)
        if bucket is None:
            bucket = self._buckets[code] = self._compile(*divmod(code, _CALL_NUMBERS))
        return bucket

    def _compile(self, kind: int, number: int) -> _Bucket:
        """Compile the rules for one kind of event together."""
        name = event_name(kind, number)
        pairs = [pair for pair in self._pairs() if pair[0].takes(name)]
        graph = Graph()
        roots = [graph.add(condition, name) for _, condition in pairs]
        alive = [at for at, root in enumerate(roots) if root != FALSE]
        roots = [roots[at] for at in alive]
        program = Program(self._checks, graph)
        tests = program.print(roots)
        mask = Mask(graph, roots, self._checks, Kind(kind), name)
        judges = tuple((pairs[at][0], test) for at, test in zip(alive, tests, strict=True))
        return _Bucket(judges, program.blank(), mask)

    def _code_table(self) -> NDArray[np.bool_]:
        """Return, for each kind and call number, whether some rule looks at such events."""
        table = np.zeros((_KINDS, _CALL_NUMBERS), bool)
        for kind in Kind:
            if kind is not Kind.HEARTBEAT:
                table[kind] = [self._any_type or event_name(kind, nr) in self._names for nr in range(_CALL_NUMBERS)]
        return table


def _maker(tables: Tables) -> EventOf:
    """Return what makes row objects, as far as conditions look at them, from tables."""
    get, of_cgroup = tables.processes.get, tables.containers.of_cgroup

    def event_of(batch: Batch, row: int) -> Event:
        index = int(batch.process_at[row]) if len(batch.process_at) else -1
        return Event(batch, row, get(index), of_cgroup(int(batch.head["cgroup_id"][row])), 0)

    return event_of


def calls_wanted(ruleset: RuleSet) -> frozenset[str]:
    """Return the names of the system calls that the kernel must emit for these rules.

    Rules that name no event type (the loader warns: LOAD_NO_EVTTYPE) ask for every call that has decoded arguments.
    """
    return ruleset.named_types | frozenset(CALLS) if ruleset.event_types is None else ruleset.named_types


def fields_of(node: Condition) -> frozenset[str]:
    """Return the names of all fields in a condition."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, Check):
            _gather(part.left, found)
            if isinstance(part.right, Transform):
                _gather(part.right, found)
    return frozenset(found)


def _gather(operand: Operand, found: set[str]) -> None:
    if isinstance(operand, FieldRef):
        found.add(operand.name)
    elif isinstance(operand, Transform):
        for argument in operand.args:
            _gather(argument, found)


def _timed(test: Test, context: Context, counter: Counter) -> bool | None:
    began = time.perf_counter_ns()
    result = test(context)
    counter.sampled_ns += time.perf_counter_ns() - began
    counter.sampled += 1
    return result


def suggested() -> str:
    """Return what Falco puts behind the output of every rule with ``append_output: [suggested_output: true]``.

    Its falco.yaml has that switched on; the names are those of the fields that its container plugin suggests.
    """
    names = [info.name for info in all_fields() if info.suggested_output]
    return "".join(f" {name.replace('.', '_')}=%{name}" for name in names)


def _compiled(definition: Definition, checks: Checks, kept: dict[tuple[object, ...], Counter], more: str) -> Rule:
    try:
        template = Template.parse(definition.output + more, checks)
        judge = compile_condition(definition.condition, checks=checks)
    except RuleError as error:
        raise RuleError(f"rule {definition.name}: {error}", error.hint) from error
    signature = (definition.name, definition.condition, definition.output, definition.priority)
    return Rule(
        name=definition.name,
        priority=definition.priority,
        tags=tuple(definition.tags),
        source=definition.source,
        file=definition.file,
        line=definition.line,
        event_types=definition.event_types,
        template=template,
        judge=judge,
        signature=signature,
        counter=kept.get(signature) or Counter(),
    )
