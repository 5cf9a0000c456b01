"""What ends the screen from outside, at the moments at which that is hard: the terminal is given back, nothing said."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.ui.terminal import Terminal

KILLED_IN = """
import os, signal, sys
from {module} import {owner}
real = {owner}.{method}
def struck(*args, **kwargs):
    {owner}.{method} = real
    os.kill(os.getpid(), signal.{name})
    return real(*args, **kwargs)
{owner}.{method} = struck
from tests.ui.pty_app import main
sys.exit(main())
"""
"""A signal from within the screen's own work: no clock decides where it strikes."""
MOMENTS = {
    "styled": ("textual.css.stylesheet", "Stylesheet", "apply"),
    "composed": ("tuimon.ui.screens.main", "MainScreen", "compose"),
    "laid out": ("textual._compositor", "Compositor", "reflow"),
    "arranged": ("textual.layouts.vertical", "VerticalLayout", "arrange"),
    "painted": ("tuimon.ui.widgets.painter", "CellPainter", "paint"),
    "displayed": ("tuimon.ui.app", "TuimonApp", "_display"),
    "taken up": ("tuimon.ui.app", "TuimonApp", "_take_up"),
    "pumped": ("tuimon.ui.screens.main", "MainScreen", "pump"),
}


def gives_the_terminal_back(terminal, status):
    assert terminal.wait_exit() == status
    terminal.settle()
    assert "Traceback" not in terminal.text()
    assert terminal.output.rfind(b"\x1b[?1049l") > terminal.output.rfind(b"\x1b[?1049h"), "not as it was before"


@pytest.mark.parametrize("moment", MOMENTS)
def test_sigterm_gives_the_terminal_back_whenever_it_comes(moment):
    module, owner, method = MOMENTS[moment]
    program = KILLED_IN.format(module=module, owner=owner, method=method, name="SIGTERM")
    terminal = Terminal([sys.executable, "-c", program], (80, 24))
    try:
        gives_the_terminal_back(terminal, 143)
    finally:
        terminal.close()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("step", [(), ("--start", "100000"), ("--attaching",)], ids=["shown", "made", "attached"])
def test_a_signal_ends_a_screen_that_waits_for_the_next_event(number, status, step):
    terminal = Terminal([sys.executable, "-m", "tests.ui.pty_app", *step], (80, 24))
    try:
        terminal.wait_for("starting capture" if step else "LIVE")
        terminal.settle()
        os.kill(terminal.pid, number)
        gives_the_terminal_back(terminal, status)
    finally:
        terminal.close()


STUCK = """
import sys, time
from tuimon.ui import app, signals
signals.STUCK_S = 0.2
app.TuimonApp.leave = lambda *args: time.sleep(100_000)
from tests.ui.pty_app import main
sys.exit(main())
"""


def test_a_loop_that_waits_for_a_terminal_which_takes_nothing_does_not_keep_the_program():
    """Such as one stopped with ctrl+s."""
    terminal = Terminal([sys.executable, "-c", STUCK], (80, 24))
    try:
        terminal.wait_for("LIVE")
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait_exit() == 143
    finally:
        terminal.close()
