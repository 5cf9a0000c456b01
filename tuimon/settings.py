"""Settings: what the config files say, what the command line overrides, and the rule files that follow from both.

Two TOML files are read, the second overriding the first key by key: ``/etc/tuimon/config.toml`` for the machine and
``~/.config/tuimon/config.toml`` (``$XDG_CONFIG_HOME``) for the user. Under sudo the user is the one who called it, not
root. A settings object never changes after it is built.

A mistake refuses the start. Only what a key or a theme is called is the screen's to judge: it knows which there
are. Such texts know where they stand (tuimon.places), so that it can tell.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, cast

from tuimon import invoker, places
from tuimon.errors import SettingsError, did_you_mean
from tuimon.places import Placed

SYSTEM_CONFIG: Final = Path("/etc/tuimon/config.toml")
SYSTEM_RULES: Final = Path("/etc/tuimon/rules.d")
MIN_HISTORY_MB: Final = 8
MAX_HISTORY_MB: Final = 1 << 20

RuleMatching = Literal["first", "all"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with the value it has when nobody says otherwise. The names are the keys of the config file."""

    rules: tuple[Path, ...] = ()
    """Rule files and folders beyond tuimon's own and ``/etc/tuimon/rules.d``, in load order."""
    default_rules: bool = True
    """Whether tuimon's own rules are loaded."""
    rule_matching: RuleMatching = "all"
    """"first": at most one alert an event, as Falco does by default."""
    plain_falco: bool = False
    """Judge exactly as Falco does: given paths only, and a value not known yet counts as absent."""
    suggested_output: bool = False
    """Put the container's and the pod's fields behind every output (falco.yaml's ``append_output``)."""
    history_mb: int = 256
    """Memory for the last events, in MiB."""
    theme: str = ""
    """Name of a theme in ``themes/``; empty: the screen's own choice."""
    ascii: bool = False
    """Draw with ASCII only."""
    remember: bool = True
    """Keep mutes, the theme chosen and the layout between runs, in ``~/.local/state/tuimon``."""

    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """``[keys]``: the name of a thing the screen does (the help shows it) to its key, or keys with commas between."""


def config_paths(env: Mapping[str, str] = os.environ, uid: int | None = None) -> tuple[Path, ...]:
    """Return the config files to read, weakest first; they need not exist.

    Args:
        env: The environment.
        uid: Effective user id; None: the process's own. Only root's ``SUDO_USER`` is believed.
    """
    folder = invoker.folder("XDG_CONFIG_HOME", ".config", env, uid)
    return (SYSTEM_CONFIG,) if folder is None else (SYSTEM_CONFIG, folder / "config.toml")


def load(paths: tuple[Path, ...] | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """Return the settings: defaults, then each config file, then the command line.

    Args:
        paths: Config files, weakest first; None: the usual ones. A file that does not exist is no error.
        overrides: Key to value, as in a file; a key whose value is None is not set.

    Raises:
        SettingsError: A file cannot be read, is not TOML, or holds an unknown key or a value of the wrong type.
    """
    settings = Settings()
    for path in config_paths() if paths is None else paths:
        if (read := _read(path)) is not None:
            values, lines = read
            settings = _merged(settings, values, partial(places.place, str(path), lines), path.parent)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return _merged(settings, given, None, Path())


def with_rules(settings: Settings, more: Sequence[Path]) -> Settings:
    """Return the settings with more rule files and folders after their own."""
    return replace(settings, rules=(*settings.rules, *more))


def _read(path: Path) -> tuple[dict[str, object], dict[str, int]] | None:
    """Return the top-level table of a config file and the lines of its names; None when there is no such file."""
    try:
        text = path.read_bytes().decode()
        return tomllib.loads(text), places.lines_of(text)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _refused(f"cannot read {path}: {error.strerror}", "make it readable, or move it away") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(f"{path} is not valid TOML: {error}", "see https://toml.io for the syntax") from error


def _merged(settings: Settings, values: Mapping[str, object], where: _Where | None, base: Path) -> Settings:
    """Return the settings with the values put in; relative paths are taken from ``base``.

    Args:
        settings: What they are put into.
        values: Key to value, as in a file.
        where: Gives the place of a key; None: the command line.
        base: The folder that relative paths are taken from.
    """
    changes: dict[str, object] = {}
    for key, value in values.items():
        place = where(key) if where else "the command line"
        if key not in _NAMES:
            hint = did_you_mean(key, _NAMES, f"known settings: {', '.join(sorted(_NAMES))}")
            raise _refused(f'{place}: there is no setting "{key}"', hint)
        if key == "keys":
            changes[key] = MappingProxyType({**settings.keys, **_keys(value, where, place)})
        else:
            changes[key] = _checked(key, value, place, base)
        if key == "theme" and where:
            changes[key] = Placed(cast("str", changes[key]), place)
    return replace(settings, **cast("dict[str, Any]", changes))


def _checked(key: str, value: object, where: str, base: Path) -> object:
    """Return the value in its setting's type; raise SettingsError when it cannot be."""
    if key in ("default_rules", "plain_falco", "suggested_output", "ascii", "remember"):
        return value if isinstance(value, bool) else _wrong(key, value, where, "true or false")
    if key == "history_mb":
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and MIN_HISTORY_MB <= cast("int", value) <= MAX_HISTORY_MB:
            return value
        _wrong(key, value, where, f"a whole number of MiB from {MIN_HISTORY_MB} to {MAX_HISTORY_MB}")
    if key == "rule_matching":
        return value if value in ("first", "all") else _wrong(key, value, where, '"first" or "all"')
    if key == "rules":
        if isinstance(value, (list, tuple)) and all(isinstance(v, (str, Path)) for v in value):
            return tuple(base / Path(v).expanduser() for v in value)
        _wrong(key, value, where, "a list of files or folders")
    return value if isinstance(value, str) else _wrong(key, value, where, "a text in quotes")


def _keys(table: object, where: _Where | None, place: str) -> dict[str, str]:
    """Return the lines of a table ``[keys]``; whether there are such names and keys the screen finds out."""
    wanted = 'a table [keys] with lines such as alerts.mute = "ctrl+u"'
    if not isinstance(table, Mapping):
        _wrong("keys", table, place, wanted)
    found: dict[str, str] = {}
    for name, text in _flat(table):
        at = where(f"keys.{name}") if where else place
        if not (name and isinstance(text, str) and text.strip()):
            if name in _NAMES and name != "keys":
                raise _refused(f"{at}: {name} stands below [keys]", "it is no key: write it above the line [keys]")
            _wrong(f"keys.{name}", text, at, 'a key in quotes, as in alerts.mute = "ctrl+u"')
        found[name] = Placed(text, at)
    return found


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield names and values of a table; without quotes a dot in a name makes a table of its own in TOML."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _wrong(key: str, value: object, where: str, wanted: str) -> NoReturn:
    raise _refused(f"{where}: {key} is {value!r}", f"{key} takes {wanted}")


def _refused(message: str, hint: str) -> SettingsError:
    return SettingsError(message, f"{hint}\nnothing was started")


_Where = Callable[[str], str]
"""Gives the place of a name of a config file (``keys.alerts.mute``): the file, and the line where it can be told."""
_NAMES: Final = tuple(each.name for each in fields(Settings))
