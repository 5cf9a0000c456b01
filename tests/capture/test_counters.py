"""Counter slots by the size of the machine."""

import pytest

from tuimon.capture.counters import COUNTS, COUNTS_BYTES, CPU, default_slots, living_cgroups


@pytest.mark.parametrize(("cpus", "slots"), [(1, 512), (2, 512), (8, 512), (64, 127), (1024, 32)])
def test_a_large_machine_has_fewer_slots(cpus: int, slots: int) -> None:
    assert default_slots(cpus) == slots
    assert slots in (32, 512) or slots * cpus * COUNTS.itemsize <= COUNTS_BYTES


def test_layouts_are_whole_words_as_per_cpu_maps_need() -> None:
    assert CPU.itemsize == 192
    assert CPU.itemsize % 64 == 0  # no two CPUs write to one cache line
    assert COUNTS.itemsize % 8 == 0


def test_living_cgroups_are_the_inode_numbers_of_all_folders(tmp_path: object) -> None:
    from pathlib import Path

    root = Path(str(tmp_path))
    (root / "a/b").mkdir(parents=True)
    (root / "file").touch()
    assert living_cgroups(root) == {p.stat().st_ino for p in (root, root / "a", root / "a/b")}
