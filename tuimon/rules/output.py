"""Output templates: ``"%proc.name opened %fd.name"``, parsed once, filled in per alert.

``%field``, ``%field[arg]``, ``%transformer(field)`` and ``%20field`` (exactly 20 columns, padded or cut) are tokens;
the longest name that is a field wins and the rest of the word is text. A leading ``*`` means *print even if a value is
missing*, which is what always happens here, as in Falco. There is no ``%%``. An absent value prints as ``<NA>``.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tuimon.errors import RuleError
from tuimon.events import Event, decode
from tuimon.fields.registry import UNKNOWN, FieldType, Scalar, Value
from tuimon.rules.checks import MISSING, Checks, Context, Load
from tuimon.rules.nodes import FieldRef, Literal, Operand, OperandList, Transform, ValueList

ABSENT: Final = "<NA>"

_WIDTH = re.compile(r"[0-9]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
_CALL = re.compile(r"([a-z0-9_]+)\(")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_CONTROL_OR_QUOTE = re.compile(r"[\x00-\x1f\"\\\x7f-\x9f\ud800-\udfff]")

_DROPPED: Final = frozenset(("container.info",))
"""Tokens that expand to nothing (container.info is deprecated; Falco's loader warns)."""


@dataclass(frozen=True, slots=True)
class Token:
    """One ``%...`` of a template."""

    text: str
    """As written, without the percent sign and the width: the key of output_fields."""
    operand: Operand
    width: int | None
    """Columns to fill; None: as long as the value is."""


class Template:
    """An output, parsed.

    ``fields`` are the texts of its tokens, each once, in the order of their first use.
    """

    def __init__(self, text: str, parts: tuple[str | Token, ...], checks: Checks) -> None:
        self.text = text
        self.parts = parts
        tokens = [part for part in parts if isinstance(part, Token)]
        self.fields: tuple[str, ...] = tuple(dict.fromkeys(token.text for token in tokens))
        self._size = 1
        self._slots: dict[object, int] = {}
        self._loads = {token.text: _printable(token, checks, self._slot) for token in tokens}
        self._waits = not checks.plain_falco

    @classmethod
    def parse(cls, text: str, checks: Checks | None = None) -> Template:
        """Return the template of a text.

        Raises:
            RuleError: A percent sign without a field behind it, an unknown field, unbalanced brackets; Falco's code
                for it is LOAD_ERR_COMPILE_OUTPUT.
        """
        checks = checks or Checks()
        return cls(text, _Reader(text.removeprefix("*"), checks).parts(), checks)

    def lacks(self, event: Event) -> bool:
        """Return whether a value is not known *yet*, so that the message is worth waiting for."""
        if not self._waits:
            return False
        context = self._context(event)
        return any(load(context) is UNKNOWN for load, _ in self._loads.values())

    def values(self, event: Event) -> dict[str, object]:
        """Return token text to value: text, number, bool, list, or None when absent or not known."""
        context = self._context(event)
        return {text: _plain(load(context), type_) for text, (load, type_) in self._loads.items()}

    def format(self, event: Event, *, escape: bool = True) -> str:
        """Return the text with its fields filled in.

        Args:
            event: Where the values come from.
            escape: Escape the values as JSON would (control characters, quotes, backslashes; what is not UTF-8
                becomes U+FFFD), so that a hostile name cannot forge a line. The template's own text stays as it is.
        """
        context = self._context(event)
        out = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            load, type_ = self._loads[part.text]
            shown = as_text(load(context), type_)
            shown = escaped(shown) if escape else shown
            out.append(shown if part.width is None else shown[: part.width].ljust(part.width))
        return "".join(out)

    def _context(self, event: Event) -> Context:
        context: Context = [MISSING] * self._size
        context[0] = event
        return context

    def _slot(self, key: object) -> int:
        at = self._slots.get(key)
        if at is None:
            at = self._slots[key] = self._size
            self._size += 1
        return at


def _printable(token: Token, checks: Checks, slot_of: Callable[[object], int]) -> tuple[Load, FieldType]:
    """Return how to load a token's value; a field of several values without an index prints as absent."""
    if token.text in _DROPPED:
        return (lambda _context: ""), FieldType.CHARBUF
    side = checks.side(token.operand)
    if side.several:
        return (lambda _context: None), side.type
    return side.bind(slot_of), side.type


class _Reader:
    """Cuts a template's text into parts."""

    def __init__(self, text: str, checks: Checks) -> None:
        self.text = text
        self.checks = checks

    def parts(self) -> tuple[str | Token, ...]:
        out: list[str | Token] = []
        at = 0
        while (percent := self.text.find("%", at)) >= 0:
            if percent > at:
                out.append(self.text[at:percent])
            token, at = self.token(percent + 1)
            out.append(token)
        if at < len(self.text):
            out.append(self.text[at:])
        return tuple(out)

    def token(self, at: int) -> tuple[Token, int]:
        """Return the token behind a percent sign and where it ends."""
        if at >= len(self.text):
            raise RuleError("invalid formatting syntax: formatting cannot end with a %", "name a field behind it")
        width = None
        if match := _WIDTH.match(self.text, at):
            width, at = min(int(match[0][:6]), 4096), match.end()
        operand, end = self.operand(at)
        return Token(self.text[at:end], operand, width), end

    def operand(self, at: int) -> tuple[Operand, int]:
        call = _CALL.match(self.text, at)
        return self.call(call[1], call.end()) if call else self.field(at)

    def call(self, name: str, at: int) -> tuple[Transform, int]:
        """Return a transformer whose arguments begin at ``at``."""
        arguments: list[Operand] = []
        while True:
            argument, at = self.argument(self.blanks(at))
            arguments.append(argument)
            at = self.blanks(at)
            mark = self.text[at : at + 1]
            at += 1
            if mark == ")":
                break
            if mark != ",":
                raise RuleError(f"invalid formatting token: {name}( is not closed", "close it with )")
        selector, at = self.brackets(at)
        return Transform(name, tuple(arguments), selector), at

    def argument(self, at: int) -> tuple[Operand, int]:
        if quoted := _QUOTED.match(self.text, at):
            body = quoted[1] if quoted[1] is not None else quoted[2]
            return Literal(re.sub(r"\\(.)", r"\1", body), quoted=True), quoted.end()
        if number := _NUMBER.match(self.text, at):
            return Literal(number[0]), number.end()
        if self.text[at : at + 1] == "(":
            return self.items(at + 1)
        return self.operand(at)

    def items(self, at: int) -> tuple[OperandList, int]:
        """Return a list of constants and fields."""
        items: list[FieldRef | Transform | Literal] = []
        while self.text[(at := self.blanks(at)) : at + 1] != ")":
            item, at = self.argument(at)
            if not isinstance(item, ValueList | OperandList):
                items.append(item)
            at = self.blanks(at)
            at += self.text[at : at + 1] == ","
            if at >= len(self.text):
                raise RuleError("invalid formatting token: a list is not closed", "close it with )")
        return OperandList(tuple(items)), at + 1

    def blanks(self, at: int) -> int:
        while self.text[at : at + 1] in (" ", "\t"):
            at += 1
        return at

    def field(self, at: int) -> tuple[FieldRef, int]:
        """Return the longest field that begins at ``at``, with its argument."""
        match = _NAME.match(self.text, at)
        name = match[0] if match else ""
        while name:
            if name in _DROPPED:
                return FieldRef(name), at + len(name)
            try:
                self.checks.field(FieldRef(name))
            except RuleError:
                name = name.rpartition(".")[0] if "." in name else ""
                continue
            arg, end = self.brackets(at + len(name))
            return FieldRef(name, arg), end
        word = match[0] if match else self.text[at : at + 20].split(" ")[0]
        raise RuleError(
            f"invalid formatting token {word}", "a field must follow the %; there is no %% for a plain percent"
        )

    def brackets(self, at: int) -> tuple[str | None, int]:
        """Return the argument in brackets at ``at``, if there is one."""
        if self.text[at : at + 1] != "[":
            return None, at
        end = self.text.find("]", at)
        if end < 0:
            raise RuleError("invalid formatting token: the [ of a field's argument is not closed", "close it with ]")
        inner = self.text[at + 1 : end]
        quoted = _QUOTED.fullmatch(inner)
        return (inner if quoted is None else quoted[1] or quoted[2] or ""), end + 1


def as_text(value: Value, type_: FieldType) -> str:
    """Return a value as an output prints it: addresses in their usual form, lists as ``(a,b)``, absent as ``<NA>``."""
    if value is None or value is UNKNOWN:
        return ABSENT
    if isinstance(value, tuple):
        return "(" + ",".join(_scalar_text(item, type_) for item in value) + ")"
    return _scalar_text(value, type_)


def _scalar_text(value: Scalar, type_: FieldType) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return address_text(value) if type_ in (FieldType.IPADDR, FieldType.IPNET) else decode(value)
    return str(value)


def address_text(packed: bytes) -> str:
    """Return a packed address in its usual form."""
    try:
        return str(ipaddress.ip_address(packed))
    except ValueError:
        return packed.hex()


def _plain(value: Value, type_: FieldType) -> object:
    """Return a value as JSON takes it."""
    if value is None or value is UNKNOWN:
        return None
    if isinstance(value, tuple):
        return [_plain(item, type_) for item in value]
    return _scalar_text(value, type_) if isinstance(value, bytes) else value


def escaped(text: str) -> str:
    """Return text as the inside of a JSON string: no control character, no lone quote, no broken UTF-8."""
    if not _CONTROL_OR_QUOTE.search(text):
        return text
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    quoted = json.dumps(valid, ensure_ascii=False)[1:-1]
    return re.sub(r"[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", quoted)
