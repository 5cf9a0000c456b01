"""Text of monitored processes is hostile: over a real pty, no byte of it is obeyed, in any pane."""

from __future__ import annotations

import base64
import re
import sys

import pytest

from tests.ui.fake_engine import LOCAL_RULES
from tests.ui.terminal import Terminal
from tuimon.escape import BAD, clean

pytestmark = pytest.mark.terminal

# Payload as the program gets it, and the bytes that must never come out of the screen.
PAYLOADS = {
    "title": ("\x1b]0;PWNED\x07", [b"\x1b]0;PWNED", b"\x07"]),
    "colour": ("\x1b[31;5mPWNED", [b"\x1b[31;5m"]),
    "clear": ("\x1b[2J\x1b[HPWNED", [b"\x1b[2J\x1b[HPWNED"]),
    "c1": ("\x9b31mPWNED\x90q\x9c", [b"\xc2\x9b", b"\xc2\x90", b"\xc2\x9c"]),
    "bidi": ("PWNED\u202egnp\u2066x", [b"\xe2\x80\xae", b"\xe2\x81\xa6"]),
    "zero width": ("P\u200bWNED\ufeff\U000e0041", [b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\xf3\xa0\x81\x81"]),
    "lines": (
        "PWNED\nFORGED\r\x0b\x0c\u2028\u2029\x85",
        [b"PWNED\n", b"PWNED\r\n", b"\x0b", b"\x0c", b"\xe2\x80\xa8", b"\xc2\x85"],
    ),
    "nul": ("PWN\x00ED\x08\x7f", [b"\x00", b"\x08", b"\x7f"]),
    "markup": ("[red]PWNED[/nope][@click=app.quit()]x[/]", []),
    "not utf-8": ("PWNED\udcff\udc9b", [b"\xff", b"\x9b1"]),
    "clipboard": ("\x1b]52;c;UFdORUQ=\x07PWNED", [b"\x1b]52;c;UFdORUQ"]),
}
TRIAGE = (
    ("copy menu of the alert", "Y", "the command of its process"),
    ("copied", "\r", "copied"),
    ("mute", "m", "so far"),
    ("muted", "\r", "muted: "),
    ("mutes", "\x1b2M", "kept away"),
    ("unmuted", "\r", "no longer"),
    ("grouped", "i\x1b[B\r", "groups"),
    ("noise", "%", "share"),
    ("before", "\x1bb", "lost meanwhile"),
    ("copied row", "y", "copied what"),
    ("copied rows", "Y", "as JSON"),
    ("story", "t", "that tell"),
    ("copied story", "Y", "copied the"),
    ("file of the story", "S", "tuimon-story-"),
    ("evidence", "\x1bE", "tuimon-evidence-"),
)
"""Dialogs that are opened with all payloads in one text, once; the panes are shown each by itself too."""
PAYLOADS["all at once"] = (
    "".join(text for text, _ in PAYLOADS.values()), [raw for _, forbidden in PAYLOADS.values() for raw in forbidden]
)  # fmt: skip
# Where each payload must be seen, escaped: keys to press and what to wait for.
PANES = (
    ("live", "", "LIVE"),
    ("containers and chip", "c\x1b[F\r", "rows hidden"),
    ("event", "1G\r", "process and its ancestors"),
    ("event, scrolled", "\x1b[F", "evt."),
    ("event as JSON", "J", "evt.num"),
    ("view", "\x1b\x1bV\x1b[B\x1b[B\x1b[B\r", "without one"),
    ("breadcrumb", "\r", "rows hidden"),
    ("completion", "/ and proc.name = ", "seen"),
    ("alerts", "\x1b\x1b\x1b\x1b2g", "fields of the output"),
    ("alert", "\r", "Back"),
    *TRIAGE,
    ("board", "\x1b\x1b\x1b\x1b4", "alerts by tactic"),
    ("tree", "5G", "Processes"),
    ("process", "\r", "working directory"),
    ("timeline", "\x1b6", "in what history holds"),
    ("health", "7", "heartbeat"),
    ("rules", "3\r", "Rules that come"),
)


_COPIED = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
"""What was copied; one of a payload's own that was obeyed would be counted with them."""


def as_escapes(text: str) -> str:
    """Return text as an ASCII argument that ``unicode_escape`` undoes."""
    return "".join(f"\\U{ord(c):08x}" for c in text)


@pytest.mark.parametrize("name", PAYLOADS)
def test_nothing_is_obeyed(name, tmp_path):
    payload, forbidden = PAYLOADS[name]
    rules = tmp_path / "local.yaml"
    # What YAML itself refuses cannot stand in a rule in force, but it can stand in the file being edited.
    rules.write_text(f"# {payload}\n{LOCAL_RULES}", encoding="utf-8", errors="surrogateescape", newline="")
    rules.write_bytes(rules.read_bytes().decode("utf-8", "replace").encode())
    terminal = Terminal(
        [sys.executable, "-m", "tests.ui.pty_app", "--hostile", as_escapes(payload), "--rules", str(rules)],
        env={"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "SUDO_USER": None},
    )
    try:
        terminal.wait_for("LIVE")
        terminal.settle()
        for pane in PANES:
            if pane in TRIAGE and name != "all at once":
                continue
            _, keys, expected = pane
            at = len(terminal.output) if keys else 0
            # A lone esc must not run together with the key after it.
            for part in re.split(r"(?<=\x1b)(?=[^\[])", keys):
                terminal.write(part)
                terminal.settle()
            terminal.wait_for(expected, since=at)
        seen = terminal.output
        terminal.write("\x1b")
        terminal.settle()
        terminal.write("q")
        assert terminal.wait_exit() == 0
    finally:
        terminal.close()
    assert b"Traceback" not in seen
    seen = re.sub(rb"\x1b\]22;[a-z-]*\x07", b"", seen)  # Textual's own: the shape of the mouse pointer
    # What was copied went to the terminal as OSC 52, and into a file: safe in both.
    copied = [base64.b64decode(found) for found in _COPIED.findall(seen)]
    seen = _COPIED.sub(b"", seen)
    for raw in forbidden:
        at = seen.find(raw)
        assert at < 0, (raw, seen[max(at - 60, 0) : at + 60])
    assert b"WNED" in seen or b"PWN" in seen
    assert len(copied) == (4 if name == "all at once" else 0)
    assert not copied or any(clean(payload)[:4] in text.decode() for text in copied)
    for text in (*copied, *(path.read_bytes() for path in tmp_path.glob("tuimon/clipboard.txt"))):
        assert BAD.search(text.decode().replace("\n", "")) is None, text


def test_replaced_bytes_look_different_from_the_same_letters_typed():
    """``clean`` leaves a backslash alone, so only the style tells an escape from two letters."""
    import asyncio

    from tests.ui.conftest import running
    from tests.ui.fake_engine import fed_engine

    async def styles():
        async with running(fed_engine(hostile="\x1b\\eX")) as (app, _):
            painter = app.main.live.events.list
            strip = painter.paint((__import__("tuimon.view.cells").view.cells.Cell("\x1b\\eX"),), 10)
            return [(segment.text, segment.style) for segment in strip]

    found = asyncio.run(styles())
    assert [text for text, _ in found[:2]] == ["\\e", "\\eX"]
    assert found[0][1] != found[1][1]
