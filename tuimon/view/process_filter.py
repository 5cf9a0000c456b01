"""What the tree's filter means: a condition of the rule language about processes, or plain text.

A condition is asked as the filter bar asks one, of columns: a batch with one row for each process, which no kernel sent
and which says nothing but whose row it is. So only fields that a process or its container has can be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from tuimon.batch import Batch, empty_batch
from tuimon.errors import RuleError
from tuimon.events import Process
from tuimon.fields import Scope, resolve
from tuimon.records import HEAD
from tuimon.rules.filter import ExpressionFilter, plain_text
from tuimon.rules.loader import ExpressionError
from tuimon.rules.nodes import And, Check, Condition, Expanded, FieldRef, Not, Or, Span
from tuimon.rules.operands import field_refs
from tuimon.view.completion import Completion
from tuimon.view.scan import RowFilter

GROUPS: Final = ("proc", "user", "group", "container", "k8s")
"""Field classes with something that a process has."""
_CLASS: Final = r"(?:proc|thread|user|group|container|k8s|evt|fd|fs)\."
_HALF: Final = re.compile(rf"(?:not\s+)?{_CLASS}[^\s=<>!()]*\Z")
_MEANT: Final = re.compile(rf"(?:^|[\s(]){_CLASS}[a-z]|!=|[\w.]\s+[=<>]=?\s")


def half_typed(text: str) -> bool:
    """Return whether a text is the beginning of a condition so far: it is not to be looked for while one types on."""
    return _HALF.match(text.strip()) is not None


def has(name: str) -> bool:
    """Return whether a process, or its container, has a field, whatever event it is asked at."""
    found = resolve(name)
    if found is None:
        return False
    return found[0].scope is not Scope.EVENT or found[0].group in ("user", "group")


def condition_of(text: str, compiled: Callable[[str], RowFilter]) -> ExpressionFilter | None:
    """Return the condition of a filter's text; None when it is plain text.

    Args:
        text: As it is typed, without blanks around it.
        compiled: The engine's ``filter``.

    Raises:
        RuleError: It is meant as a condition and is wrong, or asks for what only an event has; says where.
    """
    try:
        found = compiled(text)
        if not isinstance(found, ExpressionFilter):
            return None
        for ref, place in _asked(found.condition):
            if not has(ref.name):
                raise _no_process_has(ref.name, place)
    except RuleError:
        # What only has blanks in it, and a bare word that is a macro's name about events too, are looked for.
        if plain_text(text) is None and _MEANT.search(text):
            raise
        return None
    return found


def _asked(node: Condition, macro: Span | None = None) -> Iterator[tuple[FieldRef, Span]]:
    """Yield the fields that a condition asks, each with its place in the text: for what is in a macro, the macro's."""
    match node:
        case Expanded():
            yield from _asked(node.child, macro or node.span)
        case Not():
            yield from _asked(node.child, macro)
        case And() | Or():
            for child in node.children:
                yield from _asked(child, macro)
        case Check():
            for operand in (node.left, node.right):
                for ref in field_refs(operand) if operand is not None else ():
                    yield ref, macro or ref.span


def _no_process_has(name: str, place: Span) -> ExpressionError:
    hint = f"here: {', '.join(f'{group}.*' for group in GROUPS)}, as long as no event is needed"
    return ExpressionError(f"{name} is of an event, not of a process", place.start, place.line, place.column, hint)


def rows_of(processes: Sequence[Process]) -> Batch:
    """Return a batch with one row for each process, in their order: who it is, and nothing that happened."""
    count = len(processes)
    head = np.zeros(count, HEAD)
    head["tid"] = head["tgid"] = np.fromiter((one.pid for one in processes), np.uint32, count)
    head["cgroup_id"] = np.fromiter((one.cgroup_id for one in processes), np.uint64, count)
    return replace(
        empty_batch(),
        head=head,
        ext_at=np.full(count, -1, np.int32),
        process_at=np.fromiter((one.index for one in processes), np.int32, count),
    )


def offered(found: Completion) -> Completion:
    """Return of what can stand at a place of a condition what can stand there in one about processes."""
    items = (one for one in found.items if one.kind != "macro" and (one.kind != "field" or has(one.label)))
    return Completion(found.start, tuple(items))
