"""The acts of the host once more, while the machine is flooded: a flood must not hide what is done during it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import UPSTREAM
from tests.kernel.triggers import agent, kit
from tests.kernel.triggers.lab import Lab
from tuimon.records import SizeClass

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.alone]

FLOODS = (
    ["dd", "if=/dev/zero", "of=/dev/null", "bs=1"],
    [sys.executable, "-c", "while True: open('/etc/hostname', 'rb').close()"],
    *[["/bin/sh", "-c", "while :; do /bin/true; done"]] * 3,
)
"""Reads, opens and processes, more than there are CPUs on a small machine."""
RESERVED = (SizeClass.PROC_SHORT, SizeClass.PROC_MID, SizeClass.PROC_LONG)

agent.load_acts()
ACTS = [act for act in kit.ACTS.values() if act.where == kit.HOST and act.rules]


@contextlib.contextmanager
def flood() -> Iterator[None]:
    """Make noise of every kind."""
    quiet = subprocess.DEVNULL
    with contextlib.ExitStack() as stack:
        for command in FLOODS:
            noise = stack.enter_context(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))
            stack.callback(noise.kill)
        yield


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = UPSTREAM / "falco-rules"
    lab = Lab(tmp_path_factory.mktemp("lab"), folder if folder.is_dir() else None)
    with lab.open():
        # Until the rules are compiled into the kernel all their calls are told, more than this flood leaves room for.
        lab.engine._pushdown.wait(60)
        with flood():
            lab.perform()
            lab.settle()
    return lab


@pytest.mark.parametrize("name", [act.name for act in ACTS])
def test_an_act_fires_its_rules_during_a_flood(lab: Lab, name: str) -> None:
    done = lab.done[name]
    assert not done.trouble, done.trouble
    missing = set(done.rules) & lab.rules().keys() - done.fired()
    assert not missing, f"{lab.engine.source.counts().dropped_by_class} events were dropped"


def test_the_reserved_classes_lose_nothing(lab: Lab) -> None:
    """What tells of processes and their rights is read in time even when every CPU is taken."""
    assert [lab.engine.source.counts().dropped_by_class[each] for each in RESERVED] == [0, 0, 0]


def test_the_accounting_closes(lab: Lab) -> None:
    counts = lab.engine.source.counts()
    assert counts.seen == counts.emitted + counts.filtered + counts.dropped
    assert counts.seen > 100_000
