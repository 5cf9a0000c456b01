"""What lies in this process's memory, by type and by store: which of them grew between two moments?

The count is taken by a child that is forked for it and ends: it sees the parent's objects as they are, and what it
needs itself (a set of a million numbers) is not in the parent's figures. What numpy, bcc and the C library hold beside
Python's objects it does not see, except the data of arrays.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import tempfile
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from pathlib import Path
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final

import numpy as np

PACKAGE: Final = "tuimon"
_SIZED: Final = (dict, list, set, frozenset, deque, tuple, bytes, bytearray)
_NICE: Final = 10
_LONGEST_S: Final = 300
SHOWN: Final = 20


@dataclass(frozen=True)
class Census:
    """One count."""

    at_s: float = 0.0
    objects: dict[str, int] = field(default_factory=dict)
    """By type: how many."""
    nbytes: dict[str, int] = field(default_factory=dict)
    """By type: bytes, with the data of arrays that own it."""
    stores: dict[str, int] = field(default_factory=dict)
    """Entries by store: ``Class.attribute`` (of all its objects together; bytes for bytes and arrays), ``module.NAME``
    and the name of each cache."""


def count() -> Census:
    """Count every object there is, in the process that asks; a second and more for a million."""
    gc.collect()
    gc.unfreeze()
    objects: Counter[str] = Counter()
    nbytes: Counter[str] = Counter()
    stores: Counter[str] = Counter()
    for one, owner in _everything():
        name = _kind(one) if owner is None else f"{_name(type(one))} of {_kind(owner)}"
        objects[name] += 1
        nbytes[name] += sys.getsizeof(one, 0)
        for store, entries in _stores(one):
            stores[store] += entries
    return Census(0.0, dict(objects), dict(nbytes), dict(stores))


def _everything() -> Iterator[tuple[Any, Any]]:
    """Yield (object, None) of what the collector knows, and (object, owner) of what that refers to.

    That is numbers, texts, tuples of them, arrays; the owner is the first one met.
    """
    tracked = gc.get_objects()
    known = {id(tracked)}
    for one in tracked:
        yield one, None
        stack = [one]
        while stack:
            for other in gc.get_referents(stack.pop()):
                if gc.is_tracked(other) or id(other) in known:
                    continue
                known.add(id(other))
                yield other, one
                if isinstance(other, (tuple, dict)):
                    stack.append(other)


def _kind(one: object) -> str:
    """Return a type's name; of functions, which are many, their own."""
    return f"function {one.__module__}.{one.__qualname__}" if isinstance(one, FunctionType) else _name(type(one))


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _stores(one: object) -> Iterator[tuple[str, int]]:
    """Yield (name, entries) of what an object of ours, a module of ours or a cache holds."""
    kind = type(one)
    if isinstance(one, _lru_cache_wrapper):
        yield f"{one.__module__}.{getattr(one, '__qualname__', '?')}()", one.cache_info().currsize
    elif _is_ours(kind.__module__):
        name = _name(kind)
        for attribute, value in _held(one):
            if (entries := _entries(value)) is not None:
                yield f"{name}.{attribute}", entries
    elif kind is ModuleType and _is_ours(getattr(one, "__name__", "")):
        for attribute, value in vars(one).items():
            if not attribute.startswith("__") and (entries := _entries(value)) is not None:
                yield f"{getattr(one, '__name__', '')}.{attribute}", entries


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == PACKAGE


def _held(one: object) -> Iterator[tuple[str, object]]:
    """Yield what an object itself holds, by name; asks no property."""
    yield from list(getattr(one, "__dict__", {}).items())
    for kind in type(one).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, MemberDescriptorType):
                with contextlib.suppress(AttributeError):  # not set yet
                    yield name, member.__get__(one)


def _entries(value: object) -> int | None:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return len(value) if isinstance(value, _SIZED) else None


class Counting:
    """Counts taken while a run goes on, each by a child; what they found is there in the end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tm-census-")
        self._children: list[tuple[float, int, Path]] = []

    def begin(self, at_s: float) -> None:
        """Have a child count what there is now; returns at once."""
        file = Path(self._folder.name, str(len(self._children)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads' locks: the child takes none of them
            child = os.fork()
        if child == 0:
            _count_into(file)
        self._children.append((at_s, child, file))

    def done(self) -> list[Census]:
        """Wait for the children; return the counts of those that got to the end."""
        found = []
        with self._folder:
            for at_s, child, file in self._children:
                os.waitpid(child, 0)
                if file.exists():
                    found.append(Census(**{**json.loads(file.read_text()), "at_s": round(at_s, 1)}))
        return found


def _count_into(file: Path) -> None:
    try:
        signal.alarm(_LONGEST_S)  # a lock that another thread held at the fork is never let go here
        os.nice(_NICE)
        file.write_text(json.dumps(vars(count())))
    finally:
        os._exit(0)


def report(counts: Sequence[Census]) -> str:
    """Return what grew from the first count to the last one, for people; the counts between stand there too."""
    lines = [f"{'':58}" + "".join(f"{f'{each.at_s:.0f} s':>12}" for each in counts) + f"{'growth':>12}"]
    lines += _rows("bytes of all objects", [{"": sum(each.nbytes.values())} for each in counts])
    lines += _rows("bytes by type", [each.nbytes for each in counts])
    lines += _rows("objects by type", [each.objects for each in counts])
    lines += _rows("entries by store", [each.stores for each in counts])
    return "\n".join(lines)


def _rows(title: str, figures: Sequence[dict[str, int]]) -> list[str]:
    """Return the lines of those that grew or shrank most."""
    first, last = figures[0], figures[-1]
    grown = {name: last.get(name, 0) - first.get(name, 0) for name in {*first, *last}}
    most = sorted((name for name in grown if grown[name]), key=lambda name: -abs(grown[name]))[:SHOWN]
    return [title, *(_row(name, [each.get(name, 0) for each in figures], grown[name]) for name in most)]


def _row(name: str, values: Sequence[int], growth: int) -> str:
    return f"  {name[-56:]:56}" + "".join(f"{value:>12,}" for value in values) + f"{growth:>+12,}"
