"""The Container Runtime Interface (runtime.v1, v1alpha2 on old engines) as far as names and pod labels need it."""

from __future__ import annotations

from dataclasses import replace

from tuimon.enrich.engines import protobuf
from tuimon.enrich.engines.engine import split_image
from tuimon.enrich.engines.grpc_lite import Channel, GrpcError
from tuimon.enrich.engines.pods import with_pod_labels
from tuimon.events import Container

_SERVICES = ("runtime.v1.RuntimeService", "runtime.v1alpha2.RuntimeService")
_UNIMPLEMENTED = 12


def complete(socket: str, full_id: str, known: Container | None) -> Container | None:
    """Return a container with its pod's labels; from CRI alone when nothing is known; None when CRI does not know it.

    Raises:
        OSError: The engine does not answer.
    """
    with Channel(socket) as channel:
        if known is None:
            known = _container(channel, full_id)
        if known is None or not known.pod_sandbox_id:
            return known
        # ListPodSandboxRequest.filter (1) = PodSandboxFilter.id (1); the answer's items (1).
        answer = _call(channel, "ListPodSandbox", protobuf.field(1, protobuf.field(1, known.pod_sandbox_id.encode())))
        for item in protobuf.messages(answer, 1):
            # PodSandbox: id 1, metadata 2 (name 1, uid 2, namespace 3), state 3, created_at 4, labels 5.
            if protobuf.string(item, 1) != known.pod_sandbox_id:
                continue
            about = protobuf.message(item, 2)
            return replace(
                known,
                pod_labels=protobuf.pairs(item, 5),
                pod_name=known.pod_name or protobuf.string(about, 1) or None,
                pod_uid=known.pod_uid or protobuf.string(about, 2) or None,
                pod_namespace=known.pod_namespace or protobuf.string(about, 3) or None,
            )
        return known


def _container(channel: Channel, full_id: str) -> Container | None:
    """Ask for one container: its sandbox from ListContainers, its image's name from ContainerStatus."""
    answer = _call(channel, "ListContainers", protobuf.field(1, protobuf.field(1, full_id.encode())))
    for item in protobuf.messages(answer, 1):
        if protobuf.string(item, 1) != full_id:
            continue
        status = protobuf.message(_call(channel, "ContainerStatus", protobuf.field(1, full_id.encode())), 1)
        image = protobuf.string(protobuf.message(status, 8), 1) or None
        repository, tag, digest = split_image(image)
        labels = protobuf.pairs(item, 8)
        return with_pod_labels(
            Container(
                id=full_id[:12],
                full_id=full_id,
                name=protobuf.string(protobuf.message(item, 3), 1) or None,
                image=image,
                image_repository=repository,
                image_tag=tag,
                image_digest=digest or protobuf.string(status, 9).partition("@")[2] or None,
                engine="containerd",
                labels=labels,
                pod_sandbox_id=protobuf.string(item, 2) or None,
                known=True,
            )
        )
    return None


def _call(channel: Channel, method: str, message: bytes) -> bytes:
    for service in _SERVICES:
        try:
            return channel.call(f"/{service}/{method}", message)
        except GrpcError as error:
            if error.status != _UNIMPLEMENTED or service == _SERVICES[-1]:
                raise
    return b""
