"""container.*: the container an event comes from.

Three answers are possible besides a value: UNKNOWN while it is not clear yet whether there is a container, or while its
engine has not told its name; None where there is none to tell, as on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

from tuimon.events import Container, Event, Mount
from tuimon.fields.registry import UNKNOWN, Getter, Scope, Value, add
from tuimon.fields.registry import FieldType as T

_CONTAINER: Final = Scope.CONTAINER
_SHORT_ID: Final = 12


def _id(event: Event, _: str | None) -> Value:
    container = event.container
    return UNKNOWN if container is None else container.id


def _full_id(event: Event, _: str | None) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    return container.full_id or container.id


def _name(event: Event, _: str | None) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    if container.name is None and not container.known:
        return UNKNOWN
    return container.name


def told(part: Callable[[Container], Value]) -> Getter:
    """Make the getter of something that only the engine can tell."""

    def get(event: Event, _: str | None) -> Value:
        container = event.container
        if container is None:
            return UNKNOWN
        if container.is_host:
            return None
        value = part(container)
        return UNKNOWN if value is None and not container.known else value

    return get


def _type(event: Event, _: str | None) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    if container.is_host:
        return None
    return container.engine or (None if container.known else UNKNOWN)


def mount_text(mount: Mount) -> str:
    """Return SOURCE:DEST:MODE:RDWR:PROPAGATION."""
    rdwr = "true" if mount.rdwr else "false"
    return f"{mount.source}:{mount.dest}:{mount.mode}:{rdwr}:{mount.propagation}"


def _mounts(container: Container) -> Value:
    return None if container.mounts is None else ",".join(map(mount_text, container.mounts))


def _find_mount(mounts: Iterable[Mount], arg: str, key: Callable[[Mount], str]) -> Mount | None:
    """Find a mount by its place in the list, or by a glob over its source or destination."""
    if arg.isdigit():
        listed = tuple(mounts)
        return listed[int(arg)] if int(arg) < len(listed) else None
    return next((mount for mount in mounts if fnmatchcase(key(mount), arg)), None)


def _of_mount(part: Callable[[Mount], str], *, by_dest: bool = False) -> Getter:
    def key(mount: Mount) -> str:
        return mount.dest if by_dest else mount.source

    def get(event: Event, arg: str | None) -> Value:
        container = event.container
        if container is None:
            return UNKNOWN
        if container.is_host or arg is None:
            return None
        if container.mounts is None:
            return None if container.known else UNKNOWN
        mount = _find_mount(container.mounts, arg, key)
        return None if mount is None else part(mount)

    return get


def labels_text(labels: Iterable[tuple[str, str]]) -> str:
    """Return NAME:VALUE of labels with commas between, NAME alone where the value is empty.

    Left out, as Falco does, is what Kubernetes and Docker's copies of annotations add; one label by its name is told
    whatever it is.
    """
    own = ((name, value) for name, value in labels if not name.startswith(("annotation.", "io.kubernetes.")))
    return ", ".join(f"{name}:{value}" if value else name for name, value in own)


def _labels(container: Container) -> Value:
    return labels_text(container.labels.items()) or None


def _label(event: Event, arg: str | None) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    if container.is_host or arg is None:
        return None
    value = container.labels.get(arg)
    return UNKNOWN if value is None and not container.known else value


def _start(event: Event, _: str | None) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    if container.is_host:
        return None
    if container.start_time_ns is not None:
        return container.start_time_ns
    process = event.process
    if process is not None and process.pidns_start_ns:
        return process.pidns_start_ns + event.boot_to_epoch_ns
    return None if container.known else UNKNOWN


def _duration(event: Event, _: str | None) -> Value:
    start = _start(event, None)
    return event.time_ns - start if isinstance(start, int) else start


def _false(_event: Event, _: str | None) -> Value:
    return False


_NO_PROBES: Final = "Falco is about to drop it"

add(
    "container",
    "container.id",
    T.CHARBUF,
    "first 12 characters of the container's id; host outside of containers",
    _id,
    _CONTAINER,
    suggested_output=True,
)
add("container", "container.full_id", T.CHARBUF, "whole id of the container; host outside", _full_id, _CONTAINER)
add(
    "container",
    "container.name",
    T.CHARBUF,
    "name of the container; host outside of containers",
    _name,
    _CONTAINER,
    suggested_output=True,
)
add("container", "container.image", T.CHARBUF, "image as its engine shows it", told(lambda c: c.image), _CONTAINER)
add("container", "container.image.id", T.CHARBUF, "id of the image", told(lambda c: c.image_id), _CONTAINER)
add("container", "container.type", T.CHARBUF, "engine that runs it: docker, podman, containerd, ...", _type, _CONTAINER)
add(
    "container",
    "container.privileged",
    T.BOOL,
    "whether the container runs with all privileges",
    told(lambda c: c.privileged),
    _CONTAINER,
)
add(
    "container",
    "container.mounts",
    T.CHARBUF,
    "all mounts with commas between, SOURCE:DEST:MODE:RDWR:PROPAGATION each",
    told(_mounts),
    _CONTAINER,
)
for _suffix, _doc, _part, _by_dest in (
    ("", "one mount, by its number or a pattern over its source", mount_text, False),
    (".source", "source of a mount, by its number or a pattern over its destination", lambda m: m.source, True),
    (".dest", "destination of a mount, by its number or a pattern over its source", lambda m: m.dest, False),
    (".mode", "mode of a mount, by its number or a pattern over its source", lambda m: m.mode, False),
    (
        ".rdwr",
        "whether a mount can be written, by its number or a pattern over its source",
        lambda m: "true" if m.rdwr else "false",
        False,
    ),
    (
        ".propagation",
        "propagation of a mount, by its number or a pattern over its source",
        lambda m: m.propagation,
        False,
    ),
):
    add(
        "container",
        f"container.mount{_suffix}",
        T.CHARBUF,
        _doc,
        _of_mount(_part, by_dest=_by_dest),
        _CONTAINER,
        arg="required",
    )
add(
    "container",
    "container.image.repository",
    T.CHARBUF,
    "image without its tag and digest",
    told(lambda c: c.image_repository),
    _CONTAINER,
    suggested_output=True,
)
add(
    "container",
    "container.image.tag",
    T.CHARBUF,
    "tag of the image",
    told(lambda c: c.image_tag),
    _CONTAINER,
    suggested_output=True,
)
add("container", "container.image.digest", T.CHARBUF, "digest of the image", told(lambda c: c.image_digest), _CONTAINER)
for _probe, _what, _part_of in (
    ("healthcheck", "health check", told(lambda c: c.healthcheck)),
    ("liveness_probe", "liveness probe", told(lambda c: c.liveness_probe)),
    ("readiness_probe", "readiness probe", told(lambda c: c.readiness_probe)),
):
    add(
        "container",
        f"container.{_probe}",
        T.CHARBUF,
        f"command of the container's {_what}; NONE when it has none",
        _part_of,
        _CONTAINER,
        deprecated=_NO_PROBES,
    )
add("container", "container.start_ts", T.ABSTIME, "when the container started, in nanoseconds since 1970", _start)
add("container", "container.duration", T.RELTIME, "nanoseconds since the container started", _duration)
add("container", "container.ip", T.CHARBUF, "first IPv4 address of the container", told(lambda c: c.ip), _CONTAINER)
add(
    "container",
    "container.cni.json",
    T.CHARBUF,
    "interfaces that the network plugin made for the pod, as JSON",
    told(lambda c: c.cni_json),
    _CONTAINER,
)
add(
    "container",
    "container.host_pid",
    T.BOOL,
    "whether it sees the host's processes",
    told(lambda c: c.host_pid),
    _CONTAINER,
)
add(
    "container",
    "container.host_network",
    T.BOOL,
    "whether it shares the host's network",
    told(lambda c: c.host_network),
    _CONTAINER,
)
add(
    "container",
    "container.host_ipc",
    T.BOOL,
    "whether it shares the host's IPC",
    told(lambda c: c.host_ipc),
    _CONTAINER,
)
add("container", "container.label", T.CHARBUF, "one label, by its name", _label, _CONTAINER, arg="required")
add(
    "container",
    "container.labels",
    T.CHARBUF,
    "labels but those that Kubernetes and Docker add of themselves, NAME:VALUE each, with commas between",
    told(_labels),
    _CONTAINER,
)
for _probe in ("healthcheck", "liveness_probe", "readiness_probe"):
    add(
        "container",
        f"proc.is_container_{_probe}",
        T.BOOL,
        f"whether the process is a container's {_probe}; always false",
        _false,
        _CONTAINER,
        deprecated=_NO_PROBES,
    )
