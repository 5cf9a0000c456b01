"""Podman: the storage's ``containers.json`` and the OCI config of each container; no daemon is needed.

``metadata`` in ``containers.json`` is JSON inside a string; newer versions keep ``--rm`` containers in
``volatile-containers.json``. Labels and the pod's name are only in Podman's database, which is not for others to read:
they come from its API socket, where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from tuimon.enrich.cgroups import Candidate
from tuimon.enrich.engines import oci
from tuimon.enrich.engines.docker import ask
from tuimon.enrich.engines.engine import Site, labels_of, mapping, read_bytes, read_json, split_image, text
from tuimon.enrich.engines.pods import with_pod_labels
from tuimon.enrich.engines.probes import healthcheck
from tuimon.events import Container

_LISTS: Final = ("volatile-containers.json", "containers.json")
_DRIVERS: Final = ("overlay", "vfs", "btrfs", "zfs")


class Podman:
    """Reads the files of containers/storage and asks Podman's API where it is served."""

    name = "podman"

    def from_files(self, candidate: Candidate, site: Site) -> Container | None:
        """Return what the storage says."""
        for driver in _DRIVERS:
            entry = stored(site.root, driver, candidate.full_id)
            if entry is not None:
                return self._container(candidate, site, driver, entry)
        return None

    def from_socket(self, candidate: Candidate, site: Site, known: Container | None) -> Container | None:
        """Add labels and pod from the API; without files take the names from it too."""
        answer = ask(site.socket, f"/v4.0.0/libpod/containers/{quote(candidate.full_id)}/json")
        said = mapping(answer)
        if not said:
            return known
        image = text(said.get("ImageName"))
        repository, tag, digest = split_image(image)
        base = known or Container(
            id=candidate.full_id[:12],
            full_id=candidate.full_id,
            name=text(said.get("Name")),
            image=image,
            image_repository=repository,
            image_tag=tag,
            image_digest=digest,
            image_id=text(said.get("Image")),
            engine=self.name,
            known=True,
        )
        labels = labels_of(mapping(said.get("Config")).get("Labels"))
        checked = healthcheck(mapping(said.get("Config")))
        container = replace(base, labels={**base.labels, **labels}, healthcheck=checked)
        pod = text(said.get("Pod"))
        if pod is not None:
            details = mapping(ask(site.socket, f"/v4.0.0/libpod/pods/{quote(pod)}/json"))
            container = replace(container, pod_name=text(details.get("Name")), pod_uid=pod)
        return with_pod_labels(container)

    def _container(self, candidate: Candidate, site: Site, driver: str, entry: Mapping[str, Any]) -> Container:
        folder = f"{site.root}/{driver}-containers/{candidate.full_id}/userdata"
        config = mapping(read_json(f"{folder}/config.json"))
        annotations = labels_of(config.get("annotations"))
        described = metadata(entry)
        image = text(described.get("image-name"))
        repository, tag, digest = split_image(image)
        names = entry.get("names")
        name = names[0] if isinstance(names, list) and names else described.get("name")
        layer = text(entry.get("layer"))
        privileged = annotations.get("io.podman.annotations.privileged")
        container = Container(
            id=candidate.full_id[:12],
            full_id=candidate.full_id,
            name=text(name),
            image=image,
            image_repository=repository,
            image_tag=tag,
            image_digest=digest or image_digest(site.root, driver, text(entry.get("image"))),
            image_id=text(described.get("image-id")) or text(entry.get("image")),
            engine=self.name,
            privileged=privileged == "TRUE" if config else None,
            mounts=oci.mounts_of(config) if config else None,
            pod_uid=_pod_of(candidate.path),
            pod_sandbox_id=annotations.get("io.kubernetes.cri-o.SandboxID"),
            host_pid=oci.shares_host(config, "pid"),
            host_network=oci.shares_host(config, "network"),
            host_ipc=oci.shares_host(config, "ipc"),
            pid=_pid(site.state, driver, candidate.full_id),
            upper_dir=f"{site.root}/overlay/{layer}/diff" if layer and driver == "overlay" else None,
            known=True,
        )
        return with_pod_labels(container)


def stored(root: str, driver: str, full_id: str) -> Mapping[str, Any] | None:
    """Return the entry of a container in containers/storage, None when it has none."""
    for name in _LISTS:
        listed = read_json(f"{root}/{driver}-containers/{name}")
        for entry in listed if isinstance(listed, list) else ():
            if mapping(entry).get("id") == full_id:
                return mapping(entry)
    return None


def metadata(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON object inside an entry's ``metadata`` string."""
    try:
        return mapping(json.loads(entry.get("metadata") or "{}"))
    except (ValueError, TypeError, RecursionError):
        return {}


def image_digest(root: str, driver: str, image_id: str | None) -> str | None:
    """Return the digest of an image in containers/storage."""
    listed = read_json(f"{root}/{driver}-images/images.json") if image_id else None
    for entry in listed if isinstance(listed, list) else ():
        if mapping(entry).get("id") == image_id:
            return text(mapping(entry).get("digest"))
    return None


def _pod_of(path: str) -> str | None:
    """Return the pod's id from ``/libpod_parent/<pod id>/libpod-<id>``."""
    parts = path.split("/")
    above = parts[-2].removesuffix(".slice").rpartition("_")[2] if len(parts) > 1 else ""
    return above if len(above) == 64 and all(c in "0123456789abcdef" for c in above) else None


def _pid(run_root: str, driver: str, full_id: str) -> int | None:
    raw = read_bytes(f"{run_root}/{driver}-containers/{full_id}/userdata/pidfile") if run_root else None
    return int(raw) if raw and raw.strip().isdigit() else None
