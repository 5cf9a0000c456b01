"""The bell of the live kernel's programs: rung once after a silence, and only when it was asked for."""

import subprocess
import threading
from collections.abc import Iterator

import pytest

from tuimon.capture.bell import Bell
from tuimon.capture.kernel import KernelSource
from tuimon.capture.looks import SILENT_LOOKS
from tuimon.capture.source import Interest, Want
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

LONG_S = 120.0


@pytest.fixture
def source() -> Iterator[KernelSource]:
    source = KernelSource(self_pids=None)
    source.start()
    yield source
    source.close()


def bell_of(source: KernelSource) -> Bell:
    assert source._looks.bell is not None
    return source._looks.bell


def nothing() -> bool:
    return False


def in_a_thread(source: KernelSource) -> tuple[threading.Thread, list[bool]]:
    """Wait for the bell as the reader does; what the wait returned is in the list when the thread has ended."""
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(bell_of(source).wait(LONG_S, nothing)), daemon=True)
    thread.start()
    return thread, said


@pytest.mark.parametrize(
    ("calls", "command"),
    [
        ((), ["/bin/true"]),  # records of processes
        (("getppid",), ["/bin/sh", "-c", "echo $PPID"]),  # a slim one
        (("openat",), ["/bin/cat", "/etc/hostname"]),  # one with a path
    ],
)
def test_the_first_record_rings(source: KernelSource, calls: tuple[str, ...], command: list[str]) -> None:
    source.set_interest(Interest({NAME_TO_NR[name]: Want.RULES for name in calls}))
    for _ in range(3):
        thread, said = in_a_thread(source)
        while thread.is_alive():  # it may not wait yet when the first one runs
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        assert said == [True]


def test_who_does_not_wait_is_not_rung_for(source: KernelSource) -> None:
    bell = bell_of(source)
    before = int(bell._produced[0])
    subprocess.run(["/bin/true"], check=True)
    assert source._rings.pending()
    assert int(bell._produced[0]) == before


def test_a_call_ends_a_wait_and_what_is_there_is_not_waited_for(source: KernelSource) -> None:
    bell = bell_of(source)
    bell.call()
    bell.pause(LONG_S)
    assert bell.wait(LONG_S, lambda: True)
    thread = threading.Thread(target=lambda: bell.pause(LONG_S), daemon=True)
    thread.start()
    bell.call()
    thread.join(60)
    assert not thread.is_alive()


def test_the_end_of_the_source_ends_a_wait() -> None:
    source = KernelSource()
    source.start()
    bell = bell_of(source)
    thread = threading.Thread(target=lambda: bell.pause(LONG_S), daemon=True)
    thread.start()
    source.close()
    thread.join(60)
    assert not thread.is_alive()
    bell.call()
    bell.pause(LONG_S)
    assert not bell.wait(LONG_S, nothing)
    bell.close()


def test_in_a_silence_the_rings_are_not_looked_at(source: KernelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    waits_s: list[float] = []
    look = source._look

    def counted(*args: object) -> object:
        looks.append(0.0)
        return look(*args)  # type: ignore[arg-type]

    def wait(timeout_s: float, _is_there: object) -> bool:
        waits_s.append(timeout_s)
        source.interrupt()
        return False

    monkeypatch.setattr(source._rings, "pending", nothing)
    monkeypatch.setattr(source, "_look", counted)
    monkeypatch.setattr(bell_of(source), "wait", wait)
    assert len(source.drain(LONG_S)) == 0
    assert len(waits_s) == 1
    assert 0 < waits_s[0] <= LONG_S
    assert len(looks) == SILENT_LOOKS + 1  # the last one for the interruption
