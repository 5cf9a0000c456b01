"""The Container Runtime Interface (runtime.v1, v1alpha2 on old engines) as far as names and pod labels need it."""

from __future__ import annotations

import json
from dataclasses import replace

from tuimon.enrich.engines import protobuf
from tuimon.enrich.engines.engine import mapping, split_image
from tuimon.enrich.engines.grpc_lite import Channel, GrpcError
from tuimon.enrich.engines.pods import with_pod_labels
from tuimon.enrich.engines.probes import NONE, probes
from tuimon.events import Container

_SERVICES = ("runtime.v1.RuntimeService", "runtime.v1alpha2.RuntimeService")
_UNIMPLEMENTED = 12


def complete(socket: str, full_id: str, known: Container | None) -> Container | None:
    """Return a container with what only CRI tells: its pod's labels and address, the image's digest.

    From CRI alone when nothing is known; None when CRI does not know it either. Field numbers are those of
    k8s.io/cri-api, api.proto, the same in both versions.

    Raises:
        OSError: The engine does not answer.
    """
    with Channel(socket) as channel:
        if known is None:
            known = _container(channel, full_id)
        if known is None or not known.pod_sandbox_id:
            return known
        if known.pod_sandbox_id != full_id:
            known = _with_status(channel, full_id, known)
        return _with_pod(channel, known.pod_sandbox_id or "", known)


def _container(channel: Channel, full_id: str) -> Container | None:
    """Find one container: what is listed has the sandbox's id, ContainerStatus the image's name."""
    # ListContainersRequest.filter 1 = ContainerFilter.id 1; containers 1: id 1, pod_sandbox_id 2, metadata 3, labels 8.
    answer = _call(channel, "ListContainers", protobuf.field(1, protobuf.field(1, full_id.encode())))
    for item in protobuf.messages(answer, 1):
        if protobuf.string(item, 1) == full_id:
            return with_pod_labels(
                Container(
                    id=full_id[:12],
                    full_id=full_id,
                    name=protobuf.string(protobuf.message(item, 3), 1) or None,
                    engine="containerd",
                    labels=protobuf.pairs(item, 8),
                    pod_sandbox_id=protobuf.string(item, 2) or None,
                    known=True,
                )
            )
    return None


def _with_status(channel: Channel, full_id: str, known: Container) -> Container:
    """Add the image as ContainerStatus resolves it: image 8 (image 1), image_ref 9 (``name@digest`` or an id)."""
    status = protobuf.message(_call(channel, "ContainerStatus", protobuf.field(1, full_id.encode())), 1)
    named, reference = protobuf.string(protobuf.message(status, 8), 1), protobuf.string(status, 9)
    image = known.image or (named if not named.startswith("sha256:") else "") or None
    repository, tag, digest = split_image(image)
    return replace(
        known,
        image=image,
        image_repository=repository,
        image_tag=tag,
        image_digest=known.image_digest or digest or reference.partition("@")[2] or None,
        image_id=known.image_id or (reference if reference.startswith("sha256:") else None),
    )


def _with_pod(channel: Channel, sandbox: str, known: Container) -> Container:
    """Add the pod.

    PodSandboxStatus.status 1: metadata 2 (name 1, uid 2, namespace 3), network 5 (ip 1), labels 7, annotations 8; with
    verbose 2 the answer has info 2, whose "info" is JSON of the engine's own.
    """
    request = protobuf.field(1, sandbox.encode()) + protobuf.number(2, 1)
    answer = _call(channel, "PodSandboxStatus", request)
    status = protobuf.message(answer, 1)
    about = protobuf.message(status, 2)
    liveness, readiness = probes(protobuf.pairs(status, 8), known.name or "")
    return replace(
        known,
        cni_json=_interfaces(protobuf.pairs(answer, 2).get("info", "")),
        healthcheck=NONE,
        liveness_probe=liveness,
        readiness_probe=readiness,
        pod_labels=protobuf.pairs(status, 7),
        pod_ip=known.pod_ip or protobuf.string(protobuf.message(status, 5), 1) or None,
        pod_name=known.pod_name or protobuf.string(about, 1) or None,
        pod_uid=known.pod_uid or protobuf.string(about, 2) or None,
        pod_namespace=known.pod_namespace or protobuf.string(about, 3) or None,
    )


def _interfaces(info: str) -> str | None:
    """Return the interfaces of the network plugin's result that lead out of the pod, as JSON."""
    try:
        listed = mapping(mapping(mapping(json.loads(info or "{}")).get("cniResult")).get("Interfaces"))
    except (ValueError, RecursionError):
        return None
    shown = {name: entry for name, entry in listed.items() if name != "lo" and not name.startswith("veth")}
    return json.dumps(shown, separators=(",", ":")) if shown else None


def _call(channel: Channel, method: str, message: bytes) -> bytes:
    for service in _SERVICES:
        try:
            return channel.call(f"/{service}/{method}", message)
        except GrpcError as error:
            if error.status != _UNIMPLEMENTED or service == _SERVICES[-1]:
                raise
    return b""
