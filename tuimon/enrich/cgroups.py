"""Control groups: which hierarchy events are keyed by, id to path and back, and which paths may be containers.

The key of an event is the id that ``bpf_get_current_cgroup_id()`` returns: the inode number of the cgroup's folder in
the v2 hierarchy. On a hybrid machine that hierarchy is ``unified`` (runc 1.1 and later join it too). Ids are unique
within one hierarchy only, so only one is ever used. They are not reused while the machine runs.

A path that *looks* like a container's is a candidate and no more: on some machines the host's own services live in such
paths. tuimon.enrich.containers asks for a second sign.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tuimon.enrich.procfs import Procfs

Layout = Literal["v2", "hybrid", "v1", "none"]

_HEX_ID: Final = "(?P<id>[0-9a-f]{64})"
_PATTERNS: Final = (
    # cgroupfs and systemd drivers; the conmon of a container is not in it and its names must not match.
    ("podman", re.compile(rf"libpod-{_HEX_ID}(?:\.scope)?")),
    ("docker", re.compile(rf"docker-{_HEX_ID}\.scope")),
    ("containerd", re.compile(rf"cri-containerd-{_HEX_ID}\.scope")),
    ("containerd", re.compile(rf"nerdctl-{_HEX_ID}\.scope")),
    ("cri-o", re.compile(rf"crio-{_HEX_ID}(?:\.scope)?")),
    # A systemd driver's name on a machine where runc took it for a plain path.
    ("containerd", re.compile(rf"[^:]+:cri-containerd:{_HEX_ID}")),
    ("podman", re.compile(rf"[^:]+:libpod:{_HEX_ID}")),
    ("docker", re.compile(rf"[^:]+:docker:{_HEX_ID}")),
    ("", re.compile(_HEX_ID)),
)
_POD: Final = re.compile(
    r"(?:kubepods(?:-burstable|-besteffort)?-)?pod(?P<uid>[0-9a-f]{8}[0-9a-f_-]{24,28})(?:\.slice)?"
)
_V1_KEYS: Final = ("pids", "cpu", "cpu,cpuacct", "devices", "freezer")
"""v1 controllers to key by, best first; not memory: host processes are often spread over groups there."""
_FILEID_KERNFS: Final = 0xFE
"""include/linux/exportfs.h: a file handle that is the 64-bit id of a kernfs node."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cgroup path that may be a container's."""

    path: str
    """Of the container's own cgroup; its descendants belong to it too."""
    full_id: str
    engine: str = ""
    """As far as the path tells, "" when it does not."""
    namespace: str = ""
    """containerd's, for ``/<namespace>/<id>``."""
    pod_uid: str = ""
    weak: bool = False
    """Only the place of a name in the path speaks for it: any service's path looks like that."""


def candidates(path: str) -> tuple[Candidate, ...]:
    """Return what a cgroup path may be the container of, innermost first."""
    parts = [p for p in path.split("/") if p]
    found = []
    pod_uid = ""
    for depth, part in enumerate(parts, 1):
        pod = _POD.fullmatch(part.partition(":")[0])
        if pod is not None:
            pod_uid = pod["uid"].replace("_", "-")
        above = parts[depth - 2] if depth > 1 else ""
        if above == "libpod_parent" and not part.startswith("libpod-"):
            # A pod of Podman's: its containers are below.
            continue
        for engine, pattern in _PATTERNS:
            match = pattern.fullmatch(part)
            if match is not None:
                if not engine and above == "docker":
                    engine = "docker"
                found.append(Candidate("/" + "/".join(parts[:depth]), match["id"], engine, pod_uid=pod_uid))
                break
    if not found and len(parts) >= 2 and not parts[0].endswith(".slice"):
        found.append(Candidate(f"/{parts[0]}/{parts[1]}", parts[1], "containerd", namespace=parts[0], weak=True))
    return tuple(reversed(found))


class Cgroups:
    """The cgroup hierarchy that events are keyed by.

    Args:
        root: Where the hierarchies are mounted.
        procfs: Used to turn an open folder into its path.
    """

    def __init__(self, root: str | os.PathLike[str] = "/sys/fs/cgroup", procfs: Procfs | None = None) -> None:
        self._procfs = procfs or Procfs()
        self.layout: Layout = "none"
        self.key = ""
        """"unified", or the v1 controller whose ids events would have to carry on a machine without cgroup v2."""
        self.base = Path(root)
        self._choose(Path(root))
        self._paths: dict[int, str] = {}
        self._base_fd = -1

    def _choose(self, root: Path) -> None:
        if (root / "cgroup.controllers").exists():
            self.layout, self.key = "v2", "unified"
        elif (root / "unified" / "cgroup.controllers").exists():
            self.layout, self.key, self.base = "hybrid", "unified", root / "unified"
        else:
            for name in _V1_KEYS:
                if (root / name / "cgroup.procs").exists():
                    self.layout, self.key, self.base = "v1", name, root / name
                    return

    def close(self) -> None:
        """Let go of the open folder."""
        if self._base_fd >= 0:
            os.close(self._base_fd)
            self._base_fd = -1

    def id_of(self, path: str) -> int:
        """Return the id of a cgroup by its path, 0 when there is none (any more)."""
        try:
            number = os.stat(self._folder(path)).st_ino
        except OSError:
            return 0
        self._paths[number] = path
        return number

    def id_of_process(self, paths: Mapping[str, str]) -> int:
        """Return the cgroup id of a process from its paths per hierarchy (see ``Procfs.cgroups``)."""
        if self.key == "unified":
            path = paths.get("")
        else:
            path = next((p for names, p in paths.items() if self.key in (names, *names.split(","))), None)
        return self.id_of(path) if path else 0

    def path_of(self, cgroup_id: int) -> str | None:
        """Return the path of a cgroup by its id, None when there is none (any more).

        The kernel finds it by its id (open_by_handle_at(2), as root); where it does not, the hierarchy is scanned.
        """
        path = self._paths.get(cgroup_id)
        if path is None:
            path = self._by_handle(cgroup_id)
        if path is None and self._base_fd < 0:
            path = self.scan().get(cgroup_id)
        if path is not None:
            self._paths[cgroup_id] = path
        return path

    def forget(self, cgroup_id: int) -> None:
        """Drop the remembered path of a cgroup that is gone."""
        self._paths.pop(cgroup_id, None)

    def scan(self) -> dict[int, str]:
        """Return id and path of every cgroup."""
        found: dict[int, str] = {}
        if self.layout != "none":
            base = os.fspath(self.base)
            for folder, _, _ in os.walk(base):
                with contextlib.suppress(OSError):
                    found[os.stat(folder).st_ino] = folder[len(base) :] or "/"
            self._paths = dict(found)
        return found

    def missing_from_v2(self) -> list[str]:
        """Return paths that look like containers' and have processes in a v1 hierarchy only: no event has their ids.

        Old runtimes (runc before 1.1, crun) do not join the v2 hierarchy of a hybrid machine; on a machine with v1
        alone nobody can.
        """
        if self.layout == "v2":
            return []
        mounts = self.base.parent
        base = next((mounts / name for name in _V1_KEYS if (mounts / name / "cgroup.procs").exists()), None)
        if base is None:
            return []
        found = []
        for folder, _, _ in os.walk(base):
            path = folder[len(os.fspath(base)) :]
            own = candidates(path)
            if not own or own[0].weak or own[0].path != path or (self.layout == "hybrid" and self.exists(path)):
                continue
            with contextlib.suppress(OSError):
                if Path(folder, "cgroup.procs").read_bytes().strip():
                    found.append(path)
        return found

    def pids(self, path: str, limit: int = 8) -> list[int]:
        """Return some processes of a cgroup; those of cgroups below it are not its own."""
        try:
            lines = (self._folder(path) / "cgroup.procs").read_text().split()
        except OSError:
            return []
        # 0 stands for a process that our pid namespace cannot see.
        return [int(line) for line in lines if line.isdecimal() and line != "0"][:limit]

    def exists(self, path: str) -> bool:
        """Tell whether a cgroup is still there."""
        return self._folder(path).is_dir()

    def _folder(self, path: str) -> Path:
        return self.base / path.lstrip("/")

    def _by_handle(self, cgroup_id: int) -> str | None:
        if self.layout == "none" or not 0 < cgroup_id < 1 << 64:
            return None
        fd = _open_by_id(self._folder_fd(), cgroup_id)
        if fd < 0:
            return None
        try:
            path = self._procfs.own_fd(fd)
        finally:
            os.close(fd)
        base = os.fspath(self.base)
        return (path[len(base) :] or "/") if path.startswith(base) and not path.endswith(" (deleted)") else None

    def _folder_fd(self) -> int:
        if self._base_fd < 0:
            try:
                fd = os.open(self.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                return -1
            probe = _open_by_id(fd, os.fstat(fd).st_ino)
            if probe < 0:
                os.close(fd)
                return -1
            os.close(probe)
            self._base_fd = fd
        return self._base_fd


def _open_by_id(mount_fd: int, cgroup_id: int) -> int:
    """Open the folder of a cgroup by its id; -1 when the kernel does not find it or does not let us."""
    if mount_fd < 0:
        return -1
    handle = ctypes.create_string_buffer(struct.pack("<IiQ", 8, _FILEID_KERNFS, cgroup_id), 16)
    fd: int = ctypes.CDLL(None, use_errno=True).open_by_handle_at(mount_fd, handle, os.O_RDONLY | os.O_CLOEXEC)
    return fd
