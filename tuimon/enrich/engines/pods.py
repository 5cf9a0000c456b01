"""Kubernetes facts that a kubelet leaves in a container's labels, the same for every engine."""

from __future__ import annotations

from dataclasses import replace

from tuimon.events import Container


def with_pod_labels(container: Container) -> Container:
    """Return a container with the pod, namespace and uid that its ``io.kubernetes.*`` labels name."""
    labels = container.labels
    if "io.kubernetes.pod.name" not in labels:
        return container
    return replace(
        container,
        pod_name=labels.get("io.kubernetes.pod.name") or container.pod_name,
        pod_namespace=labels.get("io.kubernetes.pod.namespace") or container.pod_namespace,
        pod_uid=labels.get("io.kubernetes.pod.uid") or container.pod_uid,
        pod_sandbox_id=labels.get("io.kubernetes.sandbox.id") or container.pod_sandbox_id,
    )
