"""Rules to and from Falco: a file taken in is read by the same loader, a file given out loads in Falco.

A file given out is plain Falco: the texts as they are, comments kept, one behind the other. What Falco does not know
(fields of tuimon's own) is named, rule by rule, because Falco would refuse such a file as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tuimon import fields
from tuimon.errors import RuleError
from tuimon.rules.definitions import RuleDef
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.loader import LoadResult, load

OWN_FIELDS: Final = frozenset(("evt.is_truncated", "fd.realpath"))
"""Fields that Falco's engine does not have."""


@dataclass(frozen=True, slots=True)
class Export:
    """Rules as one file for Falco."""

    text: str
    rules: int
    notes: tuple[str, ...]
    """What Falco would not take, each as a sentence."""


def export(files: Sequence[RuleFile], loaded: LoadResult) -> Export:
    """Return files as one file for Falco, in load order.

    Args:
        files: Those to be given out.
        loaded: All rules in force, which the files are part of.

    Raises:
        RuleError: There is nothing in them.
    """
    texts = [file.text.strip("\n") for file in files if file.text.strip()]
    if not texts:
        raise RuleError("there are no rules to give out", "write some first")
    text = "\n\n".join(texts) + "\n"
    paths = {file.path for file in files}
    mine = [rule for rule in loaded.rules if rule.file in paths]
    return Export(text, len(mine), tuple(_notes(mine)))


def _notes(rules: Sequence[RuleDef]) -> list[str]:
    found = []
    for rule in rules:
        own = sorted({name for name in (*rule.fields, *rule.output_fields) if is_own(name)})
        if own:
            found.append(f"Falco does not know {', '.join(own)} of the rule {rule.name}")
    return found


def is_own(name: str) -> bool:
    """Return whether a field is tuimon's own, and Falco's engine would refuse it."""
    found = fields.resolve(name.partition("[")[0])
    return found is not None and found[0].name in OWN_FIELDS


def wrong_with(new: RuleFile, files: Sequence[RuleFile]) -> tuple[Diagnostic, ...]:
    """Return the errors that there would be with a new file among those in force.

    Args:
        new: The file.
        files: All of them with it, in load order.
    """
    assert new in files
    return tuple(each for each in load(files).diagnostics if each.severity == "error")
