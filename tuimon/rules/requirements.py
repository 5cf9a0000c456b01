"""What a rule file asks of the engine: its version, and versions of Falco's plugins."""

from __future__ import annotations

import re
from typing import Final

from tuimon.rules import decode
from tuimon.rules.findings import ItemError
from tuimon.rules.items import Context
from tuimon.rules.reader import Mapping, Node, Sequence

ENGINE_VERSION: Final = "0.63.0"
"""Falco's engine whose rules we take: that of falco after 0.44.1."""

PLUGINS: Final[dict[str, str]] = {"container": "0.7.1"}
"""Falco's plugins whose fields tuimon has itself, with the version they are equal to."""

Alternatives = tuple[tuple[str, str], ...]
"""(plugin, version) pairs, one of which must be there."""

WRONG: Final = "LOAD_ERR_VALIDATE"
_VERSION: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?", re.ASCII)


def as_tuple(version: str) -> tuple[int, int, int]:
    """Return x.y.z as numbers; (0, 0, 0) when it is no version."""
    match = _VERSION.fullmatch(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def satisfies(have: str, wanted: str) -> bool:
    """Whether a version is the wanted one or a newer one with the same major number."""
    return as_tuple(have)[0] == as_tuple(wanted)[0] and as_tuple(have) >= as_tuple(wanted)


def engine_version(node: Mapping, context: Context) -> str:
    """Return the required engine version as x.y.z; raises ItemError when it is newer than ours or none."""
    text = decode.text(node, "required_engine_version", context)
    version = f"0.{int(text)}.0" if re.fullmatch(r"[0-9]{1,9}", text) else text
    if not _VERSION.fullmatch(version):
        message = f"Unable to parse engine version '{text}': a number or x.y.z is expected"
        raise ItemError(decode.INVALID, message, context)
    if not satisfies(ENGINE_VERSION, version):
        message = f"Rules require engine version {version}, but engine version is {ENGINE_VERSION}"
        raise ItemError(WRONG, message, context)
    return version


def plugin_versions(node: Node, context: Context, have: dict[str, str]) -> list[Alternatives]:
    """Return the required plugins; raises ItemError when the value is malformed or one is not there."""
    if not isinstance(node, Sequence):
        raise ItemError(decode.INVALID, "Value of required_plugin_versions must be a sequence", context)
    found = []
    for entry in node.items:
        alternatives, inner = _entry(entry, context)
        _check(alternatives, inner, have)
        found.append(alternatives)
    return found


def _entry(entry: Node, context: Context) -> tuple[Alternatives, Context]:
    inner = context.inside("required plugin versions entry", "", entry.place())
    if not isinstance(entry, Mapping):
        raise ItemError(decode.INVALID, "Plugin version must be a mapping", inner)
    name = decode.text(entry, "name", inner)
    inner = context.inside("required plugin versions entry", name, entry.place())
    pairs = [(name, decode.text(entry, "version", inner))]
    others = entry.get("alternatives")
    if others is not None:
        if not isinstance(others, Sequence):
            raise ItemError(decode.INVALID, "Value of plugin version alternatives must be a sequence", inner)
        for other in others.items:
            deeper = inner.inside("required plugin versions alternative", "", other.place())
            if not isinstance(other, Mapping):
                raise ItemError(decode.INVALID, "Plugin version alternative must be a mapping", deeper)
            pairs.append((decode.text(other, "name", deeper), decode.text(other, "version", deeper)))
    return tuple(pairs), inner


def _check(alternatives: Alternatives, context: Context, have: dict[str, str]) -> None:
    names: set[str] = set()
    for name, version in alternatives:
        if not _VERSION.fullmatch(version):
            raise ItemError(WRONG, f"Invalid required version '{version}' for plugin '{name}'", context)
        if name in names:
            message = f"Defined multiple alternative version requirements for plugin '{name}'"
            raise ItemError(WRONG, message, context)
        names.add(name)
    if not any(name in have and satisfies(have[name], version) for name, version in alternatives):
        wanted = " or ".join(f"{name} {version}" for name, version in alternatives)
        known = ", ".join(f"{name} {version}" for name, version in have.items())
        message = f"Plugin requirement not satisfied, must load one of: {wanted}"
        raise ItemError(WRONG, message, context, hint=f"tuimon stands in for {known}")
