"""Which cgroup hierarchy the events' container keys come from.

Ids are unique within one hierarchy only, so capture and enrichment must choose the same: the version 2 one wherever it
is mounted (``unified`` on a hybrid machine), else one version 1 controller that every container engine uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
UNIFIED: Final = "unified"
V1_CONTROLLERS: Final = ("pids", "cpu", "cpu,cpuacct", "devices", "freezer")
"""Folders in order of preference; the first one that is mounted."""


def cgroup_key(root: Path = ROOT) -> str:
    """Return ``unified`` or the name of the version 1 controller to key events by."""
    if (root / "cgroup.controllers").exists() or (root / "unified" / "cgroup.controllers").exists():
        return UNIFIED
    return next((name for name in V1_CONTROLLERS if (root / name / "cgroup.procs").exists()), UNIFIED)


def hierarchy_folder(key: str, root: Path = ROOT) -> Path:
    """Return where the hierarchy of a key is mounted."""
    if key != UNIFIED:
        return root / key
    return root / "unified" if (root / "unified" / "cgroup.controllers").exists() else root
