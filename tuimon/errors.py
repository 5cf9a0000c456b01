"""What can go wrong, as one small tree: every error a user may see says what to do.

    TuimonError                 its text is one clear sentence; ``hint`` is the next step
    ├── CaptureError            the kernel side cannot start or went away
    ├── RecordingError          a recording is damaged, or not one
    ├── SettingsError           config file or command line
    └── RuleError               a rule set that was refused (see tuimon.rules.loader for located diagnostics)

Front ends catch TuimonError, print it without a traceback and exit with a status that is not 0.
"""


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
