"""What happens to containers and their engines while tuimon looks on: renames, restarts, floods, nests, CRI-O."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.containers import (
    IMAGE,
    SLEEP,
    Containerd,
    containerd_engine,
    docker_engine,
    podman_engine,
    remove_cgroups,
    unique,
    wait_until,
)
from tests.enrich.test_cri import SANDBOX, answers, served
from tuimon.enrich.cgroups import Cgroups
from tuimon.enrich.containers import Containers
from tuimon.enrich.engines.engine import Site
from tuimon.enrich.procfs import Procfs
from tuimon.enrich.resolve import Resolver
from tuimon.events import Container

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

FLOOD = int(os.environ.get("TUIMON_CONTAINER_FLOOD", "200"))
"""Containers that come and go; 2,000 take a quarter of a minute more."""


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    monkeypatch.setattr("tuimon.enrich.resolve._REFRESH_S", (0.1,))
    made = Containers()
    made.start()
    yield made
    made.close()


def known(containers: Containers, full_id: str, wanted: Callable[[Container], object] = lambda _: True) -> Container:
    """Return a container as soon as it is known (and is as wanted)."""

    def found() -> Container | None:
        container = containers.by_id(full_id)
        return container if container is not None and container.known and wanted(container) else None

    return wait_until(found)  # type: ignore[no-any-return]


def of_pid(containers: Containers, pid: int) -> Container | None:
    """Return the container that an event of a process would get."""
    return containers.of_cgroup(Cgroups().id_of_process(Procfs().cgroups(pid)))


# -- renames and restarts --------------------------------------------------------------------------------------------


def test_podman_renames_a_running_container(containers: Containers, tmp_path: Path) -> None:
    with podman_engine(tmp_path) as podman:
        name, later = unique("a"), unique("b")
        full_id = podman.run(name, IMAGE, *SLEEP)
        assert known(containers, full_id).name == name
        podman.call("rename", name, later)
        assert not known(containers, full_id, lambda c: c.name == later).ended


def test_docker_is_restarted_below_a_running_container(containers: Containers, tmp_path: Path) -> None:
    """With live-restore the containers outlive their daemon; what was known of them must too."""
    with docker_engine(tmp_path) as docker:
        docker.command.append("--live-restore")
        docker.stop()
        docker.start()
        name, later = unique("kept"), unique("later")
        full_id = docker.run(name, "acme/bb:1.3", *SLEEP, options=("--network=none",))
        before = known(containers, full_id, lambda c: c.pid)
        docker.stop()
        time.sleep(0.5)
        kept = containers.by_id(full_id)
        assert kept is not None
        assert (kept.name, kept.ended, kept.known) == (name, False, True)
        assert of_pid(containers, before.pid or 0) == kept
        docker.start()
        docker.call("rename", name, later)
        assert known(containers, full_id, lambda c: c.name == later).pid == before.pid
        docker.exec(later, "true")


def test_containerd_is_restarted_below_running_containers(containers: Containers, tmp_path: Path) -> None:
    with containerd_engine(tmp_path) as containerd:
        plain = containerd.run(unique("plain"), IMAGE, *SLEEP)
        pod = containerd.cri().run_pod(unique("web"), "payments", {"app": "web"})
        full_id = pod.run("app", IMAGE, *SLEEP)
        old = [known(containers, plain), known(containers, full_id, lambda c: c.pod_labels)]
        restart(containerd)
        time.sleep(0.5)
        for before in old:
            now = containers.by_id(before.full_id)
            assert now is not None
            assert (now.name, now.image, now.ended, now.pod_labels) == (
                before.name,
                before.image,
                False,
                before.pod_labels,
            )
        new = containerd.run(unique("new"), IMAGE, *SLEEP)
        assert known(containers, new).image_tag == "1.3"


def restart(containerd: Containerd) -> None:
    """Kill containerd as a crash would, and start it again; its shims go on."""
    command = Procfs().argv(containerd.daemon.pid)
    containerd.daemon.send_signal(signal.SIGKILL)
    containerd.daemon.wait()
    with open(containerd.folder / "log", "ab") as log:
        containerd.daemon = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    wait_until(lambda: "Server" in containerd.call("version", check=False), 60.0)


# -- many ------------------------------------------------------------------------------------------------------------


@contextmanager
def cgroup(path: str) -> Iterator[Path]:
    """Make a cgroup and remove it, when its processes are gone; those above it too, as far as they are new."""
    folder = Cgroups().base / path
    new = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        for each in new:
            wait_until(lambda each=each: not (each / "cgroup.procs").read_text() and each.rmdir() is None, 60.0)


def inside(folder: Path, *before: str) -> subprocess.Popen[bytes]:
    """Start a process in a cgroup and a pid namespace of its own, as a runtime does; it ends with its input."""
    command = f"echo 0 > {folder}/cgroup.procs && exec {' '.join(before)} unshare --pid --fork --kill-child cat"
    return subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def sizes(containers: Containers) -> dict[str, int]:
    """Return how much is kept of each kind."""
    names = ("_by_cgroup", "_containers", "_members", "_ended_ns", "_gone", "_entries", "_asked", "_questions")
    return {name: len(getattr(containers, name)) for name in names}


def come_and_go(containers: Containers, count: int) -> int:
    """Let containers come and go, eight at a time, each asked about as by an event; return how many were seen."""
    seen, parent = set(), Cgroups().base / "docker"
    with cgroup(f"docker/{uuid.uuid4().hex}"):
        for _ in range(0, count, 8):
            batch = []
            for _ in range(8):
                folder = parent / (uuid.uuid4().hex + uuid.uuid4().hex)
                folder.mkdir()
                batch.append((folder, folder.stat().st_ino, inside(folder)))
            for _, cgroup_id, _ in batch:
                containers.of_cgroup(cgroup_id)
            wait_until(lambda batch=batch: all(containers.of_cgroup(i) is not None for _, i, _ in batch))
            seen |= {containers.of_cgroup(i).full_id for _, i, _ in batch}  # type: ignore[union-attr]
            for folder, _, process in batch:
                process.communicate()
                wait_until(lambda folder=folder: not (folder / "cgroup.procs").read_text() and folder.rmdir() is None)
    return len(seen)


def test_short_lived_containers_leave_nothing_behind(containers: Containers) -> None:
    """Whoever starts one a second must not fill the memory of the node's watcher."""
    come_and_go(containers, 40)
    wait_until(lambda: all(c.ended or c.is_host for c in containers.list()[-30:]))
    forget(containers)
    before, cgroups = sizes(containers), memory_kb()
    assert come_and_go(containers, FLOOD) >= FLOOD
    forget(containers)
    after = sizes(containers)
    assert all(after[name] <= before[name] + 16 for name in after), (before, after)
    grown = memory_kb() - cgroups
    print(f"{FLOOD} containers came and went: {after}, {grown} kB more memory")
    assert grown < 8192


def forget(containers: Containers) -> None:
    """Forget what ended before now, as when the history has moved on."""
    wait_until(lambda: (containers.retire(time.clock_gettime_ns(time.CLOCK_BOOTTIME)), not containers._ended_ns)[1])
    containers.retire(time.clock_gettime_ns(time.CLOCK_BOOTTIME))


def memory_kb() -> int:
    memory = Procfs().memory(os.getpid())
    return memory.rss_kb if memory is not None else 0


def test_a_row_of_real_containers_all_get_their_names(containers: Containers, tmp_path: Path) -> None:
    with podman_engine(tmp_path) as podman:
        names = [unique("row") for _ in range(4)]
        for name in names:
            podman.call("run", "--rm", "--name", name, IMAGE, "/bin/true")
        wait_until(lambda: set(names) <= {c.name for c in containers.list() if c.ended})


# -- nests -----------------------------------------------------------------------------------------------------------


def test_a_container_in_a_container_is_its_own_where_somebody_speaks_for_it(
    containers: Containers, tmp_path: Path
) -> None:
    """What an engine inside a container starts lies below the outer one's cgroup. The engine inside keeps its files
    where nobody outside looks: its containers belong to the outer one, and to themselves where the engine is known."""
    with podman_engine(tmp_path) as podman:
        outer = podman.run(unique("outer"), IMAGE, *SLEEP)
        pid = known(containers, outer, lambda c: c.pid).pid
        path = Procfs().cgroups(pid or 0)[""].strip("/")
        with cgroup(f"{path}/docker/{uuid.uuid4().hex * 2}") as folder:
            process = inside(folder, f"nsenter -t {pid} -p")
            inner = folder.stat().st_ino
            found = wait_until(lambda: containers.of_cgroup(inner))
            assert (found.full_id, found.name) == (outer, known(containers, outer).name)
            assert inner in containers.cgroups_of(outer)
            process.communicate()
        described = [{"id": outer[::-1], "names": ["inner"], "metadata": json.dumps({"image-name": IMAGE})}]
        listed = podman.folder / "root/overlay-containers/volatile-containers.json"
        before = listed.read_text() if listed.exists() else "[]"
        # As the engine does: what it writes is there before the cgroup.
        listed.write_text(json.dumps([*json.loads(before), *described]))
        with cgroup(f"{path}/libpod_parent/libpod-{outer[::-1]}") as folder:
            process = inside(folder, f"nsenter -t {pid} -p")
            try:
                found = wait_until(lambda: (c := of_pid(containers, process.pid)) and c.full_id == outer[::-1] and c)
                assert (found.name, found.image_tag) == ("inner", "1.3")
            finally:
                process.communicate()
                listed.write_text(before)
        remove_cgroups([outer])


# -- CRI-O -----------------------------------------------------------------------------------------------------------


def test_cri_os_containers_by_files_and_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that speaks CRI as CRI-O does, its files, and a real process in a cgroup such as a kubelet makes."""
    monkeypatch.setattr("tuimon.enrich.resolve._REFRESH_S", (0.1,))
    full_id, uid = uuid.uuid4().hex * 2, str(uuid.uuid4())
    with tempfile.TemporaryDirectory(prefix="tmcr-") as root:
        said = {"ContainerID": full_id, "SandboxID": SANDBOX, "ImageName": "quay.io/acme/bb:2.1"}
        annotations = {f"io.kubernetes.cri-o.{name}": value for name, value in said.items()}
        names = {"container.name": "app", "pod.name": "web-1", "pod.namespace": "payments", "pod.uid": uid}
        annotations |= {f"io.kubernetes.{name}": value for name, value in names.items()}
        folder = Path(root, "overlay-containers", full_id, "userdata")
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"annotations": annotations, "mounts": [], "linux": {}}))
        (folder.parents[1] / "containers.json").write_text(json.dumps([{"id": full_id, "names": ["k8s_app"]}]))
        with served(answers("runtime.v1.RuntimeService", full_id)) as socket:
            procfs = Procfs()
            cgroups = Cgroups(procfs=procfs)
            resolver = Resolver(procfs, cgroups, sites=[Site("cri-o", root, "", socket)])
            containers = Containers(procfs, cgroups, resolver)
            containers.start()
            try:
                with cgroup(f"kubepods/burstable/pod{uid}/crio-{full_id}") as group:
                    process = inside(group)
                    made = known(containers, full_id, lambda c: c.pod_labels)
                    assert (made.engine, made.name, made.image_tag, made.pod_uid) == ("cri-o", "app", "2.1", uid)
                    assert (made.pod_name, made.pod_namespace) == ("web-1", "payments")
                    assert made.pod_labels == {"app": "web", "tier": "front"}
                    assert (made.pod_ip, made.liveness_probe) == ("10.1.2.3", "/bin/alive -q")
                    assert wait_until(lambda: of_pid(containers, process.pid)) == containers.by_id(full_id)
                    process.communicate()
                wait_until(lambda: (c := containers.by_id(full_id)) and c.ended)
            finally:
                containers.close()
