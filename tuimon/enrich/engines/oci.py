"""The OCI runtime's ``config.json`` of a container: what podman, containerd and CRI-O write alike before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuimon.enrich.engines.engine import mapping, text
from tuimon.events import Mount


def mounts_of(config: Mapping[str, Any]) -> tuple[Mount, ...]:
    """Return the bind mounts (the others are the runtime's own proc, tmpfs, ...)."""
    found = []
    for entry in config.get("mounts") or ():
        entry = mapping(entry)
        options = [o for o in entry.get("options") or () if isinstance(o, str)]
        if entry.get("type") != "bind" and "bind" not in options and "rbind" not in options:
            continue
        propagation = next((o for o in options if o.endswith(("private", "shared", "slave"))), "")
        found.append(
            Mount(
                source=text(entry.get("source")) or "",
                dest=text(entry.get("destination")) or "",
                rdwr="ro" not in options,
                propagation=propagation,
            )
        )
    return tuple(found)


def shares_host(config: Mapping[str, Any], namespace: str) -> bool | None:
    """Tell whether a container uses the host's namespace of a type (pid, network, ipc).

    None when it does not say, and when it joins a namespace by its path: a pod's, which may be the host's.
    """
    listed = mapping(config.get("linux")).get("namespaces")
    if not isinstance(listed, list):
        return None
    own = [mapping(entry) for entry in listed if mapping(entry).get("type") == namespace]
    return True if not own else None if own[0].get("path") else False


def has_all_capabilities(config: Mapping[str, Any]) -> bool | None:
    """Tell whether a container runs privileged: CAP_SYS_ADMIN and nothing masked; None when it does not say."""
    bounding = mapping(mapping(config.get("process")).get("capabilities")).get("bounding")
    if not isinstance(bounding, list):
        return None
    return "CAP_SYS_ADMIN" in bounding and not mapping(config.get("linux")).get("maskedPaths")
