"""Every key of the screen, read from the bindings: what the help lists, the palette offers, the config file changes.

There is no second list of keys anywhere: a class with bindings in ``tuimon.ui`` is found here, and its keys with it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from types import MappingProxyType
from typing import Final

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key
from textual.screen import ModalScreen, Screen

from tuimon.errors import SettingsError, did_you_mean
from tuimon.places import Placed
from tuimon.settings import Settings

_TITLES: Final = {
    "TuimonApp": "Everywhere",
    "MainScreen": "Panes and tabs",
    "LineList": "Every list",
    "LiveList": "Event in the live list",
    "TopPane": "View",
    "TopList": "List of a view",
    "FilterInput": "Filter",
    "Details": "Every dialog with lines",
    "Pick": "Every dialog to pick from",
    "MuteScopes": "What can be muted",
}
_FIRST: Final = ("TuimonApp", "MainScreen", "LineList", "LivePane", "LiveList", "ContainersPane", "AlertsPane")
_ENDINGS: Final = ("Screen", "Details", "Dialog", "List", "Tab", "Pane", "Input")
_SYMBOLS: Final = {
    "slash": "/", "question_mark": "?", "less_than_sign": "<", "greater_than_sign": ">", "colon": ":",
    "percent_sign": "%", "equals_sign": "=", "exclamation_mark": "!", "plus": "+", "minus": "-", "backslash": "\\",
    "left_square_bracket": "[", "right_square_bracket": "]", "escape": "esc",
}  # fmt: skip
_NAMED: Final = frozenset(key.value for key in Keys) | {"space"}
_MODIFIED: Final = re.compile(r"(?:(?:ctrl|alt|shift|super|meta|hyper)\+)+(.+)")


@cache
def owners() -> tuple[type[DOMNode], ...]:
    """Return every class of the screen that has keys of its own: what is always there first, dialogs last."""
    import tuimon.ui

    found: dict[str, type[DOMNode]] = {}
    for module in pkgutil.walk_packages(tuimon.ui.__path__, "tuimon.ui."):
        for one in vars(importlib.import_module(module.name)).values():
            ours = isinstance(one, type) and issubclass(one, DOMNode) and one.__module__.startswith("tuimon.ui")
            if ours and own_bindings(one):
                found.setdefault(one.__name__, one)

    def place(name: str) -> tuple[int, bool, str]:
        first = _FIRST.index(name) if name in _FIRST else len(_FIRST)
        return first, issubclass(found[name], ModalScreen), title_of(found[name])

    return tuple(found[name] for name in sorted(found, key=place))


def own_bindings(owner: type[DOMNode]) -> list[Binding]:
    """Return the bindings that a class itself adds."""
    return [one for one in owner.__dict__.get("BINDINGS", ()) if isinstance(one, Binding) and one.description]


def title_of(owner: type[DOMNode]) -> str:
    """Return what a class is called in the help: its name in words."""
    if (title := _TITLES.get(owner.__name__)) is not None:
        return title
    name = owner.__name__
    for ending in _ENDINGS:
        if name.endswith(ending) and name != ending:
            name = name.removesuffix(ending)
            break
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().capitalize()
    return f"{words} (dialog)" if issubclass(owner, ModalScreen) else words


def shown_key(key: str) -> str:
    """Return a key as a person names it: ``question_mark`` is ``?``, ``ctrl+t`` stays."""
    return _SYMBOLS.get(key.strip(), key.strip())


def keys_of(binding: Binding, keymap: Mapping[str, str]) -> list[str]:
    """Return the keys of a binding, those of the user in place of ours, as a person names them."""
    keys = keymap.get(binding.id or "", binding.key)
    return list(dict.fromkeys(shown_key(key) for key in keys.split(",")))


def key_lines(owner: type[DOMNode], keymap: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return the keys, meanings and ids of a class's own bindings; those of one meaning together."""
    out: dict[str, tuple[list[str], list[str]]] = {}
    for binding in own_bindings(owner):
        keys, ids = out.setdefault(binding.tooltip or binding.description, ([], []))
        keys.extend(keys_of(binding, keymap))
        ids.append(binding.id or "")
    return [(", ".join(dict.fromkeys(keys)), what, ", ".join(filter(None, ids))) for what, (keys, ids) in out.items()]


# The user's own keys.


def usable_keys(keys: Mapping[str, str]) -> tuple[dict[str, str], list[SettingsError]]:
    """Return the user's keys as Textual takes them, and what is wrong with the lines that are left out.

    A line is left out when there is no such name or key, or when two things that are there together would have the same
    key: no reason not to watch.

    Args:
        keys: The ``[keys]`` table of the config files: a binding's id to one key or several with commas between.
    """
    known = [binding.id for owner in owners() for binding in own_bindings(owner) if binding.id]
    keymap: dict[str, str] = {}
    wrong: list[SettingsError] = []
    for name, text in keys.items():
        try:
            keymap[name] = _normal_keys(name, text, known)
        except SettingsError as error:
            wrong.append(error)
    while clash := next(filter(None, (_clash(name, keys, keymap) for name in keymap)), None):
        name, why = clash  # what is left out has its own key again, which another line may have taken
        del keymap[name]
        wrong.append(why)
    return keymap, wrong


def _wrong(name: str, text: str, what: str, hint: str) -> SettingsError:
    """Return what is wrong with a line of ``[keys]``, where it stands, and what becomes of it."""
    where = f"{text.place}: " if isinstance(text, Placed) else ""
    return SettingsError(f'{where}[keys] {name} = "{text}": {what}', f"{hint}\nThe line is left out.")


def _normal_keys(name: str, text: str, known: list[str]) -> str:
    if name not in known:
        raise _wrong(name, text, f'there is nothing called "{name}"', _near_name(name, known))
    return ",".join(_normal(name, text, key.strip()) for key in text.split(","))


def _near_name(name: str, known: list[str]) -> str:
    if name in (each.name for each in fields(Settings)):
        return f"{name} is no key: write it above the line [keys]"
    return did_you_mean(name, known, "the help (?) names the id beside each key")


def _normal(name: str, text: str, key: str) -> str:
    if len(key) == 1:
        return _character_to_key(key)
    found = _MODIFIED.fullmatch(key)
    last = found[1] if found else key
    if last in _NAMED or (found and len(last) == 1) or key in _NAMED or last in _SYMBOLS:
        return key
    otherwise = 'write one character, or a name such as "ctrl+t", "f5", "space"'
    hint = did_you_mean(key, sorted(_NAMED | set(_SYMBOLS)), otherwise)
    raise _wrong(name, text, f'there is no key "{key}"', hint)


def _clash(name: str, keys: Mapping[str, str], keymap: Mapping[str, str]) -> tuple[str, SettingsError] | None:
    """Return the name and what is wrong with it when something beside it has one of its keys."""
    wanted = set(keymap[name].split(","))
    for owner in owners():
        for mine in own_bindings(owner):
            if mine.id != name:
                continue
            for where, other in _beside(owner):
                if other.id == name or other.action == mine.action or _keys(mine) & _keys(other):
                    continue  # ours may share a key: the one that is nearer to the focus is meant
                if both := wanted & _keys(other, keymap):
                    what = other.tooltip or other.description
                    return name, _wrong(
                        name,
                        keys[name],
                        f'{shown_key(min(both))} already is "{what}" ({title_of(where)}, {other.id})',
                        f"give {other.id} another key in [keys] too, or choose another here",
                    )
    return None


def _keys(binding: Binding, keymap: Mapping[str, str] = MappingProxyType({})) -> set[str]:
    return set(keymap.get(binding.id or "", binding.key).replace(" ", "").split(","))


def _beside(owner: type[DOMNode]) -> Iterator[tuple[type[DOMNode], Binding]]:
    """Yield the bindings that are there together with those of a class."""
    around = [one for one in owners() if _together(owner, one)]
    for one in around:
        for binding in own_bindings(one):
            yield one, binding


def _together(owner: type[DOMNode], other: type[DOMNode]) -> bool:
    """Return whether the keys of two classes can be asked for at the same moment."""
    if issubclass(owner, other) or issubclass(other, owner):
        return True
    if issubclass(owner, App) or issubclass(other, App):  # a dialog's keys come before those of everywhere
        return not issubclass(owner, ModalScreen) and not issubclass(other, ModalScreen)
    main = [one for one in (owner, other) if issubclass(one, Screen) and not issubclass(one, ModalScreen)]
    return bool(main) and not issubclass(owner, ModalScreen) and not issubclass(other, ModalScreen)
