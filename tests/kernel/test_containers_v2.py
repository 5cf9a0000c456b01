"""A machine that has cgroup v2 and nothing else, as a mount namespace shows it to everything started in it.

The host's mounts are not touched. Engines then use a private cgroup namespace: inside the container its path is "/",
and only from outside is it the container's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.containers import podman_engine, unique

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

ROOT = Path(__file__).resolve().parents[2]
ONLY_V2 = """
for m in $(awk '$2 ~ /^\\/sys\\/fs\\/cgroup\\// {print $2}' /proc/mounts); do umount "$m"; done
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"
"""
INSIDE = '''
import os, sys
from pathlib import Path
from tests.containers import IMAGE, SLEEP, podman_engine, wait_until
from tuimon.capture.kernel import KernelSource
from tuimon.engine import build_engine
from tuimon.enrich.cgroups import Cgroups
from tuimon.enrich.containers import Containers
from tuimon.enrich.procfs import Procfs
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

RULE = """
- rule: read in the container
  desc: an event of a process in a container
  condition: evt.type in (open, openat) and fd.name = /etc/tuimon-v2 and container.name = {name}
  output: "%container.name %container.id %proc.name"
  priority: INFO
"""
folder, name = Path(sys.argv[1]), sys.argv[2]
assert Cgroups().layout == "v2", Cgroups().layout
with podman_engine(folder) as podman:
    containers = Containers()
    containers.start()
    try:
        full_id = podman.run(name, IMAGE, *SLEEP, options=("--pids-limit=0",))
        made = wait_until(lambda: (c := containers.by_id(full_id)) and c.pid and c)
        inside = podman.exec(name, "cat", "/proc/self/cgroup").splitlines()
        cgroup_id = Cgroups().id_of_process(Procfs().cgroups(made.pid))
        print("inside", inside[-1])
        print("outside", Procfs().cgroups(made.pid)[""])
        print("named", made.name, containers.of_cgroup(cgroup_id).name, made.image)
        engine = build_engine(Settings(), KernelSource())
        assert engine.source.cgroup_key == "unified"
        assert engine.apply_rules([RuleFile("v2.yaml", RULE.format(name=name))]).accepted
        engine.start()
        try:
            assert engine.wait_started(120), engine.error()
            podman.exec(name, "cat", "/etc/tuimon-v2", check=False)
            alert = wait_until(lambda: next(iter(engine.alerts_since(0)), None))
            print("alert", alert.output, alert.event.cgroup_id == cgroup_id, full_id[:12])
        finally:
            engine.stop()
    finally:
        containers.close()
'''


def test_a_machine_with_cgroup_v2_only_names_its_containers(tmp_path: Path):
    with podman_engine(tmp_path):
        pass  # skips here, and says why, where podman does not work at all
    name = unique("v2")
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", ONLY_V2, "v2"]
    command += [sys.executable, "-c", INSIDE, str(tmp_path), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if "mount" in done.stderr and "permission denied" in done.stderr:
        pytest.skip(f"no cgroup2 can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert said["inside"] == "0::/"
    assert said["outside"].startswith("/libpod_parent/libpod-")
    assert said["named"] == f"{name} {name} docker.io/acme/bb:1.3"
    told, container_id, program, same_cgroup, expected = said["alert"].split()
    assert (told, container_id, program, same_cgroup) == (name, expected, "cat", "True")
