"""What a condition is made of: its fields and its operators, as Falco lists them."""

from __future__ import annotations

from dataclasses import dataclass

from tuimon.rules.nodes import Check, Condition, FieldRef, Operand, OperandList, Transform, walk
from tuimon.rules.printer import print_operand


@dataclass(frozen=True, slots=True)
class Used:
    """Texts of fields with their arguments, and operators (with their modifier, if any)."""

    fields: frozenset[str]
    operators: frozenset[str]


def used_in(node: Condition) -> Used:
    """Return what a condition uses, opened macros included."""
    fields: set[str] = set()
    operators: set[str] = set()
    for each in walk(node):
        if isinstance(each, Check):
            operators.add(f"{each.op} {each.modifier}" if each.modifier else each.op)
            fields.update(print_operand(ref) for ref in field_refs(each.left))
            if each.right is not None:
                fields.update(print_operand(ref) for ref in field_refs(each.right))
    return Used(frozenset(fields), frozenset(operators))


def field_refs(operand: Operand) -> list[FieldRef]:
    """Return the fields inside an operand, left to right."""
    match operand:
        case FieldRef():
            return [operand]
        case Transform(_, args):
            return [ref for arg in args for ref in field_refs(arg)]
        case OperandList(items):
            return [ref for item in items for ref in field_refs(item)]
    return []
