"""The kernel source on the live kernel: exact counts, order, what is asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.kernel.live import (
    Row,
    drain_until_exit,
    events_of,
    interest,
    opens,
    python,
    rows,
)
from tuimon.batch import take
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Interest, Want
from tuimon.records import Flag, Kind, SizeClass, Slot
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

COUNTED = 10_007
MARK_LOOP = """
import ctypes, sys
libc = ctypes.CDLL(None)
path = sys.argv[1].encode()
for _ in range(int(sys.argv[2])):
    libc.syscall({nr}, -100, path, 0)
"""


def test_every_marked_openat_gives_one_event_or_is_counted_as_lost(source: KernelSource) -> None:
    """Rules would miss or double events otherwise."""
    before = source.counts()
    code = MARK_LOOP.format(nr=NAME_TO_NR["openat"])
    found = events_of(source, python(code, "/nowhere/tuimon-marked", str(COUNTED)), interest("openat"))
    lost = source.counts().dropped - before.dropped
    assert len(opens(found, b"tuimon-marked")) + lost >= COUNTED
    assert len(opens(found, b"tuimon-marked")) <= COUNTED
    assert lost or len(opens(found, b"tuimon-marked")) == COUNTED


def test_accounting_closes_under_a_full_rate_load_of_slim_records() -> None:
    """seen = emitted + filtered + dropped, with a ring far too small for the load; what was emitted is what is read."""
    source = KernelSource(rings={SizeClass.SLIM: 256 * 1024})
    source.start()
    try:
        source.set_interest(interest("read", "write", want=Want.RULES))
        command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=200000"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            found = drain_until_exit(source, process.pid)
        # Others work on this machine meanwhile: only a closed source counts no more.
        source.close()
        counts = source.counts()
        assert counts.seen == counts.emitted + counts.filtered + counts.dropped
        assert counts.dropped == sum(counts.dropped_by_class)
        assert source.call_counts().dropped.sum() == counts.dropped
        found += rows(source.drain(0))
        assert len(found) == counts.emitted
        mine = [r for r in found if r.tgid == process.pid and r.name in ("read", "write")]
        assert len(mine) + counts.dropped >= 400_000
    finally:
        source.close()


def test_a_flood_of_calls_loses_no_process_event() -> None:
    """Reserved rings: whoever hides an exec behind a flood of reads hides nothing."""
    source = KernelSource(rings={SizeClass.SLIM: 128 * 1024, SizeClass.SHORT: 128 * 1024})
    source.start()
    try:
        source.set_interest(interest("read", "write", "openat", want=Want.RULES))
        flood = subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=1"], stderr=subprocess.DEVNULL)
        command = ["sh", "-c", "i=0; while [ $i -lt 211 ]; do /bin/true $i; i=$((i+1)); done"]
        found: list[Row] = []
        with subprocess.Popen(command) as process:
            while process.poll() is None:
                batch = source.drain(0.05)
                found += rows(take(batch, np.flatnonzero(batch.head["kind"] != Kind.SYSCALL)))
        flood.kill()
        flood.wait()
        batch = source.drain(0.2)
        found += rows(take(batch, np.flatnonzero(batch.head["kind"] != Kind.SYSCALL)))
        counts = source.counts()
        assert counts.dropped_by_class[SizeClass.SLIM] > 0
        assert sum(counts.dropped_by_class[SizeClass.PROC_SHORT :]) == 0
        executed = [r.argv[1] for r in found if r.kind is Kind.EXEC and r.argv[:1] == [b"/bin/true"] and r.argv[1:]]
        assert executed == [b"%d" % i for i in range(211)]
        forks = [r for r in found if r.kind is Kind.FORK and r.tgid == process.pid]
        exits = {r.tgid for r in found if r.kind is Kind.EXIT}
        assert len(forks) == 211
        assert {r.ret for r in forks} <= exits
    finally:
        source.close()


def test_counters_are_exact_per_call(source: KernelSource) -> None:
    nr = NAME_TO_NR["getpgid"]
    before = source.call_counts().calls[:, nr].sum(), source.call_counts().errors[:, nr].sum()
    code = f"import ctypes\nl = ctypes.CDLL(None)\nfor i in range(1009): l.syscall({nr}, -1 if i < 101 else 0)"
    subprocess.run(python(code), check=True)
    after = source.call_counts().calls[:, nr].sum(), source.call_counts().errors[:, nr].sum()
    assert int(after[0] - before[0]) == 1009
    assert int(after[1] - before[1]) == 101


def test_events_are_in_order_of_time(source: KernelSource) -> None:
    """Enrichment applies process events and calls in the order they come, across rings and across drains."""
    source.set_interest(interest("openat", "read", "write", "close", "mmap"))
    source.drain(0)
    with subprocess.Popen(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do /bin/true & cat /etc/passwd; done; wait"],
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        found = drain_until_exit(source, process.pid)
    times = [r.ts_ns for r in found]
    assert len(times) > 100
    assert times == sorted(times)


def test_own_calls_are_left_out_and_counted(source: KernelSource) -> None:
    source.set_interest(interest("openat", "getppid"))
    source.drain(0)
    before = source.counts().self_calls
    for _ in range(100):
        os.getppid()
    assert source.counts().self_calls - before >= 100
    assert not [r for r in rows(source.drain(0.05)) if r.tgid == os.getpid()]


def test_interest_switches_at_once_without_loss_or_doubling(source: KernelSource) -> None:
    """Of two calls in a loop one is switched on and off by the hundred: the other is neither lost nor doubled."""
    code = (
        "import ctypes\nl = ctypes.CDLL(None)\nfor i in range(30011):\n"
        f"  l.syscall({NAME_TO_NR['getpgid']}, i + 10**8)\n  l.syscall({NAME_TO_NR['getsid']}, i + 10**8)"
    )
    before = source.counts().dropped
    always, both = interest("getpgid", want=Want.RULES), interest("getpgid", "getsid", want=Want.RULES)
    source.set_interest(always)
    source.drain(0)
    batches = []
    with subprocess.Popen(python(code)) as process:
        switches = 0
        while process.poll() is None:
            source.set_interest(both if switches % 2 else always)
            switches += 1
            batches.append(source.drain(0.001))
    found = [row for batch in batches for row in rows(batch)]
    if not any(r.kind is Kind.EXIT and r.tgid == process.pid for r in found):
        found += drain_until_exit(source, process.pid)
    assert switches > 10
    assert source.counts().dropped == before
    steady = [r.args[0] for r in found if r.name == "getpgid" and r.tgid == process.pid]
    assert steady == [i + 10**8 for i in range(30011)]
    switched = [r.args[0] for r in found if r.name == "getsid" and r.tgid == process.pid]
    assert len(switched) == len(set(switched))
    assert 0 < len(switched) < 30011


def test_a_view_is_limited_to_its_cgroups_and_rules_are_not(source: KernelSource) -> None:
    numbers = [NAME_TO_NR["getpgid"], NAME_TO_NR["getsid"]]
    code = f"import ctypes\nl = ctypes.CDLL(None)\nfor nr in {numbers}: l.syscall(nr, 0)"
    calls = {NAME_TO_NR["getpgid"]: Want.VIEW, NAME_TO_NR["getsid"]: Want.RULES}
    everywhere = events_of(source, python(code), Interest(calls))
    (own,) = {r.cgroup_id for r in everywhere}
    elsewhere = events_of(source, python(code), Interest(calls, frozenset({own + 10**6})))
    here = events_of(source, python(code), Interest(calls, frozenset({own})))
    names = [{r.name for r in found if r.kind is Kind.SYSCALL} for found in (everywhere, elsewhere, here)]
    assert names == [{"getpgid", "getsid"}, {"getsid"}, {"getpgid", "getsid"}]


def test_first_bytes_of_io_come_on_request(source: KernelSource, tmp_path: Path) -> None:
    code = "import os\nfd = os.open('note', os.O_CREAT | os.O_RDWR)\nos.write(fd, b'secret ' * 40)"
    asked = interest("write", want=Want.RULES | Want.PATHS | Want.DATA)
    (wrote,) = [r for r in events_of(source, python(code), asked, cwd=tmp_path) if r.name == "write"]
    assert wrote.slots[Slot.DATA] == (b"secret " * 40)[:80]
    assert wrote.real == str(tmp_path / "note").encode()


def test_a_32_bit_call_is_mapped_and_marked(source: KernelSource, tmp_path: Path) -> None:
    """A 64-bit program that enters by int 0x80 would be misread as another call by the number alone."""
    code = tmp_path / "gate.c"
    code.write_text(
        "#include <sys/mman.h>\n#include <string.h>\nint main(void) { int r;"
        ' char *p = mmap(0, 4096, 3, 0x20 | 2 | 0x40, -1, 0); strcpy(p, "/nowhere/gate");'
        'asm volatile("int $0x80" : "=a"(r) : "a"(5), "b"(p), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");'
        " return r != -2; }"
    )
    built = subprocess.run(["cc", "-o", tmp_path / "gate", code], capture_output=True)
    if built.returncode or subprocess.run([tmp_path / "gate"]).returncode:
        pytest.skip("no 32-bit system calls on this machine, or no compiler")
    (found,) = opens(events_of(source, [str(tmp_path / "gate")], interest("open", "fstat")), b"/gate")
    assert (found.name, found.given, found.ret) == ("open", b"/nowhere/gate", -2)
    assert Flag.COMPAT in found.flags


def test_reserved_calls_describe_the_process(source: KernelSource) -> None:
    code = "import os\nos.setresuid(1, 2, 3)"
    (changed,) = [r for r in events_of(source, python(code), interest("setresuid")) if r.name == "setresuid"]
    assert (changed.proc["ruid"], changed.proc["euid"]) == (1, 2)
    assert changed.args[:3] == (1, 2, 3)
    assert Flag.HAS_PROC in changed.flags
