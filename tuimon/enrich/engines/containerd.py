"""containerd: the bundle's ``config.json`` of each task (CRI facts are its annotations), then its gRPC socket.

A plain container (``ctr``, nerdctl) has neither name nor image in its bundle: the socket tells its image. Pod labels
are known to CRI alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tuimon.enrich.cgroups import Candidate
from tuimon.enrich.engines import cri, oci, protobuf
from tuimon.enrich.engines.engine import Site, labels_of, mapping, read_bytes, read_json, split_image
from tuimon.enrich.engines.grpc_lite import Channel, GrpcError
from tuimon.enrich.engines.pods import with_pod_labels
from tuimon.events import Container

TASKS: Final = "io.containerd.runtime.v2.task"
_CRI: Final = "io.kubernetes.cri."
_NOT_FOUND: Final = 5
_DOCKER_NAMESPACE: Final = "moby"


class Containerd:
    """Reads containerd's bundles and asks its socket."""

    name = "containerd"

    def from_files(self, candidate: Candidate, site: Site) -> Container | None:
        """Return what the bundle says; a plain container's name and image are not in it and stay unknown."""
        namespace, folder = bundle(candidate, site.state)
        config = mapping(read_json(f"{folder}/config.json")) if folder else {}
        if not config or namespace == _DOCKER_NAMESPACE:
            return None
        said = labels_of(config.get("annotations"))
        is_sandbox = said.get(f"{_CRI}container-type") == "sandbox"
        image = said.get(f"{_CRI}image-name") or said.get(f"{_CRI}podsandbox.image-name")
        repository, tag, digest = split_image(image)
        sandbox = said.get(f"{_CRI}sandbox-id")
        container = Container(
            id=candidate.full_id[:12],
            full_id=candidate.full_id,
            name=said.get(f"{_CRI}container-name") or (said.get(f"{_CRI}sandbox-name") if is_sandbox else None),
            image=image,
            image_repository=repository,
            image_tag=tag,
            image_digest=digest,
            engine=self.name,
            privileged=oci.has_all_capabilities(config),
            mounts=oci.mounts_of(config),
            labels=_kubelet_labels(said),
            pod_name=said.get(f"{_CRI}sandbox-name"),
            pod_namespace=said.get(f"{_CRI}sandbox-namespace"),
            pod_uid=said.get(f"{_CRI}sandbox-uid") or candidate.pod_uid or None,
            pod_sandbox_id=sandbox,
            host_pid=oci.shares_host(config, "pid"),
            host_network=oci.shares_host(config, "network"),
            host_ipc=oci.shares_host(config, "ipc"),
            pid=_init_pid(folder),
            known=sandbox is not None,
        )
        return with_pod_labels(container)

    def from_socket(self, candidate: Candidate, site: Site, known: Container | None) -> Container | None:
        """Add a plain container's image and labels, or a pod's labels and address."""
        if known is not None and known.pod_sandbox_id:
            if known.image is None:
                known = self._stored(candidate, site, known, "k8s.io") or known
            try:
                return cri.complete(site.socket, candidate.full_id, known)
            except GrpcError:
                # A sandbox that is just being made is not known to CRI before it is ready.
                return known
        namespace = candidate.namespace or bundle(candidate, site.state)[0]
        if namespace == _DOCKER_NAMESPACE:
            return known
        if not namespace and candidate.pod_uid:
            return cri.complete(site.socket, candidate.full_id, known)
        return self._stored(candidate, site, known, namespace or "default") or known

    def _stored(self, candidate: Candidate, site: Site, known: Container | None, namespace: str) -> Container | None:
        """Return what containerd's own store says, None when the container is not in it."""
        with Channel(site.socket) as channel:
            try:
                answer = channel.call(
                    "/containerd.services.containers.v1.Containers/Get",
                    protobuf.field(1, candidate.full_id.encode()),
                    {"containerd-namespace": namespace},
                )
            except GrpcError as error:
                if error.status == _NOT_FOUND:
                    return None
                raise
        # GetContainerResponse.container 1: id 1, labels 2, image 3.
        said = protobuf.message(answer, 1)
        image = protobuf.string(said, 3) or None
        repository, tag, digest = split_image(image)
        base = known or Container(id=candidate.full_id[:12], full_id=candidate.full_id, engine=self.name)
        labels = protobuf.pairs(said, 2)
        container = replace(
            base,
            name=labels.get("nerdctl/name") or base.name or candidate.full_id,
            image=image,
            image_repository=repository,
            image_tag=tag,
            image_digest=digest,
            labels={**base.labels, **labels},
            known=True,
        )
        return with_pod_labels(container)


def _kubelet_labels(said: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that a kubelet gives a container, from the annotations that CRI makes of them."""
    made_of = {
        "io.kubernetes.container.name": "container-name",
        "io.kubernetes.pod.name": "sandbox-name",
        "io.kubernetes.pod.namespace": "sandbox-namespace",
        "io.kubernetes.pod.uid": "sandbox-uid",
    }
    return {label: said[_CRI + name] for label, name in made_of.items() if _CRI + name in said}


def bundle(candidate: Candidate, state: str) -> tuple[str, str]:
    """Return namespace and folder of a container's bundle, empty strings when there is none."""
    tasks = f"{state}/{TASKS}"
    if candidate.namespace:
        namespaces = [candidate.namespace]
    else:
        try:
            namespaces = sorted(os.listdir(tasks))
        except OSError:
            namespaces = []
    for namespace in namespaces:
        folder = f"{tasks}/{namespace}/{candidate.full_id}"
        if os.path.isfile(f"{folder}/config.json"):
            return namespace, folder
    return "", ""


def _init_pid(folder: str) -> int | None:
    raw = read_bytes(f"{folder}/init.pid")
    return int(raw) if raw and raw.strip().isdigit() else None
