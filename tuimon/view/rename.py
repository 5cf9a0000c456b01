"""Renaming a macro or a list wherever it is used, in all files at once; what the rules mean does not change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.printer import print_condition
from tuimon.view.completion import wanted_at
from tuimon.view.rule_completion import place_at

_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")
_BOUND: Final = r"[\w.%-]"
_WANTED: Final = {"macro": ("term",), "list": ("member", "members")}


def renamed(files: Sequence[RuleFile], kind: str, old: str, new: str) -> tuple[RuleFile, ...]:
    """Return all files with a macro or list called otherwise; those without it are the same objects.

    Args:
        files: All rule files, in load order.
        kind: ``macro`` or ``list``.
        old: Its name.
        new: Another, not taken yet.

    Raises:
        RuleError: The new name cannot be one or is taken, the files have errors, or (whatever the reason) the rules
            would mean something else afterwards.
    """
    if not _NAME.fullmatch(new):
        raise RuleError(f'"{new}" cannot be a name', "letters, digits, _ and -, beginning with a letter or _")
    before = load(files)
    if not before.ok:
        raise RuleError("the rule files have errors", "mend them first: renaming must know what every name stands for")
    macros, lists = {one.name for one in before.macros}, {one.name for one in before.lists}
    if new in macros | lists:
        raise RuleError(f'there is a macro or list "{new}" already', "choose another name")
    if old not in (macros if kind == "macro" else lists):
        raise RuleError(f'there is no {kind} "{old}"', "put the cursor on the name of a macro or a list")
    made = tuple(_file(file, kind, old, new) for file in files)
    if _meaning(load(made)) != _meaning(before):
        raise RuleError(f'"{old}" cannot be renamed without changing what a rule means', "rename it by hand")
    return made


def places(text: str, kind: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield line and column (from 0) of every use and definition of a macro or list in a file's text."""
    word = re.compile(rf"(?<!{_BOUND}){re.escape(name)}(?!{_BOUND})")
    for row, line in enumerate(text.split("\n")):
        for found in word.finditer(line):
            if _is_use(text, row, found.start(), kind):
                yield row, found.start()


def _is_use(text: str, row: int, column: int, kind: str) -> bool:
    at = place_at(text, row, column)
    line = text.split("\n")[row][:column]
    if line.lstrip().startswith("#") or re.search(r"\s#[^\"']*$", line):
        return False
    if at.key == kind and not at.owner:
        return not at.before.strip(" \t\"'")
    if at.key == "condition" and not at.owner:
        return wanted_at(at.before.lstrip(" \t\"'") if at.before.lstrip()[:1] in "\"'" else at.before) in _WANTED[kind]
    return kind == "list" and at.key in ("items", "values")


def _file(file: RuleFile, kind: str, old: str, new: str) -> RuleFile:
    lines = file.text.split("\n")
    found = sorted(places(file.text, kind, old), reverse=True)
    for row, column in found:
        lines[row] = lines[row][:column] + new + lines[row][column + len(old) :]
    return RuleFile(file.path, "\n".join(lines), file.origin) if found else file


def _meaning(loaded: LoadResult) -> tuple[object, ...]:
    """Return what the rules mean, whatever macros and lists are called."""
    rules = tuple((rule.name, rule.enabled, print_condition(rule.condition)) for rule in loaded.rules)
    return (loaded.ok, rules)
