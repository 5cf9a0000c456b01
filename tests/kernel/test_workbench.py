"""The workbench on the live kernel: a rule written after the attack, and an exception that hides only the twin.

An attack in a container, no alert; a rule is written, and its preview shows the attack that has happened; it is put in
force, and the attack again alerts; a harmless twin, false alert; an exception, of which the preview says that it hides
the twin alone; both again: one alert.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers import IMAGE, SLEEP, Podman, podman_engine, unique
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.events import Alert
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings
from tuimon.workbench.desk import Desk

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

WATCHING = RuleFile(
    "watching.yaml",
    "- rule: Never\n  desc: d\n  output: o\n  priority: INFO\n"
    "  condition: evt.type in (open, openat, openat2) and fd.name = /no/such/file\n",
)
"""A rule in force beside the one that is being written."""


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Podman]:
    with podman_engine(tmp_path) as engine:
        yield engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = build_engine(Settings(), KernelSource())
    assert engine.apply_rules([WATCHING]).accepted
    # As the screen does: without a view, what no rule in force can match stays in the kernel and cannot be previewed.
    engine.watch(None)
    engine.start()
    assert engine.wait_started(120), engine.error()
    yield engine
    engine.stop()


def until(found: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_from_an_attack_that_has_happened_to_an_exception_for_its_twin(engine: Engine, podman: Podman) -> None:
    name, secret = unique("shop"), f"/tmp/{unique('secret')}"
    podman.run(name, IMAGE, *SLEEP)

    def act(program: str) -> None:
        subprocess.run([*podman.client, "exec", name, program, secret], env=podman.env, check=True, capture_output=True)

    def alerts(rule: str) -> list[Alert]:
        return [alert for alert in engine.alerts_since(0) if alert.rule == rule]

    subprocess.run([*podman.client, "exec", name, "touch", secret], env=podman.env, check=True)
    act("cat")
    desk = Desk(engine)
    mine = RuleFile(
        "mine.yaml",
        "- rule: Secret Read\n  desc: d\n  output: '%proc.cmdline %container.name %fd.name'\n  priority: WARNING\n"
        f"  condition: evt.type in (open, openat, openat2) and evt.is_open_write=false and fd.name = {secret}\n",
    )
    files = (WATCHING, mine)
    until(lambda: desk.preview(files).now)
    shown = desk.preview(files)
    assert (shown.was, shown.now, shown.unknown, shown.not_captured) == (0, 1, 0, ())
    assert [(row.process, row.container) for row in shown.added_rows] == [("cat", name)]
    assert not alerts("Secret Read")

    assert engine.apply_rules(files).accepted
    act("cat")
    until(lambda: len(alerts("Secret Read")) == 1)
    act("head")
    until(lambda: len(alerts("Secret Read")) == 2)

    twin = alerts("Secret Read")[-1]
    draft = desk.draft(twin)
    assert "proc.name = head" in draft.text
    until(lambda: desk.hides(draft).preview.removed)
    hidden = desk.hides(draft)
    assert [alert.num for alert in hidden.alerts] == [twin.num]
    assert [(row.process, row.container) for row in hidden.preview.removed_rows] == [("head", name)]
    assert hidden.others == ()

    assert engine.apply_rules(draft.files(files, "local.yaml")).accepted
    act("head")
    act("cat")
    until(lambda: len(alerts("Secret Read")) == 3)
    time.sleep(1)
    last = alerts("Secret Read")
    assert len(last) == 3
    assert last[-1].event.process is not None
    assert (last[-1].event.process.comm, last[-1].revision) == ("cat", 3)
