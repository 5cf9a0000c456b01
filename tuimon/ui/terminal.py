"""The terminal that the screen is started in: whether it can show one, and with which characters."""

from __future__ import annotations

import os
import sys

from tuimon.errors import TuimonError


def check_terminal() -> None:
    """Refuse a terminal that cannot show a screen.

    Raises:
        TuimonError: It is none, or too simple. Textual draws on the standard error stream.
    """
    hint = "tuimon watch prints alerts without a screen"
    if os.environ.get("TERM", "") in ("dumb", "unknown"):
        raise TuimonError(f"this terminal (TERM={os.environ['TERM']}) cannot show a screen", hint)
    stream = sys.__stderr__
    if stream is None or not stream.isatty() or sys.__stdin__ is None or not sys.__stdin__.isatty():
        raise TuimonError("the screen needs a terminal on its input and its error stream", hint)


def speaks_utf8() -> bool:
    """Return whether what is drawn may have characters beyond ASCII."""
    stream = sys.__stderr__
    return stream is not None and (stream.encoding or "").lower().replace("-", "") == "utf8"
