"""Every key of the screen, read from the bindings: what the help lists, the palette offers, the config file changes.

There is no second list of keys anywhere: a class with bindings in ``tuimon.ui`` is found here, and its keys with it.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key
from textual.screen import ModalScreen, Screen

from tuimon.errors import SettingsError

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


def checked_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the user's keys as Textual takes them.

    Args:
        keys: The ``[keys]`` table of the config file: a binding's id to one key or several with commas between.

    Raises:
        SettingsError: There is no such id or key, or two things that are there together would have the same key.
    """
    known = {binding.id: binding for owner in owners() for binding in own_bindings(owner) if binding.id}
    keymap: dict[str, str] = {}
    for name, text in keys.items():
        if name not in known:
            near = difflib.get_close_matches(name, [id for id in known if id], n=1)
            hint = f'did you mean "{near[0]}"?' if near else "the help (?) names the id beside each key"
            raise SettingsError(f'[keys]: there is nothing called "{name}"', hint)
        keymap[name] = ",".join(_normal(name, key) for key in text.split(","))
    for name in keymap:
        _refuse_clash(name, keymap)
    return keymap


def _normal(name: str, text: str) -> str:
    key = text.strip()
    if len(key) == 1:
        return _character_to_key(key)
    found = _MODIFIED.fullmatch(key)
    last = found[1] if found else key
    if last in _NAMED or (found and len(last) == 1) or key in _NAMED or last in _SYMBOLS:
        return key
    near = difflib.get_close_matches(key, sorted(_NAMED | set(_SYMBOLS)), n=1)
    hint = f'did you mean "{near[0]}"?' if near else 'write one character, or a name such as "ctrl+t", "f5", "space"'
    raise SettingsError(f'[keys]: {name} = "{text}": there is no key "{key}"', hint)


def _refuse_clash(name: str, keymap: Mapping[str, str]) -> None:
    wanted = set(keymap[name].split(","))
    for owner in owners():
        for mine in own_bindings(owner):
            if mine.id != name:
                continue
            for where, other in _beside(owner):
                if other.id == name or other.action == mine.action or _keys(mine) & _keys(other):
                    continue  # ours may share a key: the one that is nearer to the focus is meant
                if both := wanted & _keys(other, keymap):
                    raise SettingsError(
                        f'[keys]: {name} = "{keymap[name]}": {shown_key(min(both))} already is '
                        f'"{other.tooltip or other.description}" ({title_of(where)}, {other.id})',
                        f"give {other.id} another key in [keys] too, or choose another here",
                    )


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
