"""k8s.*: the Kubernetes pod of the container, as its engine knows it. No API server is asked."""

from __future__ import annotations

from typing import Final

from tuimon.events import Container, Event
from tuimon.fields.container import labels_text, told
from tuimon.fields.registry import UNKNOWN, Scope, Value, add
from tuimon.fields.registry import FieldType as T

_CONTAINER: Final = Scope.CONTAINER
_GONE: Final = "only the Kubernetes API knows it; Falco leaves it empty too"


def _sandbox(container: Container) -> Value:
    return None if container.pod_sandbox_id is None else container.pod_sandbox_id[:12]


def _labels(container: Container) -> Value:
    return labels_text((container.pod_labels or {}).items()) or None


def _label(event: Event, arg: str | None) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    if container.is_host or arg is None:
        return None
    value = (container.pod_labels or {}).get(arg)
    return UNKNOWN if value is None and not container.known else value


add(
    "k8s",
    "k8s.pod.name",
    T.CHARBUF,
    "name of the pod",
    told(lambda c: c.pod_name),
    _CONTAINER,
    suggested_output=True,
)
add(
    "k8s",
    "k8s.ns.name",
    T.CHARBUF,
    "namespace of the pod",
    told(lambda c: c.pod_namespace),
    _CONTAINER,
    suggested_output=True,
)
add("k8s", "k8s.pod.id", T.CHARBUF, "uid of the pod, under its old name", told(lambda c: c.pod_uid), _CONTAINER)
add("k8s", "k8s.pod.uid", T.CHARBUF, "uid of the pod", told(lambda c: c.pod_uid), _CONTAINER)
add(
    "k8s",
    "k8s.pod.sandbox_id",
    T.CHARBUF,
    "first 12 characters of the id of the pod's sandbox",
    told(_sandbox),
    _CONTAINER,
)
add(
    "k8s",
    "k8s.pod.full_sandbox_id",
    T.CHARBUF,
    "whole id of the pod's sandbox",
    told(lambda c: c.pod_sandbox_id),
    _CONTAINER,
)
add("k8s", "k8s.pod.label", T.CHARBUF, "one label of the pod, by its name", _label, _CONTAINER, arg="required")
add(
    "k8s",
    "k8s.pod.labels",
    T.CHARBUF,
    "all labels of the pod, NAME:VALUE each, with commas between",
    told(_labels),
    _CONTAINER,
)
add("k8s", "k8s.pod.ip", T.CHARBUF, "address of the pod", told(lambda c: c.pod_ip), _CONTAINER)
add(
    "k8s",
    "k8s.pod.cni.json",
    T.CHARBUF,
    "interfaces that the network plugin made for the pod, as JSON",
    told(lambda c: c.cni_json),
    _CONTAINER,
)
for _what, _parts in (
    ("rc", ("name", "id", "label", "labels")),
    ("svc", ("name", "id", "label", "labels")),
    ("ns", ("id", "label", "labels")),
    ("rs", ("name", "id", "label", "labels")),
    ("deployment", ("name", "id", "label", "labels")),
):
    for _part in _parts:
        add(
            "k8s",
            f"k8s.{_what}.{_part}",
            T.CHARBUF,
            f"{_part} of the pod's {_what}; always empty",
            deprecated=_GONE,
            arg="required" if _part == "label" else "no",
        )
