"""``tuimon evidence``: the evidence of one alert of a recording, without a screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tuimon.engine import Engine
from tuimon.errors import TuimonError
from tuimon.escape import clean
from tuimon.events import Alert
from tuimon.headless.evidence import Bundle, check_new, default_name, write_bundle
from tuimon.headless.watch import failure

POLL_S: Final = 0.05
_LISTED: Final = 20
"""Alerts named when it is not clear which is meant."""


def bundle(
    engine: Engine, path: Path | None, *, number: int | None = None, keep: Callable[[Alert], bool] | None = None
) -> Bundle:
    """Play a recording to its end and write the evidence of one of its alerts.

    Args:
        engine: Over the recording, not started yet; stopped when this returns, whatever happens.
        path: A new ``.tar.gz``; None: named after the alert, in the current folder.
        number: Of the alert, from 1 in the order they fire; None: any.
        keep: Says which alerts may be meant; None: all.

    Raises:
        TuimonError: None or more than one alert is meant, or the archive cannot be written.
    """
    if path is not None:
        check_new(path)
    engine.start()
    try:
        engine.wait_started(60)
        while engine.error() is None and not engine.finished():
            time.sleep(POLL_S)
        if (error := engine.error()) is not None:
            raise failure(error)
        alert = one_of(engine.alerts_since(0), number, keep)
        return write_bundle(engine, alert, path or Path(default_name(alert)))
    finally:
        engine.stop()


def one_of(alerts: Sequence[Alert], number: int | None, keep: Callable[[Alert], bool] | None) -> Alert:
    """Return the one alert that is meant.

    Raises:
        TuimonError: There is none, or more than one; the hint lists them.
    """
    meant = [each for each in alerts if number in (None, each.num) and (keep is None or keep(each))]
    if len(meant) == 1:
        return meant[0]
    if not alerts:
        raise TuimonError("no rule fires in this recording", "-r FILE loads more rules")
    if not meant:
        raise TuimonError("no alert of this recording is meant by that", _listed(alerts))
    raise TuimonError(f"{len(meant):,} alerts are meant; evidence is of one: --alert N", _listed(meant))


def _listed(alerts: Sequence[Alert]) -> str:
    from tuimon.view.clock import clock

    lines = [
        clean(f"{each.num:>6}  {clock(each.time_ns, 3)}  {each.priority}  {each.rule}") for each in alerts[:_LISTED]
    ]
    more = [f"... and {len(alerts) - _LISTED:,} more"] if len(alerts) > _LISTED else []
    return "\n".join([*lines, *more])
