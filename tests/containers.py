"""Real container engines for tests, each with all its state in a folder of the test's own, and images made on the spot.

    with podman_engine(folder) as podman:
        full_id = podman.run("web", IMAGE, "/bin/sleep", "3600")
        podman.exec("web", "sh", "-c", "id")

Nothing is pulled, nothing is installed, the host's own engines and their containers are not touched. Where an engine
cannot start, the test is skipped and says why. Odd flags: the machine may lack CAP_SYS_RESOURCE, so that no hard limit
may be raised and no oom_score_adj lowered.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

IMAGE = "docker.io/acme/bb:1.3"
"""A small image with busybox."""
PORT_IMAGE = "registry.acme.test:5000/team/bb:12.8"
"""Another image of the same content, its name with a colon before its tag."""
PAUSE_IMAGE = "registry.k8s.io/pause:3.9"
SLEEP = ("/bin/sleep", "3600")


# --- images


def busybox_rootfs(names: Sequence[str] = ()) -> bytes:
    """Return a tar of a root file system with busybox and a link per applet (or just the named ones)."""
    busybox = shutil.which("busybox") or "/bin/busybox"
    if not os.path.exists(busybox):
        pytest.skip("no busybox to make an image from: apt-get install busybox-static")
    applets = names or subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "root", "proc", "dev", "sys", "usr", "usr/bin"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        content = Path(busybox).read_bytes()
        _add(tar, "bin/busybox", content, 0o755)
        for applet in applets:
            if applet != "busybox":
                info = tarfile.TarInfo(f"bin/{applet}")
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(info)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nweb:x:1234:1234:web:/tmp:/bin/sh\n")
        _add(tar, "etc/group", b"root:x:0:\nweb:x:1234:\n")
        _add(tar, "etc/shadow", b"root:*:19000:0:99999:7:::\n", 0o600)
    return out.getvalue()


def image_archive(rootfs: bytes, reference: str, command: Sequence[str] = ("/bin/sh",)) -> bytes:
    """Return an archive that ``podman load``, ``docker load`` and ``ctr images import`` all take."""
    layer = hashlib.sha256(rootfs).hexdigest()
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "amd64"),
            "os": "linux",
            "created": "2020-01-01T00:00:00Z",
            "config": {"Cmd": list(command), "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + layer]},
            "history": [{"created": "2020-01-01T00:00:00Z", "created_by": f"a test for {reference}"}],
        }
    ).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": [f"{layer}/layer.tar"]}]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        _add(tar, f"{layer}/layer.tar", rootfs)
        _add(tar, name, config)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return out.getvalue()


def write_image(folder: Path, reference: str = IMAGE) -> Path:
    """Write the archive of a busybox image below a folder, once; return its path."""
    path = folder / (reference.replace("/", "_").replace(":", "_") + ".tar")
    if not path.exists():
        path.write_bytes(image_archive(busybox_rootfs(), reference))
    return path


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


# --- running things


def wait_until(said: Callable[[], Any], timeout_s: float = 60.0, step_s: float = 0.02) -> Any:
    """Return what a function says as soon as that is true; fail when it is not within the time."""
    end = time.monotonic() + timeout_s
    while True:
        answer = said()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {said}")
        time.sleep(step_s)


def unique(prefix: str) -> str:
    """Return a name that no other test run has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def _need(*programs: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("starting containers needs root")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def _remove_state(folder: Path) -> None:
    """Unmount what an engine left below its folder, and remove it.

    More than once: podman's own clean-up of an ended container may run behind our back and mount its storage again.
    """
    for _ in range(20):
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), key=len, reverse=True):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)
        if not folder.exists():
            return


def remove_cgroups(full_ids: Sequence[str], timeout_s: float = 3.0) -> None:
    """Remove the empty cgroup folders that containers left behind, in every hierarchy."""
    end = time.monotonic() + timeout_s
    for full_id in full_ids:
        for folder, _, _ in os.walk("/sys/fs/cgroup"):
            if not folder.endswith((full_id, f"{full_id}.scope")):
                continue
            while time.monotonic() < end:
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)
                else:
                    break


def engine_cgroups() -> set[str]:
    """Return the cgroup folders in which engines put those of their containers, as far as there are any."""
    patterns = ("libpod_parent", "docker", "default", "kubepods", "kubepods/burstable")
    return {str(p) for depth in ("", "*/") for name in patterns for p in Path("/sys/fs/cgroup").glob(depth + name)}


@dataclass
class Engine:
    """What the engines have in common: a command line client and a list of what was made with it."""

    folder: Path
    client: list[str]
    env: dict[str, str]
    made: list[str] = field(default_factory=list)

    def call(self, *args: str, check: bool = True, timeout_s: float = 60.0) -> str:
        """Run the client; return what it prints."""
        done = subprocess.run(
            [*self.client, *args],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join([*self.client, *args])}: {done.stderr.strip()}")
        return done.stdout.strip()

    def run(self, name: str, image: str, *command: str, options: Sequence[str] = ()) -> str:
        """Start a container in the background; return its full id."""
        full_id = self.call("run", "-d", "--name", name, *options, image, *command)
        self.made.append(full_id)
        return full_id

    def exec(self, name: str, *command: str, check: bool = True) -> str:
        """Run a command in a container; return what it prints."""
        return self.call("exec", name, *command, check=check)

    def remove(self, name: str) -> None:
        """Kill and remove a container."""
        self.call("rm", "-f", name, check=False)


class Podman(Engine):
    """Podman with a storage of its own."""

    def remove(self, name: str) -> None:
        """Kill and remove a container."""
        self.call("rm", "-f", "-t0", name, check=False)

    def run_pod(self, pod: str, name: str, image: str, *command: str) -> str:
        """Start a container in a new pod; return its full id."""
        infra = ("--infra-image", IMAGE, "--infra-command", " ".join(SLEEP))
        self.made.append(self.call("pod", "create", "--name", pod, "--network=none", *infra))
        return self.run(name, image, *command, options=("--pod", pod))


@contextlib.contextmanager
def podman_engine(folder: Path, images: Sequence[str] = (IMAGE,)) -> Iterator[Podman]:
    """Give a Podman (with runc) with a storage of its own; the image archives are kept in ``folder``."""
    _need("podman", "runc")
    archives = folder
    # Podman refuses a run root of more than 50 characters; pytest's folders come near that.
    folder = Path(tempfile.mkdtemp(prefix="tmpd-"))
    config = folder / "containers.conf"
    config.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]\nnetns = "none"\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    client = ["podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp"]
    podman = Podman(folder, client, {**os.environ, "CONTAINERS_CONF": str(config)})
    try:
        for reference in images:
            podman.call("load", "-q", "-i", str(write_image(archives, reference)))
    except AssertionError as error:
        pytest.skip(f"podman does not work here: {error}")
    try:
        yield podman
    finally:
        podman.call("pod", "rm", "-f", "-a", "-t0", check=False)
        podman.call("rm", "-f", "-a", "-t0", check=False)
        _remove_state(folder)
        remove_cgroups(podman.made)


def _stop(process: subprocess.Popen[bytes], timeout_s: float = 15.0) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Docker(Engine):
    """A Docker daemon of the test's own."""

    socket: str
    daemon: subprocess.Popen[bytes]
    command: list[str]

    def start(self) -> None:
        """Start the daemon (again) and wait until it answers."""
        with open(self.folder / "log", "ab") as log:
            self.daemon = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._ready, 60.0)

    def stop(self) -> None:
        """Stop the daemon; its containers end with it."""
        _stop(self.daemon)

    def _ready(self) -> bool:
        if self.daemon.poll() is not None:
            tail = (self.folder / "log").read_text(errors="replace")[-500:]
            pytest.skip(f"dockerd does not start here: {tail}")
        return bool(self.call("version", "-f", "{{.Server.Version}}", check=False))


@contextlib.contextmanager
def docker_engine(folder: Path, images: Sequence[str] = (IMAGE,)) -> Iterator[Docker]:
    """Give a Docker daemon of its own that leaves the host's network alone; image archives are kept in ``folder``."""
    _need("dockerd", "docker", "runc")
    archives = folder
    # A unix socket's path may be 107 bytes long; pytest's folders come near that.
    folder = Path(tempfile.mkdtemp(prefix="tmdk-"))
    client = ["docker", "-H", f"unix://{folder}/docker.sock"]
    docker = Docker(folder, client, dict(os.environ))
    docker.socket = f"{folder}/docker.sock"
    docker.command = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    docker.command += ["--pidfile", f"{folder}/pid", "-H", f"unix://{docker.socket}"]
    docker.command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    try:
        docker.start()
        for reference in images:
            docker.call("load", "-q", "-i", str(write_image(archives, reference)))
        yield docker
    finally:
        for full_id in docker.made:
            docker.remove(full_id)
        docker.stop()
        _remove_state(folder)
        remove_cgroups(docker.made)


def _forget_in_runc(name: str) -> None:
    """Remove what a containerd that was killed left of a container: runc keeps its ids for all containerds together."""
    command = ["runc", "--root", "/run/containerd/runc/default", "delete", "--force", name]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Containerd(Engine):
    """A containerd of the test's own, driven by ctr (plain containers) and by CRI (pods)."""

    socket: str
    daemon: subprocess.Popen[bytes]
    driver: Cri | None = None

    def run(self, name: str, image: str, *command: str, options: Sequence[str] = ()) -> str:
        """Start a plain container in the background; its id is its name."""
        _forget_in_runc(name)
        self.call("run", "-d", "--net-host", *options, image, name, *command)
        self.made.append(name)
        return name

    def exec(self, name: str, *command: str, check: bool = True) -> str:
        """Run a command in a plain container; return what it prints."""
        return self.call("tasks", "exec", "--exec-id", unique("e"), name, *command, check=check)

    def remove(self, name: str) -> None:
        """Kill and remove a plain container."""
        self.call("tasks", "kill", "-s", "KILL", name, check=False)
        for _ in range(50):
            self.call("tasks", "delete", "-f", name, check=False)
            self.call("containers", "delete", name, check=False)
            if name not in self.call("containers", "ls", "-q", check=False).split():
                break
            time.sleep(0.05)
        _forget_in_runc(name)

    def cri(self) -> Cri:
        """Return the CRI client."""
        if self.driver is None:
            self.driver = Cri(self)
        return self.driver


@contextlib.contextmanager
def containerd_engine(folder: Path, images: Sequence[str] = (IMAGE,)) -> Iterator[Containerd]:
    """Give a containerd with CRI of its own, the images in its namespaces default and k8s.io."""
    _need("containerd", "ctr", "runc")
    archives = folder
    folder = Path(tempfile.mkdtemp(prefix="tmct-"))
    socket = f"{folder}/containerd.sock"
    config = folder / "config.toml"
    config.write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n[grpc]\n  address = "{socket}"\n'
        f'[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "{PAUSE_IMAGE}"\n  restrict_oom_score_adj = true\n'
        f'  [plugins."io.containerd.grpc.v1.cri".cni]\n    bin_dir = "/usr/lib/cni"\n    conf_dir = "{folder}/cni"\n'
    )
    containerd = Containerd(folder, ["ctr", "-a", socket], dict(os.environ))
    containerd.socket = socket
    with open(folder / "log", "ab") as log:
        containerd.daemon = subprocess.Popen(
            ["containerd", "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:

        def ready() -> bool:
            if containerd.daemon.poll() is not None:
                pytest.skip(f"containerd does not start here: {(folder / 'log').read_text(errors='replace')[-500:]}")
            return "Server" in containerd.call("version", check=False)

        wait_until(ready, 60.0)
        pause = folder / "pause.tar"
        pause.write_bytes(image_archive(busybox_rootfs(("sleep",)), PAUSE_IMAGE, ("/bin/sleep", "2147483647")))
        containerd.call("-n", "k8s.io", "images", "import", str(pause))
        for reference in images:
            archive = str(write_image(archives, reference))
            containerd.call("images", "import", archive)
            containerd.call("-n", "k8s.io", "images", "import", archive)
        yield containerd
    finally:
        if containerd.driver is not None:
            containerd.driver.close()
        for name in containerd.made:
            containerd.remove(name)
        _stop(containerd.daemon)
        _remove_state(folder)
        remove_cgroups(containerd.made)


class Cri:
    """Pods over the Container Runtime Interface, as a kubelet makes them."""

    def __init__(self, containerd: Containerd) -> None:
        grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
        self.pb = pytest.importorskip("cri_api.v1.api_pb2", reason="container-runtime-interface-api is not installed")
        stubs = pytest.importorskip("cri_api.v1.api_pb2_grpc")
        # Without this option servers written in Go reset the stream.
        options = [("grpc.default_authority", "localhost")]
        self.channel = grpc.insecure_channel(f"unix://{containerd.socket}", options=options)
        self.runtime = stubs.RuntimeServiceStub(self.channel)
        self.images = stubs.ImageServiceStub(self.channel)
        self.containerd = containerd
        self.sandboxes: list[str] = []
        self.parents: list[str] = []

    def run_pod(self, name: str, namespace: str, labels: dict[str, str] | None = None) -> Pod:
        """Start a pod (its sandbox) and return it."""
        pb, uid = self.pb, str(uuid.uuid4())
        said = {
            "io.kubernetes.pod.name": name,
            "io.kubernetes.pod.namespace": namespace,
            "io.kubernetes.pod.uid": uid,
        }
        parent = f"/kubepods/burstable/pod{uid}"
        config = pb.PodSandboxConfig(
            metadata=pb.PodSandboxMetadata(name=name, uid=uid, namespace=namespace),
            labels={**said, **(labels or {})},
            log_directory=f"{self.containerd.folder}/logs/{uid}",
            linux=pb.LinuxPodSandboxConfig(
                cgroup_parent=parent,
                security_context=pb.LinuxSandboxSecurityContext(
                    namespace_options=pb.NamespaceOption(network=pb.NODE, pid=pb.CONTAINER)
                ),
            ),
        )
        sandbox = self.runtime.RunPodSandbox(pb.RunPodSandboxRequest(config=config)).pod_sandbox_id
        self.sandboxes.append(sandbox)
        self.parents.append(f"pod{uid}")
        return Pod(self, sandbox, uid, config, said)

    def close(self) -> None:
        """Remove all pods."""
        for sandbox in self.sandboxes:
            self.runtime.StopPodSandbox(self.pb.StopPodSandboxRequest(pod_sandbox_id=sandbox))
            self.runtime.RemovePodSandbox(self.pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox))
        self.channel.close()
        remove_cgroups(self.parents)


@dataclass
class Pod:
    """A pod that runs."""

    cri: Cri
    sandbox_id: str
    uid: str
    config: Any
    said: dict[str, str]

    def run(self, name: str, image: str, *command: str, privileged: bool = False) -> str:
        """Start a container in the pod, by its image's id as a kubelet does; return the container's full id."""
        pb, runtime = self.cri.pb, self.cri.runtime
        status = self.cri.images.ImageStatus(pb.ImageStatusRequest(image=pb.ImageSpec(image=image)))
        config = pb.ContainerConfig(
            metadata=pb.ContainerMetadata(name=name),
            image=pb.ImageSpec(image=status.image.id),
            command=list(command),
            labels={**self.said, "io.kubernetes.container.name": name},
            log_path=f"{name}.log",
            linux=pb.LinuxContainerConfig(
                resources=pb.LinuxContainerResources(),
                security_context=pb.LinuxContainerSecurityContext(privileged=privileged),
            ),
        )
        request = pb.CreateContainerRequest(pod_sandbox_id=self.sandbox_id, config=config, sandbox_config=self.config)
        full_id: str = runtime.CreateContainer(request).container_id
        runtime.StartContainer(pb.StartContainerRequest(container_id=full_id))
        return full_id

    def exec(self, full_id: str, *command: str) -> str:
        """Run a command in one of the pod's containers; return what it prints."""
        request = self.cri.pb.ExecSyncRequest(container_id=full_id, cmd=list(command), timeout=10)
        return self.cri.runtime.ExecSync(request).stdout.decode()  # type: ignore[no-any-return]
