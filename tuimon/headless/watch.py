"""``tuimon watch``: alerts as lines on standard output until the source ends, the time is up or ctrl+c."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from tuimon.engine import Engine
from tuimon.errors import CaptureError, TuimonError
from tuimon.events import Alert
from tuimon.headless.alerts import json_line, text_line
from tuimon.wording import counted

TOGETHER_S = 0.05
"""Alerts that follow one another are written together, this often."""
WAIT_S = 1.0


def failure(error: BaseException) -> TuimonError:
    """Return what ended the engine as an error with a sentence."""
    if isinstance(error, TuimonError):
        return error
    return CaptureError(
        f"the engine stopped: {type(error).__name__}: {error}", "this is a bug of tuimon; please report it"
    )


def watch(
    engine: Engine,
    *,
    as_json: bool = True,
    keep: Callable[[Alert], bool] | None = None,
    duration_s: float | None = None,
    out: TextIO | None = None,
    status: TextIO | None = None,
) -> None:
    """Print alerts as they fire.

    Args:
        engine: Not started yet; stopped when this returns, whatever happens.
        as_json: Falco's JSON lines, else Falco's text.
        keep: Print only these alerts.
        duration_s: Stop after this long; None goes on until the source ends.
        out: Where alerts go, standard output by default. Flushed per line, so that a pipe sees them at once.
        status: Where the opening sentence of a live source and the closing one (counts, what was lost) go, standard
            error by default.

    Raises:
        TuimonError: When the source cannot be started or the engine ended with an error.
        BrokenPipeError: When nobody reads ``out`` any more.
    """
    out = out or sys.stdout
    status = status or sys.stderr
    line = json_line if as_json else text_line
    engine.start()
    printed = shown = 0
    try:
        # The time runs from when there is something to see.
        if engine.wait_started(60):
            status.write(opening(engine))
            status.flush()
        ends_at = time.monotonic() + duration_s if duration_s is not None else None
        while True:
            error = engine.error()
            # The order matters: what was true before the alerts were read ends the loop.
            over = error is not None or engine.finished() or (ends_at is not None and time.monotonic() >= ends_at)
            before = printed
            for alert in engine.alerts_since(printed):
                printed = alert.num
                if keep is None or keep(alert):
                    out.write(line(alert) + "\n")
                    shown += 1
            out.flush()
            if error is not None:
                raise failure(error)
            if over:
                return
            if printed != before:
                time.sleep(TOGETHER_S)
            left_s = WAIT_S if ends_at is None else min(ends_at - time.monotonic(), WAIT_S)
            engine.wait_for_alerts(printed, max(left_s, 0.0))
    finally:
        engine.stop()
        status.write(closing(engine, shown))
        status.flush()


def opening(engine: Engine) -> str:
    """Return the sentence that says from when on alerts can come: starting takes seconds on a busy machine."""
    if not engine.source.live:
        return ""
    return f"tuimon: watching, {counted(len(engine.rules_in_force()), 'rule')} in force\n"


def closing(engine: Engine, shown: int) -> str:
    """Return the closing sentence: what was seen, what was lost, what fired; empty when it did not even start."""
    snapshot, counts = engine.snapshot(), engine.source.counts()
    if snapshot is None or (engine.error() is not None and not counts.seen):
        return ""
    lost = f"{counts.dropped:,} LOST" if counts.dropped else "none lost"
    alerts = counted(shown, "alert")
    return f"tuimon: {counts.seen:,} events seen, {counts.emitted:,} judged in detail, {lost}, {alerts}\n"
