"""The start of the engine behind the painted screen."""

from __future__ import annotations

import sys

import pytest

from tests.ui.terminal import Terminal


@pytest.mark.parametrize("step", [("--start", "100000"), ("--attaching",)], ids=["made", "attached"])
@pytest.mark.parametrize("key", ["q", "\x03", "\x11"], ids=["q", "ctrl+c", "ctrl+q"])
def test_whoever_leaves_does_not_wait_for_the_start_to_be_through(key, step):
    """Neither while the engine is made nor while it attaches its programs."""
    terminal = Terminal([sys.executable, "-m", "tests.ui.pty_app", *step], (80, 24))
    try:
        terminal.wait_for("starting capture")
        terminal.write(key)
        assert terminal.wait_exit() == 0
        assert b"\x1b[?1049l" in terminal.output, "the terminal is as it was before"
        assert "Traceback" not in terminal.text()
    finally:
        terminal.close()
