"""Cgroup paths and ids. The ids of a made-up tree are its folders' inode numbers, as a real one's are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuimon.enrich.cgroups import Cgroups, candidates

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
UID = "0a52abb5-cb73-44a0-8d1e-bda992ff40d8"


@pytest.mark.parametrize(
    ("path", "engine", "own"),
    [
        (f"/libpod_parent/libpod-{ID}", "podman", None),
        (f"/libpod_parent/{OTHER}/libpod-{ID}", "podman", None),
        (f"/machine.slice/libpod-{ID}.scope", "podman", None),
        (f"/machine.slice/libpod-{ID}.scope/container", "podman", f"/machine.slice/libpod-{ID}.scope"),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "podman", None),
        (f"/docker/{ID}", "docker", None),
        (f"/docker/{ID}/init.scope", "docker", f"/docker/{ID}"),
        (f"/system.slice/docker-{ID}.scope", "docker", None),
        (f"/kubepods/burstable/pod{UID}/{ID}", "", None),
        (f"/kubepods/pod{UID}/{ID}", "", None),
        (f"/kubepods/besteffort/pod{UID.replace('-', '')}/{ID}", "", None),
        (f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope", "containerd", None),
        (f"/kubepods.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice/crio-{ID}.scope", "cri-o", None),
        (f"/kubepods-besteffort-pod{UID.replace('-', '_')}.slice:cri-containerd:{ID}", "containerd", None),
        (f"/system.slice/nerdctl-{ID}.scope", "containerd", None),
        (f"/my-parent/{ID}", "", None),
    ],
)
def test_a_containers_path_is_recognised(path: str, engine: str, own: str | None):
    (found,) = candidates(path)
    assert (found.full_id, found.engine, found.path, found.weak) == (ID, engine, own or path, False)
    assert found.pod_uid in ("", UID, UID.replace("-", ""))
    assert bool(found.pod_uid) == ("pod" + UID[:4] in path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/system.slice/sshd.service",
        "/user.slice/user-1000.slice/session-3.scope",
        "/init.scope",
        f"/libpod_parent/conmon-{ID[:12]}",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/system.slice/crio-conmon-{ID}.scope",
        f"/system.slice/run-{ID}.scope",
        f"/system.slice/docker-{ID[:12]}.scope",
        "/kubepods.slice/kubepods-burstable.slice",
        "/docker",
    ],
)
def test_the_hosts_own_paths_are_not(path: str):
    assert [c for c in candidates(path) if not c.weak] == []


def test_a_name_under_a_namespace_is_weak():
    """containerd's plain containers look like any service's folder: a bundle must speak for them."""
    (found,) = candidates("/default/plain")
    assert (found.full_id, found.namespace, found.engine, found.weak) == ("plain", "default", "containerd", True)
    assert candidates("/default/plain/inner/deep")[0].path == "/default/plain"


def test_nested_containers_come_innermost_first():
    found = candidates(f"/docker/{ID}/docker/{OTHER}")
    assert [c.full_id for c in found] == [OTHER, ID]
    assert [c.path for c in found] == [f"/docker/{ID}/docker/{OTHER}", f"/docker/{ID}"]


def v2_tree(root: Path) -> Path:
    (root / "docker" / ID).mkdir(parents=True)
    (root / "cgroup.controllers").write_text("")
    return root


def test_a_v2_machine_is_keyed_by_its_one_hierarchy(tmp_path: Path):
    cgroups = Cgroups(v2_tree(tmp_path))
    assert (cgroups.layout, cgroups.key, cgroups.base) == ("v2", "unified", tmp_path)
    assert cgroups.id_of_process({"": f"/docker/{ID}", "pids": "/x"}) == os.stat(tmp_path / "docker" / ID).st_ino


def test_a_hybrid_machine_is_keyed_by_the_unified_one(tmp_path: Path):
    v2_tree(tmp_path / "unified")
    (tmp_path / "pids").mkdir()
    cgroups = Cgroups(tmp_path)
    assert (cgroups.layout, cgroups.key, cgroups.base) == ("hybrid", "unified", tmp_path / "unified")


def test_a_v1_machine_is_keyed_by_one_controller(tmp_path: Path):
    for name in ("memory", "cpu,cpuacct"):
        (tmp_path / name / "docker" / ID).mkdir(parents=True)
        (tmp_path / name / "cgroup.procs").write_text("")
    cgroups = Cgroups(tmp_path)
    assert (cgroups.layout, cgroups.key) == ("v1", "cpu,cpuacct")
    paths = {"memory": "/wrong", "cpu,cpuacct": f"/docker/{ID}"}
    assert cgroups.id_of_process(paths) == os.stat(tmp_path / "cpu,cpuacct/docker" / ID).st_ino


def test_containers_that_no_event_can_be_keyed_by_are_found(tmp_path: Path):
    """An old runtime leaves a hybrid machine's v2 hierarchy alone: its containers' events look like the host's."""
    v2_tree(tmp_path / "unified")
    for full_id in (ID, OTHER):
        (tmp_path / "pids/docker" / full_id).mkdir(parents=True)
        (tmp_path / "pids/docker" / full_id / "cgroup.procs").write_text("12\n")
    (tmp_path / "pids/docker" / ("a" * 64)).mkdir()
    (tmp_path / "pids/cgroup.procs").write_text("")
    assert Cgroups(tmp_path).missing_from_v2() == [f"/docker/{OTHER}"]
    assert Cgroups(tmp_path / "unified").missing_from_v2() == []
    (tmp_path / "unified/cgroup.controllers").unlink()
    assert sorted(Cgroups(tmp_path).missing_from_v2()) == [f"/docker/{ID}", f"/docker/{OTHER}"]


def test_no_cgroups_at_all_is_no_error(tmp_path: Path):
    cgroups = Cgroups(tmp_path / "nothing")
    assert (cgroups.layout, cgroups.scan(), cgroups.path_of(5), cgroups.id_of("/x")) == ("none", {}, None, 0)


def test_ids_and_paths_lead_to_each_other(tmp_path: Path):
    cgroups = Cgroups(v2_tree(tmp_path))
    number = os.stat(tmp_path / "docker").st_ino
    assert cgroups.id_of("/docker") == number
    assert cgroups.path_of(number) == "/docker"
    assert cgroups.path_of(os.stat(tmp_path).st_ino) == "/"
    assert cgroups.path_of(1 << 50) is None
    assert set(cgroups.scan().values()) == {"/", "/docker", f"/docker/{ID}"}


def test_processes_are_of_the_cgroup_itself_not_of_those_below(tmp_path: Path):
    cgroups = Cgroups(v2_tree(tmp_path))
    (tmp_path / "docker/cgroup.procs").write_text("11\n0\n")
    (tmp_path / "docker" / ID / "cgroup.procs").write_text("12\n13\n")
    assert cgroups.pids("/docker") == [11]
    assert cgroups.pids(f"/docker/{ID}", limit=1) == [12]
    assert cgroups.pids("/gone") == []


@pytest.mark.kernel
def test_the_real_hierarchy_finds_a_path_by_its_id_and_not_after_it_is_gone():
    cgroups = Cgroups()
    if cgroups.layout == "none":
        pytest.skip("no cgroups are mounted")
    folder = cgroups.base / f"tuimon-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error}")
    number = os.stat(folder).st_ino
    try:
        assert cgroups.path_of(number) == f"/{folder.name}"
    finally:
        folder.rmdir()
    cgroups.forget(number)
    assert cgroups.path_of(number) is None
    cgroups.close()
