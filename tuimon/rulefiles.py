"""Which rule files are loaded and in what order: tuimon's own, the machine's, the user's. Reads text, judges nothing.

Later files can append to and override what earlier ones define, so the order is part of the meaning: ``rules/``, then
``/etc/tuimon/rules.d``, then each ``-r`` as given; within a folder by name.

Of a path in a folder that may not be searched ``Path.is_dir`` raises; ``os.path.isdir`` says no, and then whoever opens
it says why.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from tuimon.errors import SettingsError
from tuimon.resources import rules_dir
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import SYSTEM_RULES, Settings

Origin = Literal["builtin", "system", "user"]

SUFFIXES: Final = (".yaml", ".yml")
TEST_SUFFIXES: Final = tuple(f".test{suffix}" for suffix in SUFFIXES)
"""Rule tests lie beside the rules (docs/testing-rules.md); a folder's are not loaded as rules."""
MAX_BYTES: Final = 16 << 20
"""No rule file is that large; a device or a recording given by mistake is."""


def rule_files(settings: Settings, system: Path = SYSTEM_RULES) -> tuple[RuleFile, ...]:
    """Return the rule files that the settings name, read, in load order; a file named twice is loaded once.

    Raises:
        SettingsError: A file or folder given by the user is missing, or any file cannot be read or is not UTF-8.
    """
    wanted: list[tuple[Path, Origin]] = []
    if settings.default_rules:
        wanted += [(path, "builtin") for path in listed(rules_dir())]
    if _is_there(system):
        wanted += [(path, "system") for path in listed(system)]
    for given in settings.rules:
        wanted += [(path, "user") for path in (listed(given) if os.path.isdir(given) else _with_local(given))]
    first_of: dict[Path, tuple[Path, Origin]] = {}
    for path, origin in wanted:
        first_of.setdefault(path.resolve(), (path, origin))
    return tuple(read_rule_file(path, origin) for path, origin in first_of.values())


def read_rule_files(paths: Iterable[Path]) -> tuple[RuleFile, ...]:
    """Return the given files, and the rule files of the given folders, as the user's own."""
    return rule_files(Settings(default_rules=False, rules=tuple(paths)), system=Path("/nonexistent"))


def read_rule_file(path: Path, origin: Origin = "user") -> RuleFile:
    """Return one rule file's text.

    Raises:
        SettingsError: It cannot be read, is not UTF-8, or is larger than ``MAX_BYTES``.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"cannot read rule file {path}: {error.strerror}", _hint(error)) from error
    if len(raw) > MAX_BYTES:
        raise SettingsError(f"rule file {path} is larger than {MAX_BYTES >> 20} MiB", "is this a rule file?")
    try:
        return RuleFile(str(path), raw.decode("utf-8"), origin)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SettingsError(f"rule file {path} is not UTF-8 text: line {line}", "is this a rule file?") from error


def local_of(path: Path) -> Path:
    """Return the file that holds what is to differ from a file of somebody else's: ``falco_rules.local.yaml``.

    Falco's own convention, and its own load order: right behind it.
    """
    return path.with_name(f"{path.stem}.local{path.suffix}")


def place_of(path: Path) -> tuple[str, bool]:
    """Return what files of a folder are ordered by: their names, each ``NAME.local.yaml`` behind its ``NAME.yaml``."""
    base = path.stem.removesuffix(".local")
    return f"{base}{path.suffix}", base != path.stem


def _is_there(folder: Path) -> bool:
    """Return whether there is a folder; of one that may not be looked for, whoever lists it says so."""
    try:
        return folder.is_dir()
    except PermissionError:
        return True


def _with_local(given: Path) -> list[Path]:
    local = local_of(given)
    return [given, local] if os.path.isfile(local) else [given]


def listed(folder: Path) -> list[Path]:
    """Return the rule files directly in a folder, by name; hidden ones (an editor's backups) and tests are left out."""
    try:
        found = [p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith(".") and p.is_file()]
        found = [p for p in found if not p.name.endswith(TEST_SUFFIXES)]
    except OSError as error:
        raise SettingsError(f"cannot list rule folder {folder}: {error.strerror}", _hint(error)) from error
    return sorted(found, key=place_of)


def _hint(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "check the path"
        case PermissionError():
            return "make it readable for the user tuimon runs as"
        case _:
            return ""
