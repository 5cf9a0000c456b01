"""What can be made of an alert or an event, wherever one is shown: an exception, a rule, a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.binding import Binding

if TYPE_CHECKING:
    from tuimon.events import Alert, Event
    from tuimon.ui.app import TuimonApp

EXCEPTION: Final = "Draft the narrowest exception that hides it"
RULE: Final = "Write a rule for events like this one"
CASE: Final = "Save its event as a test of the rules"


def bench_bindings(owner: str, *, alert: bool) -> list[Binding]:
    """Return the keys for one class.

    Args:
        owner: First part of the keys' names.
        alert: Whether it shows alerts: exceptions are made from those only.
    """
    made = [
        Binding("R", "new_rule", "New rule", show=False, tooltip=RULE, id=f"{owner}.new_rule"),
        Binding("ctrl+t", "save_case", "Save as test", show=False, tooltip=CASE, id=f"{owner}.save_case"),
    ]
    if not alert:
        return made
    return [Binding("x", "exception", "Exception", tooltip=EXCEPTION, id=f"{owner}.exception"), *made]


class BenchKeys:
    """The actions; whoever has them says what is meant."""

    app: TuimonApp

    def bench_subject(self) -> Sequence[Alert] | Event | None:
        """Return the event that is meant, or the alert with its repeats, the newest first."""
        raise TypeError(f"{type(self).__name__} does not say what is meant")

    def action_exception(self) -> None:
        """Draft an exception."""
        subject = self.bench_subject()
        if isinstance(subject, Sequence) and subject:
            self.app.bench.exception(subject)

    def action_new_rule(self) -> None:
        """Write a rule."""
        subject = self.bench_subject()
        what = (subject[0] if subject else None) if isinstance(subject, Sequence) else subject
        if what is not None:
            self.app.bench.new_rule(what)

    def action_save_case(self) -> None:
        """Save a test."""
        subject = self.bench_subject()
        event = (subject[0].event if subject else None) if isinstance(subject, Sequence) else subject
        if event is not None:
            self.app.bench.save_case(event)
