"""Deciding whether a cgroup is a container's, and naming it: what the background thread of ``Containers`` does.

A path that looks like a container's needs a second sign, because the host's own services live in such paths on some
machines. Any one will do: an engine's file or answer about that id; a process in the cgroup that lives in another pid
namespace; a shim or conmon among the ancestors of such a process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tuimon.enrich.cgroups import Candidate, Cgroups, candidates
from tuimon.enrich.engines.containerd import Containerd
from tuimon.enrich.engines.crio import Crio
from tuimon.enrich.engines.docker import Docker
from tuimon.enrich.engines.engine import Engine, Site
from tuimon.enrich.engines.grpc_lite import GrpcError
from tuimon.enrich.engines.podman import Podman
from tuimon.enrich.engines.sites import default_sites, option, running_sites, sites_of
from tuimon.enrich.procfs import Procfs
from tuimon.events import HOST, Container

_SHIMS: Final = frozenset({"containerd-shim", "conmon"})
_MAX_ANCESTORS: Final = 20
_DECIDE_ATTEMPTS: Final = 7
"""Attempts (some 3 s) before a container-like path that has processes and no second sign counts as the host's."""
_ENTER_ATTEMPTS: Final = 4
"""Attempts (some 0.4 s) before what a shim started outside every pid namespace counts as the host's."""
_DISCOVER_S: Final = 0.5
"""Between two looks for engines among all processes."""
_SOCKET_PAUSE_S: Final = 5.0
"""An engine that did not answer is left alone for so long."""


_REFRESH_S: Final = (0.0, 0.3, 2.0, 20.0)
"""Before the second look at a named container (it may ask sockets: pod labels), the next two (its pid and start time
come a moment after its cgroup), and every later one (it may be renamed)."""
NEVER_S: Final = float("inf")
_FIXED_NAMES: Final = frozenset({"containerd", "cri-o"})
"""Engines that cannot rename a container."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one look at a cgroup."""

    container: Container | None = None
    """None while undecided."""
    settled: bool = False
    """Decided, and named if it is a container."""
    again_s: float = NEVER_S
    """When to look again, once settled."""
    is_own: bool = False
    """The cgroup is the container's own, not one made inside it."""


UNDECIDED: Final = Found()
_IS_HOST: Final = Found(HOST, settled=True)


class Resolver:
    """Decides and names. Used by one thread.

    Args:
        procfs: For second signs, and for finding engines.
        cgroups: The hierarchy.
        engines: The kinds of engines known.
        sites: Places to look in besides those found among the running processes; None for the usual ones.
    """

    def __init__(
        self,
        procfs: Procfs,
        cgroups: Cgroups,
        engines: Sequence[Engine] | None = None,
        sites: Sequence[Site] | None = None,
    ) -> None:
        self._procfs = procfs
        self._cgroups = cgroups
        self._engines: dict[str, Engine] = {
            e.name: e for e in (engines if engines is not None else (Docker(), Podman(), Containerd(), Crio()))
        }
        self._fixed = sites
        self._sites: dict[Site, None] = {}
        self._discovered_at = float("-inf")
        self._own: dict[str, Container] = {}
        """Cgroup path to container, of the containers' own cgroups."""
        self._silent: dict[str, float] = {}
        """Sockets that did not answer, and when to try again."""
        self._notices: dict[str, str] = {}
        """By socket."""
        self._missed: dict[str, set[str]] = {}
        """The cgroups about which a socket was asked in vain: with the last of them its notice goes."""

    def notices(self) -> tuple[str, ...]:
        """Return one sentence per engine that does not answer; any thread."""
        return tuple(self._notices.values())

    def forget(self, path: str) -> None:
        """Drop what is remembered of a cgroup that is gone."""
        self._own.pop(path, None)
        for socket, paths in tuple(self._missed.items()):
            paths.discard(path)
            if not paths:
                self._answered(socket)

    def resolve(self, path: str, attempt: int) -> Found:
        """Look at one cgroup.

        Args:
            path: In the hierarchy that events are keyed by.
            attempt: How often it was looked at before.
        """
        if path == "/":
            return _IS_HOST
        possible = candidates(path)
        if attempt:
            self._discover()
        for candidate in possible:
            before = self._own.get(candidate.path)
            ask = 0 < attempt < len(_REFRESH_S) or before is None or not before.known or _lacks_pod(before)
            container = self._named(candidate, ask=ask and attempt > 0)
            if container is not None:
                return self._settle(candidate, container, path, attempt)
        above = self._container_above(path)
        if above is not None and (above[0] != path or not self._cgroups.pids(path)):
            return Found(above[1], settled=above[1].known, is_own=above[0] == path)
        return self._by_signs(path, possible, attempt)

    def _settle(self, candidate: Candidate, container: Container, path: str, attempt: int) -> Found:
        container = self._with_start(container)
        before = self._own.get(candidate.path)
        if before is not None and before.full_id == container.full_id:
            container = _kept(container, before)
        is_own = candidate.path == path
        self._own[candidate.path] = container
        again_s = _REFRESH_S[min(attempt, len(_REFRESH_S) - 1)]
        if not is_own or (
            attempt >= len(_REFRESH_S) and container.engine in _FIXED_NAMES and not _lacks_pod(container)
        ):
            again_s = NEVER_S
        return Found(container, settled=container.known, again_s=again_s, is_own=is_own)

    def _with_start(self, container: Container) -> Container:
        """Fill in when a container started, where its engine's files do not say: the start of its first process."""
        if container.start_time_ns is not None or container.pid is None:
            return container
        start_ns = self._procfs.start_ns(container.pid)
        if start_ns is None:
            return container
        return replace(container, start_time_ns=start_ns + self._procfs.boot_to_epoch_ns())

    def _container_above(self, path: str) -> tuple[str, Container] | None:
        """Return the innermost known container whose cgroup holds this one, with its path."""
        at = path
        while at and at != "/":
            container = self._own.get(at)
            if container is not None:
                return at, container
            at = at.rpartition("/")[0]
        return None

    # --- signs

    def _by_signs(self, path: str, possible: Sequence[Candidate], attempt: int) -> Found:
        """Decide by the processes in a cgroup that no engine's file speaks for."""
        strong = [c for c in possible if not c.weak]
        pids = self._cgroups.pids(path)
        may_become = False
        for pid in pids:
            shim = self._shim_of(pid)
            inside = self._procfs.pid_ns_level(pid) > 0
            for site in sites_of(self._procfs, shim) if shim else ():
                self._sites.setdefault(site)
            if not inside and not (shim and strong):
                # What a shim or conmon starts on the host (an exit command) is no container, unless it is a runtime
                # that has not entered the container's namespaces yet.
                may_become = may_become or bool(shim)
                continue
            candidate = strong[-1] if strong else self._shims_own(shim, path)
            if candidate is not None:
                container = self._named(candidate, ask=attempt > 0) or _nameless(candidate)
                return self._settle(candidate, container, path, attempt)
        if not possible or (possible[0].weak and pids and not (may_become and attempt < _ENTER_ATTEMPTS)):
            return _IS_HOST
        if pids and attempt >= _DECIDE_ATTEMPTS:
            return _IS_HOST
        return UNDECIDED

    def _shim_of(self, pid: int) -> int:
        """Return the pid of the shim or conmon among a process's ancestors, 0 without one."""
        at = pid
        for _ in range(_MAX_ANCESTORS):
            at = self._procfs.ppid(at)
            if at <= 1:
                return 0
            if self._procfs.comm(at) in _SHIMS:
                return at if self._procfs.pid_ns_level(at) == 0 else 0
        return 0

    def _shims_own(self, shim: int, path: str) -> Candidate | None:
        """Return a candidate from a shim's command line, for a cgroup whose path says nothing."""
        argv = self._procfs.argv(shim) if shim else ()
        if self._procfs.comm(shim) == "conmon":
            full_id = option(argv, "-c", "--cid")
            return Candidate(path, full_id) if full_id else None
        full_id = option(argv, "-id")
        return Candidate(path, full_id, "containerd", option(argv, "-namespace")) if full_id else None

    # --- names

    def _named(self, candidate: Candidate, *, ask: bool) -> Container | None:
        """Return what the engines say, None when none of them knows the container.

        Args:
            candidate: What to ask about.
            ask: Ask sockets too, for what the files lack. Files come first, of all engines: they answer at once.
        """
        places = [(self._engines[s.engine], s) for s in self._places(candidate) if s.engine in self._engines]
        best: tuple[Engine, Site, Container] | None = None
        for engine, site in places:
            found = engine.from_files(candidate, site)
            if found is not None and (best is None or found.known):
                best = engine, site, found
                if found.known:
                    break
        if not ask or (best is None and candidate.weak):
            return best[2] if best is not None else None
        if best is not None:
            return self._from_socket(best[0], candidate, best[1], best[2])
        for engine, site in places:
            found = self._from_socket(engine, candidate, site, None)
            if found is not None:
                return found
        return None

    def _from_socket(
        self, engine: Engine, candidate: Candidate, site: Site, known: Container | None
    ) -> Container | None:
        """Ask a site's socket; what the files said stands when it does not answer."""
        now = time.monotonic()
        if not site.socket or self._silent.get(site.socket, 0.0) > now:
            return known
        try:
            found = engine.from_socket(candidate, site, known)
        except GrpcError:
            # It answers, only not about this one.
            self._silent.pop(site.socket, None)
            return known
        except OSError as error:
            self._silent[site.socket] = now + _SOCKET_PAUSE_S
            # Podman has no daemon: without its API service there is no socket, and nothing wrong with that.
            normal = engine.name == "podman" and isinstance(error, FileNotFoundError)
            if not normal and (not known.known if known is not None else candidate.engine == engine.name):
                why = error.strerror or str(error)
                self._missed.setdefault(site.socket, set()).add(candidate.path)
                self._notices[site.socket] = (
                    f"{engine.name} does not answer on {site.socket} ({why}): names that only it can tell are missing."
                )
            return known
        self._answered(site.socket)
        self._silent.pop(site.socket, None)
        return found if found is not None else known

    def _answered(self, socket: str) -> None:
        """Take back what is said of a socket."""
        self._notices.pop(socket, None)
        self._missed.pop(socket, None)

    def _places(self, candidate: Candidate) -> list[Site]:
        """Return where to look: places of the engine that the path names first; a user's only for that user."""
        if not self._sites:
            self._discover()
        mine = [s for s in self._sites if s.uid == 0 or f"/user-{s.uid}.slice/" in candidate.path]
        return sorted(mine, key=lambda s: s.engine != candidate.engine)

    def _discover(self) -> None:
        """Look for engines, unless that was done just now."""
        now = time.monotonic()
        if now - self._discovered_at < _DISCOVER_S:
            return
        self._discovered_at = now
        usual = default_sites() if self._fixed is None else self._fixed
        self._sites = dict.fromkeys((*running_sites(self._procfs), *usual))
        sockets = {site.socket for site in self._sites}
        self._notices = {socket: said for socket, said in self._notices.items() if socket in sockets}


def _lacks_pod(container: Container) -> bool:
    """Tell whether a pod's labels are still to come: only a socket tells them."""
    return container.pod_sandbox_id is not None and container.pod_labels is None and container.engine in _FIXED_NAMES


def _kept(container: Container, before: Container) -> Container:
    """Return a container with what only an earlier answer of a socket said: the files do not repeat it."""
    return replace(
        container,
        image_digest=container.image_digest or before.image_digest,
        labels=container.labels or before.labels,
        pod_labels=container.pod_labels or before.pod_labels,
        pod_name=container.pod_name or before.pod_name,
        pod_ip=container.pod_ip or before.pod_ip,
        healthcheck=container.healthcheck or before.healthcheck,
        liveness_probe=container.liveness_probe or before.liveness_probe,
        readiness_probe=container.readiness_probe or before.readiness_probe,
        cni_json=container.cni_json or before.cni_json,
        name=container.name or before.name,
        image=container.image or before.image,
        image_repository=container.image_repository or before.image_repository,
        image_tag=container.image_tag or before.image_tag,
        known=container.known or before.known,
    )


def _nameless(candidate: Candidate) -> Container:
    """Return a container of which nothing but the id is known."""
    container = Container(id=candidate.full_id[:12], full_id=candidate.full_id, engine=candidate.engine)
    return replace(container, pod_uid=candidate.pod_uid) if candidate.pod_uid else container
