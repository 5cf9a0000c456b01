"""Real engines, real cgroups, real events: whose an event is, and what its container is called."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers import (
    IMAGE,
    PORT_IMAGE,
    SLEEP,
    Containerd,
    Docker,
    Podman,
    containerd_engine,
    docker_engine,
    podman_engine,
    unique,
    wait_until,
)
from tests.kernel.test_field_truth import value
from tuimon.batch import Batch
from tuimon.capture.kernel import KernelSource
from tuimon.enrich.cgroups import Cgroups
from tuimon.enrich.containers import Containers
from tuimon.enrich.processes import ProcessTable
from tuimon.enrich.procfs import Procfs
from tuimon.events import Container, Event
from tuimon.records import ExeFlag, Kind

pytestmark = [pytest.mark.kernel, pytest.mark.containers]


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    with podman_engine(tmp_path_factory.mktemp("podman"), (IMAGE, PORT_IMAGE)) as engine:
        yield engine


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    with docker_engine(tmp_path_factory.mktemp("docker"), (IMAGE, PORT_IMAGE)) as engine:
        yield engine


@pytest.fixture(scope="module")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    with containerd_engine(tmp_path_factory.mktemp("containerd"), (IMAGE, PORT_IMAGE)) as engine:
        yield engine


@pytest.fixture
def containers() -> Iterator[Containers]:
    made = Containers()
    made.start()
    yield made
    made.close()


def known(containers: Containers, full_id: str, wanted: Callable[[Container], object] = lambda _: True) -> Container:
    """Return a container as soon as it is known (and is as wanted)."""

    def found() -> Container | None:
        container = containers.by_id(full_id)
        return container if container is not None and container.known and wanted(container) else None

    container: Container = wait_until(found)
    return container


def cgroup_of(pid: int) -> int:
    """Return the id that events of a process carry."""
    return Cgroups().id_of_process(Procfs().cgroups(pid))


def facts(container: Container) -> tuple[object, ...]:
    return container.engine, container.name, container.image_repository, container.image_tag


# --- podman


def test_podman_before_and_after_the_start(podman: Podman):
    old, new, short = unique("old"), unique("new"), unique("rm")
    old_id = podman.run(old, IMAGE, *SLEEP)
    containers = Containers()
    containers.start()
    try:
        assert facts(known(containers, old_id)) == ("podman", old, "docker.io/acme/bb", "1.3")
        new_id = podman.run(new, PORT_IMAGE, *SLEEP)
        assert facts(known(containers, new_id)) == ("podman", new, "registry.acme.test:5000/team/bb", "12.8")
        short_id = podman.run(short, IMAGE, *SLEEP, options=("--rm", "--privileged", "-v", "/tmp:/mnt:ro"))
        made = known(containers, short_id)
        assert (made.name, made.privileged) == (short, True)
        assert ("/tmp", "/mnt", False) in [(m.source, m.dest, m.rdwr) for m in made.mounts]
        truth = podman.call("inspect", "-f", "{{.State.Pid}} {{.GraphDriver.Data.UpperDir}}", new).split()
        made = known(containers, new_id, lambda c: c.pid is not None)
        assert [str(made.pid), made.upper_dir] == truth
        assert containers.of_cgroup(cgroup_of(made.pid)) == made
        assert abs(made.start_time_ns - time.time_ns()) < 60 * 10**9
    finally:
        for name in (old, new, short):
            podman.remove(name)
        wait_until(lambda: containers.by_id(new_id).ended)
        containers.close()


def test_a_podman_pod_is_its_containers_and_nothing_else(podman: Podman, containers: Containers):
    pod, name = unique("pod"), unique("app")
    full_id = podman.run_pod(pod, name, IMAGE, *SLEEP)
    try:
        made = known(containers, full_id)
        pod_id = podman.call("pod", "inspect", "-f", "{{.ID}}", pod)
        assert (made.name, made.pod_uid) == (name, pod_id)
        time.sleep(0.3)
        assert containers.by_id(pod_id) is None
    finally:
        podman.call("pod", "rm", "-f", "-t0", pod, check=False)


def test_many_short_podman_containers_all_get_their_names(podman: Podman, containers: Containers):
    names = [unique("short") for _ in range(5)]
    for name in names:
        podman.call("run", "--rm", "--name", name, IMAGE, "/bin/true")
    wait_until(lambda: set(names) <= {c.name for c in containers.list()})
    wait_until(lambda: all(c.ended for c in containers.list() if c.name in names))


# --- docker


def test_docker_before_and_after_the_start(docker: Docker):
    old, new = unique("old"), unique("new")
    options = ("--network=none", "-l", "tier=front", "-v", "/tmp:/mnt:ro")
    old_id = docker.run(old, "acme/bb:1.3", *SLEEP, options=options)
    containers = Containers()
    containers.start()
    try:
        made = known(containers, old_id)
        assert facts(made) == ("docker", old, "acme/bb", "1.3")
        assert made.labels == {"tier": "front"}
        assert ("/tmp", "/mnt", False) in [(m.source, m.dest, m.rdwr) for m in made.mounts]
        new_id = docker.run(new, PORT_IMAGE, *SLEEP, options=("--network=none",))
        assert facts(known(containers, new_id)) == ("docker", new, "registry.acme.test:5000/team/bb", "12.8")
        made = known(containers, new_id, lambda c: c.pid is not None)
        truth = docker.call("inspect", "-f", "{{.State.Pid}} {{.GraphDriver.Data.UpperDir}} {{.Image}}", new).split()
        assert [str(made.pid), made.upper_dir, made.image_id] == truth
        assert containers.of_cgroup(cgroup_of(made.pid)) == made
    finally:
        for name in (old, new):
            docker.remove(name)
        wait_until(lambda: containers.by_id(new_id).ended)
        containers.close()


def test_docker_stop_rename_and_start_again(docker: Docker, containers: Containers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tuimon.enrich.resolve._REFRESH_S", (0.1,))
    name, later = unique("a"), unique("b")
    full_id = docker.run(name, "acme/bb:1.3", *SLEEP, options=("--network=none",))
    try:
        known(containers, full_id)
        docker.call("rename", name, later)
        known(containers, full_id, lambda c: c.name == later)
        docker.call("stop", "-t0", later)
        wait_until(lambda: containers.by_id(full_id).ended)
        docker.call("start", later)
        known(containers, full_id, lambda c: not c.ended)
        pid = int(docker.call("inspect", "-f", "{{.State.Pid}}", later))
        wait_until(lambda: containers.of_cgroup(cgroup_of(pid)))
        assert containers.of_cgroup(cgroup_of(pid)).full_id == full_id
    finally:
        docker.remove(later)


def test_docker_can_be_restarted_meanwhile(docker: Docker, containers: Containers):
    docker.stop()
    docker.start()
    name = unique("again")
    full_id = docker.run(name, "acme/bb:1.3", *SLEEP, options=("--network=none",))
    try:
        assert known(containers, full_id).name == name
    finally:
        docker.remove(name)


# --- containerd


def test_plain_containerd_containers(containerd: Containerd):
    old, new = unique("old"), unique("new")
    containerd.run(old, IMAGE, *SLEEP)
    containers = Containers()
    containers.start()
    try:
        assert facts(known(containers, old)) == ("containerd", old, "docker.io/acme/bb", "1.3")
        containerd.run(new, PORT_IMAGE, *SLEEP)
        assert facts(known(containers, new)) == ("containerd", new, "registry.acme.test:5000/team/bb", "12.8")
    finally:
        for name in (old, new):
            containerd.remove(name)
        wait_until(lambda: containers.by_id(new).ended)
        containers.close()


def test_pods_over_cri_have_namespace_labels_and_image_names(containerd: Containerd, containers: Containers):
    pod = containerd.cri().run_pod("web-7d4b9c6f5-x2x9k", "payments", {"app": "web"})
    full_id = pod.run("app", PORT_IMAGE, *SLEEP)
    made = known(containers, full_id, lambda c: c.pod_labels is not None)
    assert facts(made) == ("containerd", "app", "registry.acme.test:5000/team/bb", "12.8")
    assert (made.pod_name, made.pod_namespace, made.pod_uid) == ("web-7d4b9c6f5-x2x9k", "payments", pod.uid)
    assert made.pod_labels["app"] == "web"
    assert made.pod_sandbox_id == pod.sandbox_id
    sandbox = known(containers, pod.sandbox_id, lambda c: c.image is not None and c.pod_labels is not None)
    assert (sandbox.pod_name, sandbox.image_repository, sandbox.host_network) == (
        made.pod_name,
        "registry.k8s.io/pause",
        True,
    )


# --- what no engine speaks for


def test_a_container_of_no_engine_is_its_id_alone(containers: Containers, tmp_path: Path):
    """unshare makes what a runtime nobody knows makes: another pid namespace, in a cgroup with an id for a name."""
    full_id = "e" * 60 + f"{os.getpid() % 10000:04d}"
    folder = Cgroups().base / "runtime-of-a-test" / full_id
    folder.mkdir(parents=True)
    command = f"echo $$ > {folder}/cgroup.procs && exec unshare --pid --fork --mount-proc sleep 60"
    process = subprocess.Popen(["sh", "-c", command])
    try:
        made = wait_until(lambda: containers.by_id(full_id))
        assert (made.id, made.name, made.image, made.known) == (full_id[:12], None, None, False)
    finally:
        subprocess.run(["pkill", "-KILL", "-P", str(process.pid)], check=False)
        process.kill()
        process.wait()
        for path in (folder, folder.parent):
            wait_until(lambda path=path: not (path / "cgroup.procs").read_text() and path.rmdir() is None)


def test_a_hosts_service_in_such_a_path_is_the_host(containers: Containers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tuimon.enrich.containers._RETRIES_S", (0.01,) * 8)
    folder = Cgroups().base / ("d" * 60 + f"{os.getpid() % 10000:04d}")
    folder.mkdir()
    process = subprocess.Popen(["sh", "-c", f"echo $$ > {folder}/cgroup.procs && exec sleep 60"])
    try:
        cgroup_id = os.stat(folder).st_ino
        made = wait_until(lambda: containers.of_cgroup(cgroup_id))
        assert made.is_host
    finally:
        process.kill()
        process.wait()
        wait_until(lambda: not (folder / "cgroup.procs").read_text() and folder.rmdir() is None)


# --- events of the live kernel


class Live:
    """The live kernel with its tables, as the engine joins them."""

    def __init__(self) -> None:
        self.source = KernelSource()
        self.source.start()
        self.processes, self.containers = ProcessTable(), Containers()
        self.processes.seed()
        self.containers.start()
        self.batches: list[Batch] = []
        self.num = 1

    def close(self) -> None:
        self.source.close()
        self.containers.close()

    def events(self, wanted: Callable[[Event], object], timeout_s: float = 60.0) -> list[Event]:
        """Return the wanted events as soon as there is one whose container is known."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            batch = self.source.drain(0.05)
            batch.first_num = self.num
            self.num += len(batch)
            self.processes.apply(batch)
            self.batches.append(batch)
            found = [e for e in self.all() if wanted(e)]
            if found and all(e.container is not None for e in found):
                return found
        raise AssertionError("no such event")

    def all(self) -> Iterator[Event]:
        for batch in self.batches:
            for row in range(len(batch)):
                process = self.processes.get(int(batch.process_at[row]))
                container = self.containers.of_cgroup(int(batch.head["cgroup_id"][row]))
                yield Event(batch, row, process, container, self.source.boot_to_epoch_ns)


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live()
    yield made
    made.close()


def is_exec_of(event: Event, *argv: str) -> bool:
    return event.kind is Kind.EXEC and event.process is not None and (event.process.exe, *event.process.args) == argv


def test_a_shell_executed_in_a_podman_container_is_the_containers(live: Live, podman: Podman):
    name, mark = unique("live"), unique("mark")
    full_id = podman.run(name, IMAGE, *SLEEP)
    try:
        podman.exec(name, "sh", "-c", f": {mark}")
        (event,) = live.events(lambda e: is_exec_of(e, "sh", "-c", f": {mark}"))
        assert (event.container.full_id, event.container.name, event.container.image) == (full_id, name, IMAGE)
        assert event.process.comm == "sh"
        assert event.process.pid_ns_level == 1
        assert event.process.cgroup_id == event.cgroup_id
        above = [p.comm for p in event.process.ancestors()]
        assert above[0].startswith("runc")
        assert "conmon" in above
    finally:
        podman.remove(name)


def test_the_helper_that_enters_a_container_is_still_the_hosts(live: Live, podman: Podman):
    """``runc init`` has the container's mount namespace before it joins the container's cgroup."""
    name = unique("trap")
    podman.run(name, IMAGE, *SLEEP)
    try:
        found = live.events(lambda e: is_exec_of(e, "/usr/bin/runc", "init") or is_exec_of(e, "runc", "init"))
        # It executes itself a second time, from a sealed copy; its parent moves it any time after the first.
        assert found[0].container.is_host
        (entry,) = live.events(lambda e: is_exec_of(e, *SLEEP) and e.container and e.container.name == name)
        assert entry.process.pid_ns_level == 1
    finally:
        podman.remove(name)


def test_a_shell_executed_in_a_pod_carries_pod_and_namespace(live: Live, containerd: Containerd):
    pod, mark = containerd.cri().run_pod(unique("web"), "payments", {"app": "shop"}), unique("mark")
    full_id = pod.run("app", IMAGE, *SLEEP)
    pod.exec(full_id, "sh", "-c", f": {mark}")
    (event,) = live.events(lambda e: is_exec_of(e, "sh", "-c", f": {mark}"))
    assert (event.container.pod_namespace, event.container.name, event.container.image_tag) == (
        "payments",
        "app",
        "1.3",
    )
    full = wait_until(lambda: (c := live.containers.by_id(full_id)) and c.pod_labels and c)
    event.container = full
    assert value(event, "k8s.pod.label", "app") == "shop"
    assert value(event, "k8s.pod.labels") == "app:shop"
    assert value(event, "k8s.ns.name") == "payments"
    assert value(event, "k8s.pod.uid") == pod.uid
    assert value(event, "container.liveness_probe") == "NONE"


def test_the_process_table_agrees_with_proc(live: Live):
    """Field truth: what the events told of living processes is what /proc says of them."""
    sleepers = [subprocess.Popen(["sleep", "60"], cwd="/usr", start_new_session=True) for _ in range(5)]
    sleepers.append(subprocess.Popen(["setpriv", "--reuid", "1234", "--clear-groups", "sleep", "61"]))
    try:
        pids = {s.pid for s in sleepers}
        wait_until(lambda: all(Procfs().comm(s.pid) == "sleep" for s in sleepers))
        live.events(lambda e: is_exec_of(e, "sleep", "61"))
        members = (
            "comm", "exe", "args", "exepath", "cwd", "uid", "gid", "loginuid", "tty", "sid", "pgid", "ppid", "vpid",
            "vpgid", "vsid", "mnt_ns", "pid_ns", "pid_ns_level", "cap_permitted", "cap_effective", "cap_inheritable",
            "exe_ino", "exe_ctime_ns", "exe_mtime_ns", "fd_limit",
        )  # fmt: skip
        for pid in pids:
            seen, truth = live.processes.current(pid), Procfs().read(pid)
            assert seen is not None
            assert not seen.from_procfs
            assert {m: getattr(seen, m) for m in members} == {m: getattr(truth, m) for m in members}
            assert abs(seen.start_ns - truth.start_ns) < 10_000_000
            assert seen.cgroup_id == cgroup_of(pid)
            assert seen.parent.pid == os.getpid()
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_processes_from_before_have_their_whole_ancestry(podman: Podman):
    name = unique("before")
    podman.run(name, IMAGE, *SLEEP)
    table = ProcessTable()
    try:
        table.seed()
        inside = table.current(int(podman.call("inspect", "-f", "{{.State.Pid}}", name)))
        assert (inside.exe, *inside.args, inside.vpid, inside.pid_ns_level) == (*SLEEP, 1, 1)
        assert inside.parent.comm == "conmon"
        assert inside.pidns_start_ns == inside.start_ns
        assert inside.cgroup_id == cgroup_of(inside.pid)
    finally:
        podman.remove(name)


def test_old_processes_have_the_layer_that_the_kernel_told_at_their_exec(live: Live, podman: Podman):
    """A file made in the container, a file of the image that was changed there, and one that was not."""
    name = unique("drift")
    podman.run(name, IMAGE, *SLEEP)
    layers = ExeFlag.UPPER_LAYER | ExeFlag.LOWER_LAYER | ExeFlag.BORN_UPPER
    try:
        podman.exec(name, "sh", "-c", "cp /bin/busybox /tmp/sleep; /tmp/sleep 70 & sleep 71 & exit 0")
        podman.exec(name, "sh", "-c", "chmod 700 /bin/busybox; sleep 72 & exit 0")
        live.events(lambda e: is_exec_of(e, "sleep", "72"))
        told = {p.args[0]: p for p in live.processes.living() if p.args in (("70",), ("71",), ("72",))}
        assert told["70"].exe_flags & layers == ExeFlag.UPPER_LAYER | ExeFlag.BORN_UPPER
        assert told["71"].exe_flags & layers == ExeFlag.LOWER_LAYER
        assert told["72"].exe_flags & layers == ExeFlag.UPPER_LAYER
        for argument in ("70", "72"):
            read = Procfs().read(told[argument].pid)
            assert read.exe_flags & layers == told[argument].exe_flags & layers
        # Started before the file was copied up: only the kernel knows that it was the image's then.
        assert Procfs().read(told["71"].pid).exe_flags & ExeFlag.BORN_UPPER == 0
    finally:
        podman.remove(name)
