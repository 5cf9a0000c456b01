"""Layers of an overlay: made-up mounts here, a real container in tests/kernel/test_containers.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuimon.enrich.overlay import OverlayMount, layer_of, overlay_mounts
from tuimon.records import ExeFlag

BORN = ExeFlag.UPPER_LAYER | ExeFlag.BORN_UPPER


def test_overlay_mounts_are_found_among_others():
    lines = [
        "1 0 0:28 / / rw,relatime - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/up\\040per/diff,workdir=/w",
        "2 1 0:5 / /proc rw shared:3 master:1 - proc proc rw",
        "3 1 0:29 / /ro\\040x ro - overlay overlay ro,lowerdir=/l1:/l2",
        "nonsense",
        "4 1 0:30 / /x rw - overlay",
    ]
    assert list(overlay_mounts(lines)) == [OverlayMount("0:28", "/", "/up per/diff")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tmp/evil", BORN),
        ("/bin/sh", ExeFlag.LOWER_LAYER),
        ("/gone", ExeFlag.LOWER_LAYER),
        ("/dir", ExeFlag.LOWER_LAYER),
    ],
)
def test_a_plain_file_in_the_upper_layer_is_upper(tmp_path: Path, path: str, expected: ExeFlag):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "dir").mkdir()
    evil = tmp_path / "tmp/evil"
    evil.write_text("x")
    info = os.stat(evil)
    device = f"{os.major(info.st_dev)}:{os.minor(info.st_dev)}"
    assert layer_of(path, info, [OverlayMount("9:9", "/", "/"), OverlayMount(device, "/", str(tmp_path))]) == expected


def test_a_copied_up_file_has_another_inode_number(tmp_path: Path):
    (tmp_path / "sh").write_text("x")
    info = os.stat(__file__)
    device = f"{os.major(info.st_dev)}:{os.minor(info.st_dev)}"
    assert layer_of("/bin/sh", info, [OverlayMount(device, "/bin", str(tmp_path))]) == ExeFlag.UPPER_LAYER


def test_an_upper_layer_we_cannot_see_says_nothing(tmp_path: Path):
    info = os.stat(__file__)
    device = f"{os.major(info.st_dev)}:{os.minor(info.st_dev)}"
    assert layer_of("/x", info, [OverlayMount(device, "/", str(tmp_path / "none"))]) == ExeFlag(0)
    assert layer_of("/x", info, []) == ExeFlag(0)
