"""The lines of what was tried on recordings and made events: tests, and what differs between two revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.detail_lines import wrapped


def case_lines(answer: Mapping[str, Any]) -> tuple[list[Line], list[list[str]]]:
    """Return one line for each test, and behind each what went wrong with it as lines of text.

    Args:
        answer: The JSON of ``tuimon rules test``.
    """
    lines: list[Line] = []
    details: list[list[str]] = []
    for file in answer.get("files", ()):
        name = PurePath(str(file.get("file", ""))).name
        for problem in file.get("problems", ()):
            place = f":{problem['line']}:{problem['column']}" if "line" in problem else ""
            lines.append((Cell(" cannot run ", "bad", 12), Cell(f"{name}{place}  {problem['message']}", "", REST)))
            details.append([str(problem["message"]), str(problem.get("hint", ""))])
        for case in file.get("cases", ()):
            word, role = (" ok", "good") if case["passed"] else (" FAILED", "bad")
            place = f"  {name}:{case['line']}"
            lines.append((Cell(word, role, 12), Cell(str(case["name"]), "strong"), Cell(place, "muted", REST)))
            wrong = [text for failure in case["failures"] for text in _failure(name, failure)]
            details.append(wrong or [f"as expected; {case['alerts']} alert{'s' * (case['alerts'] != 1)}"])
    return lines, details


def first_wrong(answer: Mapping[str, Any]) -> int:
    """Return the place among ``case_lines`` of the first test that went wrong or cannot be run; 0 when none did."""
    files = answer.get("files", ())
    right = [each for file in files for each in (*[False] * len(file.get("problems", ())), *_passed(file))]
    return right.index(False) if False in right else 0


def _passed(file: Mapping[str, Any]) -> list[bool]:
    return [bool(case["passed"]) for case in file.get("cases", ())]


def _failure(name: str, failure: Mapping[str, Any]) -> list[str]:
    return [f"{name}:{failure['line']}: {failure['message']}", *(f"  {text}" for text in failure["details"])]


def detail_lines(details: Sequence[str], width: int) -> list[Line]:
    """Return text as lines."""
    return [(Cell(f" {part}", "", REST),) for text in details for part in wrapped(text, width - 1) or [""]]


def backtest_lines(answer: Mapping[str, Any]) -> list[Line]:
    """Return which alerts two rule sets do not share, by rule, container and program.

    Args:
        answer: The JSON of ``tuimon rules backtest``.
    """
    window = answer["recording"]
    lines: list[Line] = [
        (
            Cell(f" {window['events']:,} events of {window['name']}: ", "muted"),
            Cell(f"{answer['before']['alerts']:,} alerts before, {answer['after']['alerts']:,} after", "strong", REST),
        )
    ]
    if window.get("notice"):
        lines.append((Cell(f" {window['notice']}", "attention", REST),))
    if answer["equal"]:
        return [*lines, (Cell(" the same alerts", "good", REST),)]
    for sign, role, key in (("+", "good", "added"), ("-", "attention", "removed")):
        for group, rows in _groups(answer[key]).items():
            rule, container, process = group
            head = Cell(f" {sign}{len(rows):,} ", role, 8)
            lines += [(), (head, Cell(rule, "title"), Cell(f"  {container}/{process}", "", REST))]
            lines += [_fired(sign, role, row) for row in rows]
    return lines


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["rule"], row["container"] or "?", row["process"]), []).append(row)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def _fired(sign: str, role: str, row: Mapping[str, Any]) -> Line:
    mark = "  unconfirmed" if row["unconfirmed"] else ""
    return (
        Cell(f"   {sign} ", role),
        Cell(str(row["time"])[11:23], "muted", 13),
        Cell(f"{row['cmdline']}{mark}", "", REST),
    )
