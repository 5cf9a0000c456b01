"""Questions about recordings asked in a process of their own, so that a running engine is not touched by them.

A recording brings the user names of its machine for the whole program (see replay.py), and judging a long one takes a
core for a while; ``tuimon rules test`` and ``backtest`` are asked instead, with their JSON for an answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import tuimon
from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile

PROGRESS: Final = "progress "
"""What a line about progress begins with, on standard error: a share from 0 to 1 follows."""
_SAID: Final = 10
"""Lines of an error that are passed on."""


class Outside:
    """One question.

    Args:
        arguments: Of ``tuimon rules``.
        progress: Called with a share from 0 to 1, in the thread that calls ``run``.
    """

    def __init__(self, arguments: Sequence[str], progress: Callable[[float], None] = lambda _: None) -> None:
        self._arguments = arguments
        self._progress = progress
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End it early; ``run`` then raises. Any thread."""
        self._cancelled = True
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()

    def run(self) -> dict[str, Any]:
        """Return the answer.

        Raises:
            RuleError: It cannot be answered, or was cancelled.
        """
        package = str(Path(tuimon.__file__).resolve().parent.parent)
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))}
        command = [sys.executable, "-m", "tuimon", "rules", *self._arguments]
        with tempfile.TemporaryFile("w+") as answer:
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.PIPE, text=True
            )
            said = self._listen(self._process)
            status = self._process.wait()
            answer.seek(0)
            text = answer.read()
        if self._cancelled:
            raise RuleError("cancelled")
        try:
            found = json.loads(text)
        except ValueError:
            raise RuleError(said[0] if said else f"no answer (status {status})", " ".join(said[1:])) from None
        return found if isinstance(found, dict) else {}

    def _listen(self, process: subprocess.Popen[str]) -> list[str]:
        """Return what is said on standard error beside the progress."""
        said: list[str] = []
        if self._cancelled:
            process.kill()
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                if line.startswith(PROGRESS):
                    with contextlib.suppress(ValueError):
                        self._progress(float(line.removeprefix(PROGRESS)))
                elif len(said) < _SAID and line.strip():
                    said.append(line.strip().removeprefix("tuimon: "))
        return said


def write_rules(files: Sequence[RuleFile], folder: Path) -> list[str]:
    """Write rule texts into a folder, to be named in load order; return the paths."""
    folder.mkdir(mode=0o700)
    paths = []
    for number, file in enumerate(files):
        path = folder / f"{number:03d}-{Path(file.path).name}"
        path.write_text(file.text, encoding="utf-8")
        paths.append(str(path))
    return paths
