"""What a load has to say, as text for people and as JSON in Falco's layout (``falco_load_results``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tuimon.escape import clean
from tuimon.rules.diagnostics import Diagnostic, Location
from tuimon.rules.loader import FileResult

_DEPRECATED: Final = re.compile(r"([a-z_.]+) is deprecated: ")

CODES: Final[dict[str, str]] = {
    "LOAD_ERR_FILE_READ": "the file cannot be read",
    "LOAD_ERR_YAML_PARSE": "the text is not YAML",
    "LOAD_ERR_YAML_VALIDATE": "the YAML is not built like a rule file",
    "LOAD_ERR_COMPILE_CONDITION": "the condition cannot be compiled",
    "LOAD_ERR_COMPILE_OUTPUT": "the output cannot be compiled",
    "LOAD_ERR_VALIDATE": "a rule, macro, list or exception is not right",
    "LOAD_ERR_EXTENSION": "an extension item is not right",
    "LOAD_UNKNOWN_SOURCE": "unknown event source",
    "LOAD_UNSAFE_NA_CHECK": "unsafe comparison with <NA>",
    "LOAD_NO_EVTTYPE": "the condition is not restricted to some event types",
    "LOAD_UNKNOWN_FILTER": "unknown field or event type",
    "LOAD_UNUSED_MACRO": "unused macro",
    "LOAD_UNUSED_LIST": "unused list",
    "LOAD_UNKNOWN_ITEM": "unknown item",
    "LOAD_DEPRECATED_ITEM": "deprecated item",
    "LOAD_WARNING_EXTENSION": "warning of an extension item",
    "LOAD_APPEND_NO_VALUES": "nothing to append",
    "LOAD_EXCEPTION_NAME_NOT_UNIQUE": "two exceptions of one name",
    "LOAD_INVALID_MACRO_NAME": "invalid macro name",
    "LOAD_INVALID_LIST_NAME": "invalid list name",
    "LOAD_COMPILE_CONDITION": "doubtful condition or output",
    "LOAD_UNKNOWN_KEY": "unknown key",
}
"""Every code there is (Falco's names), with what it means in a few words."""


def load_results(results: Iterable[FileResult]) -> dict[str, object]:
    """Return the results as Falco's ``-V FILE -o json_output=true`` prints them.

    Positions in it count from 0, as Falco's do. ``hint`` in an error or warning is tuimon's own.
    """
    return {"falco_load_results": [_result(result) for result in results]}


def _result(result: FileResult) -> dict[str, object]:
    return {
        "name": result.file.path,
        "successful": not result.errors,
        "errors": [_found(found) for found in result.errors],
        "warnings": [_found(found) for found in result.warnings],
    }


def _found(found: Diagnostic) -> dict[str, object]:
    out: dict[str, object] = {
        "code": found.code,
        "codedesc": CODES.get(found.code, ""),
        "message": found.message,
        "context": {
            "locations": [_location(found.file, location) for location in found.locations],
            "snippet": found.snippet,
        },
    }
    deprecated = _DEPRECATED.match(found.message) if found.code == "LOAD_DEPRECATED_ITEM" else None
    if deprecated is not None:
        out["deprecated_field"] = deprecated[1]
    if found.hint:
        out["hint"] = found.hint
    return out


def _location(file: str, location: Location) -> dict[str, object]:
    return {
        "item_type": location.item_type,
        "item_name": location.item_name,
        "position": {
            "name": file,
            "line": location.line - 1,
            "column": location.column - 1,
            "offset": location.offset,
        },
    }


def text_report(results: Iterable[FileResult]) -> Iterator[str]:
    """Yield the lines of a report: a verdict for each file, and under it each error and warning with a caret."""
    for result in results:
        errors, warnings = result.errors, result.warnings
        verdict = "Invalid" if errors else "Ok, with warnings" if warnings else "Ok"
        yield f"{clean(result.file.path)}: {verdict}"
        for kind, found in (("error", errors), ("warning", warnings)):
            if not found:
                continue
            yield f"{len(found)} {kind}{'s' * (len(found) > 1)}:"
            for each in found:
                yield from diagnostic_lines(each)


def diagnostic_lines(found: Diagnostic) -> Iterator[str]:
    """Yield one error or warning as lines: place and message, where that is, the line with a caret, what to do."""
    yield f"  {clean(found.file)}:{found.line}:{found.column}: {clean(found.message)}"
    around = [_named(location) for location in found.locations if location.item_type != "rules content"]
    if around:
        yield f"    in {', '.join(around)}"
    yield from (f"      {line}" for line in _safe_snippet(found.snippet))
    if found.hint:
        yield f"    {clean(found.hint)}"
    yield f"    {found.code} ({CODES.get(found.code, '')})"


def _named(location: Location) -> str:
    name = f" '{clean(location.item_name)}'" if location.item_name else ""
    return f"{location.item_type}{name}"


def _safe_snippet(snippet: str) -> list[str]:
    """Return the line and its caret line; what had to be escaped moves the caret along. Of an empty line nothing."""
    line, newline, carets = snippet.rpartition("\n")
    if newline and not line.strip():
        return []
    if not newline:
        return [clean(snippet)] if snippet else []
    start = len(carets) - len(carets.lstrip(" "))
    before, marked, after = line[:start], line[start : start + carets.count("^")], line[start + carets.count("^") :]
    before, marked, after = clean(before), clean(marked), clean(after)
    return [before + marked + after, " " * len(before) + "^" * max(1, len(marked))]
