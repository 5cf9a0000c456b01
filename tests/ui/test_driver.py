"""The thread that reads keys: it waits for as long as none come, and ends, stops and goes on when it is told to."""

from __future__ import annotations

import os
import pty
import queue
import select
import selectors
import signal
import sys
import threading
import tty
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from tests.ui.terminal import Terminal
from tuimon.ui.app import TuimonApp
from tuimon.ui.driver import EndEvent, KeyDriver

LONG_S = 60
IGNORING = (
    "import runpy, signal; signal.signal(1, signal.SIG_IGN); runpy.run_module('tests.ui.pty_app', run_name='__main__')"
)


class Reader:
    """The reading half of a driver, on a pty of its own."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        os.set_blocking(slave, True)
        self.driver = KeyDriver.__new__(KeyDriver)
        self.driver.fileno, self.driver._debug, self.driver.exit_event = slave, False, EndEvent()
        self.said: queue.Queue[object] = queue.Queue()
        self.driver.process_message = self.said.put  # type: ignore[method-assign]
        self.driver._app = SimpleNamespace(call_later=self.said.put, exit="exit")  # type: ignore[assignment]
        tty.setraw(slave)
        self.thread = threading.Thread(target=self.driver.run_input_thread, daemon=True)

    def key(self, data: bytes) -> str:
        """Write what a key sends; return what was read."""
        os.write(self.master, data)
        event = self.said.get(timeout=LONG_S)
        assert isinstance(event, events.Key)
        return event.key

    def end(self) -> None:
        self.driver.exit_event.set()
        self.thread.join(LONG_S)
        assert not self.thread.is_alive()


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    if made.thread.is_alive():
        made.end()
    for fd in made.master, made.driver.fileno:
        if fd >= 0:
            os.close(fd)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """How long the thread was ready to wait, each time."""
    found: list[float | None] = []
    wait = selectors.PollSelector.select

    def select(self: selectors.PollSelector, timeout: float | None = None) -> object:
        found.append(timeout)
        return wait(self, timeout)

    monkeypatch.setattr(selectors.PollSelector, "select", select)
    return found


def test_keys_are_read_and_waited_for_without_a_limit(reader: Reader, limits: list[float | None]) -> None:
    reader.thread.start()
    assert [reader.key(key) for key in (b"a", b"\x1b[A", "ü".encode())] == ["a", "up", "ü"]
    reader.end()
    assert set(limits) == {None}


def test_an_esc_is_a_key_when_nothing_follows(reader: Reader, limits: list[float | None]) -> None:
    reader.thread.start()
    assert reader.key(b"\x1b") == "escape"
    assert reader.key(b"b") == "b"
    reader.end()
    assert any(limit is not None and limit > 0 for limit in limits)
    assert limits[-1] is None


def test_bytes_that_are_no_text_end_nothing(reader: Reader) -> None:
    reader.thread.start()
    reader.key(b"\xff\xfe")
    while reader.said.qsize():
        reader.said.get()
    os.write(reader.master, b"b")
    while (event := reader.said.get(timeout=LONG_S)).key != "b":  # type: ignore[attr-defined]
        assert event.character == "\ufffd"  # type: ignore[attr-defined]


def test_reading_ends_when_told_and_begins_anew(reader: Reader) -> None:
    for _ in range(3):
        reader.thread.start()
        assert reader.key(b"a") == "a"
        reader.end()
        reader.driver.exit_event.clear()
        reader.thread = threading.Thread(target=reader.driver.run_input_thread, daemon=True)


def test_a_terminal_that_is_gone_ends_the_screen(reader: Reader) -> None:
    read, write = os.pipe()  # what is read of a terminal that has hung up, and of a closed pipe: nothing, for ever
    os.close(reader.driver.fileno)
    reader.driver.fileno = read
    os.close(write)
    reader.thread.start()
    assert reader.said.get(timeout=LONG_S) == "exit"
    reader.thread.join(LONG_S)
    assert not reader.thread.is_alive()


def test_a_bell_can_be_waited_for_with_files() -> None:
    bell = EndEvent()
    assert not select.select([bell], [], [], 0)[0]
    bell.set()
    bell.set()
    assert bell.is_set()
    assert select.select([bell], [], [], 0)[0]
    bell.clear()
    bell.clear()
    assert not bell.is_set()
    assert not select.select([bell], [], [], 0)[0]


def test_only_textuals_driver_for_linux_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TuimonApp(lambda: None)  # type: ignore[arg-type, return-value]
    for given, used in ((LinuxDriver, KeyDriver), (HeadlessDriver, HeadlessDriver)):
        monkeypatch.setattr(App, "get_driver_class", lambda self, given=given: given)
        assert app.get_driver_class() is used


@pytest.mark.parametrize("stop", [signal.SIGTSTP, signal.SIGSTOP], ids=["asked", "forced"])
def test_a_screen_that_is_stopped_gives_the_terminal_back_and_goes_on_where_it_was(stop: signal.Signals) -> None:
    terminal = Terminal([sys.executable, "-m", "tests.ui.pty_app"], (80, 24))
    try:
        terminal.wait_for("FOLLOW")
        for _ in range(2):
            at = len(terminal.output)
            os.kill(terminal.pid, stop)
            while stop == signal.SIGTSTP and b"\x1b[?1049l" not in terminal.output[at:]:
                terminal.read(0.05)
            pid, status = os.waitpid(terminal.pid, os.WUNTRACED)
            assert pid == terminal.pid
            assert os.WIFSTOPPED(status)
            at = len(terminal.output)
            os.kill(terminal.pid, signal.SIGCONT)
            terminal.wait_for("FOLLOW", since=at)
            terminal.write("2")
            terminal.wait_for("[2 Alerts", since=at)
            terminal.write("1")
            terminal.wait_for("[1 Live", since=at)
        terminal.write("q")
        assert terminal.wait_exit() == 0
    finally:
        terminal.close()


def test_a_screen_whose_terminal_is_gone_ends_though_nobody_hangs_up() -> None:
    """Started under nohup, or orphaned: Textual's thread would read nothing again and again, for ever."""
    terminal = Terminal([sys.executable, "-c", IGNORING], (80, 24))
    terminal.wait_for("FOLLOW")
    terminal.status = 0
    terminal.close()
    _, status = os.waitpid(terminal.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
