"""Exceptions of a rule: how they are read, what they may be, and the condition each one stands for.

Follows Falco (falco, userspace/engine/rule_loader_compiler.cpp, build_rule_exception_infos): an exception becomes text
in the condition language, so lists expand in its values, and is parsed like any other condition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tuimon.rules import decode
from tuimon.rules.findings import Findings, ItemError
from tuimon.rules.items import Context, Entry, ExceptionItem
from tuimon.rules.mistakes import nearest
from tuimon.rules.operators import LIST_OPERATORS, MODIFIERS, OPERATORS
from tuimon.rules.reader import Mapping, Node, Sequence
from tuimon.rules.source import Place, Scalar

INVALID: Final = "LOAD_ERR_YAML_VALIDATE"
WRONG: Final = "LOAD_ERR_VALIDATE"


def read_exceptions(node: Mapping, parent: Context, findings: Findings, *, append: bool) -> list[ExceptionItem]:
    """Return the exceptions of a rule item; with ``append``, fields may be left out."""
    value = node.get("exceptions")
    if value is None or (isinstance(value, Scalar) and value.is_null):
        return []
    outer = parent.inside("exceptions", "", value.place())
    if not isinstance(value, Sequence):
        raise ItemError(INVALID, "Rule exceptions must be a sequence", outer)
    found: list[ExceptionItem] = []
    names: set[str] = set()
    for each in value.items:
        exception = _read(each, outer, parent, findings, append=append)
        if exception.name in names:
            message = f"Multiple definitions of exception '{exception.name}' in the same rule"
            findings.warn("LOAD_EXCEPTION_NAME_NOT_UNIQUE", message, exception.context)
        names.add(exception.name)
        found.append(exception)
    return found


def _read(node: Node, outer: Context, parent: Context, findings: Findings, *, append: bool) -> ExceptionItem:
    inner = outer.inside("exception", "", node.place())
    if not isinstance(node, Mapping):
        raise ItemError(INVALID, "Rule exception must be a mapping", inner)
    name = decode.text(node, "name", inner)
    context = parent.inside("exception", name, node.place())
    exception = ExceptionItem(name, context)
    fields = node.get("fields")
    if fields is not None:
        exception.fields = _entry(fields, context.inside("value for", "fields", fields.place()))
    elif not append:
        raise ItemError(INVALID, "Item has no mapping for key 'fields'", context)
    comps = node.get("comps")
    if comps is not None:
        exception.comps = _entry(comps, context.inside("value for", "comps", comps.place()))
    values = node.get("values")
    if values is not None:
        inner = context.inside("exception values", "", values.place())
        if not isinstance(values, Sequence):
            raise ItemError(INVALID, "Rule exception values must be a sequence", inner)
        exception.values = [_entry(each, inner.inside("exception value", "", each.place())) for each in values.items]
    elif append:
        message = "Overriding/appending exception with no values"
        findings.warn("LOAD_APPEND_NO_VALUES", message, context)
    return exception


def _entry(node: Node, context: Context) -> Entry:
    if isinstance(node, Sequence):
        return Entry(items=tuple(_entry(each, context) for each in node.items))
    if isinstance(node, Mapping):
        raise ItemError(INVALID, "A value or a list is expected here, not a mapping", context, node.place())
    if not node.text:
        raise ItemError(INVALID, "Value must be non-empty", context, node.place())
    return Entry(scalar=node)


FieldHint = Callable[[str], str | None]
"""None when a text is a field that may stand on the left of a check; otherwise a hint, which may be empty."""


def validate(exception: ExceptionItem, field_hint: FieldHint) -> None:
    """Check that an exception has fields, that they exist, and that fields and operators go together."""
    fields = exception.fields
    if fields is None:
        message = "Rule exception must have fields property with a list of fields"
        raise ItemError(WRONG, message, exception.context, hint="such as fields: [proc.name, fd.name]")
    if fields.items is None:
        _validate_single(exception)
    else:
        _validate_tuple(exception, fields.items)
    for field in fields.items or (fields,):
        hint = field_hint(field.text)
        if hint is not None:
            place = field.scalar.place() if field.scalar is not None else None
            message = f"'{field.text}' is not a supported filter field"
            raise ItemError(WRONG, message, exception.context, place, hint)


def _validate_tuple(exception: ExceptionItem, fields: tuple[Entry, ...]) -> None:
    count = len(fields)
    if any(field.is_list for field in fields):
        raise ItemError(WRONG, "Fields must be a list of field names", exception.context)
    if exception.comps is None:
        return
    if exception.comps.items is None or len(exception.comps.items) != count:
        raise ItemError(WRONG, "Fields and comps lists must have equal length", exception.context)
    for comp in exception.comps.items:
        word = " ".join(comp.text.split())
        if word not in OPERATORS and not _has_modifier(word):
            near = nearest(word, OPERATORS)
            message = f"'{word}' is not a supported comparison operator"
            place = comp.scalar.place() if comp.scalar is not None else None
            raise ItemError(WRONG, message, exception.context, place, f"did you mean {near}?" if near else "")


def _validate_single(exception: ExceptionItem) -> None:
    comps = exception.comps
    if comps is None:
        return
    if comps.is_list:
        raise ItemError(WRONG, "Fields and comps must both be strings", exception.context)
    word = " ".join(comps.text.split())
    if word not in LIST_OPERATORS and not _has_modifier(word):
        message = "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator"
        place = comps.scalar.place() if comps.scalar is not None else None
        raise ItemError(WRONG, message, exception.context, place, "such as startswith anyof")


def _has_modifier(words: str) -> bool:
    op, _, modifier = words.partition(" ")
    return modifier in MODIFIERS and op in OPERATORS and OPERATORS[op].takes_modifier


@dataclass(slots=True)
class ExceptionText:
    """The condition of an exception as text, and the YAML scalar behind each stretch of it."""

    text: str
    stretches: list[tuple[int, int, Scalar]]
    """(start, end, scalar) in ``text``, ascending."""
    context: Context

    def place(self, start: int, _end: int = 0) -> Place:
        """Return the scalar that a stretch of the text came from, or the exception itself."""
        for begin, stop, scalar in self.stretches:
            if begin <= start < stop:
                return scalar.place()
        return self.context.place


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.stretches: list[tuple[int, int, Scalar]] = []
        self._length = 0

    def put(self, text: str, scalar: Scalar | None = None) -> None:
        if scalar is not None:
            self.stretches.append((self._length, self._length + len(text), scalar))
        self.parts.append(text)
        self._length += len(text)


def condition_text(exception: ExceptionItem) -> ExceptionText | None:
    """Return what is to be excepted, as a condition; None when there are no values."""
    fields = exception.fields
    if fields is None or not exception.values:
        return None
    writer = _Writer()
    if fields.items is None:
        _write_single(writer, exception, fields)
    else:
        _write_tuples(writer, exception, fields.items)
    return ExceptionText("".join(writer.parts), writer.stretches, exception.context)


def _write_single(writer: _Writer, exception: ExceptionItem, field: Entry) -> None:
    comp = " ".join(exception.comps.text.split()) if exception.comps is not None else "in"
    writer.put("(")
    writer.put(field.text, field.scalar)
    writer.put(f" {comp} (", exception.comps.scalar if exception.comps is not None else None)
    for index, value in enumerate(exception.values):
        if value.is_list:
            raise ItemError(WRONG, "Expected values array to contain a list of strings", exception.context)
        writer.put(", " if index else "")
        writer.put(quoted(value.text), value.scalar)
    writer.put("))")


def _write_tuples(writer: _Writer, exception: ExceptionItem, fields: tuple[Entry, ...]) -> None:
    comps = (exception.comps.items if exception.comps is not None else None) or (Entry(),) * len(fields)
    writer.put("(")
    for index, row in enumerate(exception.values):
        cells = row.items
        if cells is None or len(cells) != len(fields):
            raise ItemError(WRONG, "Fields and values lists must have equal length", exception.context, _place(row))
        writer.put(" or (" if index else "(")
        for position, (field, comp, cell) in enumerate(zip(fields, comps, cells, strict=True)):
            writer.put(" and " if position else "")
            writer.put(field.text, field.scalar)
            word = " ".join(comp.text.split()) or "="
            writer.put(f" {word} ", comp.scalar)
            _write_cell(writer, word, cell)
        writer.put(")")
    writer.put(")")


def _write_cell(writer: _Writer, op: str, cell: Entry) -> None:
    if cell.items is not None:
        writer.put("(")
        for index, each in enumerate(cell.items):
            writer.put(", " if index else "")
            writer.put(quoted(each.text), each.scalar)
        writer.put(")")
    elif op in LIST_OPERATORS or _has_modifier(op):
        writer.put(cell.text if cell.text.startswith("(") else f"({cell.text})", cell.scalar)
    else:
        writer.put(quoted(cell.text), cell.scalar)


def _place(row: Entry) -> Place | None:
    if row.scalar is not None:
        return row.scalar.place()
    return next((place for each in row.items or () if (place := _place(each)) is not None), None)


def quoted(text: str) -> str:
    """Return a list item as Falco writes it into a condition: in quotes when it holds a blank and has none."""
    return f'"{text}"' if " " in text and text[0] not in "\"'" else text
