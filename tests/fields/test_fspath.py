"""fs.path.*: the paths of calls that open nothing."""

from __future__ import annotations

import pytest

from tests.builders import open_event, syscall_event
from tests.fields.test_evt import get
from tuimon.events import Event

NAMES = ("fs.path.name", "fs.path.source", "fs.path.target")
RAW = ("fs.path.nameraw", "fs.path.sourceraw", "fs.path.targetraw")


@pytest.mark.parametrize(
    ("event", "paths", "raw"),
    [
        (syscall_event("mkdir", given="g", base="/opt"), ("/opt/g", None, None), ("g", None, None)),
        (syscall_event("unlink", given="/opt/x/"), ("/opt/x", None, None), ("/opt/x/", None, None)),
        (syscall_event("unlinkat", args=(4,), given="x", base="/d"), ("/d/x", None, None), ("x", None, None)),
        (open_event("x", cwd="/etc"), ("/etc/x", None, None), ("x", None, None)),
        (open_event("/x", ret=-2), ("/x", None, None), ("/x", None, None)),
        (open_event("/x", ret=-1), (None, None, None), (None, None, None)),
        (syscall_event("mkdir", given="/g", ret=-17), (None, None, None), (None, None, None)),
        (syscall_event("access", given="/g"), (None, None, None), (None, None, None)),
        (syscall_event("stat", given="/g"), (None, None, None), (None, None, None)),
        (syscall_event("chdir", given="/g"), (None, None, None), (None, None, None)),
        (open_event("/g", call="creat"), (None, None, None), (None, None, None)),
        (
            syscall_event("fchmod", args=(5, 0o644), real="/opt/f", fd_type=0o100000),
            ("/opt/f", None, None),
            ("/opt/f", None, None),
        ),
        (
            syscall_event("rename", given="a", base="/x", given2="/y/b"),
            (None, "/x/a", "/y/b"),
            (None, "a", "/y/b"),
        ),
        (syscall_event("rename", given="/a", given2="/b", ret=-2), (None, None, None), (None, None, None)),
        (
            syscall_event("linkat", args=(4, 0, 5), given="a", base="/x", given2="b", base2="/y"),
            (None, "/y/b", "/x/a"),
            (None, "b", "a"),
        ),
        (
            syscall_event("symlink", given="/etc/shadow", given2="l", base2="/tmp"),
            (None, "/tmp/l", "/etc/shadow"),
            (None, "l", "/etc/shadow"),
        ),
        (
            syscall_event("mount", given="x", base="/opt", given2="/mnt"),
            (None, "/opt/x", "/mnt"),
            (None, "x", "/mnt"),
        ),
        (syscall_event(76, given="f", base="/opt"), ("/opt/f", None, None), ("f", None, None)),
        (syscall_event("getpid"), (None, None, None), (None, None, None)),
    ],
)
def test_paths_of_calls(event: Event, paths: tuple[str | None, ...], raw: tuple[str | None, ...]):
    """Absent when the call failed; the new name of a link is its source, as in Falco."""
    assert tuple(get(name, event) for name in NAMES) == paths
    assert tuple(get(name, event) for name in RAW) == raw
