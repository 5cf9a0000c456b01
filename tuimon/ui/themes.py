"""Themes are data: TOML files that give colours to roles. This module reads and checks them; it holds no colour.

A file has a ``[theme]`` table (Textual's base colours and ``dark``) and, if it likes, ``[roles]`` (see
tuimon.view.cells.ROLES) and ``[variables]`` (Textual's own design variables). A role that is not given a colour follows
its base colour.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from tuimon.errors import SettingsError
from tuimon.view.cells import GROUNDS, ROLES

DEFAULT: Final = "tuimon-dark"
_BASE: Final = (
    "primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface", "panel",
    "boost",
)  # fmt: skip
_NUMBERS: Final = ("luminosity_spread", "text_alpha")
_TABLES: Final = ("theme", "roles", "variables")
_VARIABLE_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


def load_theme(path: Path) -> Theme:
    """Return the theme of a file, named like it.

    Raises:
        SettingsError: It cannot be read, is not TOML, names an unknown key, or a value is no colour.
    """
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise SettingsError(
            f"cannot read theme {path}: {error.strerror}", "check the path and its permissions"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"theme {path} is not valid TOML: {error}", "see https://toml.io for the syntax") from error
    for name, table in tables.items():
        _known(name, _TABLES, "table", path)
        if not isinstance(table, dict):
            raise SettingsError(f"theme {path}: {name} must be a table", f"write [{name}] on a line of its own")
    base = _base(tables.get("theme", {}), path)
    roles = _roles(tables.get("roles", {}), path)
    variables = _variables(tables.get("variables", {}), path)
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


def role_defaults(theme: Theme) -> dict[str, str]:
    """Return a value for every role from a theme's own base colours."""
    generated = theme.to_color_system().generate()
    grounds = {role: generated[base[0 if theme.dark else 1]] for role, base in GROUNDS.items()}
    return grounds | {role: generated.get(base) or generated["foreground"] for role, base in ROLES.items()}


def _base(table: Mapping[str, Any], path: Path) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in table.items():
        _known(key, (*_BASE, *_NUMBERS, "dark", "ansi"), "key", path, "theme")
        if key in ("dark", "ansi"):
            if not isinstance(value, bool):
                raise SettingsError(f"theme {path}: {key} must be true or false, not {value!r}")
            out[key] = value
        elif key in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SettingsError(f"theme {path}: {key} must be a number from 0 to 1, not {value!r}")
            out[key] = float(value)
        else:
            out[key] = _colour(key, value, path)
    if "primary" not in out:
        raise SettingsError(f"theme {path}: [theme] needs primary", 'add a line such as primary = "#3b82c4"')
    return out


def _roles(table: Mapping[str, Any], path: Path) -> dict[str, str]:
    for key in table:
        _known(key, (*ROLES, *GROUNDS), "role", path, "roles")
    return {key: _colour(key, value, path) for key, value in table.items()}


def _variables(table: Mapping[str, Any], path: Path) -> dict[str, str]:
    for key, value in table.items():
        if not _VARIABLE_NAME.fullmatch(key) or not isinstance(value, str):
            raise SettingsError(f"theme {path}: variable {key} must be a name of a-z, 0-9 and - with a text value")
        if key.endswith(("-style", "-spread")):
            continue
        _colour(key, value, path)
    return dict(table)


def _colour(key: str, value: object, path: Path) -> str:
    if isinstance(value, str):
        try:
            Color.parse(value)
        except ColorParseError as error:
            raise SettingsError(
                f'theme {path}: {key} = "{value}" is not a colour', 'write "#rrggbb" or a name such as "ansi_red"'
            ) from error
        return value
    raise SettingsError(f"theme {path}: {key} must be a colour in quotes, not {value!r}", 'write "#rrggbb"')


def _known(key: str, known: tuple[str, ...], what: str, path: Path, table: str = "") -> None:
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    where = f" in [{table}]" if table else ""
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
    raise SettingsError(f'theme {path}: there is no {what} "{key}"{where}', hint)
