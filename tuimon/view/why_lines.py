"""The lines of the Why screen: conditions as trees with each part's value and truth, and the rules that nearly matched.

Truth is a letter before it is a colour: T, F, or ? for what hangs on a value that is not known yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from tuimon.escape import clean
from tuimon.rules.explain import NearMiss, Part
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.detail_lines import wrapped
from tuimon.wording import counted
from tuimon.workbench.near import Why

_MARKS: Final = {True: ("T", "good"), False: ("F", "bad"), None: ("?", "attention")}
_VALUE: Final = 4
"""Columns that a value is set in below its check."""
_DEEPEST: Final = 24
"""Columns of indent; a deeper tree goes on at this depth, so that there is room for its text."""
_NAMED_LIST: Final = re.compile(r"\((\w[\w.-]*)\)\Z")

Lists = Mapping[str, tuple[str, str]]
"""Of each named list: FILE:LINE, and its items as text."""


def why_lines(why: Why, trees: Sequence[tuple[str, str, Part]], lists: Lists, width: int) -> list[Line]:
    """Return what all rules say about one event.

    Args:
        why: The verdicts.
        trees: Name, FILE:LINE and judged condition of the rules to be shown in full, the one asked for first.
        lists: Named lists, to be opened where a check uses one.
        width: Columns there are.
    """
    lines: list[Line] = [*_verdicts(why, width)]
    for name, place, tree in trees:
        mark, role = _MARKS[tree.truth]
        lines += [(), (Cell(f" {mark} ", role), Cell(name, "title"), Cell(f"  {place}", "muted", REST))]
        lines += tree_lines(tree, lists, width, 1)
    lines += [(), (Cell(" near misses: rules that failed, and on what", "title", REST),)]
    if not why.missed:
        lines.append((Cell(" none: no other rule is about events of this type", "muted", REST),))
    for miss in why.missed:
        lines += miss_lines(miss, width)
    return lines


def _verdicts(why: Why, width: int) -> list[Line]:
    """Return which rules match; with more than one, which of them would be the only one by first match."""
    lines = _names("T", "good", "matched", why.matched, width) or [(Cell(" no rule matched", "muted", REST),)]
    lines += _names("?", "attention", "not known", why.unknown, width)
    if len(why.matched) > 1:
        text = f'with rule_matching: first only "{why.first}" would alert'
        lines += [(Cell("   ", ""), Cell(part, "muted", REST)) for part in wrapped(text, width, 3)]
    return lines


def _names(mark: str, role: str, what: str, names: Sequence[str], width: int) -> list[Line]:
    parts = wrapped(", ".join(names), width, 14) if names else []
    return [
        (Cell(f" {mark} " if n == 0 else "", role, 3), Cell(what if n == 0 else "", "muted", 11), Cell(part, "", REST))
        for n, part in enumerate(parts)
    ]


def tree_lines(part: Part, lists: Lists, width: int, depth: int = 0) -> list[Line]:
    """Return a judged condition, each part below what it belongs to and further to the right."""
    indent = min(2 * depth, _DEEPEST)
    mark, role = _MARKS[part.truth]
    lead = (Cell(" " * (indent + 1), ""), Cell(f"{mark} ", role))
    if part.kind == "check":
        return _check_lines(part, lists, width, lead, indent + 3)
    if part.kind == "macro":
        lines: list[Line] = [
            (*lead, Cell(part.text, "token-placeholder"), Cell(f"  {PurePath(part.origin).name}", "muted", REST))
        ]
    else:
        lines = [(*lead, Cell(part.text, "token-logic", REST))]
    for child in part.children:
        lines += tree_lines(child, lists, width, depth + 1)
    return lines


def _check_lines(part: Part, lists: Lists, width: int, lead: Line, indent: int) -> list[Line]:
    """Return a check, then what its field was, then what its list holds."""
    blank = Cell(" " * indent, "")
    lines: list[Line] = []
    for number, text in enumerate(wrapped(clean(part.text), width, indent)):
        lines.append((*(lead if number == 0 else (blank,)), Cell(text, "strong", REST)))
    lines += _said("is", part.value, width, indent)
    lines += _said("really", part.real, width, indent) if part.real else []
    lines += _said("against", part.wanted, width, indent) if part.wanted else []
    found = _NAMED_LIST.search(part.text)
    if found is not None and found[1] in lists:
        place, items = lists[found[1]]
        lines += _said(f"{found[1]} ({place})", items, width, indent, "muted")
    return lines


def _said(what: str, value: str, width: int, indent: int, role: str = "token-string") -> list[Line]:
    left = indent + _VALUE
    head = f"{what}: "
    first, *more = wrapped(head + clean(value), width, left)
    lines: list[Line] = [
        (Cell(" " * left, ""), Cell(first[: len(head)], "muted"), Cell(first[len(head) :], role, REST)),
    ]
    return lines + [(Cell(" " * left, ""), Cell(text, role, REST)) for text in more]


def miss_lines(miss: NearMiss, width: int) -> list[Line]:
    """Return a rule that failed, with the parts that stood in the way."""
    count = len(miss.blockers)
    place = f"{PurePath(miss.rule.file).name}:{miss.rule.line}"
    lines: list[Line] = [
        (
            Cell(" F ", "bad"),
            Cell(miss.rule.name, "strong"),
            Cell(f"  failed on {counted(count, 'part')}", "attention" if count == 1 else "muted"),
            Cell(f"  {place}", "muted", REST),
        )
    ]
    for blocker in miss.blockers:
        mark, role = _MARKS[blocker.truth]
        lead = (Cell("     ", ""), Cell(f"{mark} ", role))
        lines += _check_lines(blocker, {}, width, lead, 7)
    return lines
