"""The two truths of a path, on the live kernel: as given, and of the object that the kernel used."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.kernel.live import (
    OPENS,
    events_of,
    interest,
    opens,
    python,
)
from tuimon.capture.kernel import KernelSource
from tuimon.records import Flag, Kind, Slot
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel


def test_given_and_real_path_of_a_plain_file(source: KernelSource, tmp_path: Path) -> None:
    target = tmp_path / "plain"
    target.write_text("x")
    (found,) = opens(events_of(source, python(OPENS.format(names=[str(target)])), interest("openat")), b"/plain")
    assert found.given == found.real == str(target).encode()
    assert Flag.REAL_SAME in found.flags
    assert found.base == b""
    assert stat.S_ISREG(found.fd_type)
    assert found.ret >= 3


def test_a_symlink_shows_both_paths(source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    (found,) = opens(
        events_of(source, python(OPENS.format(names=[str(tmp_path / "link")])), interest("openat")), b"link"
    )
    assert found.given == str(tmp_path / "link").encode()
    assert found.real == str(tmp_path / "target").encode()


def test_a_relative_path_carries_the_directory_it_starts_from(source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("x")
    code = OPENS.format(names=["./here"])
    (found,) = opens(events_of(source, python(code), interest("openat"), cwd=tmp_path), b"./here")
    assert (found.given, found.base) == (b"./here", str(tmp_path).encode())
    assert found.real == str(tmp_path / "here").encode()


@pytest.mark.parametrize("folder", ["/", "/etc", "/{tmp}/short", "/{tmp}/" + "long/" * 30 + "end"])
def test_a_file_below_a_directory_has_its_own_path_however_it_is_named(
    source: KernelSource, tmp_path: Path, folder: str
) -> None:
    """From where it was opened, or from elsewhere: the walk of what was opened may end at the directory, or pass it."""
    at = Path(folder.format(tmp=str(tmp_path).lstrip("/")))
    names = ["etc/hostname", "./etc", "."] if folder == "/" else ["hostname", ".", ".."]
    if folder.startswith("/{tmp}"):
        (at / "sub").mkdir(parents=True)
        (at / "sub/leaf").write_text("x")
        (at / "link").symlink_to("/etc/hostname")
        names = ["sub/leaf", "./sub/../sub/leaf", "sub", ".", "..", "link", "../" + at.name + "/sub/leaf"]
    code = OPENS.format(names=names)
    found = events_of(source, python(code), interest("openat"), cwd=at)
    for name in names:
        (event,) = [each for each in opens(found, name.encode()) if each.given == name.encode()]
        assert (event.base, event.real) == (str(at).encode(), str((at / name).resolve()).encode())


def test_a_path_below_a_dirfd_carries_that_directory(source: KernelSource, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/leaf").write_text("x")
    code = f"import os\nd = os.open({str(tmp_path / 'dir')!r}, os.O_RDONLY)\nos.open('leaf', os.O_RDONLY, dir_fd=d)"
    (found,) = opens(events_of(source, python(code), interest("openat")), b"leaf")
    assert (found.given, found.base) == (b"leaf", str(tmp_path / "dir").encode())
    assert found.real == str(tmp_path / "dir/leaf").encode()


def test_proc_self_root_does_not_hide_the_file(source: KernelSource) -> None:
    code = OPENS.format(names=["/proc/self/root/etc/passwd"])
    (found,) = opens(events_of(source, python(code), interest("openat")), b"/root/etc/passwd")
    assert found.given == b"/proc/self/root/etc/passwd"
    assert found.real == b"/etc/passwd"


@pytest.mark.parametrize("bound", ["a", "a/b/f", "."])
def test_a_bind_mount_does_not_give_a_file_another_name(source: KernelSource, tmp_path: Path, bound: str) -> None:
    """Else /etc/shadow bound to a scratch place were no password file any more. A folder, a file, a whole file system.

    The path is the one in the process's own mount namespace: the tmpfs is mounted there alone.
    """
    seen = {"a": "seen/b/../b/f", "a/b/f": "seen", ".": "seen/a/b/f"}[bound]
    make = f"mkdir -p {tmp_path}/a/b && echo x > {tmp_path}/a/b/f"
    place = f"touch {tmp_path}/seen" if bound == "a/b/f" else f"mkdir {tmp_path}/seen"
    script = (
        f"mount -t tmpfs none {tmp_path} && {make} && {place}"
        f" && mount --bind {tmp_path}/{bound} {tmp_path}/seen && exec cat {tmp_path}/{seen}"
    )
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
    found = events_of(source, command, interest("openat"), stdout=subprocess.DEVNULL)
    (read,) = [r for r in opens(found, seen.encode()) if r.comm == b"cat"]
    assert read.given == f"{tmp_path}/{seen}".encode()
    assert read.real == f"{tmp_path}/a/b/f".encode()


def test_a_failed_open_keeps_its_name(source: KernelSource) -> None:
    (found,) = opens(
        events_of(source, python(OPENS.format(names=["/no/such/file"])), interest("openat")), b"/such/file"
    )
    assert found.given == b"/no/such/file"
    assert found.real == b""
    assert found.ret == -2
    assert Flag.USER_MEMORY in found.flags


def test_openat2_reads_like_openat(source: KernelSource) -> None:
    code = (
        "import ctypes, struct\nhow = struct.pack('QQQ', 0o100 | 1, 0o640, 0)\n"
        f"ctypes.CDLL(None).syscall({NAME_TO_NR['openat2']}, -100, b'/nowhere/how', how, 24)"
    )
    (found,) = opens(events_of(source, python(code), interest("openat2")), b"/how")
    assert found.args[2:4] == (0o101, 0o640)


def test_a_path_of_the_greatest_length_is_whole(source: KernelSource, tmp_path: Path) -> None:
    """4,095 bytes and deep: GIVEN and REAL are both complete."""
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\nname = 'd' * 199\nat = sys.argv[1]\n"
        "while len(at) + 200 < 4000:\n  os.mkdir(name); os.chdir(name); at += '/' + name\n"
        "open('f', 'w').close()\nos.open(at + '/f', os.O_RDONLY)"
    )
    found = events_of(source, python(code, str(tmp_path)), interest("openat"))
    long = [r for r in opens(found, b"/f") if len(r.given) > 3700]
    assert len(long) == 1
    assert Flag.TRUNCATED not in long[0].flags
    assert long[0].real == long[0].given
    relative = [r for r in opens(found, b"f") if r.given == b"f"]
    assert relative[0].base + b"/f" == relative[0].real == long[0].given


def test_a_path_too_deep_to_walk_is_marked(source: KernelSource, tmp_path: Path) -> None:
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\n"
        "for _ in range(300): os.mkdir('d'); os.chdir('d')\n"
        "open('deepest', 'w').close()"
    )
    (found,) = opens(events_of(source, python(code, str(tmp_path)), interest("openat")), b"deepest")
    assert Flag.TRUNCATED in found.flags


def test_two_path_calls_carry_both(source: KernelSource, tmp_path: Path) -> None:
    code = "import os\nopen('a', 'w').close()\nos.rename('a', 'b')\nos.symlink('b', 'c')\nos.unlink('c')"
    asked = interest("rename", "symlink", "unlink")
    found = [r for r in events_of(source, python(code), asked, cwd=tmp_path) if r.kind is Kind.SYSCALL]
    here = str(tmp_path).encode()
    assert [(r.name, r.given, r.base) for r in found] == [
        ("rename", b"a", here), ("symlink", b"b", here), ("unlink", b"c", here),
    ]  # fmt: skip
    assert [found[0].slots[Slot.GIVEN2], found[0].slots[Slot.BASE2]] == [b"b", here]
    assert [found[1].slots[Slot.GIVEN2], found[1].slots[Slot.BASE2]] == [b"c", here]
