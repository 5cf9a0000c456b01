"""The rules' prefilter in the live kernel: it removes what no rule can match, and never anything else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import UPSTREAM
from tests.containers import wait_until
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Counts, always
from tuimon.engine import Engine, build_engine
from tuimon.errors import CaptureError
from tuimon.records import Slot
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

pytestmark = [pytest.mark.kernel, pytest.mark.alone]

MARKED, UNRELATED, RELOADS = 207, 3_001, 50
WAIT_S = 60.0
ATTEMPTS = 4
OPENS = """
import os, sys, time
folder, marked, unrelated, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
for number in range(max(marked, unrelated)):
    if number < marked:
        os.close(os.open(f"{folder}/both-{number}", os.O_RDONLY | os.O_CREAT))
    if number < unrelated:
        try: os.open(f"{folder}/nothing-{number}", os.O_RDONLY)
        except OSError: pass
    if pause: time.sleep(pause)
"""
RULE = """
- rule: {name}
  desc: Opens below a folder
  condition: evt.type in (open, openat, openat2, creat) and (fd.name startswith {folder}/both or fd.name = {more})
  output: opened %fd.name
  priority: NOTICE
"""


class Unfiltered(KernelSource):
    """A source whose kernel side filters nothing for the rules."""

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Do nothing."""


class Refused(KernelSource):
    """A source that cannot compile a prefilter."""

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Fail as a kernel without room would."""
        if c_text is not None:
            raise CaptureError("the kernel refuses the rules' prefilter: no room")


@contextmanager
def engine_with(files: list[RuleFile], source: KernelSource) -> Iterator[Engine]:
    """An engine with rules and no view, its prefilter in force."""
    made = build_engine(Settings(history_mb=64, default_rules=False), source)
    outcome = made.apply_rules(files)
    assert outcome.accepted, outcome.diagnostics
    made.start()
    try:
        assert made.wait_started(120), made.error()
        made._pushdown.wait(60)
        yield made
    finally:
        made.stop()


def rule(name: str, folder: Path, more: str) -> list[RuleFile]:
    return [RuleFile(f"{name}.yaml", RULE.format(name=name, folder=folder, more=more))]


def do_opens(folder: Path, marked: int, unrelated: int, pause_s: float = 0.0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-c", OPENS, str(folder), str(marked), str(unrelated), str(pause_s)]
    return subprocess.Popen(command)


def opened(engine: Engine) -> Counter[str]:
    """How many alerts there are for each path."""
    return Counter(alert.output.removeprefix("opened ") for alert in engine.alerts_since(0))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and not condition():
        time.sleep(0.05)


def closed_counts(engine: Engine) -> Counts:
    """The counters at a moment when the equation holds: the machine goes on while they are read."""
    for _ in range(200):
        counts = engine.source.counts()
        if counts.seen == counts.emitted + counts.filtered + counts.dropped:
            return counts
        time.sleep(0.01)
    return counts


def test_what_no_rule_can_match_stays_in_the_kernel(tmp_path: Path) -> None:
    source = KernelSource()
    with engine_with(rule("one", tmp_path, "/nowhere/a"), source) as engine:
        assert source.has_prefilter
        assert dict(source.facts())["rules' prefilter"] == "in force"
        before = closed_counts(engine)
        do_opens(tmp_path, MARKED, UNRELATED).wait()
        wait_for(lambda: len(opened(engine)) >= MARKED)
        counts = closed_counts(engine)
        assert opened(engine) == {f"{tmp_path}/both-{number}": 1 for number in range(MARKED)}
        assert counts.prefiltered - before.prefiltered >= UNRELATED
        assert counts.filtered >= counts.prefiltered
        assert counts.seen == counts.emitted + counts.filtered + counts.dropped
        assert counts.dropped == 0


def in_history(engine: Engine, begins: bytes) -> int:
    """Count the events in the history whose path as given begins so."""
    return sum(
        batch.slots(row)[Slot.GIVEN].startswith(begins)
        for batch in engine.history.batches()
        for row in range(len(batch))
    )


def test_a_view_gets_what_the_rules_do_not_need(tmp_path: Path) -> None:
    with engine_with(rule("one", tmp_path, "/nowhere/a"), KernelSource()) as engine:
        engine.watch(None)
        probe = f"{tmp_path}/probe"
        look = ["cat", probe]
        wait_until(lambda: subprocess.run(look, stderr=subprocess.DEVNULL) and in_history(engine, probe.encode()))
        before = engine.source.counts()
        do_opens(tmp_path, 0, UNRELATED).wait()
        nothing = f"{tmp_path}/nothing-".encode()
        wait_for(lambda: in_history(engine, nothing) >= UNRELATED)
        assert engine.source.counts().prefiltered == before.prefiltered
        assert in_history(engine, nothing) == UNRELATED


def test_reloads_neither_lose_nor_double_what_both_rule_sets_want(tmp_path: Path) -> None:
    marked = 6_007
    sets = [rule("one", tmp_path, "/nowhere/a"), rule("two", tmp_path, "/nowhere/b")]
    source = KernelSource()
    with engine_with(sets[0], source) as engine:
        engine.apply_rules(sets[1])
        engine._pushdown.wait(60)  # both are compiled now, so that each reload below gets as far as the kernel
        workload = do_opens(tmp_path, marked, marked, pause_s=0.001)
        for turn in range(RELOADS):
            assert engine.apply_rules(sets[turn % 2]).accepted
            engine._pushdown.wait(60)
            assert source.has_prefilter
            time.sleep(0.02)
        was_running = workload.poll() is None
        workload.wait()
        wait_for(lambda: len(opened(engine)) >= marked)
        counts = closed_counts(engine)
        assert was_running, "the calls ended before the reloads did"
        assert counts.dropped == 0
        assert counts.prefiltered
        found = opened(engine)
        assert len(found) == marked
        assert set(found.values()) == {1}
        assert len({alert.revision for alert in engine.alerts_since(0)}) >= RELOADS // 2


REFUSED = "the kernel filters nothing for the rules"


def said(engine: Engine, words: str) -> bool:
    """Whether the engine tells its user so now."""
    snapshot = engine.snapshot()
    return snapshot is not None and any(words in notice for notice in snapshot.notices)


def test_rules_that_cannot_be_compiled_cost_nothing_but_speed(tmp_path: Path) -> None:
    with engine_with(rule("one", tmp_path, "/nowhere/a"), Refused()) as engine:
        do_opens(tmp_path, 5, 5).wait()
        wait_for(lambda: len(opened(engine)) >= 5)
        assert len(opened(engine)) == 5
        wait_for(lambda: said(engine, REFUSED))  # it is tried beside the events
        assert said(engine, REFUSED)


MIX = r"""
cat /etc/shadow; cat /etc/passwd > passwd; ln -s /etc/shadow link; cat link >/dev/null; cat ./../../etc/shadow
cp /bin/true .hidden; ./.hidden; mkdir -p a/.ssh; touch a/.ssh/authorized_keys; cat a/.ssh/*; rm -rf a
cd /; cat etc/shadow; cat //etc//shadow; cat /etc/../etc/shadow; cat /proc/self/../self/environ; cat /proc/1/environ
touch /usr/bin/tuimon-mark /etc/tuimon-mark /root/tuimon-mark /dev/tuimon-mark /boot/tuimon-mark
rm -f /usr/bin/tuimon-mark /etc/tuimon-mark /root/tuimon-mark /dev/tuimon-mark /boot/tuimon-mark
mkdir /bin/tuimon-folder; rmdir /bin/tuimon-folder; ln /etc/shadow /etc/tuimon-link; rm -f /etc/tuimon-link
find /etc /usr/lib -maxdepth 2 >/dev/null; grep -r tuimon-mark /etc/default /etc/pam.d; ls -lR /var/log
history; echo x >> /root/.bash_history; tail /var/log/dpkg.log; cat /root/.ssh/id_rsa; cat /dev/mem | head -c 1
"""


def mixed(engine: Engine, session: int) -> Counter[tuple[str, int, str]]:
    """The alerts of a session: rule, process and output without its time."""
    return Counter(
        (alert.rule, alert.event.tgid, alert.output.split(" ", 1)[-1])
        for alert in engine.alerts_since(0)
        if alert.event.process is not None and alert.event.process.sid == session
    )


@pytest.mark.skipif(not (UPSTREAM / "falco-rules").is_dir(), reason="needs the upstream rules")
def test_all_upstream_rules_say_the_same_with_and_without(tmp_path: Path) -> None:
    """Two engines look at the same calls: one behind its prefilter, the other at all that the rules ask for."""
    names = sorted((UPSTREAM / "falco-rules").glob("falco*_rules.yaml"))
    files = [RuleFile(path.name, path.read_text()) for path in names]
    source = KernelSource()
    with engine_with(files, source) as filtered, engine_with(files, Unfiltered()) as everything:
        assert source.has_prefilter
        for _ in range(ATTEMPTS):
            before = [engine.source.counts() for engine in (filtered, everything)]
            done = subprocess.Popen(
                ["sh", "-c", MIX],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            done.wait()
            time.sleep(4.0)  # what waits for metadata is judged again after two seconds
            after = [engine.source.counts() for engine in (filtered, everything)]
            if [counts.dropped for counts in before] == [counts.dropped for counts in after]:
                break  # on a busy machine others' events may have taken the room
        assert [counts.dropped for counts in before] == [counts.dropped for counts in after]
        assert after[0].prefiltered - before[0].prefiltered > 500
        with_it, without = mixed(filtered, done.pid), mixed(everything, done.pid)
        assert len({rule for rule, _, _ in with_it}) >= 8
        assert with_it == without
