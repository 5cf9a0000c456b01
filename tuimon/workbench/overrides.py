"""Items for the user's own file that change what a vendor's file says, in Falco's own words (``override:``).

Only the part that is to differ is written, so that the rest follows the vendor's next release; a full copy is the
user's choice too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tuimon.errors import RuleError
from tuimon.rules.loader import LoadResult
from tuimon.workbench.local_rules import flow, folded, plain

APPEND: Final = {
    "rule": "add to its condition",
    "macro": "add to its condition",
    "list": "add items to it",
}
"""What can be said of each kind of item, in a few words."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to have an item differ."""

    key: str
    what: str


def ways(kind: str) -> list[Way]:
    """Return the ways for a kind of item: rule, macro or list."""
    found = [Way("a", APPEND[kind]), Way("r", "replace its items" if kind == "list" else "replace its condition")]
    if kind == "rule":
        found += [Way("o", "replace its output and priority"), Way("d", "disable it")]
    return [*found, Way("c", "copy all of it")]


def override(kind: str, name: str, key: str, loaded: LoadResult) -> str:
    """Return the item that changes another, as text beginning with ``- ``; it loads, and changes little as it is.

    Args:
        kind: rule, macro or list.
        name: Of the item.
        key: Of a way but a full copy.
        loaded: The rules in force.

    Raises:
        RuleError: There is no such item in force.
    """
    if kind == "list":
        return _list(name, key, loaded)
    if kind == "macro":
        macro = next((each for each in loaded.macros if each.name == name), None)
        if macro is None:
            raise _gone(kind, name)
        return _condition(kind, name, key, macro.condition_text)
    rule = loaded.rule(name)
    if rule is None:
        raise _gone(kind, name)
    if key == "d":
        return f"- rule: {plain(name)}\n  enabled: false\n  override:\n    enabled: replace\n"
    if key == "o":
        output = folded(" ".join(rule.output.split()))
        return (
            f"- rule: {plain(name)}\n  output: >\n{output}  priority: {rule.priority.upper()}\n"
            "  override:\n    output: replace\n    priority: replace\n"
        )
    return _condition(kind, name, key, rule.condition_text)


def _condition(kind: str, name: str, key: str, text: str) -> str:
    # What is added to begin with is true of every event, so that it loads and hides nothing before it is edited.
    shown, how = ("and evt.num > 0", "append") if key == "a" else (" ".join(text.split()), "replace")
    return f"- {kind}: {plain(name)}\n  condition: >\n{folded(shown)}  override:\n    condition: {how}\n"


def _list(name: str, key: str, loaded: LoadResult) -> str:
    found = next((each for each in loaded.lists if each.name == name), None)
    if found is None:
        raise _gone("list", name)
    items, how = ([], "append") if key == "a" else (list(found.written or found.items), "replace")
    return f"- list: {plain(name)}\n  items: {flow(items)}\n  override:\n    items: {how}\n"


def _gone(kind: str, name: str) -> RuleError:
    return RuleError(f"there is no {kind} {name} in force", "put the cursor on one that is")
