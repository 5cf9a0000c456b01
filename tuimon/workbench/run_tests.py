"""Runs rule tests and says what went wrong: which rule fired or did not, and the part of its condition that decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tuimon.errors import RecordingError, RuleError, SettingsError, TuimonError
from tuimon.escape import clean, json_text
from tuimon.events import Event
from tuimon.resources import RULES, find_recording, rules_dir
from tuimon.rulefiles import read_rule_files
from tuimon.rules import explain
from tuimon.rules.diagnostics import Diagnostic
from tuimon.rules.filter import compile_filter
from tuimon.rules.loader import LoadResult
from tuimon.rules.loader import load as load_rules
from tuimon.rules.matching import Rule, RuleHit
from tuimon.rules.output import as_text
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.judging import Judging
from tuimon.workbench.made_events import MadeEventError, make
from tuimon.workbench.replay import Replay
from tuimon.workbench.rule_tests import CODE, Case, Expected, TestFile, TestFileError, diagnostic, load

PASSED: Final = 0
FAILED: Final = 1
BROKEN: Final = 2
"""The test file, its rules or its recording cannot be used."""
_SHOWN: Final = 5
"""Alerts and events listed for one failure."""
_MAX_ALERTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One alert of a case."""

    rule: Rule
    event: Event


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as a case expects."""

    line: int
    """In the test file: of the expectation, or of the case."""
    message: str
    details: tuple[str, ...] = ()
    """Lines, safe to print."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case."""

    case: Case
    alerts: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one test file."""

    path: Path
    cases: tuple[CaseResult, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    """Why it could not be run, each at its place."""
    problem: TuimonError | None = None
    """Why it could not be read at all."""

    @property
    def status(self) -> int:
        """0 passed, 1 failed, 2 could not be run."""
        if self.problems or self.problem is not None:
            return BROKEN
        return FAILED if any(each.failures for each in self.cases) else PASSED


def run_file(path: Path, instead: Mapping[Path, Path] = MappingProxyType({})) -> FileResult:
    """Run one test file. Nothing in it makes this raise.

    A case with a recording changes the names of users for the whole program (see Replay).

    Args:
        path: The test file.
        instead: Rule files, resolved, to what is read in their place.
    """
    try:
        return run(load(path), instead)
    except TestFileError as error:
        return FileResult(path, problems=error.diagnostics)
    except SettingsError as error:
        return FileResult(path, problem=error)


def run(file: TestFile, instead: Mapping[Path, Path] = MappingProxyType({})) -> FileResult:
    """Run the cases of a test file; ``instead`` as in ``run_file``."""
    loaded, problems = _rules(file, instead)
    if problems:
        return FileResult(file.path, problems=tuple(problems))
    ruleset = RuleSet.build(loaded, 1, first_match_only=file.first_match_only, plain_falco=file.plain_falco)
    problems = list(_unknown_rules(file, loaded))
    results = []
    for case in file.cases:
        try:
            results.append(_Run(case, file, ruleset, loaded).result())
        except TestFileError as error:
            problems += error.diagnostics
    return FileResult(file.path, tuple(results), tuple(problems))


def _rules(file: TestFile, instead: Mapping[Path, Path]) -> tuple[LoadResult, list[Diagnostic]]:
    problems: list[Diagnostic] = []
    paths = [(instead.get(path.resolve(), path), place) for path, place in file.rules]
    for path, place in paths:
        if _is_missing(path):
            problems.append(diagnostic(place, f"there is no rule file {path}", _hint(path)))
    if problems:
        return load_rules(()), problems
    try:
        loaded = load_rules(read_rule_files(path for path, _ in paths))
    except SettingsError as error:
        return load_rules(()), [diagnostic(file.rules[0][1], str(error), error.hint)]
    return loaded, [found for found in loaded.diagnostics if found.severity == "error"]


def _is_missing(path: Path) -> bool:
    """Return whether there is no such file; of one that may not be looked for, whoever opens it says so."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _hint(missing: Path) -> str:
    """Say how a rule file that is not there is named rightly."""
    if (rules_dir() / missing.name).exists():
        return f"write {RULES} for tuimon's own rules, wherever they lie"
    return "paths are relative to the test file"


def _unknown_rules(file: TestFile, loaded: LoadResult) -> Iterator[Diagnostic]:
    """Yield an error for each rule that a case names and nobody defines: such a test could never fail as it should."""
    from tuimon.rules.mistakes import nearest

    names = {rule.name: rule for rule in loaded.rules}
    for case in file.cases:
        expected = {each.rule: each.place for each in case.alerts}
        for name, place in {**dict.fromkeys(case.only, case.place), **expected}.items():
            if name not in names:
                near = nearest(name, names)
                yield diagnostic(place, f"no rule is called {name!r}", f"did you mean {near}?" if near else "")
            elif not names[name].enabled:
                yield diagnostic(place, f"the rule {name!r} is disabled", "a later file can enable it")


class _Run:
    """One case."""

    def __init__(self, case: Case, file: TestFile, ruleset: RuleSet, loaded: LoadResult) -> None:
        self._case = case
        self._file = file
        self._ruleset = ruleset
        self._loaded = loaded
        self._events: list[Event] = []
        """Of made events: all, in order."""

    def result(self) -> CaseResult:
        shots = [
            shot
            for shot in (self._of_recording() if self._case.recording is not None else self._of_events())
            if not self._case.only or shot.rule.name in self._case.only
        ]
        return CaseResult(self._case, len(shots), tuple(self._failures(shots)))

    def _of_events(self) -> list[Shot]:
        judging = Judging(self._ruleset)
        for num, wanted in enumerate(self._case.events, 1):
            try:
                self._events.append(make(wanted.fields, num))
            except MadeEventError as error:
                place = wanted.places.get(error.field, wanted.place)
                raise TestFileError([diagnostic(place, str(error), error.hint)]) from None
        by_name = {rule.name: rule for rule in self._ruleset.rules}
        return [
            Shot(by_name[rule.name], event) for event in self._events for rule, sure in judging.verdicts(event) if sure
        ]

    def _of_recording(self) -> list[Shot]:
        case = self._case
        assert case.recording is not None
        assert case.recording_place is not None
        beside = self._file.path.parent / case.recording
        path = find_recording(case.recording) if _is_missing(beside) else beside
        try:
            replay = Replay(path)
            return list(self._judged(replay))
        except RecordingError as error:
            raise TestFileError([diagnostic(case.recording_place, str(error), error.hint)]) from None

    def _judged(self, replay: Replay) -> Iterator[Shot]:
        keep = None
        if self._case.filter is not None:
            try:
                keep = compile_filter(self._case.filter, self._loaded, replay.event)
            except RuleError as error:
                place = self._case.filter_place or self._case.place
                raise TestFileError([diagnostic(place, str(error), error.hint)]) from None
        undecided: list[tuple[RuleHit, Event]] = []
        count = 0
        for batch in replay.batches():
            for row in self._ruleset.candidates(batch, replay).tolist():
                event = replay.event(batch, row)
                for hit in self._ruleset.judge(event):
                    count += 1
                    if count > _MAX_ALERTS:
                        return
                    if hit.unknown:
                        undecided.append((hit, event.alone()))
                    elif keep is None or keep.matches(event):
                        yield Shot(hit.rule, event.alone())
        for hit, old in undecided:
            event = replay.again(old)
            hit, verdict = hit.decide(event)
            if verdict is not False and (keep is None or keep.matches(event)):
                yield Shot(hit.rule, event)

    # What is not as expected

    def _failures(self, shots: Sequence[Shot]) -> Iterator[Failure]:
        by_rule: dict[str, list[Shot]] = {}
        for shot in shots:
            by_rule.setdefault(shot.rule.name, []).append(shot)
        for expected in self._case.alerts:
            yield from self._expectation(expected, by_rule.get(expected.rule, []))
        wanted = {each.rule for each in self._case.alerts}
        for name, mine in by_rule.items():
            if name not in wanted:
                message = f"{name} fired {_times(len(mine))} and is not expected"
                yield Failure(self._case.place.line, message, tuple(self._fired(mine)))

    def _expectation(self, expected: Expected, shots: Sequence[Shot]) -> Iterator[Failure]:
        line = expected.place.line
        if not shots:
            yield Failure(line, f"{expected.rule} did not fire", tuple(self._why_not(expected.rule)))
            return
        if expected.count is not None and len(shots) != expected.count:
            message = f"{expected.rule} fired {_times(len(shots))}, expected {_times(expected.count)}"
            yield Failure(line, message, tuple(self._fired(shots)))
        wrong = [(shot, each) for shot in shots for each in self._wrong_output(expected, shot)]
        if wrong:
            details = tuple(f"event {shot.event.num}: {each}" for shot, each in wrong[:_SHOWN])
            yield Failure(line, f"{expected.rule} fired with another output", details)

    def _wrong_output(self, expected: Expected, shot: Shot) -> Iterator[str]:
        from tuimon import fields

        for name, wanted in expected.output.items():
            found = fields.resolve(name.partition("[")[0])
            arg = name.partition("[")[2].removesuffix("]") or (found[1] if found is not None else None)
            if found is None or found[0].get is None:
                yield f"{clean(name)} is no field that can be told"
                continue
            value = found[0].get(shot.event, arg)
            shown = "not known" if value is fields.UNKNOWN else as_text(value, found[0].type)
            if shown != wanted:
                yield f"{clean(name)} is {clean(shown)}, expected {clean(wanted)}"

    def _fired(self, shots: Sequence[Shot]) -> Iterator[str]:
        for shot in shots[:_SHOWN]:
            yield f"event {shot.event.num}: {clean(shot.rule.template.format(shot.event))}"
            condition = self._ruleset.condition(shot.rule.name)
            if condition is not None and shot is shots[0]:
                tree = explain.explain(condition, shot.event, self._ruleset.fresh_checks())
                yield from (f"  {clean(line)}" for line in explain.lines(tree))
        if len(shots) > _SHOWN:
            yield f"and {len(shots) - _SHOWN:,} more"

    def _why_not(self, rule: str) -> Iterator[str]:
        """Yield, for the made events nearest to the rule, what of the condition stood in the way."""
        condition = self._ruleset.condition(rule)
        if condition is None or self._case.recording is not None:
            return
        checks = self._ruleset.fresh_checks()
        misses = [
            (event, miss)
            for event in self._events
            for miss in explain.near_misses(
                [pair for pair in self._ruleset.pairs if pair[0].name == rule], event, checks=checks
            )
        ]
        for event, miss in sorted(misses, key=lambda pair: len(pair[1].blockers))[:_SHOWN]:
            yield f"event {event.num}: {len(miss.blockers)} of its checks stood in the way"
            yield from (f"  {clean(line)}" for blocker in miss.blockers for line in explain.lines(blocker))
        if not misses and self._file.first_match_only:
            yield "an earlier rule matched first (rule_matching: first)"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def lines(results: Iterable[FileResult]) -> Iterator[str]:
    """Yield the report for people; safe to print."""
    from tuimon.rules.report import diagnostic_lines

    passed = failed = broken = 0
    for result in results:
        broken += result.status == BROKEN
        bad = [each for each in result.cases if each.failures]
        passed += len(result.cases) - len(bad)
        failed += len(bad)
        word = ("ok", "FAILED", "cannot be run")[result.status]
        yield f"{clean(str(result.path))}: {word}, {len(result.cases)} case{'s' * (len(result.cases) != 1)}"
        if result.problem is not None:
            yield f"  {clean(str(result.problem))}"
            if result.problem.hint:
                yield f"    {clean(result.problem.hint)}"
        for problem in result.problems:
            # Only Falco's own codes mean something beyond the message.
            yield from list(diagnostic_lines(problem))[: -1 if problem.code == CODE else None]
        for each in bad:
            yield f"  FAILED {clean(each.case.name)}"
            for failure in each.failures:
                yield f"    {clean(str(result.path))}:{failure.line}: {clean(failure.message)}"
                yield from (f"      {line}" for line in failure.details)
    more = f", {broken} file{'s' * (broken != 1)} could not be run" if broken else ""
    yield f"{passed} passed, {failed} failed{more}"


def as_json(results: Iterable[FileResult]) -> dict[str, Any]:
    """Return the results as JSON can hold them."""
    listed = list(results)
    return {
        "passed": sum(not each.failures for result in listed for each in result.cases),
        "failed": sum(bool(each.failures) for result in listed for each in result.cases),
        "files": [_file_json(result) for result in listed],
    }


def _file_json(result: FileResult) -> dict[str, Any]:
    problems = [
        {"line": each.line, "column": each.column, "file": each.file, "message": each.message, "hint": each.hint}
        for each in result.problems
    ]
    if result.problem is not None:
        problems.append({"message": str(result.problem), "hint": result.problem.hint})
    return {
        "file": json_text(str(result.path)),
        "status": ("passed", "failed", "broken")[result.status],
        "problems": problems,
        "cases": [
            {
                "name": json_text(each.case.name),
                "line": each.case.place.line,
                "passed": not each.failures,
                "alerts": each.alerts,
                "failures": [
                    {"line": f.line, "message": json_text(f.message), "details": list(f.details)} for f in each.failures
                ],
            }
            for each in result.cases
        ],
    }
