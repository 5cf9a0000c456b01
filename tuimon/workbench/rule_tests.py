"""Rule test files: rules, events, and the alerts that must come of them, and no others.

    rules: [falco_rules.yaml, local.yaml]       # in load order; paths are relative to the test file, and
                                                # tuimon:rules stands for those that tuimon ships
    cases:
      - name: a stranger reads the password file
        events:
          - {evt.type: openat, proc.name: cat, fd.name: /etc/shadow, container.name: web}
        alerts:
          - Read sensitive file untrusted
      - name: nothing in the database
        recording: demo                         # a file, or the built-in one
        filter: container.name = shop-db
        alerts: none

The file is read by the same located reader as rule files, so every mistake in it has a line and a column. The format is
described in docs/testing-rules.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tuimon.errors import RuleError, SettingsError
from tuimon.resources import RULES, rules_dir
from tuimon.rulefiles import TEST_SUFFIXES, read_rule_file
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.mistakes import nearest
from tuimon.rules.reader import Mapping as YamlMapping
from tuimon.rules.reader import Node, Sequence, YamlError, read_documents
from tuimon.rules.source import Place, Scalar

CODE: Final = "TEST_FILE"
_FILE_KEYS: Final = ("rules", "cases", "rule_matching", "plain_falco")
_CASE_KEYS: Final = ("name", "events", "recording", "filter", "only", "alerts")
_ALERT_KEYS: Final = ("rule", "count", "output")


@dataclass(frozen=True, slots=True)
class MadeFields:
    """One event of a case, as written."""

    fields: Mapping[str, str]
    places: Mapping[str, Place]
    """Of each field's value."""
    place: Place


@dataclass(frozen=True, slots=True)
class Expected:
    """Alerts of one rule that a case must raise."""

    rule: str
    count: int | None
    """None: at least one."""
    output: Mapping[str, str]
    """Field to the value that each of them must have."""
    place: Place


@dataclass(frozen=True, slots=True)
class Case:
    """One test."""

    name: str
    place: Place
    events: tuple[MadeFields, ...]
    recording: str | None
    recording_place: Place | None
    filter: str | None
    filter_place: Place | None
    only: frozenset[str]
    """Rules that the case is about, empty: all."""
    alerts: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class TestFile:
    """A rule test file, read."""

    path: Path
    rules: tuple[tuple[Path, Place], ...]
    cases: tuple[Case, ...]
    first_match_only: bool = False
    plain_falco: bool = False


class TestFileError(RuleError):
    """A test file that cannot be used; ``diagnostics`` say where and why."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        first = self.diagnostics[0]
        super().__init__(str(first), first.hint)


@dataclass(slots=True)
class _Reader:
    """Reads one file and collects what is wrong with it."""

    path: Path
    found: list[Diagnostic] = field(default_factory=list)

    def wrong(self, place: Place, message: str, hint: str = "") -> None:
        self.found.append(diagnostic(place, message, hint))

    def file(self, top: Node) -> TestFile:
        if not isinstance(top, YamlMapping):
            is_rules = isinstance(top, Sequence)
            hint = "tuimon rules check is for rule files; a test begins with: rules: [FILE]"
            hint = hint if is_rules else "begin with: rules: [FILE]"
            self.wrong(top.place(), "a test file is a mapping with rules and cases", hint)
            return TestFile(self.path, (), ())
        self.keys(top, _FILE_KEYS)
        rules = [(self.rules(each.text), each.place()) for each in self.scalars(top.get("rules"), "rules", top)]
        cases = top.get("cases")
        if not isinstance(cases, Sequence) or not cases.items:
            self.wrong((cases or top).place(), "cases is to be a list of cases")
            return TestFile(self.path, tuple(rules), ())
        return TestFile(
            self.path,
            tuple(rules),
            tuple(case for node in cases.items if (case := self.case(node)) is not None),
            first_match_only=self.choice(top, "rule_matching", ("all", "first")) == "first",
            plain_falco=self.choice(top, "plain_falco", ("false", "true")) == "true",
        )

    def rules(self, name: str) -> Path:
        """Return the file or folder of rules that a name means."""
        return rules_dir() if name == RULES else self.path.parent / name

    def case(self, node: Node) -> Case | None:
        if not isinstance(node, YamlMapping):
            self.wrong(node.place(), "a case is a mapping with events or a recording, and alerts")
            return None
        self.keys(node, _CASE_KEYS)
        events, recording, chosen = node.get("events"), self.text(node, "recording"), self.text(node, "filter")
        if (events is None) == (recording is None):
            self.wrong(node.place(), "a case has either events or a recording")
        if chosen is not None and recording is None:
            self.wrong(
                chosen.place(), "filter goes with a recording", "of made events, leave out those you do not want"
            )
        name = self.text(node, "name")
        alerts = node.get("alerts")
        if alerts is None:
            self.wrong(node.place(), "a case says which alerts it expects", "alerts: none when there must be none")
        return Case(
            name=name.text if name is not None else f"line {node.line}",
            place=node.place(),
            events=tuple(self.events(events)),
            recording=recording.text if recording is not None else None,
            recording_place=recording.place() if recording is not None else None,
            filter=chosen.text if chosen is not None else None,
            filter_place=chosen.place() if chosen is not None else None,
            only=frozenset(each.text for each in self.scalars(node.get("only"), "only")),
            alerts=tuple(self.alerts(alerts)),
        )

    def events(self, node: Node | None) -> Iterable[MadeFields]:
        if node is None:
            return
        if not isinstance(node, Sequence) or not node.items:
            self.wrong(node.place(), "events is to be a list of events", "such as - {evt.type: openat, fd.name: /x}")
            return
        for item in node.items:
            if not isinstance(item, YamlMapping):
                self.wrong(item.place(), "an event is a mapping of fields to values")
                continue
            pairs = [(key, value) for key, value in item.entries if isinstance(key, Scalar)]
            for key, value in pairs:
                if not isinstance(value, Scalar):
                    self.wrong(value.place(), f"{key.text} is to be one value", "lists have no place in an event")
            texts = {key.text: value for key, value in pairs if isinstance(value, Scalar)}
            yield MadeFields(
                {name: value.text for name, value in texts.items()},
                {name: value.place() for name, value in texts.items()},
                item.place(),
            )

    def alerts(self, node: Node | None) -> Iterable[Expected]:
        if node is None or (isinstance(node, Scalar) and (node.text == "none" or node.is_null)):
            return
        if not isinstance(node, Sequence):
            self.wrong(node.place(), "alerts is to be a list of rule names, or none")
            return
        for item in node.items:
            if isinstance(item, Scalar):
                yield Expected(item.text, None, {}, item.place())
            elif isinstance(item, YamlMapping) and (rule := self.text(item, "rule")) is not None:
                self.keys(item, _ALERT_KEYS)
                yield Expected(rule.text, self.count(item), dict(self.output(item)), rule.place())
            else:
                self.wrong(item.place(), "an alert is the name of a rule, or a mapping with rule, count, output")

    def count(self, node: YamlMapping) -> int | None:
        value = self.text(node, "count")
        if value is None:
            return None
        if not value.text.isascii() or not value.text.isdigit() or int(value.text[:9]) == 0:
            self.wrong(value.place(), f"count is a number from 1 on, not {value.text!r}")
            return None
        return int(value.text[:9])

    def output(self, node: YamlMapping) -> Iterable[tuple[str, str]]:
        value = node.get("output")
        if value is None:
            return
        if not isinstance(value, YamlMapping):
            self.wrong(
                value.place(), "output is a mapping of fields to values", "such as output: {fd.name: /etc/shadow}"
            )
            return
        for key, text in value.entries:
            if isinstance(key, Scalar) and isinstance(text, Scalar):
                yield key.text, text.text
            else:
                self.wrong(key.place(), "output maps a field to one value")

    def keys(self, node: YamlMapping, known: tuple[str, ...]) -> None:
        for key, _ in node.entries:
            name = key.text if isinstance(key, Scalar) else ""
            if name not in known:
                near = nearest(name, known)
                hint = f"did you mean {near}?" if near else f"known here: {', '.join(known)}"
                self.wrong(key.place(), f"unknown key {name!r}", hint)

    def text(self, node: YamlMapping, key: str) -> Scalar | None:
        value = node.get(key)
        if value is None or isinstance(value, Scalar):
            return value
        self.wrong(value.place(), f"{key} is to be one text")
        return None

    def choice(self, node: YamlMapping, key: str, words: tuple[str, ...]) -> str:
        value = self.text(node, key)
        if value is None:
            return words[0]
        if value.text not in words:
            self.wrong(value.place(), f"{key} is one of {', '.join(words)}, not {value.text!r}")
        return value.text

    def scalars(self, node: Node | None, key: str, needed_in: YamlMapping | None = None) -> list[Scalar]:
        if node is None:
            if needed_in is not None:
                self.wrong(needed_in.place(), f"{key} is missing", "rules: [FILE, ...], relative to this file")
            return []
        if isinstance(node, Scalar):
            return [node]
        items = node.items if isinstance(node, Sequence) else ()
        if not items or not all(isinstance(each, Scalar) for each in items):
            self.wrong(node.place(), f"{key} is to be a list of names")
        return [each for each in items if isinstance(each, Scalar)]


def diagnostic(place: Place, message: str, hint: str = "") -> Diagnostic:
    """Return an error at a place of a test file."""
    return Diagnostic(
        code=CODE, severity="error", message=message, file=place.file, line=place.line, column=place.column,
        end_line=place.end_line, end_column=place.end_column, snippet=place.snippet, hint=hint,
    )  # fmt: skip


def read(file: RuleFile) -> TestFile:
    """Return a test file's content.

    Raises:
        TestFileError: It is not YAML, or not built like a test file; every mistake is named.
    """
    reader = _Reader(Path(file.path))
    try:
        documents = list(read_documents(file))
    except YamlError as error:
        raise TestFileError([diagnostic(error.place, error.message, error.hint)]) from None
    if len(documents) != 1:
        nowhere = Place(file.path, 1, 1, source=file.text)
        raise TestFileError([diagnostic(nowhere, f"a test file is one YAML document, not {len(documents)}")])
    result = reader.file(documents[0])
    if reader.found:
        raise TestFileError(reader.found)
    return result


def files(paths: Iterable[Path]) -> list[Path]:
    """Return the test files that paths mean: a folder stands for the ``*.test.yaml`` directly in it.

    Raises:
        SettingsError: A folder cannot be listed, or holds no test.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = sorted(each for each in path.iterdir() if each.name.endswith(TEST_SUFFIXES))
        if not inside:
            raise SettingsError(f"no test file in {path}", "test files end in .test.yaml")
        found += inside
    return found


def load(path: Path) -> TestFile:
    """Read a test file.

    Raises:
        SettingsError: It cannot be read.
        TestFileError: It is not right.
    """
    return read(read_rule_file(path))
