"""What has no value has a reason, and what has a reason has no value."""

from __future__ import annotations

from tuimon.fields.argsource import BOUND
from tuimon.fields.unfilled import unfilled, why_unfilled


def test_every_parameter_without_a_value_has_a_reason() -> None:
    """A parameter that is new in the event table must be filled, or somebody must say why it is not."""
    silent = [
        f"{event}.{bound.param.name}"
        for event, bounds in BOUND.items()
        for bound in bounds
        if bound.get is None and not why_unfilled(event, bound.param.name)
    ]
    assert silent == []


def test_every_parameter_without_a_value_is_listed_once() -> None:
    missing = {event for event, bounds in BOUND.items() if any(bound.get is None for bound in bounds)}
    listed = [event for row in unfilled() for event in row.events if not row.params]
    in_part = [(event, param) for row in unfilled() for event in row.events for param in row.params]
    assert {*listed, *(event for event, _ in in_part)} == missing
    assert len(set(in_part)) == len(in_part)
    assert len(in_part) < 12, "of system calls hardly anything is left"
