"""Containers by cgroup id, on a made-up cgroup tree and a made-up /proc, with made-up engine files.

A plain folder has an inode number and inotify events like a cgroup has, so that the whole path is walked: the folder is
made, the thread hears of it, decides, and reads the files.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.enrich import engine_files as files
from tests.enrich.engine_files import ID, OTHER
from tests.enrich.proc_tree import write_process
from tuimon.enrich.cgroups import Candidate, Cgroups
from tuimon.enrich.containers import Containers
from tuimon.enrich.engines.engine import Site
from tuimon.enrich.procfs import Procfs
from tuimon.enrich.resolve import Resolver
from tuimon.errors import RecordingError
from tuimon.events import HOST, Container


def wait_for(said: Callable[[], object], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not said():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.005)


class Machine:
    """A made-up machine."""

    def __init__(self, folder: Path) -> None:
        self.cgroup, self.proc = folder / "cgroup", folder / "proc"
        self.docker, self.podman, self.containerd = folder / "docker", folder / "podman", folder / "containerd"
        self.cgroup.mkdir()
        self.proc.mkdir()
        (self.cgroup / "cgroup.controllers").write_text("")
        write_process(self.proc, 1, comm="init", ppid=0)
        (self.proc / "self").symlink_to("1")
        self.sites = [
            Site("docker", str(self.docker), socket=f"{folder}/docker.sock"),
            Site("podman", str(self.podman)),
            Site("containerd", state=str(self.containerd), socket=f"{folder}/ct.sock"),
        ]
        self.made: list[Containers] = []

    def containers(self, engines: Sequence[object] | None = None, *, start: bool = True) -> Containers:
        procfs = Procfs(self.proc)
        cgroups = Cgroups(self.cgroup, procfs)
        containers = Containers(procfs, cgroups, Resolver(procfs, cgroups, engines, self.sites))  # type: ignore[arg-type]
        self.made.append(containers)
        if start:
            containers.start()
        return containers

    def group(self, path: str, *pids: int) -> int:
        folder = self.cgroup / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text("".join(f"{p}\n" for p in pids))
        return os.stat(folder).st_ino

    def remove(self, path: str) -> None:
        folder = self.cgroup / path.lstrip("/")
        (folder / "cgroup.procs").unlink()
        folder.rmdir()


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("m"))
    yield made
    for containers in made.made:
        containers.close()


def named(containers: Containers, cgroup_id: int) -> Container:
    wait_for(lambda: (c := containers.of_cgroup(cgroup_id)) is not None and c.known)
    found = containers.of_cgroup(cgroup_id)
    assert found is not None
    return found


def test_a_container_that_was_there_before_is_known(machine: Machine):
    files.docker_container(machine.docker)
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    made = named(machine.containers(), cgroup_id)
    assert (made.name, made.engine, made.image_tag) == ("web", "docker", "12.8")


def test_a_container_born_later_is_known_before_anybody_asks(machine: Machine):
    """inotify hears of the cgroup before its first process runs."""
    containers = machine.containers()
    wait_for(lambda: containers.of_cgroup(os.stat(machine.cgroup).st_ino))
    files.docker_container(machine.docker)
    machine.group(f"/docker/{ID}")
    wait_for(lambda: containers.by_id(ID) is not None)
    assert containers.by_id(ID).name == "web"


def test_the_root_and_ordinary_services_are_the_host(machine: Machine):
    service = machine.group("/system.slice/sshd.service", 1)
    containers = machine.containers()
    assert named(containers, os.stat(machine.cgroup).st_ino) is HOST
    assert named(containers, service) is HOST
    assert service in containers.cgroups_of("host")


def test_asking_never_waits_for_an_engine(machine: Machine):
    """The event path asks for every event."""
    hold = threading.Event()

    class Slow:
        name = "docker"

        def from_files(self, candidate: Candidate, site: Site) -> None:
            return None

        def from_socket(self, candidate: Candidate, site: Site, known: object) -> Container:
            assert hold.wait(200)
            return Container(id=ID[:12], full_id=ID, name="slow", known=True)

    containers = machine.containers([Slow()])
    cgroup_id = machine.group(f"/docker/{ID}")
    try:
        for _ in range(1000):
            assert containers.of_cgroup(cgroup_id) is None  # who waited would be told
    finally:
        hold.set()
    assert named(containers, cgroup_id).name == "slow"


def test_a_hex_path_alone_is_no_container(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """On some machines the host's own services live in such paths; Falco takes them for containers."""
    monkeypatch.setattr("tuimon.enrich.containers._RETRIES_S", (0.001,) * 8)
    write_process(machine.proc, 50, comm="service")
    cgroup_id = machine.group(f"/services/{ID}", 50)
    containers = machine.containers()
    assert named(containers, cgroup_id) is HOST


def test_a_process_in_another_pid_namespace_is_a_second_sign(machine: Machine):
    """No engine knows it: the id alone, never a guess."""
    write_process(machine.proc, 50, comm="sleep", levels=(1,))
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    wait_for(lambda: containers.of_cgroup(cgroup_id) is not None)
    made = containers.of_cgroup(cgroup_id)
    assert (made.id, made.full_id, made.known, made.name, made.image) == (ID[:12], ID, False, None, None)


def test_a_shim_above_is_a_second_sign_even_with_the_hosts_pid_namespace(machine: Machine):
    write_process(machine.proc, 40, comm="containerd-shim", argv=("shim", "-id", ID, "-namespace", "k8s.io"))
    write_process(machine.proc, 50, comm="sleep", ppid=40)
    cgroup_id = machine.group(f"/any/place/{ID}", 50)
    containers = machine.containers()
    wait_for(lambda: containers.of_cgroup(cgroup_id) is not None)
    assert containers.of_cgroup(cgroup_id).id == ID[:12]


def test_a_path_that_says_nothing_is_named_by_its_shim(machine: Machine):
    files.containerd_bundle(machine.containerd, "k8s.io", ID, files.cri_annotations())
    shim = ("shim", "-namespace", "k8s.io", "-id", ID, "-address", "/none")
    write_process(machine.proc, 40, comm="containerd-shim", argv=shim)
    write_process(machine.proc, 50, comm="sleep", ppid=40, levels=(1,))
    cgroup_id = machine.group("/custom.slice/thing", 50)
    assert named(machine.containers(), cgroup_id).name == "app"


def test_a_runtime_on_its_way_into_a_container_does_not_make_it_the_hosts(machine: Machine):
    """The cgroup comes first, then the namespaces: who looks in between must look again."""
    write_process(machine.proc, 40, comm="containerd-shim", argv=("shim", "-id", "web", "-namespace", "default"))
    write_process(machine.proc, 50, comm="runc:[1:CHILD]", ppid=40)
    cgroup_id = machine.group("/default/web", 50)
    containers = machine.containers()
    wait_for(lambda: containers._entries[cgroup_id].attempt > 0 if cgroup_id in containers._entries else False)
    assert containers.of_cgroup(cgroup_id) is None
    write_process(machine.proc, 50, comm="nginx", ppid=40, levels=(1,))
    wait_for(lambda: containers.of_cgroup(cgroup_id) is not None)
    assert containers.of_cgroup(cgroup_id).full_id == "web"


def test_what_a_conmon_starts_on_the_host_is_the_hosts(machine: Machine):
    """conmon runs an exit command, which is no container."""
    write_process(machine.proc, 40, comm="conmon", argv=("conmon", "-c", ID))
    write_process(machine.proc, 50, comm="podman", ppid=40)
    cgroup_id = machine.group("/libpod_parent", 50)
    assert named(machine.containers(), cgroup_id) is HOST


def test_cgroups_made_inside_a_container_belong_to_it(machine: Machine):
    files.docker_container(machine.docker)
    own = machine.group(f"/docker/{ID}", 50)
    inner = machine.group(f"/docker/{ID}/init.scope/x", 51)
    containers = machine.containers()
    assert named(containers, inner).full_id == named(containers, own).full_id == ID
    assert {own, inner} <= containers.cgroups_of(ID)


def test_a_container_inside_a_container_that_no_engine_here_knows_is_the_outer_one(machine: Machine):
    files.docker_container(machine.docker)
    write_process(machine.proc, 50, comm="sleep", levels=(2, 1))
    inner = machine.group(f"/docker/{ID}/docker/{OTHER}", 50)
    assert named(machine.containers(), inner).full_id == ID


def test_a_file_that_comes_later_names_the_container(machine: Machine):
    write_process(machine.proc, 50, comm="sleep", levels=(1,))
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    wait_for(lambda: containers.of_cgroup(cgroup_id) is not None)
    before = containers.revision
    files.docker_container(machine.docker)
    assert named(containers, cgroup_id).name == "web"
    assert containers.revision > before


def test_a_renamed_container_gets_its_new_name(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tuimon.enrich.resolve._REFRESH_S", (0.01,))
    files.docker_container(machine.docker)
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    named(containers, cgroup_id)
    path = machine.docker / "containers" / ID / "config.v2.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"Name": "/renamed"}))
    wait_for(lambda: containers.of_cgroup(cgroup_id).name == "renamed")


def test_a_container_whose_cgroup_is_gone_has_ended_and_stays_while_history_shows_it(machine: Machine):
    files.docker_container(machine.docker)
    cgroup_id = machine.group(f"/docker/{ID}")
    containers = machine.containers()
    named(containers, cgroup_id)
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    machine.remove(f"/docker/{ID}")
    wait_for(lambda: containers.by_id(ID).ended)
    assert containers.of_cgroup(cgroup_id).ended
    assert containers.retire(before_ns) == 0
    assert containers.retire(time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 1) == 1
    assert containers.by_id(ID) is None
    assert [c.id for c in containers.list()] == ["host"]


def test_a_container_started_again_is_alive_again(machine: Machine):
    files.docker_container(machine.docker)
    machine.group(f"/docker/{ID}")
    containers = machine.containers()
    wait_for(lambda: containers.by_id(ID) is not None)
    machine.remove(f"/docker/{ID}")
    wait_for(lambda: containers.by_id(ID).ended)
    again = machine.group(f"/docker/{ID}")
    wait_for(lambda: not containers.by_id(ID).ended)
    assert named(containers, again).name == "web"


def test_thousands_of_short_lived_containers_do_not_pile_up(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tuimon.enrich.containers._MAX_ENDED", 50)
    monkeypatch.setattr("tuimon.enrich.containers._MAX_GONE", 60)
    containers = machine.containers()
    (machine.cgroup / "docker").mkdir()
    for number in range(300):
        full_id = f"{number:064x}"
        files.docker_container(machine.docker, full_id)
        machine.group(f"/docker/{full_id}")
        if number % 20 == 0:
            wait_for(lambda full_id=full_id: containers.by_id(full_id) is not None)
        machine.remove(f"/docker/{full_id}")
    wait_for(lambda: all(c.ended or c.is_host for c in containers.list()) and len(containers._entries) <= 3)
    assert len(containers.list()) <= 52
    assert len(containers._by_cgroup) <= 115


def test_an_engine_that_does_not_answer_is_one_notice_until_it_does(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tuimon.enrich.resolve._SOCKET_PAUSE_S", 0.05)
    monkeypatch.setattr("tuimon.enrich.containers._RETRIES_S", (0.02,) * 8)
    monkeypatch.setattr("tuimon.enrich.containers._RETRY_CAP_S", 0.05)
    write_process(machine.proc, 50, comm="sleep", levels=(1,))
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    wait_for(lambda: containers.notices())
    (notice,) = containers.notices()
    assert "docker does not answer" in notice
    assert containers.of_cgroup(cgroup_id) is None or not containers.of_cgroup(cgroup_id).known
    listed = [{"Id": ID, "Names": ["/late"], "Image": "bb:1", "ImageID": ""}]
    with files.http_engine(Path(machine.sites[0].socket), {"/containers/json": listed}):
        assert named(containers, cgroup_id).name == "late"
        wait_for(lambda: not containers.notices())


def test_the_notice_about_a_silent_engine_ends_with_the_container_it_is_about(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tuimon.enrich.resolve._SOCKET_PAUSE_S", 0.05)
    monkeypatch.setattr("tuimon.enrich.containers._RETRIES_S", (0.02,) * 8)
    monkeypatch.setattr("tuimon.enrich.containers._RETRY_CAP_S", 0.05)
    write_process(machine.proc, 50, comm="sleep", levels=(1,))
    machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    wait_for(lambda: containers.notices())
    machine.remove(f"/docker/{ID}")
    wait_for(lambda: not containers.notices())


def test_an_engine_that_makes_no_sense_harms_only_its_own(machine: Machine):
    class Broken:
        name = "podman"

        def from_files(self, candidate: Candidate, site: Site) -> Container | None:
            if candidate.full_id == OTHER:
                raise TypeError("odd")
            return Container(id=ID[:12], full_id=ID, name="fine", known=True)

        def from_socket(self, candidate: Candidate, site: Site, known: Container | None) -> Container | None:
            return known

    machine.group(f"/libpod_parent/libpod-{OTHER}")
    cgroup_id = machine.group(f"/libpod_parent/libpod-{ID}")
    containers = machine.containers([Broken()])
    assert named(containers, cgroup_id).name == "fine"
    wait_for(lambda: any("odd" in n for n in containers.notices()))


def test_a_users_own_engine_is_believed_about_its_users_containers_only(machine: Machine, tmp_path: Path):
    files.podman_container(tmp_path, name="trusted?")
    machine.sites = [Site("podman", str(tmp_path), uid=1000)]
    write_process(machine.proc, 50, comm="sleep", levels=(1,))
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    wait_for(lambda: containers.of_cgroup(cgroup_id) is not None)
    assert not containers.of_cgroup(cgroup_id).known
    mine = machine.group(f"/user.slice/user-1000.slice/user@1000.service/libpod-{OTHER}.scope", 50)
    files.podman_container(tmp_path, OTHER, name="mine")
    assert named(containers, mine).name == "mine"


def test_an_id_that_is_no_cgroup_stays_unknown(machine: Machine):
    containers = machine.containers()
    wait_for(lambda: containers.of_cgroup(os.stat(machine.cgroup).st_ino))
    for _ in range(3):
        assert containers.of_cgroup(1 << 40) is None
        time.sleep(0.02)
    assert containers.of_cgroup(0) is None


def test_containers_can_be_stopped_twice_and_before_they_start(machine: Machine):
    containers = machine.containers(start=False)
    containers.close()
    containers.start()
    containers.close()
    containers.close()


def test_saved_containers_come_back_the_same(machine: Machine):
    files.docker_container(machine.docker)
    cgroup_id = machine.group(f"/docker/{ID}", 50)
    containers = machine.containers()
    made = named(containers, cgroup_id)
    made = replace(made, pod_labels={"a": "b"})
    back = Containers.from_state(json.loads(json.dumps(containers.to_state())))
    assert back.of_cgroup(cgroup_id) == replace(made, pod_labels=None)
    assert back.cgroups_of(ID) == {cgroup_id}
    back.start()
    assert back.of_cgroup(12345) is None, "a recording's containers never look at this machine"
    back.close()


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {"containers": {}},
        {"containers": [5]},
        {"containers": [{"id": "x"}]},
        {"containers": [{"id": "x", "full_id": "x", "cgroups": ["1"]}]},
        {"containers": [{"id": "x", "full_id": "x", "evil": 1}]},
        {"containers": [{"id": "x", "full_id": "x", "name": 5}]},
        {"containers": [{"id": "x", "full_id": "x", "mounts": [{"source": 5, "dest": ""}]}]},
        {"containers": [{"id": "x", "full_id": "x", "known": "yes"}]},
    ],
)
def test_a_damaged_state_is_refused_with_a_sentence(state: object):
    with pytest.raises(RecordingError, match="damaged"):
        Containers.from_state(state)
