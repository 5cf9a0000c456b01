"""From rule texts to rules in force: put in force first, written second, kept safe in between; without a screen.

Nothing is written that was not accepted, and nothing accepted is told of before it is either written or said not to
be. All of it may take its time (rules are compiled): call it from a worker.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from tuimon.errors import TuimonError
from tuimon.revisions import Revision
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.view.journal import Journal
from tuimon.view.rename import renamed
from tuimon.view.rule_book import OpenFile, RuleBook


class Outcome(Protocol):
    """What became of rules that were handed in; see tuimon.revisions.RuleOutcome."""

    @property
    def accepted(self) -> bool:
        """Whether they are in force."""

    @property
    def revision(self) -> int:
        """The revision in force afterwards."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong or doubtful."""


class RuleEngine(Protocol):
    """What is asked of the engine."""

    def apply_rules(self, files: tuple[RuleFile, ...]) -> Outcome:
        """Put rules in force."""

    def revisions(self) -> tuple[Revision, ...]:
        """Return what is and was in force."""

    def roll_back(self, to: int | None = None) -> Outcome:
        """Put an earlier revision in force again."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt."""

    accepted: bool
    revision: int
    """In force afterwards."""
    diagnostics: tuple[Diagnostic, ...] = ()
    problem: TuimonError | None = None
    """What is in force could not be written."""
    written: tuple[str, ...] = ()
    """Files written."""
    left: tuple[str, ...] = ()
    """Files that are on disk but no part of what is in force now; the next start or save would load them again."""

    @property
    def errors(self) -> list[Diagnostic]:
        """What is wrong, without the warnings."""
        return [found for found in self.diagnostics if found.severity == "error"]


class InForce:
    """Puts texts of a rule book in force.

    Args:
        engine: The engine.
        book: Its buffers.
        journal: Keeps what is not on disk.
    """

    def __init__(self, engine: RuleEngine, book: RuleBook, journal: Journal) -> None:
        self._engine = engine
        self._book = book
        self._journal = journal

    def apply(self, file: OpenFile) -> Result:
        """Put a file's buffer in force, all others as they are on disk, and save it when that is accepted."""
        book = self._book
        self._journal.keep(book.unsaved())
        text = file.buffer
        outcome = self._engine.apply_rules(book.as_loaded(saved_only=self._others(file)))
        if not outcome.accepted or text == file.saved:
            return _result(outcome)
        return self._saved(outcome, {file.path: text})

    def amend(self, file: OpenFile, change: Callable[[str], str]) -> Result:
        """Change a file on disk and put that in force; text that is typed and unsaved stays unsaved, and changes too.

        Args:
            file: Not a read-only one.
            change: From the text before to the text after; may raise TuimonError.

        Raises:
            TuimonError: It cannot be changed so, was changed by somebody else, or cannot be written to.
        """
        if file.on_disk is not None:
            name = PurePath(file.path).name
            raise TuimonError(f"{name} was changed by another editor", "choose in the Rules tab first: ctrl+s there")
        saved, _ = self._book.amend(file, change)
        outcome = self._engine.apply_rules(self._with({file.path: saved}))
        if not outcome.accepted:
            return _result(outcome)
        # What was typed while the rules were compiled counts too; what cannot be changed any more stays as it is.
        with contextlib.suppress(TuimonError):
            _, file.buffer = self._book.amend(file, change)
        result = self._saved(outcome, {file.path: saved})
        self._journal.keep(self._book.unsaved())
        return result

    def renaming(self, kind: str, old: str, new: str) -> dict[str, str]:
        """Return path and text of every file that calling a macro or list otherwise changes.

        Raises:
            TuimonError: It cannot be renamed, a file with it is not the user's to change, or holds unsaved text.
        """
        before = self._with({})
        changed = [made for made, was in zip(renamed(before, kind, old, new), before, strict=True) if made is not was]
        for made in changed:
            file, name = self._book.find(made.path), PurePath(made.path).name
            if file is None or file.read_only:
                raise TuimonError(f"{name} names {old} too, and is not yours to change", "define another one instead")
            if file.dirty or file.on_disk is not None:
                raise TuimonError(f"{name} holds unsaved text", "save it first: ctrl+s")
        return {made.path: made.text for made in changed}

    def rewrite(self, texts: Mapping[str, str]) -> Result:
        """Put other texts of saved files in force, and write them when that is accepted."""
        outcome = self._engine.apply_rules(self._with(texts))
        if not outcome.accepted:
            return _result(outcome)
        for path, text in texts.items():
            file = self._book.find(path)
            if file is not None and not file.dirty:
                file.buffer = text
        return self._saved(outcome, texts)

    def reload(self) -> Result:
        """Put in force what is on disk, whatever is typed."""
        return _result(self._engine.apply_rules(self._book.as_loaded(saved_only=self._others(None))))

    def roll_back(self, to: int) -> Result:
        """Put an earlier revision in force again and write its texts, so that the next start has it too.

        Text that is typed and unsaved stays where it is. tuimon's and Falco's own files are never written.

        Args:
            to: Number of a revision that is still kept.
        """
        outcome = self._engine.roll_back(to)
        if not outcome.accepted:
            return _result(outcome)
        texts = {file.path: file.text for file in self._engine.revisions()[-1].files}
        behind = [
            file
            for file in self._book.files
            if not file.read_only and file.path in texts and texts[file.path] != file.saved and file.on_disk is None
        ]
        for file in behind:
            if not file.dirty:
                file.buffer = texts[file.path]
        left = [file.path for file in self._book.files if file.path not in texts and file.saved]
        return self._saved(outcome, {file.path: texts[file.path] for file in behind}, left)

    def _others(self, file: OpenFile | None) -> list[str]:
        return [other.path for other in self._book.dirty() if other is not file]

    def _with(self, texts: Mapping[str, str]) -> tuple[RuleFile, ...]:
        """Return all files as they are on disk, some with another text."""
        loaded = [RuleFile(f.path, texts.get(f.path, f.saved), f.origin) for f in self._book.files]
        return tuple(each for each in loaded if each.text or os.path.exists(each.path))

    def _saved(self, outcome: Outcome, texts: Mapping[str, str], left: Iterable[str] = ()) -> Result:
        problem: TuimonError | None = None
        written = []
        for file in self._book.files:
            if file.path not in texts:
                continue
            try:
                self._book.save(file, texts[file.path])
                written.append(file.path)
            except TuimonError as error:
                problem = error
        self._journal.keep(self._book.unsaved())
        return _result(outcome, problem, tuple(written), tuple(left))


def _result(
    outcome: Outcome, problem: TuimonError | None = None, written: tuple[str, ...] = (), left: tuple[str, ...] = ()
) -> Result:
    return Result(outcome.accepted, outcome.revision, outcome.diagnostics, problem, written, left)
