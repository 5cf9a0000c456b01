"""The Container Runtime Interface spoken with a real gRPC server that answers as containerd and CRI-O do."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuimon.enrich.cgroups import Candidate
from tuimon.enrich.engines import cri
from tuimon.enrich.engines.crio import Crio
from tuimon.enrich.engines.engine import Site
from tuimon.enrich.engines.probes import healthcheck, probes
from tuimon.enrich.engines.protobuf import field

grpc = pytest.importorskip("grpc", reason="grpcio is not installed")

ID, SANDBOX = "c" * 64, "5" * 64
APPLIED = {
    "spec": {
        "containers": [
            {"name": "other", "livenessProbe": {"exec": {"command": ["no"]}}},
            {
                "name": "app",
                "livenessProbe": {"exec": {"command": ["/bin/alive", "-q"]}},
                "readinessProbe": {"httpGet": {}},
            },
        ]
    }
}
INFO = {"cniResult": {"Interfaces": {"lo": {}, "veth1": {}, "eth0": {"IPConfigs": [{"IP": "10.1.2.3"}]}}}, "pid": 7}


def text(number: int, value: str) -> bytes:
    return field(number, value.encode())


def pair(number: int, key: str, value: str) -> bytes:
    return field(number, text(1, key) + text(2, value))


def answers(service: str, full_id: str = ID) -> dict[str, bytes]:
    """Return the messages of a pod with one container; see k8s.io/cri-api, api.proto."""
    listed = text(1, full_id) + text(2, SANDBOX) + field(3, text(1, "app")) + pair(8, "io.kubernetes.pod.name", "web-1")
    status = text(1, full_id) + field(8, text(1, "quay.io/acme/bb:2.1")) + text(9, "quay.io/acme/bb@sha256:feed")
    pod = (
        text(1, SANDBOX)
        + field(2, text(1, "web-1") + text(2, "uid-1") + text(3, "payments"))
        + field(5, text(1, "10.1.2.3"))
        + pair(7, "app", "web")
        + pair(7, "tier", "front")
        + pair(8, "kubectl.kubernetes.io/last-applied-configuration", json.dumps(APPLIED))
    )
    return {
        f"/{service}/ListContainers": field(1, listed),
        f"/{service}/ContainerStatus": field(1, status),
        f"/{service}/PodSandboxStatus": field(1, pod) + pair(2, "info", json.dumps(INFO)),
    }


@contextmanager
def served(said: Mapping[str, bytes]) -> Iterator[str]:
    """Serve answers by method on a unix socket; give its path."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            answer = said.get(details.method)
            return None if answer is None else grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)

    with tempfile.TemporaryDirectory(prefix="tmcri-") as folder:
        socket = str(Path(folder, "cri.sock"))
        server = grpc.server(futures.ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers((Handler(),))
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        yield socket
        server.stop(None).wait()


@pytest.fixture(params=["runtime.v1.RuntimeService", "runtime.v1alpha2.RuntimeService"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve CRI, of the present version or of the old one alone; return the socket."""
    with served(answers(request.param)) as socket:
        yield socket


def test_a_container_of_a_pod_is_told_whole(engine: str):
    """Name, image, digest, pod, labels, address, probes and the network plugin's word."""
    made = cri.complete(engine, ID, None)
    assert made is not None
    assert (made.name, made.pod_name, made.pod_namespace, made.pod_uid) == ("app", "web-1", "payments", "uid-1")
    assert (made.image_repository, made.image_tag, made.image_digest) == ("quay.io/acme/bb", "2.1", "sha256:feed")
    assert made.pod_labels == {"app": "web", "tier": "front"}
    assert (made.pod_ip, made.pod_sandbox_id) == ("10.1.2.3", SANDBOX)
    assert (made.liveness_probe, made.readiness_probe, made.healthcheck) == ("/bin/alive -q", "NONE", "NONE")
    assert made.cni_json == '{"eth0":{"IPConfigs":[{"IP":"10.1.2.3"}]}}'


def test_cri_o_is_asked_for_what_its_files_lack(engine: str, tmp_path: Path):
    """From its socket alone, and on top of its files."""
    site = Site("cri-o", str(tmp_path), "", engine)
    candidate = Candidate(f"/kubepods/pod1/crio-{ID}", ID, "cri-o")
    alone = Crio().from_socket(candidate, site, None)
    assert alone is not None
    assert (alone.engine, alone.name, alone.pod_labels) == ("cri-o", "app", {"app": "web", "tier": "front"})
    listed = [{"id": ID, "names": ["k8s_app"], "metadata": json.dumps({"image-name": "quay.io/acme/bb:2.1"})}]
    (tmp_path / "overlay-containers" / ID / "userdata").mkdir(parents=True)
    (tmp_path / "overlay-containers/containers.json").write_text(json.dumps(listed))
    said = {"ContainerID": ID, "SandboxID": SANDBOX, "ImageName": "quay.io/acme/bb:2.1"}
    annotations = {f"io.kubernetes.cri-o.{name}": value for name, value in said.items()}
    annotations["io.kubernetes.container.name"] = "app"
    config = {"annotations": annotations, "mounts": [], "linux": {}}
    (tmp_path / "overlay-containers" / ID / "userdata/config.json").write_text(json.dumps(config))
    files = Crio().from_files(candidate, site)
    assert files is not None
    assert files.pod_labels is None
    whole = Crio().from_socket(candidate, site, files)
    assert whole is not None
    assert replace(whole, pod_labels=None) != files
    assert (whole.name, whole.image_tag, whole.pod_labels) == ("app", "2.1", {"app": "web", "tier": "front"})


def test_a_sandbox_has_no_container_status(engine: str):
    """The pause container is the pod itself."""
    known = replace(cri.complete(engine, ID, None), full_id=SANDBOX, image=None, image_digest=None)
    made = cri.complete(engine, SANDBOX, known)
    assert made is not None
    assert made.image_digest is None
    assert made.pod_labels == {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (None, "NONE"),
        (["NONE"], "NONE"),
        ([], "NONE"),
        (["CMD", "/bin/check", "-q"], "/bin/check -q"),
        (["CMD-SHELL", "curl -f http://localhost"], "/bin/sh -c curl -f http://localhost"),
        (["CMD", 7, None], ""),
    ],
)
def test_a_health_check_is_its_command(test: object, said: str):
    assert healthcheck({"Healthcheck": {"Test": test}}) == said


@pytest.mark.parametrize("text", ["", "{", "[]", '{"spec":7}', '{"spec":{"containers":{}}}', "9" * 2_000_000])
def test_an_odd_annotation_tells_of_no_probes(text: str):
    """It is the user's own text."""
    assert probes({"kubectl.kubernetes.io/last-applied-configuration": text}, "app") == ("NONE", "NONE")
