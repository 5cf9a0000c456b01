"""What each engine's files and sockets say, and what is made of files that make no sense."""

from __future__ import annotations

import json
import os
import socket
import threading
from concurrent import futures
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.enrich import engine_files as files
from tests.enrich.engine_files import ID, OTHER
from tests.enrich.proc_tree import write_process
from tuimon.enrich.cgroups import Candidate
from tuimon.enrich.engines import engine as engines
from tuimon.enrich.engines import protobuf
from tuimon.enrich.engines.containerd import Containerd
from tuimon.enrich.engines.crio import Crio
from tuimon.enrich.engines.docker import Docker
from tuimon.enrich.engines.engine import Site, epoch_ns, read_bytes, read_json, split_image
from tuimon.enrich.engines.grpc_lite import Channel, GrpcError
from tuimon.enrich.engines.podman import Podman
from tuimon.enrich.engines.sites import running_sites
from tuimon.enrich.procfs import Procfs
from tuimon.events import Mount

DOCKER = Candidate(f"/docker/{ID}", ID, "docker")
PODMAN = Candidate(f"/libpod_parent/libpod-{ID}", ID, "podman")


@pytest.fixture
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A socket's path may be 107 bytes long."""
    return tmp_path_factory.mktemp("s") / "s"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", ("nginx", None, None)),
        ("nginx:1.27", ("nginx", "1.27", None)),
        ("registry.acme.test:5000/team/deb:12.8", ("registry.acme.test:5000/team/deb", "12.8", None)),
        ("registry.acme.test:5000/team/deb", ("registry.acme.test:5000/team/deb", None, None)),
        ("nginx:1.27@sha256:abc", ("nginx", "1.27", "sha256:abc")),
        ("nginx@sha256:abc", ("nginx", None, "sha256:abc")),
        ("sha256:abc", (None, None, "sha256:abc")),
        ("", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_an_image_reference_is_split_as_falco_splits_it(image, expected):
    assert split_image(image) == expected


def test_times_are_read_with_all_their_digits():
    assert epoch_ns("1970-01-01T00:00:01.000000002Z") == 1_000_000_002
    assert epoch_ns("1970-01-01T01:00:01.5+01:00") == 1_500_000_000
    assert epoch_ns("0001-01-01T00:00:00Z") is None
    assert epoch_ns("yesterday") is None
    assert epoch_ns(5) is None


# --- docker


def test_dockers_files_tell_nearly_everything(tmp_path: Path):
    files.docker_container(tmp_path)
    made = Docker().from_files(DOCKER, Site("docker", str(tmp_path)))
    assert made is not None
    assert (made.id, made.full_id, made.name, made.engine, made.known) == (ID[:12], ID, "web", "docker", True)
    assert (made.image_repository, made.image_tag) == ("registry.acme.test:5000/team/deb", "12.8")
    assert made.mounts == (Mount("/srv/data", "/data", rdwr=False, propagation="rprivate"),)
    assert (made.privileged, made.host_pid, made.host_network, made.host_ipc) == (True, True, False, False)
    assert (made.ip, made.pid, made.labels) == ("172.17.0.2", 4242, {"tier": "front"})
    assert made.start_time_ns == 1_767_323_045_000_000_006
    assert made.upper_dir == f"{tmp_path}/overlay2/abc123/diff"


def test_kubernetes_on_docker_is_in_the_labels(tmp_path: Path):
    labels = {"io.kubernetes.pod.name": "p", "io.kubernetes.pod.namespace": "n", "io.kubernetes.pod.uid": "u"}
    files.docker_container(tmp_path, Labels=labels)
    made = Docker().from_files(DOCKER, Site("docker", str(tmp_path)))
    assert (made.pod_name, made.pod_namespace, made.pod_uid) == ("p", "n", "u")


def test_dockers_socket_adds_the_digest(tmp_path: Path, socket_path: Path):
    files.docker_container(tmp_path)
    site = Site("docker", str(tmp_path), socket=str(socket_path))
    known = Docker().from_files(DOCKER, site)
    digests = ["other@sha256:1", "registry.acme.test:5000/team/deb@sha256:2"]
    with files.http_engine(socket_path, {"/images/": {"RepoDigests": digests}}):
        assert Docker().from_socket(DOCKER, site, known).image_digest == "sha256:2"


def test_dockers_list_stands_in_for_files_that_cannot_be_read(socket_path: Path):
    listed = [
        {"Id": OTHER},
        {"Id": ID, "Names": ["/web"], "Image": "acme/bb:1.3", "ImageID": "sha256:9", "Labels": None},
    ]
    with files.http_engine(socket_path, {"/containers/json": listed}) as asked:
        made = Docker().from_socket(DOCKER, Site("docker", socket=str(socket_path)), None)
    assert (made.name, made.image_tag, made.image_id, made.known) == ("web", "1.3", "sha256:9", True)
    assert not any("/json" in url and ID in url.split("?")[0] for url in asked), (
        "inspect waits for a starting container"
    )


@pytest.mark.parametrize("answer", [b"", b"no json", b"[" * 100_000])
def test_an_answer_of_docker_that_is_no_json_is_an_os_error(socket_path: Path, answer: bytes):
    site = Site("docker", socket=str(socket_path))
    with files.http_engine(socket_path, {"/containers/json": answer}), pytest.raises(OSError, match="no usable answer"):
        Docker().from_socket(DOCKER, site, None)


@pytest.mark.parametrize("answer", [b"{}", b"[5]", b'[{"Id": 5}]', b"null"])
def test_an_answer_of_docker_that_makes_no_sense_is_no_container(socket_path: Path, answer: bytes):
    with files.http_engine(socket_path, {"/containers/json": answer}):
        assert Docker().from_socket(DOCKER, Site("docker", socket=str(socket_path)), None) is None


def test_a_socket_that_is_gone_is_an_os_error(socket_path: Path):
    with pytest.raises(FileNotFoundError):
        Docker().from_socket(DOCKER, Site("docker", socket=str(socket_path)), None)


# --- podman and cri-o


@pytest.mark.parametrize("file", ["containers.json", "volatile-containers.json"])
def test_podmans_storage_tells_name_image_and_digest(tmp_path: Path, file: str):
    files.podman_container(tmp_path, file=file)
    made = Podman().from_files(PODMAN, Site("podman", str(tmp_path)))
    assert (made.name, made.image, made.image_digest, made.engine) == (
        "web",
        "docker.io/acme/bb:1.3",
        "sha256:6fc3",
        "podman",
    )
    assert made.mounts == (Mount("/tmp", "/mnt", rdwr=False, propagation="rprivate"),)
    assert (made.privileged, made.host_pid, made.host_ipc) == (True, False, True)
    assert made.host_network is None, "it joins a namespace by path, which may be the host's"
    assert made.upper_dir == f"{tmp_path}/overlay/lay3r/diff"


def test_podmans_pod_is_in_the_path(tmp_path: Path):
    files.podman_container(tmp_path)
    candidate = replace(PODMAN, path=f"/libpod_parent/{OTHER}/libpod-{ID}")
    assert Podman().from_files(candidate, Site("podman", str(tmp_path))).pod_uid == OTHER


def test_podmans_socket_adds_labels_and_pod(tmp_path: Path, socket_path: Path):
    files.podman_container(tmp_path)
    site = Site("podman", str(tmp_path), socket=str(socket_path))
    known = Podman().from_files(PODMAN, site)
    answers = {
        "/v4.0.0/libpod/containers/": {"Config": {"Labels": {"a": "b"}}, "Pod": OTHER, "Name": "web"},
        "/v4.0.0/libpod/pods/": {"Name": "mypod"},
    }
    with files.http_engine(socket_path, answers):
        made = Podman().from_socket(PODMAN, site, known)
    assert (made.labels, made.pod_name, made.image) == ({"a": "b"}, "mypod", "docker.io/acme/bb:1.3")


def test_crios_annotations_tell_the_pod(tmp_path: Path):
    files.podman_container(tmp_path, name="k8s_app_web")
    said = {
        "ContainerID": ID, "SandboxID": OTHER, "ImageName": "quay.io/acme/bb:2", "Name": "k8s_app_web",
        "Labels": json.dumps({"io.kubernetes.container.name": "app"}), "IP.0": "10.0.0.7",
    }  # fmt: skip
    annotations = {f"io.kubernetes.cri-o.{k}": v for k, v in said.items()} | {
        "io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "web-1",
        "io.kubernetes.pod.namespace": "payments", "io.kubernetes.pod.uid": "u",
    }  # fmt: skip
    files.write_json(tmp_path / "overlay-containers" / ID / "userdata/config.json", {"annotations": annotations})
    made = Crio().from_files(Candidate("/x", ID, "cri-o"), Site("cri-o", str(tmp_path)))
    assert (made.engine, made.name, made.image_tag) == ("cri-o", "app", "2")
    assert (made.pod_name, made.pod_namespace, made.pod_uid, made.pod_ip) == ("web-1", "payments", "u", "10.0.0.7")


def test_podmans_container_is_not_taken_for_crios(tmp_path: Path):
    files.podman_container(tmp_path)
    assert Crio().from_files(PODMAN, Site("cri-o", str(tmp_path))) is None


# --- containerd


def test_a_bundles_annotations_are_the_pod(tmp_path: Path):
    files.containerd_bundle(tmp_path, "k8s.io", ID, files.cri_annotations())
    made = Containerd().from_files(Candidate(f"/kubepods/podx/{ID}", ID), Site("containerd", state=str(tmp_path)))
    assert (made.name, made.image_tag, made.engine, made.known) == ("app", "12.8", "containerd", True)
    assert (made.pod_name, made.pod_namespace, made.pod_sandbox_id, made.pid) == ("web-1", "payments", OTHER, 4242)
    assert made.labels["io.kubernetes.container.name"] == "app"
    assert made.privileged is False


def test_a_plain_bundle_has_no_name_yet(tmp_path: Path):
    """ctr's bundle tells neither name nor image: unknown, not absent."""
    files.containerd_bundle(tmp_path, "default", "plain")
    candidate = Candidate("/default/plain", "plain", "containerd", "default", weak=True)
    made = Containerd().from_files(candidate, Site("containerd", state=str(tmp_path)))
    assert (made.id, made.known, made.name, made.image) == ("plain", False, None, None)


def test_dockers_own_containerd_leaves_its_containers_to_docker(tmp_path: Path):
    files.containerd_bundle(tmp_path, "moby", ID)
    assert Containerd().from_files(DOCKER, Site("containerd", state=str(tmp_path))) is None


# --- hostile files


@pytest.mark.parametrize(
    "text", ["", "[", "5", "null", '"x"', "[[]]", '{"Config": 5, "State": [], "MountPoints": "x"}', "[" * 99_999]
)
def test_files_that_make_no_sense_are_no_crash(tmp_path: Path, text: str):
    for path in (
        tmp_path / "containers" / ID / "config.v2.json",
        tmp_path / "overlay-containers/containers.json",
        tmp_path / "overlay-containers" / ID / "userdata/config.json",
        tmp_path / "io.containerd.runtime.v2.task/k8s.io" / ID / "config.json",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    site = Site("x", str(tmp_path), str(tmp_path))
    for engine in (Docker(), Podman(), Containerd(), Crio()):
        made = engine.from_files(Candidate("/x", ID), site)
        assert made is None or made.full_id == ID


def test_nothing_but_plain_files_is_opened(tmp_path: Path):
    """A command line may point anywhere: a FIFO must not make the reader wait."""
    os.mkfifo(tmp_path / "fifo")
    assert read_bytes(str(tmp_path / "fifo")) is None
    assert read_bytes("/dev/zero") is None
    assert read_bytes(str(tmp_path)) is None
    assert read_bytes("bad\0name") is None
    assert read_json(str(tmp_path / "none")) is None


# --- protobuf and gRPC


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_protobuf_reader(raw: bytes):
    for number, value in protobuf.fields(raw):
        assert number >= 0
        assert isinstance(value, (int, bytes))
    protobuf.pairs(raw, 1)


@given(st.integers(1, 1000), st.binary(max_size=300), st.binary(max_size=300))
def test_a_field_comes_back(number: int, one: bytes, two: bytes):
    raw = protobuf.field(number, one) + protobuf.field(number, two)
    assert protobuf.messages(raw, number) == [one, two]


def test_a_real_grpc_server_is_understood(socket_path: Path):
    """Answers of all sizes, request headers, and the status of an error."""
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            def answer(request, context):
                if details.method == "/x.Y/Fail":
                    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
                sent = dict(context.invocation_metadata())
                return sent["containerd-namespace"].encode() + request * 3

            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port(f"unix:{socket_path}")
    server.start()
    try:
        with Channel(str(socket_path)) as channel:
            for request in (b"", b"abc", b"x" * 50_000):
                got = channel.call("/x.Y/Echo", request, {"containerd-namespace": "n" * 300})
                assert got == b"n" * 300 + request * 3
            with pytest.raises(GrpcError):
                channel.call("/x.Y/Fail", b"")
            assert channel.call("/x.Y/Echo", b"1", {"containerd-namespace": "n"}) == b"n111"
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("garbage", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 100, b"\0\0\0\7\0\0\0\0\0"])
def test_a_server_that_does_not_speak_grpc_is_an_os_error(socket_path: Path, garbage: bytes):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(socket_path))
    listener.listen(1)

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(garbage)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.raises(ConnectionError), Channel(str(socket_path)) as channel:
            channel.call("/x.Y/Z", b"")
    finally:
        thread.join()
        listener.close()


# --- where engines keep their state


def test_running_engines_tell_where_their_state_is(tmp_path: Path):
    proc = tmp_path / "proc"
    config = tmp_path / "config.toml"
    config.write_text('root = "/ct/root"\nstate = "/ct/state"\n[grpc]\naddress = "/ct/sock"\n')
    write_process(
        proc, 10, comm="dockerd", argv=("dockerd", "--data-root", "/d", "--exec-root=/e", "-H", "unix:///d.sock")
    )
    write_process(proc, 11, comm="containerd", argv=("containerd", "-c", str(config)))
    shim = ("containerd-shim-runc-v2", "-namespace", "moby", "-id", ID, "-address", "/s.sock")
    write_process(proc, 12, comm="containerd-shim", argv=shim, cwd=f"/st/io.containerd.runtime.v2.task/moby/{ID}")
    conmon = ("conmon", "-b", f"/r/overlay-containers/{ID}/userdata", "--exit-command-arg", "--runroot")
    write_process(proc, 13, comm="conmon", argv=(*conmon, "--exit-command-arg", "/run/r"))
    write_process(proc, 14, comm="conmon", argv=conmon, uid=1000)
    write_process(proc, 15, comm="crio", argv=("crio", "--root", "/c", "--listen", "unix:///c.sock"))
    (proc / "self").symlink_to("10")
    sites = running_sites(Procfs(proc))
    assert Site("docker", "/d", "/e", "/d.sock") in sites
    assert Site("containerd", "/ct/root", "/ct/state", "/ct/sock") in sites
    assert Site("containerd", "", "/st", "/s.sock") in sites
    assert Site("podman", "/r", "/run/r", "/run/podman/podman.sock") in sites
    assert Site("podman", "/r", "", "/run/user/1000/podman/podman.sock", 1000) in sites
    assert Site("cri-o", "/c", "/run/containers/storage", "/c.sock") in sites


def test_a_program_in_a_container_or_of_a_user_cannot_pose_as_an_engine(tmp_path: Path):
    """It could give other containers any name it likes."""
    write_process(tmp_path, 20, comm="dockerd", argv=("dockerd", "--data-root", "/evil"), levels=(1,))
    write_process(tmp_path, 21, comm="dockerd", argv=("dockerd", "--data-root", "/evil"), uid=1000)
    (tmp_path / "self").symlink_to("20")
    assert running_sites(Procfs(tmp_path)) == []


def test_an_engine_in_another_mount_namespace_is_read_through_its_root(tmp_path: Path):
    write_process(tmp_path, 20, comm="dockerd", argv=("dockerd", "--data-root", "/d"), mnt_ns=5)
    write_process(tmp_path, 1, comm="init")
    (tmp_path / "self").symlink_to("1")
    (site,) = running_sites(Procfs(tmp_path))
    assert site.root == f"{tmp_path}/20/root/d"


def test_the_files_of_thousands_of_containers_that_are_gone_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_KEPT", {})
    shared = written(tmp_path / "containers.json", ["one of all"])
    for number in range(3 * engines.MAX_KEPT):
        read_json(written(tmp_path / f"{number}.json", {"of": number}))
        assert read_json(shared) is read_json(shared)
    assert len(engines._KEPT) == engines.MAX_KEPT


def test_what_is_kept_of_files_is_bounded_in_bytes_too(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_KEPT", {})
    text = "x" * (engines.MAX_KEPT_BYTES // 4)
    for number in range(8):
        assert read_json(written(tmp_path / f"{number}.json", text)) == text
    assert len(engines._KEPT) == 3


def written(path, content):
    """Write a JSON file that was last changed a while ago; return its path."""
    path.write_text(json.dumps(content))
    os.utime(path, (1, 1))
    return str(path)
