"""Users of containers come from the container's own files, and nothing in them can hurt or delay the engine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tuimon.enrich import container_users
from tuimon.enrich.container_users import ContainerUsers, read_inside
from tuimon.enrich.users import HOST_USERS
from tuimon.events import Container


def box(pid: int | None = 77, **more: object) -> Container:
    return Container(id="c1", pid=pid, **more)  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A /proc of one process in a container with two users."""
    at = tmp_path / "proc/77"
    (at / "root/etc").mkdir(parents=True)
    (at / "uid_map").write_text("         0          0 4294967295\n")
    (at / "root/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnginx:x:101:101::/var/cache/nginx:/sbin/nologin\n")
    (at / "root/etc/group").write_text("nginx:x:101:\n")
    return at / "root"


def loaded(table: ContainerUsers, container: Container) -> container_users.Names:
    """Return the names once they are read."""
    deadline = time.monotonic() + 30
    while not (names := table.names(container)).loaded:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return names


def test_names_are_those_of_the_container(root: Path):
    """uid 101 is nginx there, whatever it is on the host."""
    names = loaded(ContainerUsers(str(root.parents[1])), box())
    assert names.users[101].name == "nginx"
    assert names.groups == {101: "nginx"}
    assert 1 not in names.users


def test_the_first_answer_is_not_known_yet(root: Path, monkeypatch: pytest.MonkeyPatch):
    """The event path never waits."""
    table = ContainerUsers(str(root.parents[1]))
    monkeypatch.setattr(table, "_start", lambda: None)
    assert not table.names(box()).loaded


def test_a_container_of_another_user_namespace_has_no_names(root: Path):
    """Its numbers are not the kernel's."""
    (root.parent / "uid_map").write_text("         0     100000      65536\n")
    names = loaded(ContainerUsers(str(root.parents[1])), box())
    assert names.users == {}


def test_a_process_that_is_gone_leaves_no_names(tmp_path: Path):
    """Not an error."""
    assert loaded(ContainerUsers(str(tmp_path)), box()).users == {}


def test_without_a_first_process_nothing_is_read():
    """Known without one: no names. Not known yet: wait."""
    table = ContainerUsers()
    assert not table.names(box(None)).loaded
    assert table.names(box(None, known=True)).loaded


def test_another_process_of_the_container_will_do(root: Path):
    """The engine tells the first process a moment after it runs; alerts about its first deeds name the user too."""
    table = ContainerUsers(str(root.parents[1]))
    deadline = time.monotonic() + 30
    while not (names := table.names(box(None, known=True), 77)).loaded:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    assert names.users[101].name == "nginx"


def test_a_runtime_on_its_way_into_the_container_does_not_lend_it_the_hosts_names(root: Path):
    proc = root.parents[1]
    inside = root.rename(root.with_name("inside"))
    (proc / "self").mkdir()
    (proc / "self/root").symlink_to("/")
    root.symlink_to("/")
    table = ContainerUsers(str(proc))
    for _ in range(5):
        assert not table.names(box()).loaded
        time.sleep(0.02)
    changed = root.with_name("changed")
    changed.symlink_to(inside)
    changed.replace(root)  # at once, as a process changes its root: it has one all the time
    assert loaded(table, box()).users[101].name == "nginx"


def test_in_a_recording_nothing_is_read(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Its pids are another machine's."""
    monkeypatch.setattr(HOST_USERS, "_fixed", True)
    names = ContainerUsers(str(root.parents[1])).names(box())
    assert names.loaded
    assert names.users == {}


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch):
    """A machine that starts containers all day must not grow."""
    monkeypatch.setattr(container_users, "MAX_CONTAINERS", 3)
    table = ContainerUsers()
    for number in range(10):
        table.names(Container(id=str(number), known=True))
    assert len(table._known) == 3


def test_symlinks_cannot_leave_the_container(root: Path, tmp_path: Path):
    """An image that links its passwd to the host's must not get the host's."""
    secret = tmp_path / "secret"
    secret.write_text("evil:x:101:0::/:/x\n")
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to(secret)
    fd = os.open(root, os.O_PATH)
    try:
        assert read_inside(fd, "etc/passwd") == ""
        (root / "real").write_text("x")
        (root / "etc/passwd").unlink()
        (root / "etc/passwd").symlink_to("/real")
        assert read_inside(fd, "etc/passwd") == "x"
        assert read_inside(fd, "../../../secret") == ""
    finally:
        os.close(fd)


def test_a_fifo_or_a_huge_file_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither may hold up or fill the engine."""
    fd = os.open(root, os.O_PATH)
    try:
        os.mkfifo(root / "etc/fifo")
        assert read_inside(fd, "etc/fifo") == ""
        assert read_inside(fd, "etc") == ""
        monkeypatch.setattr(container_users, "MAX_FILE_BYTES", 3)
        assert read_inside(fd, "etc/passwd") == ""
    finally:
        os.close(fd)
