"""Where the engines of this machine keep their state: the default places, and what running engines' command lines say.

Only processes outside every other pid namespace are believed, and of those only root's for engines that run as root: a
program in a container that calls itself dockerd must not name other containers. A rootless engine counts for its
user's containers alone.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Sequence
from typing import Final

from tuimon.enrich.engines.containerd import TASKS
from tuimon.enrich.engines.engine import Site, mapping, read_bytes, read_json, text
from tuimon.enrich.procfs import Procfs

DEFAULTS: Final = (
    Site("docker", "/var/lib/docker", "/var/run/docker", "/var/run/docker.sock"),
    Site("podman", "/var/lib/containers/storage", "/run/containers/storage", "/run/podman/podman.sock"),
    Site("containerd", "/var/lib/containerd", "/run/containerd", "/run/containerd/containerd.sock"),
    Site(
        "containerd",
        "/var/lib/rancher/k3s/agent/containerd",
        "/run/k3s/containerd",
        "/run/k3s/containerd/containerd.sock",
    ),
    Site("cri-o", "/var/lib/containers/storage", "/run/containers/storage", "/run/crio/crio.sock"),
)
_COMMS: Final = frozenset({"dockerd", "containerd", "containerd-shim", "conmon", "crio"})


def default_sites() -> list[Site]:
    """Return the places that engines use unless told otherwise, as far as something is there."""
    return [site for site in DEFAULTS if os.path.isdir(site.root) or os.path.exists(site.socket)]


def running_sites(procfs: Procfs) -> list[Site]:
    """Return the places that the command lines of running engines name, each once, the newest process first."""
    found: dict[Site, None] = {}
    for pid in reversed(procfs.pids()):
        if procfs.comm(pid) in _COMMS:
            for site in sites_of(procfs, pid):
                found[site] = None
    return list(found)


def sites_of(procfs: Procfs, pid: int) -> Iterator[Site]:
    """Yield the places that one engine process names, none when it is not one or not to be believed."""
    comm, uid = procfs.comm(pid), procfs.uid(pid)
    if comm not in _COMMS or procfs.pid_ns_level(pid) > 0 or (uid != 0 and comm != "conmon"):
        return
    argv, prefix = procfs.argv(pid), procfs.root_of(pid)
    match comm:
        case "dockerd":
            yield from _dockerd(argv, prefix)
        case "containerd":
            yield from _containerd(argv, prefix)
        case "containerd-shim":
            yield from _shim(argv, procfs.cwd(pid), prefix)
        case "conmon":
            yield from _conmon(argv, prefix, uid)
        case "crio":
            yield _crio(argv, prefix)


def option(argv: Sequence[str], *names: str) -> str:
    """Return the value of an option (``--name value``, ``--name=value``), "" when it is not given."""
    for at, arg in enumerate(argv):
        if arg in names and at + 1 < len(argv):
            return argv[at + 1]
        name, equals, value = arg.partition("=")
        if equals and name in names:
            return value
    return ""


def _dockerd(argv: Sequence[str], prefix: str) -> Iterator[Site]:
    saved = mapping(read_json(prefix + (option(argv, "--config-file") or "/etc/docker/daemon.json")))
    root = option(argv, "--data-root", "-g", "--graph") or text(saved.get("data-root")) or "/var/lib/docker"
    state = option(argv, "--exec-root") or text(saved.get("exec-root")) or "/var/run/docker"
    hosts = [option(argv[at:], "-H", "--host") for at, arg in enumerate(argv) if arg.startswith(("-H", "--host"))]
    hosts += [h for h in saved.get("hosts") or () if isinstance(h, str)]
    sockets = [h.removeprefix("unix://") for h in hosts if h.startswith(("unix://", "/"))]
    socket = sockets[0] if sockets else "/var/run/docker.sock"
    yield Site("docker", prefix + root, prefix + state, prefix + socket)


def _containerd(argv: Sequence[str], prefix: str) -> Iterator[Site]:
    saved = {}
    raw = read_bytes(prefix + (option(argv, "-c", "--config") or "/etc/containerd/config.toml"))
    if raw is not None:
        try:
            saved = tomllib.loads(raw.decode("utf-8", "replace"))
        except tomllib.TOMLDecodeError:
            saved = {}
    root = option(argv, "--root") or text(saved.get("root")) or "/var/lib/containerd"
    state = option(argv, "--state") or text(saved.get("state")) or "/run/containerd"
    grpc = mapping(saved.get("grpc"))
    socket = option(argv, "-a", "--address") or text(grpc.get("address")) or "/run/containerd/containerd.sock"
    yield Site("containerd", prefix + root, prefix + state, prefix + socket)


def _shim(argv: Sequence[str], cwd: str, prefix: str) -> Iterator[Site]:
    """A shim's working directory is its bundle: ``<state>/io.containerd.runtime.v2.task/<namespace>/<id>``."""
    state, found, _ = cwd.partition(f"/{TASKS}/")
    if found:
        yield Site("containerd", "", prefix + state, prefix + option(argv, "-address", "--address"))


def _conmon(argv: Sequence[str], prefix: str, uid: int) -> Iterator[Site]:
    """The bundle lies in the storage root; the arguments of its exit command name the run root."""
    bundle = option(argv, "-b", "--bundle")
    engine = "cri-o" if "crio" in option(argv, "--exit-command") or "/crio" in option(argv, "--exit-dir") else "podman"
    passed = [argv[at + 1] for at, arg in enumerate(argv[:-1]) if arg == "--exit-command-arg"]
    root = option(passed, "--root")
    for marker in ("/overlay-containers/", "/vfs-containers/", "/btrfs-containers/", "/zfs-containers/"):
        above, found, _ = bundle.partition(marker)
        if found and not root:
            root = above
    if root:
        socket = "/run/podman/podman.sock" if uid == 0 else f"/run/user/{uid}/podman/podman.sock"
        yield Site(engine, prefix + root, prefix + option(passed, "--runroot"), prefix + socket, uid)


def _crio(argv: Sequence[str], prefix: str) -> Site:
    root = option(argv, "--root", "-r") or "/var/lib/containers/storage"
    state = option(argv, "--runroot") or "/run/containers/storage"
    socket = option(argv, "--listen") or "/run/crio/crio.sock"
    return Site("cri-o", prefix + root, prefix + state, prefix + socket.removeprefix("unix://"))
