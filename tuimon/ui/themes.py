"""Themes are data: TOML files that give colours to roles. This module reads and checks them; it holds no colour.

A file has a ``[theme]`` table (Textual's base colours and ``dark``) and, if it likes, ``[roles]`` (see
tuimon.view.cells.ROLES) and ``[variables]`` (Textual's own design variables). A role that is not given a colour follows
its base colour.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from tuimon import places
from tuimon.errors import SettingsError, did_you_mean
from tuimon.places import Placed
from tuimon.view.cells import GROUNDS, ROLES

DEFAULT: Final = "tuimon-dark"
_BASE: Final = (
    "primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface", "panel",
    "boost",
)  # fmt: skip
_NUMBERS: Final = ("luminosity_spread", "text_alpha")
_TABLES: Final = ("theme", "roles", "variables")
_TOLD: Final = 2
"""So many mistakes are told one by one, and a last one: on 80x24 more would hide the lists."""
_VARIABLE_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_Where = Callable[[str], str]
"""Gives the file and the line of a name of it (``roles.error``)."""


def load_theme(path: Path) -> Theme:
    """Return the theme of a file, named like it.

    Raises:
        SettingsError: It cannot be read, is not TOML, names an unknown key, or a value is no colour.
    """
    try:
        text = path.read_bytes().decode()
        tables = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(
            f"cannot read theme {path}: {error.strerror}", "check the path and its permissions"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"theme {path} is not valid TOML: {error}", "see https://toml.io for the syntax") from error
    where = partial(places.place, str(path), places.lines_of(text))
    for name, table in tables.items():
        _known(name, _TABLES, "table", where)
        if not isinstance(table, dict):
            raise SettingsError(f"theme {where(name)}: {name} must be a table", f"write [{name}] on a line of its own")
    base = _base(tables.get("theme", {}), where)
    roles = _roles(tables.get("roles", {}), where)
    variables = _variables(tables.get("variables", {}), where)
    return Theme(name=path.stem, variables=variables | roles, **base)


def load_themes(*folders: Path) -> tuple[dict[str, Theme], dict[str, SettingsError]]:
    """Return the themes of some folders by name, later folders over earlier ones, and what is wrong with the others.

    A folder need not exist. Of a name that is there twice the later file counts, wrong or not.
    """
    themes: dict[str, Theme] = {}
    wrong: dict[str, SettingsError] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        themes.pop(path.stem, None)
        wrong.pop(path.stem, None)
        try:
            themes[path.stem] = load_theme(path)
        except SettingsError as error:
            wrong[path.stem] = error
    return themes, wrong


def choose(
    theme: str | None, themes: Collection[str], wrong: Mapping[str, SettingsError]
) -> tuple[str, SettingsError | None]:
    """Return the theme to wear, and why it is not the one that a config file asks for.

    Args:
        theme: The one asked for; None: our own.
        themes: Those there are.
        wrong: What is wrong with others.

    Raises:
        SettingsError: There is no such theme, or it is wrong, and it was not a config file that asked for it.
    """
    wanted = DEFAULT if theme is None else theme
    if wanted in themes:
        return wanted, None
    error = wrong.get(wanted)
    if error is None:
        hint = did_you_mean(wanted, themes, f"themes: {', '.join(sorted(themes))}.")
        error = SettingsError(f'there is no theme "{wanted}"', hint)
    if not isinstance(theme, Placed):
        raise error
    told = SettingsError(f'{theme.place}: theme = "{theme}": {error}', f"{error.hint}\nThe screen wears {DEFAULT}.")
    return DEFAULT, told


def left_out(
    keys: Sequence[SettingsError], unworn: SettingsError | None, wrong: Mapping[str, SettingsError]
) -> list[str]:
    """Return what a start says of the settings that it leaves out, the theme first; of many the first and how many.

    Args:
        keys: What is wrong with lines of ``[keys]``.
        unworn: Why the theme asked for is not worn.
        wrong: What is wrong with the users' themes.
    """
    themes = [f"{each}; {each.hint} The theme is left out." for each in wrong.values() if str(each) not in str(unworn)]
    told = [f"{each}; {' '.join(each.hint.splitlines())}" for each in (*([unworn] if unworn else []), *keys)]
    texts = [*told, *themes]
    more = len(texts) - _TOLD
    return texts if more <= 1 else [*texts[:_TOLD], f"{more} more lines or themes are left out."]


def role_defaults(theme: Theme) -> dict[str, str]:
    """Return a value for every role from a theme's own base colours."""
    generated = theme.to_color_system().generate()
    grounds = {role: generated[base[0 if theme.dark else 1]] for role, base in GROUNDS.items()}
    return grounds | {role: generated.get(base) or generated["foreground"] for role, base in ROLES.items()}


def _base(table: Mapping[str, Any], where: _Where) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in table.items():
        _known(key, (*_BASE, *_NUMBERS, "dark", "ansi"), "key", where, "theme")
        at = where(f"theme.{key}")
        if key in ("dark", "ansi"):
            if not isinstance(value, bool):
                raise SettingsError(f"theme {at}: {key} must be true or false, not {value!r}")
            out[key] = value
        elif key in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SettingsError(f"theme {at}: {key} must be a number from 0 to 1, not {value!r}")
            out[key] = float(value)
        else:
            out[key] = _colour(key, value, at)
    if "primary" not in out:
        raise SettingsError(f"theme {where('theme')}: [theme] needs primary", 'add a line such as primary = "#3b82c4"')
    return out


def _roles(table: Mapping[str, Any], where: _Where) -> dict[str, str]:
    for key in table:
        _known(key, (*ROLES, *GROUNDS), "role", where, "roles")
    return {key: _colour(key, value, where(f"roles.{key}")) for key, value in table.items()}


def _variables(table: Mapping[str, Any], where: _Where) -> dict[str, str]:
    for key, value in table.items():
        at = where(f"variables.{key}")
        if not _VARIABLE_NAME.fullmatch(key) or not isinstance(value, str):
            raise SettingsError(f"theme {at}: variable {key} must be a name of a-z, 0-9 and - with a text value")
        if not key.endswith(("-style", "-spread")):
            _colour(key, value, at)
    return dict(table)


def _colour(key: str, value: object, at: str) -> str:
    if isinstance(value, str):
        try:
            Color.parse(value)
        except ColorParseError as error:
            raise SettingsError(
                f'theme {at}: {key} = "{value}" is not a colour', 'write "#rrggbb" or a name such as "ansi_red"'
            ) from error
        return value
    raise SettingsError(f"theme {at}: {key} must be a colour in quotes, not {value!r}", 'write "#rrggbb"')


def _known(key: str, known: tuple[str, ...], what: str, where: _Where, table: str = "") -> None:
    if key in known:
        return
    within, at = (f" in [{table}]", where(f"{table}.{key}")) if table else ("", where(key))
    hint = did_you_mean(key, known, f"known: {', '.join(known)}")
    raise SettingsError(f'theme {at}: there is no {what} "{key}"{within}', hint)
