"""Rules, macros and lists as they were understood: text, and JSON in Falco's layout (``falco_describe_results``)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from tuimon.escape import clean
from tuimon.rules.definitions import ListDef, MacroDef, RuleDef
from tuimon.rules.loader import LoadResult
from tuimon.rules.operands import Used, used_in
from tuimon.rules.printer import print_condition

ASYNC: str = "asyncevent"
"""Falco indexes every syscall rule under it too."""


class Describer:
    """Describes what was loaded.

    Args:
        loaded: What the loader made of the files.
        event_names: Names of all event types, for conditions that any of them may satisfy.
    """

    def __init__(self, loaded: LoadResult, event_names: Iterable[str]) -> None:
        self._loaded = loaded
        self._all_events = sorted({*event_names, ASYNC})

    def results(self) -> dict[str, object]:
        """Return everything as Falco's ``-L -o json_output=true`` prints it."""
        return {"falco_describe_results": self.everything()}

    def everything(self) -> dict[str, object]:
        """Return requirements, rules, macros and lists."""
        loaded = self._loaded
        return {
            "required_engine_version": loaded.required_engine_version or "0.0.0",
            "required_plugin_versions": [
                {
                    "name": alternatives[0][0],
                    "version": alternatives[0][1],
                    "alternatives": [{"name": name, "version": version} for name, version in alternatives[1:]],
                }
                for alternatives in loaded.required_plugin_versions
            ],
            "rules": [self.rule(rule) for rule in loaded.rules],
            "macros": [self.macro(macro) for macro in loaded.macros],
            "lists": [self.list(values) for values in loaded.lists],
        }

    def rule(self, rule: RuleDef) -> dict[str, object]:
        """Return one rule."""
        used = used_in(rule.condition)
        exceptions = rule.exceptions
        return {
            "info": {
                "name": rule.name,
                "condition": rule.condition_text,
                "output": rule.output,
                "description": rule.desc,
                "priority": rule.priority,
                "source": rule.source,
                "tags": list(rule.tags),
                "enabled": rule.enabled,
                "capture": rule.capture,
                "capture_duration": rule.capture_duration,
            },
            "details": {
                **self._condition(used, rule.event_types, print_condition(rule.condition)),
                "macros": sorted(rule.macros),
                "lists": sorted(rule.lists),
                "exception_names": sorted({exception.name for exception in exceptions}),
                "exception_fields": sorted({field for exception in exceptions for field in exception.fields}),
                "exception_operators": sorted({op for exception in exceptions for op in exception.operators}),
                "output_compiled": rule.output,
                "output_fields": list(rule.output_fields),
                "plugins": _plugins((*used.fields, *rule.output_fields)),
            },
        }

    def macro(self, macro: MacroDef) -> dict[str, object]:
        """Return one macro."""
        compiled = print_condition(macro.condition)
        return {
            "info": {"name": macro.name, "condition": macro.condition_text},
            "details": {
                "used": macro.used,
                **self._condition(used_in(macro.condition), macro.event_types, compiled),
                "macros": sorted(macro.macros),
                "lists": sorted(macro.lists),
                "plugins": [],
            },
        }

    def list(self, values: ListDef) -> dict[str, object]:
        """Return one list."""
        return {
            "info": {"name": values.name, "items": [item for item in values.written if item not in values.lists]},
            "details": {
                "used": values.used,
                "lists": sorted(values.lists),
                "items_compiled": list(values.items),
                "plugins": [],
            },
        }

    def _condition(self, used: Used, types: frozenset[str] | None, compiled: str) -> dict[str, object]:
        return {
            "condition_compiled": compiled,
            "condition_fields": sorted(used.fields),
            "condition_operators": sorted(used.operators),
            "events": self._all_events if types is None else sorted({*types, ASYNC}),
        }


def _plugins(fields: Iterable[str]) -> list[str]:
    """Return Falco's plugins that have these fields; tuimon has them itself."""
    return ["container"] if any(field.startswith(("container.", "k8s.")) for field in fields) else []


def list_lines(loaded: LoadResult) -> Iterator[str]:
    """Yield one line for each rule, then for each macro and list."""
    for rule in loaded.rules:
        state = "" if rule.enabled else "  (disabled)"
        yield f"rule   {rule.priority:13} {clean(rule.name)}{state}"
    for macro in loaded.macros:
        yield f"macro  {'' if macro.used else '(unused)':13} {clean(macro.name)}"
    for values in loaded.lists:
        yield f"list   {'' if values.used else '(unused)':13} {clean(values.name)} ({len(values.items)})"


def describe_lines(loaded: LoadResult, width: int = 110) -> Iterator[str]:
    """Yield everything about each rule, macro and list."""
    for rule in loaded.rules:
        state = "" if rule.enabled else ", disabled"
        yield f"rule {clean(rule.name)}  ({rule.priority}{state})  {clean(rule.file)}:{rule.line}"
        yield from _wrapped("", " ".join(rule.desc.split()), width)
        yield from _condition_lines(used_in(rule.condition), rule.event_types, print_condition(rule.condition), width)
        yield from _wrapped("output", " ".join(rule.output.split()), width)
        yield from _wrapped("output fields", " ".join(rule.output_fields), width)
        for exception in rule.exceptions:
            shown = print_condition(exception.condition) if exception.condition is not None else "(no values)"
            yield from _wrapped("exception", f"{exception.name}: {shown}", width)
        yield from _wrapped("macros", " ".join(rule.macros), width)
        yield from _wrapped("lists", " ".join(rule.lists), width)
        yield from _wrapped("tags", " ".join(rule.tags), width)
        yield ""
    for macro in loaded.macros:
        yield f"macro {clean(macro.name)}{'' if macro.used else '  (unused)'}  {clean(macro.file)}:{macro.line}"
        compiled = print_condition(macro.condition)
        yield from _condition_lines(used_in(macro.condition), macro.event_types, compiled, width)
        yield ""
    for values in loaded.lists:
        yield f"list {clean(values.name)}{'' if values.used else '  (unused)'}  {clean(values.file)}:{values.line}"
        yield from _wrapped("items", ", ".join(values.items), width)
        yield ""


def _condition_lines(used: Used, types: frozenset[str] | None, compiled: str, width: int) -> Iterator[str]:
    yield from _wrapped("condition", compiled, width)
    yield from _wrapped("fields", " ".join(sorted(used.fields)), width)
    yield from _wrapped("operators", " ".join(sorted(used.operators)), width)
    yield from _wrapped("events", "all" if types is None else " ".join(sorted(types)) or "none", width)


def _wrapped(label: str, text: str, width: int) -> Iterator[str]:
    if not text:
        return
    head = f"  {label:13} " if label else "  "
    yield from textwrap.wrap(
        clean(text),
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
