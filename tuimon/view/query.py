"""What the filter bar's text means: an expression, plain text, the opposite of either (``!``), or several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.rules.filter import ExpressionFilter
from tuimon.view.scan import RowFilter
from tuimon.view.terms import joined

Compile = Callable[[str], RowFilter]
"""The engine's ``filter``; raises RuleError."""


class NotFilter:
    """What another filter does not keep."""

    def __init__(self, text: str, inner: RowFilter) -> None:
        self.text = text
        self._inner = inner

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the other rows, ascending."""
        kept = np.ones(len(batch), bool)
        kept[self._inner.rows(batch)] = False
        return np.flatnonzero(kept)


class AllFilter:
    """What every one of several filters keeps."""

    def __init__(self, text: str, inner: Sequence[RowFilter]) -> None:
        self.text = text
        self._inner = tuple(inner)

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows that all keep, ascending."""
        rows = self._inner[0].rows(batch)
        for one in self._inner[1:]:
            if not len(rows):
                break
            rows = np.intersect1d(rows, one.rows(batch), assume_unique=True)
        return rows


def compile_one(text: str, compiled: Compile) -> RowFilter:
    """Return the filter of a text; ``!`` before it: the opposite.

    Raises:
        RuleError: It is wrong; places count from the beginning of ``text``.
    """
    if not text.startswith("!"):
        return compiled(text)
    rest = text[1:].strip()
    try:
        return NotFilter(text, compiled(rest))
    except Exception as error:
        column = getattr(error, "column", 0)
        if column:
            error.column = column + len(text) - len(text[1:].lstrip())  # type: ignore[attr-defined]
        raise


def is_expression(text: str, compiled: Compile) -> bool:
    """Return whether a text can be joined with others by ``and``: plain text and ``!`` cannot.

    Raises:
        RuleError: It is wrong.
    """
    return not text.startswith("!") and isinstance(compiled(text), ExpressionFilter)


def compile_all(terms: Sequence[str], compiled: Compile) -> RowFilter | None:
    """Return the filter that all of some texts make; None for none.

    Raises:
        RuleError: One of them is wrong.
    """
    if len(terms) <= 1:
        return compile_one(terms[0], compiled) if terms else None
    expressions, others = parted(terms, compiled)
    filters = [compiled(joined(expressions))] if expressions else []
    filters += [compile_one(text, compiled) for text in others]
    return filters[0] if len(filters) == 1 else AllFilter(" and ".join(terms), filters)


def parted(terms: Sequence[str], compiled: Compile) -> tuple[list[str], list[str]]:
    """Return the expressions among some texts, and the others."""
    expressions = [text for text in terms if is_expression(text, compiled)]
    return expressions, [text for text in terms if text not in expressions]
