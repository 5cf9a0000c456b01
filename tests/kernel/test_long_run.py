"""A while at a mixed load: counters that add up at every look, marks told exactly once, nothing that piles up.

``TUIMON_LONG_S=3600`` runs it for an hour, as docs/measured.md tells; by default it is short, and memory, which has to
be full before it can show growth, is looked at in the long run only.
"""

from __future__ import annotations

import gc
import os

import pytest

from tests.bench.long_run import LongRun, long_run, table
from tests.conftest import UPSTREAM
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.alone]

SECONDS = float(os.environ.get("TUIMON_LONG_S", "12"))
LONG_S = 600


@pytest.fixture(scope="module")
def run() -> LongRun:
    folder = UPSTREAM / "falco-rules"
    names = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
    rules = tuple(folder / name for name in names) if folder.is_dir() else ()
    gc.collect()  # the handles of engines that the tests before have let go of go now, and not in the middle of it
    done = long_run(SECONDS, max(2.0, SECONDS / 360), 64, rule_files(Settings(rules=rules)))
    print(table(done))
    return done


def test_the_counters_add_up_at_every_look(run: LongRun) -> None:
    assert len(run.samples) >= 3
    assert run.off == 0


def test_every_mark_is_told_exactly_once(run: LongRun) -> None:
    assert run.marks >= SECONDS / 4
    assert run.doubled == 0
    assert run.missed <= (run.samples[-1].dropped - run.samples[0].dropped)


def test_no_handle_and_no_thread_is_left_behind(run: LongRun) -> None:
    assert run.growth("fds") <= 4
    assert run.growth("threads") <= 3


@pytest.mark.skipif(SECONDS < LONG_S, reason=f"memory takes minutes to fill: TUIMON_LONG_S={LONG_S} and more")
def test_memory_is_bounded_once_the_history_is_full(run: LongRun) -> None:
    assert run.full_at_s is not None
    assert run.growth("own_mb") < 32
