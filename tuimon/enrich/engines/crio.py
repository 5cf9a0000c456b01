"""CRI-O: containers/storage like Podman's, Kubernetes facts as annotations of the OCI config, pod labels by CRI."""

from __future__ import annotations

import json
from dataclasses import replace

from tuimon.enrich.cgroups import Candidate
from tuimon.enrich.engines import cri, oci
from tuimon.enrich.engines.engine import Site, epoch_ns, labels_of, mapping, read_json, split_image
from tuimon.enrich.engines.podman import metadata, stored
from tuimon.enrich.engines.pods import with_pod_labels
from tuimon.events import Container

_PREFIX = "io.kubernetes.cri-o."


class Crio:
    """Reads CRI-O's files and asks its CRI socket."""

    name = "cri-o"

    def from_files(self, candidate: Candidate, site: Site) -> Container | None:
        """Return what the storage and the annotations say."""
        entry = stored(site.root, "overlay", candidate.full_id)
        config = mapping(read_json(f"{site.root}/overlay-containers/{candidate.full_id}/userdata/config.json"))
        said = labels_of(config.get("annotations"))
        if entry is None or (f"{_PREFIX}ContainerID" not in said and f"{_PREFIX}SandboxID" not in said):
            return None
        image = said.get(f"{_PREFIX}ImageName") or metadata(entry).get("image-name") or None
        repository, tag, digest = split_image(image if isinstance(image, str) else None)
        container = Container(
            id=candidate.full_id[:12],
            full_id=candidate.full_id,
            name=said.get("io.kubernetes.container.name") or said.get(f"{_PREFIX}Name"),
            image=image if isinstance(image, str) else None,
            image_repository=repository,
            image_tag=tag,
            image_digest=digest,
            image_id=said.get(f"{_PREFIX}ImageRef") or said.get(f"{_PREFIX}Image"),
            engine=self.name,
            privileged=oci.has_all_capabilities(config),
            mounts=oci.mounts_of(config),
            labels=_labels(said),
            pod_name=said.get("io.kubernetes.pod.name") or said.get(f"{_PREFIX}KubeName"),
            pod_namespace=said.get("io.kubernetes.pod.namespace") or said.get(f"{_PREFIX}Namespace"),
            pod_uid=said.get("io.kubernetes.pod.uid") or candidate.pod_uid or None,
            pod_sandbox_id=said.get(f"{_PREFIX}SandboxID"),
            pod_ip=said.get(f"{_PREFIX}IP.0"),
            host_pid=oci.shares_host(config, "pid"),
            host_network=oci.shares_host(config, "network"),
            host_ipc=oci.shares_host(config, "ipc"),
            start_time_ns=epoch_ns(said.get(f"{_PREFIX}Created")),
            known=True,
        )
        return with_pod_labels(container)

    def from_socket(self, candidate: Candidate, site: Site, known: Container | None) -> Container | None:
        """Add the pod's labels, or all of it where the files could not be read."""
        found = cri.complete(site.socket, candidate.full_id, known)
        return replace(found, engine=self.name) if found is not None else None


def _labels(said: dict[str, str]) -> dict[str, str]:
    try:
        return labels_of(json.loads(said.get(f"{_PREFIX}Labels") or "{}"))
    except (ValueError, RecursionError):
        return {}
