"""Docker: ``config.v2.json`` and ``hostconfig.json`` of each container, and its API over the unix socket.

The files are written before the container's first process starts and hold nearly all there is; the API adds the
image's digest. ``inspect`` of a container that is just starting waits for it (200 ms), so only images are asked for.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from tuimon.enrich.cgroups import Candidate
from tuimon.enrich.engines.engine import (
    Site,
    epoch_ns,
    labels_of,
    mapping,
    read_bytes,
    read_json,
    split_image,
    text,
)
from tuimon.enrich.engines.pods import with_pod_labels
from tuimon.enrich.engines.probes import healthcheck, probes
from tuimon.events import Container, Mount

_TIMEOUT_S: Final = 2.0
_MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


class Docker:
    """Reads Docker's files and asks its daemon."""

    name = "docker"

    def from_files(self, candidate: Candidate, site: Site) -> Container | None:
        """Return what the files under the data root say."""
        folder = f"{site.root}/containers/{candidate.full_id}"
        saved = mapping(read_json(f"{folder}/config.v2.json"))
        if not saved:
            return None
        host = mapping(read_json(f"{folder}/hostconfig.json"))
        config, state = mapping(saved.get("Config")), mapping(saved.get("State"))
        image = text(config.get("Image"))
        repository, tag, digest = split_image(image)
        container = Container(
            id=candidate.full_id[:12],
            full_id=candidate.full_id,
            name=(text(saved.get("Name")) or "").lstrip("/") or None,
            image=image,
            image_repository=repository,
            image_tag=tag,
            image_digest=digest,
            image_id=text(saved.get("Image")),
            engine=self.name,
            privileged=host.get("Privileged") is True,
            mounts=_mounts(saved.get("MountPoints")),
            healthcheck=healthcheck(config),
            labels=labels_of(config.get("Labels")),
            ip=_address(saved.get("NetworkSettings")),
            host_pid=host.get("PidMode") == "host",
            host_network=host.get("NetworkMode") == "host",
            host_ipc=host.get("IpcMode") == "host",
            start_time_ns=epoch_ns(state.get("StartedAt")),
            pid=_pid(state.get("Pid")),
            upper_dir=_upper_dir(site.root, candidate.full_id, text(saved.get("Driver"))),
            known=True,
        )
        liveness, readiness = probes(container.labels, container.labels.get("io.kubernetes.container.name", ""))
        return replace(with_pod_labels(container), liveness_probe=liveness, readiness_probe=readiness)

    def from_socket(self, candidate: Candidate, site: Site, known: Container | None) -> Container | None:
        """Add the image's digest; without files (a remote or unreadable root) take all from the container list."""
        if known is None:
            known = self._from_list(candidate, site)
        if known is None or known.image_digest or not known.image_id:
            return known
        image = mapping(ask(site.socket, f"/images/{quote(known.image_id, safe='')}/json"))
        for digest in image.get("RepoDigests") or ():
            repository, _, found = str(digest).partition("@")
            if found and repository in (known.image_repository, f"docker.io/{known.image_repository}"):
                return replace(known, image_digest=found)
        return known

    def _from_list(self, candidate: Candidate, site: Site) -> Container | None:
        filters = quote(json.dumps({"id": [candidate.full_id]}))
        listed = ask(site.socket, f"/containers/json?all=1&filters={filters}")
        for entry in listed if isinstance(listed, list) else ():
            if mapping(entry).get("Id") != candidate.full_id:
                continue
            image = text(entry.get("Image"))
            repository, tag, digest = split_image(image)
            names = entry.get("Names") or [""]
            return with_pod_labels(
                Container(
                    id=candidate.full_id[:12],
                    full_id=candidate.full_id,
                    name=str(names[0]).lstrip("/") or None,
                    image=image,
                    image_repository=repository,
                    image_tag=tag,
                    image_digest=digest,
                    image_id=text(entry.get("ImageID")),
                    engine=self.name,
                    mounts=_mounts(entry.get("Mounts")),
                    labels=labels_of(entry.get("Labels")),
                    ip=_address(entry.get("NetworkSettings")),
                    known=True,
                )
            )
        return None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(self._path)


def ask(path: str, url: str) -> Any:
    """GET a URL of Docker's (or Podman's) API; return its JSON, None when the answer is not 200.

    Raises:
        OSError: The engine does not answer, or not in HTTP and JSON.
    """
    connection = _UnixConnection(path)
    try:
        connection.request("GET", url)
        answer = connection.getresponse()
        body = answer.read(_MAX_ANSWER_BYTES)
        return json.loads(body) if answer.status == 200 else None
    except (http.client.HTTPException, ValueError, RecursionError) as error:
        raise OSError(f"{path} gave no usable answer: {error}") from error
    finally:
        connection.close()


def _pid(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _mounts(value: object) -> tuple[Mount, ...]:
    entries = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return tuple(
        Mount(
            source=text(entry.get("Source")) or "",
            dest=text(entry.get("Destination")) or "",
            mode=text(entry.get("Relabel") or entry.get("Mode")) or "",
            rdwr=entry.get("RW") is True,
            propagation=text(entry.get("Propagation")) or "",
        )
        for entry in entries
        if isinstance(entry, dict)
    )


def _address(settings: object) -> str | None:
    found = mapping(settings)
    for network in mapping(found.get("Networks")).values():
        address = text(mapping(network).get("IPAddress"))
        if address:
            return address
    return text(found.get("IPAddress"))


def _upper_dir(root: str, full_id: str, driver: str | None) -> str | None:
    if driver is None:
        return None
    layer = read_bytes(f"{root}/image/{driver}/layerdb/mounts/{full_id}/mount-id")
    name = layer.decode("ascii", "replace").strip() if layer else ""
    return f"{root}/{driver}/{name}/diff" if name and "/" not in name else None
