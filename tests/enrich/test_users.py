"""Names of users and groups from passwd and group files."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tuimon.enrich import users
from tuimon.enrich.users import User, UserTable, parse_group, parse_passwd

PASSWD = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann,,,:/home/ann:/bin/zsh\ntoor:x:0:0::/root:/bin/sh\n"


def _root(tmp_path: Path, passwd: str = PASSWD, group: str = "wheel:x:10:ann\n") -> Path:
    (tmp_path / "etc").mkdir(exist_ok=True)
    (tmp_path / "etc/passwd").write_text(passwd)
    (tmp_path / "etc/group").write_text(group)
    return tmp_path


def test_the_first_line_of_a_number_wins():
    """As in the C library."""
    assert parse_passwd(PASSWD) == {
        0: User("root", 0, 0, "/root", "/bin/bash"),
        1000: User("ann", 1000, 1000, "/home/ann", "/bin/zsh"),
    }


@pytest.mark.parametrize(
    "line", ["", "x", "+::::::", "a:x:no:0::/:/x", "a:x:-1:0::/:/x", "a:b:1", ":::::::", "a:x:1:x:::"]
)
def test_lines_that_make_no_sense_are_passed_over(line: str):
    """A damaged file must not stop the engine."""
    assert parse_passwd(line) == {}
    assert parse_group("bad\n\nadm:x:4:\nadm2:x:4:\nx:y:z") == {4: "adm"}


def test_names_are_found_and_missing_ones_are_none(tmp_path: Path):
    """The table of one root."""
    table = UserTable(_root(tmp_path))
    user = table.user(1000)
    assert user is not None
    assert user.name == "ann"
    assert table.user(7) is None
    assert table.group(10) == "wheel"
    assert table.group(11) is None


def test_a_root_without_files_has_no_names(tmp_path: Path):
    """A distroless image."""
    table = UserTable(tmp_path)
    assert table.user(0) is None
    assert table.group(0) is None


def test_a_changed_file_is_read_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Not at each question: a stat per event would cost more than the rule."""
    now = [100.0]
    monkeypatch.setattr(users.time, "monotonic", lambda: now[0])
    table = UserTable(_root(tmp_path))
    assert table.user(2000) is None
    _root(tmp_path, PASSWD + "bob:x:2000:2000::/home/bob:/bin/sh\n")
    os.utime(tmp_path / "etc/passwd", ns=(1, 1))
    assert table.user(2000) is None
    now[0] += users.CHECK_EVERY_S
    user = table.user(2000)
    assert user is not None
    assert user.name == "bob"


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The event path never waits for it."""
    monkeypatch.setattr(users, "MAX_FILE_BYTES", 10)
    assert UserTable(_root(tmp_path)).user(0) is None


def test_what_a_recording_brought_is_used_as_it_is(tmp_path: Path):
    """Names of another machine, through plain data and back."""
    table = UserTable(_root(tmp_path))
    known = table.known()
    assert known["groups"] == {"10": ["wheel"]}
    assert known["users"]["1000"][0] == "ann"
    table.fix({5: User("eve", 5, 5, "/", "/x")}, {5: "eves"})
    assert table.user(1000) is None
    assert table.group(5) == "eves"
    table.free()
    assert table.user(1000) is not None, "a live engine knows this machine's again"


def test_who_asks_while_the_files_are_read_for_the_first_time_waits_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The screen's thread was told that there is no such user while the engine's read the file."""
    table = UserTable(_root(tmp_path))
    begun, go_on = threading.Event(), threading.Event()
    read = users._read

    def slowly(path: Path) -> str:
        begun.set()
        assert go_on.wait(60)
        return read(path)

    monkeypatch.setattr(users, "_read", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(table.user, 1000)
        assert begun.wait(60)
        second = pool.submit(table.user, 1000)
        with pytest.raises(TimeoutError):
            second.result(0.05)
        go_on.set()
        told = first.result(60)
    assert told is not None
    assert second.result() == told
