"""Made-up state of container engines, in the shape that the real ones write it."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def docker_container(root: Path, full_id: str = ID, **config: Any) -> None:
    """Write what dockerd writes for a container below its data root."""
    write_json(
        root / "containers" / full_id / "config.v2.json",
        {
            "ID": full_id,
            "Name": "/web",
            "Driver": "overlay2",
            "Image": "sha256:1be6",
            "Config": {"Image": "registry.acme.test:5000/team/deb:12.8", "Labels": {"tier": "front"}, **config},
            "State": {"Pid": 4242, "StartedAt": "2026-01-02T03:04:05.000000006Z"},
            "MountPoints": {
                "/data": {"Source": "/srv/data", "Destination": "/data", "RW": False, "Propagation": "rprivate"}
            },
            "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
        },
    )
    write_json(
        root / "containers" / full_id / "hostconfig.json",
        {"Privileged": True, "PidMode": "host", "NetworkMode": "bridge", "IpcMode": "private"},
    )
    layer = root / "image/overlay2/layerdb/mounts" / full_id / "mount-id"
    layer.parent.mkdir(parents=True, exist_ok=True)
    layer.write_text("abc123")


def podman_container(root: Path, full_id: str = ID, *, name: str = "web", file: str = "containers.json") -> None:
    """Write what Podman writes for a container below its storage root."""
    said = {"image-name": "docker.io/acme/bb:1.3", "image-id": "208b48", "name": name}
    entry = {"id": full_id, "names": [name], "image": "208b48", "layer": "lay3r", "metadata": json.dumps(said)}
    write_json(root / "overlay-containers" / file, [{"id": "other"}, entry])
    write_json(root / "overlay-images/images.json", [{"id": "208b48", "digest": "sha256:6fc3"}])
    write_json(
        root / "overlay-containers" / full_id / "userdata/config.json",
        {
            "annotations": {"io.podman.annotations.privileged": "TRUE"},
            "linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/netns/x"}]},
            "mounts": [
                {"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["ro", "rprivate", "rbind"]},
                {"destination": "/proc", "type": "proc", "source": "proc", "options": []},
            ],
        },
    )


def containerd_bundle(state: Path, namespace: str, full_id: str, annotations: Mapping[str, str] | None = None) -> None:
    """Write what containerd's shim writes for a task below its state folder."""
    folder = state / "io.containerd.runtime.v2.task" / namespace / full_id
    write_json(
        folder / "config.json",
        {
            "annotations": dict(annotations or {}),
            "process": {"capabilities": {"bounding": ["CAP_CHOWN"]}},
            "linux": {"namespaces": [{"type": "pid"}], "cgroupsPath": f"/{namespace}/{full_id}"},
        },
    )
    (folder / "init.pid").write_text("4242")


def cri_annotations(**more: str) -> dict[str, str]:
    said = {
        "container-type": "container",
        "container-name": "app",
        "image-name": "registry.acme.test:5000/team/deb:12.8",
        "sandbox-id": OTHER,
        "sandbox-name": "web-1",
        "sandbox-namespace": "payments",
        "sandbox-uid": "0a52abb5-cb73-44a0-8d1e-bda992ff40d8",
        **more,
    }
    return {f"io.kubernetes.cri.{key}": value for key, value in said.items()}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[Any, Any]:
        request, _ = super().get_request()
        return request, ("local", 0)


@contextmanager
def http_engine(path: Path, answers: Mapping[str, object]) -> Iterator[list[str]]:
    """Serve JSON answers by the beginning of the URL on a unix socket; give the list of what was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = next((a for start, a in answers.items() if self.path.startswith(start)), None)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = _Server(str(path), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
