"""user.* and group.*: who it was, by number and by name."""

from __future__ import annotations

import pytest

from tests.builders import container, open_event, process, syscall_event
from tests.fields.test_evt import get
from tuimon.enrich import users
from tuimon.enrich.container_users import Names
from tuimon.enrich.users import User
from tuimon.events import UNSET_ID, Container
from tuimon.fields import who
from tuimon.fields.registry import UNKNOWN


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three users and a group, whatever this machine has."""
    found = {
        0: User("root", 0, 0, "/root", "/bin/bash"),
        33: User("www-data", 33, 33, "/var/www", "/usr/sbin/nologin"),
        1000: User("ann", 1000, 1000, "/home/ann", "/bin/zsh"),
    }
    monkeypatch.setattr(users.HOST_USERS, "user", found.get)
    monkeypatch.setattr(users.HOST_USERS, "group", {33: "www-data"}.get)


def test_the_uid_of_the_event_wins_over_the_one_of_the_process():
    """A setuid program changes it while it runs."""
    event = open_event("/x", process=process("x", uid=1000, loginuid=1000), uid=33, gid=33)
    assert get("user.uid", event) == 33
    assert get("user.name", event) == "www-data"
    assert get("user.homedir", event) == "/var/www"
    assert get("user.shell", event) == "/usr/sbin/nologin"
    assert get("user.loginuid", event) == 1000
    assert get("user.loginname", event) == "ann"
    assert get("group.gid", event) == 33
    assert get("group.name", event) == "www-data"


def test_a_slim_record_asks_the_process():
    """It carries no uid of its own."""
    event = syscall_event("read", slim=True, process=process("x", uid=1000))
    assert get("user.uid", event) == 1000
    assert get("user.name", event) == "ann"


def test_numbers_without_a_name():
    """The text <NA>, as in Falco; root is root even without a passwd file."""
    event = open_event("/x", process=process("x", uid=4242, loginuid=4242))
    for name in ("user.name", "user.homedir", "user.shell", "user.loginname", "group.name"):
        assert get(name, event) == "<NA>"
    assert get("group.name", open_event("/x")) == "root"


def test_no_login():
    """-1, signed."""
    event = open_event("/x", process=process("x", loginuid=UNSET_ID))
    assert get("user.loginuid", event) == -1
    assert get("user.loginname", event) == "<NA>"


def test_an_unknown_uid_is_absent():
    """Not 4294967295."""
    event = syscall_event("read", slim=True, process=process("x", uid=UNSET_ID, gid=UNSET_ID))
    for name in ("user.uid", "user.name", "user.homedir", "user.shell", "group.gid", "group.name"):
        assert get(name, event) is None


def test_users_of_a_container_are_its_own(monkeypatch: pytest.MonkeyPatch):
    """uid 33 may be anybody there; the login was on the host."""
    names = Names(loaded=True, users={33: User("backup", 33, 33, "/b", "/s")}, groups={33: "backups"})
    monkeypatch.setattr(who.CONTAINER_USERS, "names", lambda _container, _member: names)
    event = open_event("/x", container=container(), process=process("x", uid=33, loginuid=1000))
    assert get("user.name", event) == "backup"
    assert get("user.homedir", event) == "/b"
    assert get("group.name", event) == "backups"
    assert get("user.loginname", event) == "ann"
    setuid = syscall_event("setuid", args=(33,), container=container())
    assert get("evt.arg", setuid, "uid") == "backup"
    assert get("evt.arg", syscall_event("setuid", args=(1000,), container=container()), "uid") == "<NA>"


@pytest.mark.parametrize("place", [None, container()])
def test_names_that_are_not_known_yet(place: Container | None, monkeypatch: pytest.MonkeyPatch):
    """Unknown is not false; root is root everywhere."""
    monkeypatch.setattr(who.CONTAINER_USERS, "names", lambda _container, _member: Names())
    event = open_event("/x", container=place, process=process("x", uid=33))
    for name in ("user.name", "user.homedir", "user.shell", "group.name"):
        assert get(name, event) is UNKNOWN, name
    assert get("evt.arg", syscall_event("setuid", args=(33,), container=place), "uid") is UNKNOWN
    assert "uid=33" in str(get("evt.args", syscall_event("setuid", args=(33,), container=place)))
    root = open_event("/x", container=place)
    assert get("user.name", root) == "root"
    assert get("user.homedir", root) == "/root"
    assert get("group.name", root) == "root"


def test_setting_no_user_at_all():
    """setresuid(-1, ...) leaves it as it is."""
    event = syscall_event("setuid", args=(0xFFFFFFFF,))
    assert get("evt.arg", event, "uid") == "<NONE>"
    assert get("evt.args", event) == "res=0 uid=-1(<NONE>)"
