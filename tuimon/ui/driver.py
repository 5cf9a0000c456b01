"""Textual's driver for Linux, whose thread waits for keys for as long as none come.

Textual's (8.2) looks ten times a second whether it is to end, or whether an esc was a key of its own; on a machine
where nothing happens that is half of what its screen costs. Here the end says so itself, and an esc sets a limit.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any, Final

from textual._time import get_time
from textual.drivers.linux_driver import LinuxDriver

from tuimon.ui.typed import KeyParser

if TYPE_CHECKING:
    from textual.app import App

_READ_BYTES: Final = 4096


class EndEvent(threading.Event):
    """An event that also ends a wait for files, through a file of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the file, which can be read while the event is set."""
        return self._fd

    def set(self) -> None:
        """Set the event."""
        super().set()
        os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Take it back."""
        super().clear()
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def __del__(self) -> None:
        os.close(self._fd)


class KeyDriver(LinuxDriver):
    """The driver, which reads keys in our way (see tuimon.ui.typed)."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.exit_event: EndEvent = EndEvent()

    def _sigtstp_application(self, *_: object) -> None:
        """Stop as soon as what goes on has come to its end: in the middle of it a queue's lock may be held."""
        if self._loop.is_closed():
            super()._sigtstp_application()
        else:
            self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        """Go on, likewise."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if self._auto_restart and not self._must_signal_resume:  # stopped without a word: another thread would read too
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()

    def run_input_thread(self) -> None:
        """Read keys until the end is told."""
        parser = KeyParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.PollSelector() as selector:
            terminal = selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self.exit_event.fileno(), selectors.EVENT_READ)
            while not self.exit_event.is_set():
                ready = [key for key, _ in selector.select(_limit_s(parser))]
                if terminal in ready:
                    data = os.read(self.fileno, _READ_BYTES)
                    if not data:  # the terminal is gone, and what ends on SIGHUP would have ended
                        self._app.call_later(self._app.exit)
                        return
                    for message in parser.feed(text) if (text := decode(data)) else ():
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)


def _limit_s(parser: KeyParser) -> float | None:
    """Return in how many seconds what was read so far is a key of its own, such as esc; None: nothing waits."""
    due_s = parser._timeout_time
    return None if due_s is None else max(due_s - get_time(), 0)
