"""The count of objects: what grew between two of them is told by type and by store."""

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.bench.census import Census, Counting, report
from tuimon.history import History
from tuimon.process import Process, shared_session

ROOT = Path(__file__).resolve().parents[2]
HERE = "from tests.bench.test_census import what_grew; what_grew()"


def test_what_grew_is_told_by_type_by_store_and_by_cache():
    # In a process of its own: this one holds thousands of tests, which take a minute to count.
    done = subprocess.run([sys.executable, "-c", HERE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def what_grew() -> None:
    """Count, make some of everything, count again, and look at what is told."""
    frozen, counting = gc.get_freeze_count(), Counting()
    counting.begin(1.0)
    kept = [Process(pid=pid, start_ns=1) for pid in range(500)]
    tables = [np.zeros(1 << 20, np.uint8)]
    history = History()
    history._batches.extend([None] * 70)
    shared_session.cache_clear()
    for number in range(30):
        shared_session(number, 0, 0, 0, 0)
    counting.begin(2.0)
    first, last = counting.done()
    assert (first.at_s, last.at_s) == (1.0, 2.0)
    name = "tuimon.process.Process"
    assert last.objects[name] - first.objects.get(name, 0) == len(kept)
    arrays = "numpy.ndarray of list"
    assert last.nbytes[arrays] - first.nbytes.get(arrays, 0) >= tables[0].nbytes
    assert last.stores["tuimon.history.History._batches"] >= 70
    assert last.stores["tuimon.process.shared_session()"] == 30
    assert gc.get_freeze_count() >= frozen * 0.9, "the process that is counted is as it was"
    told = report([first, last])
    assert f"  {arrays:56}" in told
    assert "tuimon.history.History._batches" in told


def test_a_report_tells_what_shrank_too():
    counts = [Census(1.0, {}, {}, {"A.b": 9}), Census(2.0, {}, {}, {"A.b": 2})]
    assert report(counts).splitlines()[-1].split() == ["A.b", "9", "2", "-7"]
