"""Which hierarchy events are keyed by: the same that enrichment reads."""

from pathlib import Path

import pytest

from tuimon.capture.cgroup_key import cgroup_key
from tuimon.enrich.cgroups import Cgroups

LAYOUTS = {
    "v2": (["cgroup.controllers"], "unified"),
    "hybrid": (["unified/cgroup.controllers", "pids/cgroup.procs"], "unified"),
    "v1 with pids": (["memory/cgroup.procs", "pids/cgroup.procs", "cpu/cgroup.procs"], "pids"),
    "v1 without pids": (["cpu,cpuacct/cgroup.procs", "memory/cgroup.procs"], "cpu,cpuacct"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_capture_and_enrichment_choose_the_same(tmp_path: Path, layout: str) -> None:
    files, expected = LAYOUTS[layout]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert cgroup_key(tmp_path) == expected == Cgroups(tmp_path).key
