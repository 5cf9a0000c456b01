"""State that is kept between runs: small JSON files of the user who called. Losing one costs a convenience, no run.

What was written is read back as untrusted: whoever asks for a value checks that it is what it should be.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tuimon import invoker

MAX_BYTES: Final = 1 << 20
"""No state of ours is larger; whatever else lies there is not read."""


def path_of(name: str) -> Path | None:
    """Return where a state lies, None when the user has no home."""
    folder = invoker.folder("XDG_STATE_HOME", ".local/state")
    return None if folder is None else folder / f"{name}.json"


def read(name: str) -> dict[str, Any]:
    """Return a state as it was written, empty when there is none or it cannot be read."""
    path = path_of(name)
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_BYTES + 1)[:MAX_BYTES])
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write(name: str, state: dict[str, Any]) -> bool:
    """Keep a state for the next run; return whether that worked."""
    path = path_of(name)
    if path is None:
        return False
    try:
        invoker.write_private(path, json.dumps(state, ensure_ascii=True, indent=1).encode())
    except OSError:
        return False
    return True
