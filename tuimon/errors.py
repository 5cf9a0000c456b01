"""What can go wrong, as one small tree: every error a user may see says what to do.

    TuimonError                 its text is one clear sentence; ``hint`` is the next step
    ├── CaptureError            the kernel side cannot start or went away
    ├── RecordingError          a recording is damaged, or not one
    ├── SettingsError           config file or command line
    └── RuleError               a rule set that was refused (see tuimon.rules.loader for located diagnostics)

Front ends catch TuimonError, print it without a traceback and exit with a status that is not 0.
"""

from __future__ import annotations

from collections.abc import Iterable


class TuimonError(Exception):
    """An error meant for the user's eyes.

    Args:
        message: What happened, one sentence.
        hint: What to do about it; empty when there is nothing to be done.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class CaptureError(TuimonError):
    """The kernel programs cannot be built, loaded or read."""


class RecordingError(TuimonError):
    """A recording cannot be read: not one of ours, damaged, or cut short."""


class SettingsError(TuimonError):
    """A config file or a command line option is wrong."""


class RuleError(TuimonError):
    """A rule set was refused."""


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return the hint for a word of a config file that is not among the known ones: the nearest, if any is near."""
    from difflib import get_close_matches  # who makes no mistake does not wait for it

    near = get_close_matches(word, list(known), n=1)
    return f'did you mean "{near[0]}"?' if near else otherwise
