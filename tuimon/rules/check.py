"""Checks against the tables: do the fields exist, do operators fit their types, do constants fit too.

One pass over the tree; nothing is changed. The order of questions about one check is Falco's (libs,
userspace/libsinsp/filter.cpp, sinsp_filter_compiler), so that the first thing wrong is the same one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from typing import Literal as OneOf

from tuimon.errors import RuleError
from tuimon.fields.argsource import FILLED
from tuimon.fields.registry import FieldInfo, FieldType
from tuimon.rules import operators, transform
from tuimon.rules.catalogue import Catalogue, default_catalogue, raw_type
from tuimon.rules.mistakes import nearest
from tuimon.rules.nodes import (
    NOWHERE,
    Check,
    Condition,
    FieldRef,
    Literal,
    Operand,
    OperandList,
    Span,
    Transform,
    ValueList,
    walk,
)

BAD: Final = "LOAD_ERR_COMPILE_CONDITION"
EVENT_TYPE_FIELDS: Final = ("evt.type", "syscall.type")

_INDEXED: Final = frozenset(
    ("proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.args", "proc.aargs")
)
"""Fields whose argument is a number."""
_RESOLVED_NAMES: Final = frozenset(("fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"))
"""Have no value of their own: the evaluator resolves the names they are compared with instead."""
_NA: Final = "<NA>"
_UNSAFE_NA: Final = ("ka.", "jevt.")
_EQUALITY: Final = ("=", "==", "!=", "in", "intersects", "pmatch")
_TRANSFORMER_CALL: Final = re.compile(r"(?:" + "|".join(operators.TRANSFORMERS) + r")\(.*\)", re.S)
_REGEX_SPECIAL: Final = frozenset(".+*?^$()[]{}|\\")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong or doubtful in a condition."""

    severity: OneOf["error", "warning"]
    code: str
    message: str
    span: Span
    hint: str = ""
    unknown: bool = False
    """About a field or event type that does not exist: ``skip-if-unknown-filter`` turns it into a warning."""


def check_condition(node: Condition, catalogue: Catalogue | None = None) -> tuple[Problem, ...]:
    """Check a condition, opened macros included.

    Args:
        node: The condition; macro names in it that were not opened are not looked at.
        catalogue: Fields and events to check against; this program's own when None.

    Returns:
        Errors and warnings in the order of the text, at most one error for each check.
    """
    checker = _Checker(catalogue or default_catalogue())
    for each in walk(node):
        if isinstance(each, Check):
            checker.check(each)
    return tuple(checker.problems)


def field_hint(text: str, catalogue: Catalogue | None = None) -> str | None:
    """Return None when a text is a field or a transformer of one that may be compared, else a hint (may be empty)."""
    from tuimon.rules.parser import ConditionSyntaxError, parse_condition

    try:
        node = parse_condition(f"{text} exists")
    except ConditionSyntaxError as error:
        return error.hint
    found = check_condition(node, catalogue)
    errors = [problem for problem in found if problem.severity == "error"]
    return errors[0].hint if errors else None


def check_operand(operand: Operand, catalogue: Catalogue, *, for_output: bool = False) -> tuple[Problem, ...]:
    """Check a field or transformer on its own; in an output, fields that only print are welcome."""
    checker = _Checker(catalogue, for_output=for_output)
    try:
        side = checker.side(operand)
        if for_output and side.info is not None and side.info.filter_only:
            raise _Wrong(f"{side.name} is for conditions only, it has no value to print", operand.span)
    except _Wrong as error:
        checker.problems.append(error.problem)
    return tuple(checker.problems)


@lru_cache(maxsize=1024)
def nearest_field(name: str, catalogue: Catalogue) -> str:
    """Return the field most like a name, first among those of its class; empty when none is near."""
    names = list(catalogue.field_names())
    stem = name.partition(".")[0]
    return nearest(name, [each for each in names if each.partition(".")[0] == stem]) or nearest(name, names)


class _Wrong(Exception):
    """Ends the check of one check."""

    def __init__(self, message: str, span: Span, hint: str = "", *, unknown: bool = False) -> None:
        super().__init__(message)
        self.problem = Problem("error", BAD, message, span, hint, unknown)


@dataclass(frozen=True, slots=True)
class _Side:
    """What one side of a check gives."""

    name: str
    type: FieldType
    is_list: bool
    info: FieldInfo | None = None
    transformed: bool = False
    takes_field: bool = True


class _Checker:
    def __init__(self, catalogue: Catalogue, *, for_output: bool = False) -> None:
        self.problems: list[Problem] = []
        self._catalogue = catalogue
        self._for_output = for_output

    def check(self, node: Check) -> None:
        try:
            self._check(node)
        except _Wrong as error:
            self.problems.append(error.problem)

    def _warn(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self.problems.append(Problem("warning", code, message, span, hint))

    def _check(self, node: Check) -> None:
        left = self.side(node.left)
        self._operator(node, left)
        match node.right:
            case None:
                pass
            case Literal() as value:
                self._constants(node, left, (value,))
            case ValueList(items):
                self._constants(node, left, items)
            case Transform() as call:
                self._field_on_the_right(node, left, call)

    # Fields and transformers

    def side(self, operand: Operand) -> _Side:
        match operand:
            case FieldRef():
                return self._field(operand)
            case Transform():
                return self._transform(operand)
            case OperandList(items):
                for item in items:
                    self.side(item)
                return _Side("", FieldType.CHARBUF, True)
            case ValueList():
                return _Side("", FieldType.CHARBUF, True)
            case Literal(text):
                return _Side(text, FieldType.CHARBUF, False)

    def _field(self, ref: FieldRef) -> _Side:
        found = self._catalogue.resolve(ref.name)
        if found is None:
            near = nearest_field(ref.name, self._catalogue)
            raise _Wrong(f"unknown field {ref.name}", ref.span, f"did you mean {near}?" if near else "", unknown=True)
        info, dotted = found
        arg = ref.arg if ref.arg is not None else dotted
        self._argument(info, arg, ref)
        if info.print_only and not self._for_output:
            raise _Wrong(f"{info.name} is for outputs only, it cannot stand in a condition", ref.span)
        if info.deprecated:
            self._warn("LOAD_DEPRECATED_ITEM", f"{info.name} is deprecated: {info.deprecated}", ref.span)
        empty = info.name in ("evt.arg", "evt.rawarg") and arg is not None and arg not in FILLED
        if empty or (info.get is None and (self._for_output or info.name not in _RESOLVED_NAMES)):
            name = f"{info.name}.{arg}" if empty else info.name
            message = f"{name} is known, but this version cannot tell it: it never has a value"
            self._warn("LOAD_COMPILE_CONDITION", message, ref.span)
        type_ = info.type
        if type_ is FieldType.DYN and arg is not None:
            type_ = self._raw_argument(info, arg, ref)
        return _Side(info.name, type_, info.is_list, info, takes_field=not info.no_rhs)

    def _argument(self, info: FieldInfo, arg: str | None, ref: FieldRef) -> None:
        if arg is None:
            if info.arg == "required":
                example = {"evt.arg": "evt.arg.flags", "proc.env": "proc.env[HOME]"}.get(info.name, f"{info.name}[...]")
                raise _Wrong(f"{info.name} needs an argument", ref.span, f"such as {example}")
            return
        if info.arg == "no":
            raise _Wrong(f"{info.name} takes no argument", ref.span, f"write {info.name}")
        if info.name in _INDEXED and not (arg.isascii() and arg.isdigit()):
            raise _Wrong(f"{info.name} takes a number as argument, not {arg!r}", ref.span, f"such as {info.name}[1]")
        if info.name in ("evt.arg", "evt.rawarg") and not arg.isdigit():
            self._event_argument(arg, ref)
        if info.name == "evt.type.is" and arg not in self._catalogue.event_names:
            self._unknown_event(arg, ref.span)

    def _event_argument(self, arg: str, ref: FieldRef) -> None:
        if arg in self._catalogue.argument_names:
            return
        near = nearest(arg, self._catalogue.argument_names)
        message = f"unknown event argument {arg}: no event has it"
        raise _Wrong(message, ref.span, f"did you mean {near}?" if near else "", unknown=True)

    def _raw_argument(self, info: FieldInfo, arg: str, ref: FieldRef) -> FieldType:
        names = self._catalogue.argument_types(arg)
        types = {type_ for name in names if (type_ := raw_type(name)) is not None}
        if not types and names:
            raise _Wrong(f"{info.name}.{arg} has no type that can be compared", ref.span)
        # Events disagree about a few arguments; the loosest reading then is the one that accepts what any would.
        return types.pop() if len(types) == 1 else FieldType.DYN if not types else _widest(types)

    def _transform(self, call: Transform) -> _Side:
        sides = [self.side(arg) for arg in call.args]
        for side, arg in zip(sides, call.args, strict=True):
            if side.info is not None and side.info.no_transformer and call.name != "val":
                raise _Wrong(f"{side.name} does not support transformers", arg.span)
            if side.name in EVENT_TYPE_FIELDS:
                raise _Wrong(f"{side.name} does not support transformers and val()", call.span)
        if call.arg is not None and call.name != "getopt":
            raise _Wrong(f"{call.name} takes no argument in [ ]", call.span, "only getopt does")
        try:
            type_, is_list = transform.result_type(call.name, call.arg, [(side.type, side.is_list) for side in sides])
        except RuleError as error:
            raise _Wrong(str(error), call.span, error.hint) from None
        takes_field = all(side.takes_field for side in sides)
        name = sides[0].name if call.name == "val" else f"{call.name}({sides[0].name})"
        info = sides[0].info if call.name == "val" else None
        return _Side(name, type_, is_list, info, call.name != "val", takes_field)

    # Operators and what stands on their right

    def _operator(self, node: Check, left: _Side) -> None:
        if left.type is FieldType.DYN:
            return
        legal = operators.legal_operators(left.type, is_list=left.is_list)
        if node.op not in legal:
            kind = operators.kind_of(left.type, is_list=left.is_list)
            message = f"operator {node.op} does not work on {left.name}, which is {kind}"
            raise _Wrong(message, _operator_span(node), "it takes " + " ".join(legal))
        if left.name == "evt.around" and node.op != "=":
            raise _Wrong("evt.around takes only =", _operator_span(node))
        if left.name in _RESOLVED_NAMES and node.op not in ("=", "==", "!=", "in", "exists"):
            message = f"{left.name} is compared by address: it takes only = != in"
            raise _Wrong(message, _operator_span(node), "a name is resolved, not matched as text")

    def _field_on_the_right(self, node: Check, left: _Side, call: Transform) -> None:
        right = self.side(call)
        if left.name in EVENT_TYPE_FIELDS:
            raise _Wrong(f"{left.name} cannot be compared with another field", call.span, "write event names")
        if node.op in ("pmatch", "regex"):
            raise _Wrong(f"{node.op} takes constants on its right, not a field", call.span)
        if left.type is FieldType.IPNET:
            raise _Wrong(f"{left.name} is compared with constants only", call.span)
        if not left.takes_field:
            raise _Wrong(f"{left.name} cannot be compared with another field", call.span)
        if not right.takes_field:
            raise _Wrong(f"{right.name} cannot stand on the right-hand side", call.span)
        if (left.type, left.is_list) != (right.type, right.is_list):
            lists = [" (list)" if side.is_list else "" for side in (left, right)]
            message = (
                f"{left.name} has type {left.type}{lists[0]}, but {right.name} on its right has type "
                f"{right.type}{lists[1]}"
            )
            raise _Wrong(message, call.span)

    def _constants(self, node: Check, left: _Side, items: tuple[Literal, ...]) -> None:
        for item in items:
            self._suspicious(item)
            self._constant(node, left, item)
        if left.name.startswith(_UNSAFE_NA) and node.op in _EQUALITY and any(item.text == _NA for item in items):
            self._warn("LOAD_UNSAFE_NA_CHECK", "Comparing with <NA> is unsafe; use exists", node.span)

    def _constant(self, node: Check, left: _Side, item: Literal) -> None:
        text = item.text
        if left.name in EVENT_TYPE_FIELDS and not left.transformed:
            if text not in self._catalogue.event_names:
                self._unknown_event(text, item.span)
            return
        if "\0" in text and left.type is not FieldType.BYTEBUF:
            raise _Wrong(f"{left.name} never holds a null byte", item.span)
        try:
            operators.parse_value(left.type, text, node.op)
        except RuleError as error:
            raise _Wrong(f"{left.name}: {error}", item.span, error.hint) from None
        if node.op == "regex":
            self._regex(item)

    def _unknown_event(self, name: str, span: Span) -> None:
        near = nearest(name, self._catalogue.event_names)
        hint = f"did you mean {near}?" if near else "evt.type takes names of system calls and events"
        raise _Wrong(f"unknown event type {name or '(no text)'}", span, hint, unknown=True)

    def _regex(self, item: Literal) -> None:
        # Only files that use regex pay for loading RE2.
        from tuimon.rules.predicates import predicate

        try:
            predicate("regex", FieldType.CHARBUF, (item.text,))
        except RuleError as error:
            raise _Wrong(str(error), item.span, error.hint) from None
        if _simpler_than_regex(item.text):
            message = f"regex check with '{item.text}' may be optimized with simpler operators"
            self._warn("LOAD_COMPILE_CONDITION", message, item.span, "such as =, contains, startswith, endswith")

    def _suspicious(self, item: Literal) -> None:
        stripped = "".join(item.text.split())
        if "." in stripped and self._catalogue.resolve(stripped.partition("[")[0]) is not None:
            message = f"'{item.text}' may be a valid field misused as a const string value"
            hint = f"write val({stripped}) to compare with the field"
            self._warn("LOAD_COMPILE_CONDITION", message, item.span, hint)
        elif "(" in stripped and _TRANSFORMER_CALL.fullmatch(stripped):
            message = f"'{item.text}' may be a valid field transformer misused as a const string value"
            self._warn("LOAD_COMPILE_CONDITION", message, item.span, "leave out the quotes")


def _widest(types: set[FieldType]) -> FieldType:
    order = (FieldType.CHARBUF, FieldType.FSPATH, FieldType.INT64, FieldType.UINT64, FieldType.INT32, FieldType.UINT32)
    return next((type_ for type_ in order if type_ in types), sorted(types)[0])


def _operator_span(node: Check) -> Span:
    left = node.left.span
    if left is NOWHERE:
        return node.span
    gap = 1
    return Span(left.end + gap, left.end + gap + len(node.op), left.line, left.column + left.end - left.start + gap)


def _simpler_than_regex(pattern: str) -> bool:
    """Whether =, contains, startswith or endswith could say the same (Falco's rule of thumb)."""
    at, length = 0, len(pattern)
    while at < length:
        char = pattern[at]
        if (at == 0 and char == "^") or (at == length - 1 and char == "$"):
            at += 1
        elif ((at == 0 and length > 1) or at == length - 2) and char == "." and pattern[at + 1] in "+*?":
            at += 2
        elif char in _REGEX_SPECIAL:
            return False
        else:
            at += 1
    return True
