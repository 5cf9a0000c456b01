"""Where a run is put together: settings, a source, an engine, one front end. Each import waits until it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuimon.errors import RuleError

if TYPE_CHECKING:
    from tuimon.capture.source import Source
    from tuimon.engine import Engine
    from tuimon.events import Alert
    from tuimon.rules.diagnostics import Diagnostic
    from tuimon.settings import Settings


def screen(settings: Settings, replay: str | None) -> int:
    """Open the screen on the live kernel, or on a recording, and return its exit status."""
    if replay is None:
        # Before anything is painted: no user without root should see a screen flash up and go.
        from tuimon.capture.privileges import require_privileges

        require_privileges()
    from tuimon.ui.app import run

    # The screen calls this in a thread once it is painted.
    return run(
        lambda: _engine(settings, _source(replay, speed=1.0, forgiving=True), on_screen=True),
        settings,
        opening=Path(replay or "").name,
    )


def alerts(
    settings: Settings, replay: str | None, *, as_json: bool, expression: str | None, duration_s: float | None
) -> int:
    """Print alerts until the source ends, the time is up or ctrl+c."""
    from tuimon.headless.watch import watch

    engine = _engine(settings, _source(replay, speed=None), at_once=not expression)
    keep = _kept_alerts(engine, expression) if expression else None
    watch(engine, as_json=as_json, keep=keep, duration_s=duration_s)
    return 0


def record(settings: Settings, path: Path, *, everything: bool, duration_s: float | None) -> int:
    """Record the live kernel into a new file: what the rules need, and what the live pane would show."""
    from tuimon.headless.new_file import check_free
    from tuimon.headless.record import record as run

    check_free(path, "recordings are")
    engine = _engine(settings, _source(None, speed=None))
    engine.watch(None, everything=everything)
    recorder = run(engine, path, duration_s=duration_s)
    left_out = f", {recorder.left_out:,} left out because the disk was too slow" if recorder.left_out else ""
    print(f"tuimon: {recorder.path}: {recorder.events:,} events, {recorder.bytes:,} bytes{left_out}", file=sys.stderr)
    return 0


def evidence(settings: Settings, replay: str, path: Path | None, *, number: int | None, expression: str | None) -> int:
    """Write the evidence of one alert of a recording into a new archive."""
    from tuimon.headless.bundle import bundle

    engine = _engine(settings, _source(replay, speed=None))
    keep = _kept_alerts(engine, expression) if expression else None
    made = bundle(engine, path, number=number, keep=keep)
    print(f"{made.path}: {made.events:,} events, {made.bytes:,} bytes")
    return 0


def _source(replay: str | None, *, speed: float | None, forgiving: bool = False) -> Source:
    """Return the live kernel, or a recording played at a speed (None: as fast as it can be judged)."""
    if replay is None:
        from tuimon.capture.kernel import KernelSource

        return KernelSource()
    from tuimon.capture.recording import RecordingSource
    from tuimon.resources import find_recording

    return RecordingSource(find_recording(replay), speed=speed, forgiving=forgiving)


def _engine(settings: Settings, source: Source, *, on_screen: bool = False, at_once: bool = True) -> Engine:
    """Return an engine with the settings' rules in force.

    Args:
        settings: Which rules.
        source: Where the events come from.
        on_screen: The screen tells of warnings itself.
        at_once: Start it on the live kernel, whose programs are then compiled beside the rules; not before a filter is
            known to be right, which takes a moment, and a start seconds.

    Raises:
        RuleError: A rule is wrong; its text names every error with file, line and column.
        SettingsError: A rule file cannot be read.
    """
    from tuimon.engine import build_engine
    from tuimon.rulefiles import rule_files

    files = rule_files(settings)
    engine = build_engine(settings, source)
    if source.live and at_once:
        engine.start()
    outcome = engine.apply_rules(files)
    if not outcome.accepted:
        engine.stop()
        raise _refused([d for d in outcome.diagnostics if d.severity == "error"])
    if not on_screen:
        _warn(outcome.diagnostics)
    return engine


def _warn(warnings: Sequence[Diagnostic]) -> None:
    """Say on standard error how many warnings the rules have; the screen shows them itself."""
    from tuimon.escape import clean

    files = list(dict.fromkeys(d.file for d in warnings))
    if files:
        where = " ".join(map(clean, files))
        many = "a warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
        print(f"tuimon: the rules load with {many}; to see: tuimon rules check {where}", file=sys.stderr)


def _refused(errors: Sequence[Diagnostic]) -> RuleError:
    """Return what a user should read when rules are refused at the start: each place, the line there, what is right."""
    lines: list[str] = []
    for number, error in enumerate(errors):
        lines += [str(error)] if number else []
        line = error.snippet.split("\n")[0]
        lines += [*(error.snippet.splitlines() if line.strip() else []), *([error.hint] if error.hint else [])]
    return RuleError(str(errors[0]), "\n".join([*lines, "nothing was started"]))


def _kept_alerts(engine: Engine, expression: str) -> Callable[[Alert], bool]:
    """Return what tells whether an alert's event satisfies an expression of the rule language."""
    chosen = engine.filter(expression)
    return lambda alert: bool(len(chosen.rows(alert.event.batch)))
