"""The screen over a recording that is played as fast as it can be judged, for benchmarks.

``python -m tests.ui.replay_app FILE --events N --state OUT``: stops playing after so many events, and then, when the
history has been prepared, writes what it holds to OUT.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import ClassVar

from tuimon.batch import Batch, empty_batch, pieces

DRAIN_ROWS = 4096


def main() -> int:
    """Read the arguments and run the screen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recording", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--state", type=Path)
    args = parser.parse_args()

    from tuimon.ui.app import run

    return run(lambda: engine(args))


def engine(args: argparse.Namespace) -> object:
    """Make the engine; in the screen's thread for it, as with the real one."""
    from tuimon.capture.recording import RecordingSource
    from tuimon.engine import build_engine
    from tuimon.rulefiles import rule_files
    from tuimon.settings import Settings

    class Bounded(RecordingSource):
        """Ends after so many events, and hands them out in drains of a live size."""

        taken = 0
        waiting: ClassVar[deque[Batch]] = deque()

        def drain(self, timeout_s: float) -> Batch:
            if not self.waiting and self.taken < args.events:
                self.waiting.extend(pieces(super().drain(timeout_s), DRAIN_ROWS))
            if self.taken >= args.events or not self.waiting:
                time.sleep(timeout_s)
                return empty_batch()
            batch = self.waiting.popleft()
            self.taken += len(batch)
            return batch

    made = build_engine(Settings(history_mb=1024), Bounded(args.recording, speed=None))
    made.apply_rules(rule_files(Settings(), Path("/nonexistent")))
    if args.state is not None:
        threading.Thread(target=_tell, args=(made, args), daemon=True).start()
    return made


def _tell(made: object, args: argparse.Namespace) -> None:
    history = made.history  # type: ignore[attr-defined]
    while len(history) < args.events - DRAIN_ROWS:
        time.sleep(0.2)
    while made.prepare():  # type: ignore[attr-defined]
        time.sleep(0.01)
    time.sleep(1)
    args.state.write_text(json.dumps({"events": len(history), "nbytes": history.nbytes}))


if __name__ == "__main__":
    sys.exit(main())
