"""The value of any field for an alert: as the rule's output had it, else asked of the alert's event."""

from __future__ import annotations

import difflib
from typing import Final

from tuimon import fields
from tuimon.errors import SettingsError
from tuimon.events import Alert
from tuimon.fields.registry import UNKNOWN
from tuimon.render import ABSENT, value_text

USUAL: Final = (
    "proc.name",
    "proc.pname",
    "user.name",
    "fd.name",
    "evt.type",
    "k8s.pod.name",
    "k8s.ns.name",
    "container.image",
)
"""Fields worth grouping by that are offered whatever a rule's output names."""


def check_field(name: str) -> None:
    """Refuse what is no field of the rule language.

    Raises:
        SettingsError: There is no such field, or it has no value to show.
    """
    found = fields.resolve(name.strip())
    if found is None:
        near = difflib.get_close_matches(name.strip(), [info.name for info in fields.all_fields()], n=1)
        raise SettingsError(f'there is no field "{name.strip()}"', f"did you mean {near[0]}?" if near else "")
    info, arg = found
    if info.get is None or info.filter_only or (info.arg == "required" and arg is None):
        raise SettingsError(f"{info.name} has no value of its own to group by")


def field_text(alert: Alert, name: str) -> str:
    """Return the value of a field, ``<NA>`` when there is none, "?" while it is not known. Raw text."""
    if (told := alert.output_fields.get(name)) is not None:
        return ",".join(map(str, told)) if isinstance(told, list | tuple) else str(told)
    found = fields.resolve(name)
    if found is None or found[0].get is None:
        return ABSENT
    info, arg = found
    try:
        value = found[0].get(alert.event, arg)
    except Exception:  # a recording from elsewhere may hold what no kernel writes
        return "?"
    return "?" if value is UNKNOWN else ABSENT if value is None else value_text(info, value)
