"""State between runs: the user's own, private, never in the way."""

import os
import pwd

import pytest

from tuimon import invoker, statefile


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_what_is_written_is_read_back_by_nobody_else():
    assert statefile.write("mutes", {"a": ["\udcff", 1]})
    assert statefile.read("mutes") == {"a": ["\udcff", 1]}
    path = statefile.path_of("mutes")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert statefile.write("mutes", {}), "a second time over the first"
    assert [p.name for p in path.parent.iterdir()] == ["mutes.json"]


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '"x"'])
def test_a_damaged_state_is_no_state(text):
    statefile.write("mutes", {})
    statefile.path_of("mutes").write_text(text)
    assert statefile.read("mutes") == {}


def test_no_home_or_no_room_costs_the_state_only(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    assert not statefile.write("mutes", {})
    assert statefile.read("mutes") == {}
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    assert not statefile.write("mutes", {})


def test_under_sudo_it_is_the_home_of_the_user_before(tmp_path):
    someone = pwd.getpwuid(os.getuid())
    env = {"SUDO_USER": someone.pw_name, "HOME": "/elsewhere", "XDG_STATE_HOME": "/elsewhere"}
    assert str(invoker.folder("XDG_STATE_HOME", ".local/state", env, 0)).startswith(someone.pw_dir)
    assert invoker.folder("XDG_STATE_HOME", ".local/state", env, 1000) == tmp_path.__class__("/elsewhere/tuimon")
    assert invoker.home({"SUDO_USER": "no such user"}, 0) is None


def test_a_link_planted_where_the_file_goes_is_not_followed(tmp_path):
    path = tmp_path / "state/tuimon/mutes.json"
    invoker.make_folder(path.parent)
    target = tmp_path / "target"
    target.write_text("mine")
    path.symlink_to(target)
    (path.parent / f".mutes.json.{os.getpid()}").symlink_to(target)
    assert statefile.write("mutes", {"a": 1})
    assert target.read_text() == "mine"
    assert not path.is_symlink()
