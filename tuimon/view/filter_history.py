"""The filters that were used, for recall with up and down in the filter bar; kept between runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

KEPT: Final = 200


class FilterHistory:
    """Past filters, newest last, without repeats; a cursor walks over them and keeps what was being typed.

    Args:
        past: Those of the runs before, newest last.
        keep: Told what there is to remember whenever it changes.
    """

    def __init__(self, past: Sequence[str] = (), keep: Callable[[Sequence[str]], None] | None = None) -> None:
        self._past: list[str] = list(past)[-KEPT:]
        self._keep = keep
        self._at: int | None = None
        self._draft = ""

    @property
    def last(self) -> str:
        """The newest filter, empty when there is none."""
        return self._past[-1] if self._past else ""

    def add(self, text: str) -> None:
        """Remember a filter that was used and end the walk."""
        self._at = None
        if not text or text == self.last:
            return
        if text in self._past:
            self._past.remove(text)
        self._past.append(text)
        del self._past[:-KEPT]
        if self._keep is not None:
            self._keep(self._past)

    def older(self, typed: str) -> str:
        """Step back; ``typed`` is what the bar holds now and comes back at the new end of the walk."""
        if not self._past:
            return typed
        if self._at is None:
            self._draft = typed
            self._at = len(self._past)
            if typed == self._past[-1]:
                self._at -= 1
        self._at = max(self._at - 1, 0)
        return self._past[self._at]

    def newer(self, typed: str) -> str:
        """Step forward."""
        if self._at is None:
            return typed
        self._at += 1
        if self._at >= len(self._past):
            self._at = None
            return self._draft
        return self._past[self._at]
