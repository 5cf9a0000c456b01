"""The table of operators, modifiers and transformers: what each takes and means.

It feeds the checks, the help and completion.

Which type takes which operator follows Falco (libs, userspace/libsinsp/filter_compare.cpp, after 0.25.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tuimon.fields.registry import FieldType, Scalar
from tuimon.rules import values

RightSide = Literal["nothing", "number", "value", "list"]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator."""

    name: str
    takes: RightSide
    """What stands on its right; a transformer or val(field) may stand there too, except after exists."""
    doc: str
    on: frozenset[str]
    """Kinds of field it works on: number, bool, text, bytes, address, list."""

    @property
    def takes_modifier(self) -> bool:
        """Whether oneof, anyof or allof and a list may follow."""
        return self.takes == "value"


_ALL: Final = frozenset(("number", "bool", "text", "bytes", "address", "list"))
_SINGLE: Final = _ALL - {"list"}
_ORDERED: Final = frozenset(("number", "text"))
_TEXT: Final = frozenset(("text",))
_SEQUENCE: Final = frozenset(("text", "bytes"))
_BYTES: Final = frozenset(("bytes",))

_TABLE: Final = (
    Operator("exists", "nothing", "the field has a value", _ALL),
    Operator("=", "value", "equal", _SINGLE),
    Operator("==", "value", "equal, the same as =", _SINGLE),
    Operator("!=", "value", "has a value, and not this one", _SINGLE),
    Operator("<", "number", "less than a number", _ORDERED),
    Operator("<=", "number", "at most a number", _ORDERED),
    Operator(">", "number", "greater than a number", _ORDERED),
    Operator(">=", "number", "at least a number", _ORDERED),
    Operator("in", "list", "equal to one of the list; of a list field: every element is in the list", _ALL),
    Operator("intersects", "list", "like in; of a list field: at least one element is in the list", _ALL),
    Operator(
        "pmatch", "list", "one of the paths of the list is this path or a parent of it; parts may be globs", _TEXT
    ),
    Operator("contains", "value", "holds the text anywhere", _SEQUENCE),
    Operator("icontains", "value", "holds the text anywhere, whatever the case of ASCII letters", _TEXT),
    Operator("bcontains", "value", "holds the bytes, written in hex", _BYTES),
    Operator("startswith", "value", "begins with the text", _SEQUENCE),
    Operator("bstartswith", "value", "begins with the bytes, written in hex", _BYTES),
    Operator("endswith", "value", "ends with the text", _SEQUENCE),
    Operator("glob", "value", "matches a shell pattern; * also crosses slashes", _TEXT),
    Operator("iglob", "value", "matches a shell pattern, whatever the case", _TEXT),
    Operator("regex", "value", "matches a whole RE2 pattern (POSIX syntax) from end to end", _TEXT),
)
OPERATORS: Final[dict[str, Operator]] = {operator.name: operator for operator in _TABLE}
LIST_OPERATORS: Final = frozenset(name for name, operator in OPERATORS.items() if operator.takes == "list")
"""Those that Falco's exceptions put parentheses after."""

MODIFIERS: Final[dict[str, str]] = {
    "anyof": "at least one value of the list satisfies the operator",
    "oneof": "exactly one value of the list does",
    "allof": "every value of the list does",
}

TRANSFORMERS: Final[dict[str, str]] = {
    "tolower": "the text in lower case",
    "toupper": "the text in upper case",
    "b64": "what the text stands for in base64",
    "basename": "what follows the last slash",
    "len": "the length of a text, a buffer or a list",
    "join": "the values of a list (second argument) with a separator (first) between them",
    "concat": "the arguments one behind the other",
    "getopt": 'a command line option\'s value; getopt(proc.args, "ab:")[b]',
    "val": "the value of another field, on the right-hand side",
}

_KINDS: Final[dict[FieldType, str]] = {
    FieldType.BOOL: "bool",
    FieldType.BYTEBUF: "bytes",
    FieldType.IPADDR: "address",
    FieldType.IPNET: "address",
    **dict.fromkeys(values.TEXTUAL, "text"),
    **dict.fromkeys(values.NUMERIC, "number"),
}
_IN_LISTS: Final = frozenset(
    (
        FieldType.CHARBUF,
        FieldType.UINT64,
        FieldType.RELTIME,
        FieldType.ABSTIME,
        FieldType.BOOL,
        FieldType.IPADDR,
        FieldType.IPNET,
    )
)
_WORDS: Final = {
    "number": "a number",
    "bool": "true or false",
    "text": "text",
    "bytes": "raw bytes",
    "address": "an address",
}


def legal_operators(type_: FieldType, *, is_list: bool = False) -> tuple[str, ...]:
    """Return the operators that a field takes, in the order of the table; all of them when its type is open (DYN)."""
    if is_list:
        return tuple(name for name, op in OPERATORS.items() if "list" in op.on) if type_ in _IN_LISTS else ("exists",)
    kind = _KINDS.get(type_)
    return tuple(name for name, op in OPERATORS.items() if kind is None or kind in op.on)


def kind_of(type_: FieldType, *, is_list: bool = False) -> str:
    """Return what a field holds, in words: a number, text, a list, ..."""
    return "a list" if is_list else _WORDS.get(_KINDS.get(type_, ""), "a value")


def parse_value(type_: FieldType, text: str, op: str = "=") -> Scalar | values.Network:
    """Return the value that a constant stands for when a field of this type is compared with it.

    Raises:
        RuleError: The text does not fit the type; the hint says what would.
    """
    if op in ("bcontains", "bstartswith"):
        return values.parse_hex(text)
    return values.parser_for(type_)(text)
