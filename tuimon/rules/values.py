"""Constants of a condition: text to value, by the type of the field it is compared with.

Follows what Falco does with the text (libs ``sinsp_filter_check::parse_filter_value``): decimal only, unsigned numbers
wrap, narrow types narrow silently, ports may be service names. Text that does not fit the type is a RuleError whose
sentence says what was expected. Constants are parsed once, when a rule is compiled.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType, Scalar

_DIGITS = re.compile(r"[+-]?[0-9]+\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")

_BITS: Final = {
    FieldType.INT8: (8, True),
    FieldType.INT16: (16, True),
    FieldType.INT32: (32, True),
    FieldType.INT64: (64, True),
    FieldType.FD: (64, True),
    FieldType.PID: (64, True),
    FieldType.ERRNO: (64, True),
    FieldType.DOUBLE: (64, True),
    FieldType.UINT8: (8, False),
    FieldType.UINT16: (16, False),
    FieldType.UINT32: (32, False),
    FieldType.UINT64: (64, False),
    FieldType.RELTIME: (64, False),
    FieldType.ABSTIME: (64, False),
}
NUMERIC: Final = frozenset(_BITS) | {FieldType.PORT}
TEXTUAL: Final = frozenset({FieldType.CHARBUF, FieldType.FSPATH, FieldType.FSRELPATH})


@dataclass(frozen=True, slots=True)
class Network:
    """An address range: ``size`` bytes of an address (4 or 16), masked and compared as one number."""

    size: int
    mask: int
    base: int

    def __contains__(self, address: bytes) -> bool:
        return len(address) == self.size and int.from_bytes(address, "big") & self.mask == self.base


def parse_number(text: str, bits: int, signed: bool) -> int:
    """Return a decimal number as C's scanf would store it in ``bits`` bits: clamped to 64 bits, then narrowed."""
    if not _DIGITS.match(text):
        raise RuleError(f"{text!r} is not a valid number", "numbers are written in decimal digits only")
    number = int(text) if len(text) < 40 else (-(1 << 64) if text.startswith("-") else 1 << 64)
    if signed:
        number = max(-(1 << 63), min(number, (1 << 63) - 1))
    elif abs(number) >= 1 << 64:
        number = (1 << 64) - 1
    number &= (1 << bits) - 1
    return number - (1 << bits) if signed and number >> (bits - 1) else number


def parse_bool(text: str) -> bool:
    """Return a truth value; only ``true`` and ``false`` are known."""
    if text not in ("true", "false"):
        raise RuleError(f"{text!r} is not a truth value", "write true or false, in lower case")
    return text == "true"


def parse_port(text: str) -> int:
    """Return a port by number or by the name /etc/services gives it; no text is port 0."""
    if not text:
        return 0
    if _DIGITS.match(text):
        return parse_number(text, 16, False)
    try:
        return socket.getservbyname(text)
    except OSError:
        raise RuleError(f"{text!r} is neither a port number nor a known service", "see /etc/services") from None


def parse_address(text: str) -> bytes:
    """Return an IPv4 (4 bytes) or IPv6 (16 bytes) address, packed in network order."""
    family = socket.AF_INET if "." in text and ":" not in text else socket.AF_INET6
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError, UnicodeEncodeError):
        hint = "write 192.0.2.1 or 2001:db8::1, without a prefix length"
        raise RuleError(f"{text!r} is not an IP address", hint) from None


def parse_network(text: str) -> Network:
    """Return an address range; the prefix length is required, 0 to 32 for IPv4 and 1 to 128 for IPv6."""
    address_text, slash, length_text = text.partition("/")
    hint = "write an address range such as 10.0.0.0/8 or fd00::/8"
    if not slash or not length_text.isascii() or not length_text.isdigit():
        raise RuleError(f"{text!r} is not an address range", hint)
    address = parse_address(address_text)
    size, length = len(address), int(length_text)
    least = 0 if size == 4 else 1
    if not least <= length <= size * 8:
        raise RuleError(f"{text!r} has a prefix length outside {least} to {size * 8}", hint)
    mask = ((1 << length) - 1) << (size * 8 - length)
    return Network(size, mask, int.from_bytes(address, "big") & mask)


def parse_hex(text: str) -> bytes:
    """Return the bytes that hex text stands for (bcontains, bstartswith)."""
    if not _HEX.match(text):
        raise RuleError(f"{text!r} is not hex text", "write an even number of hex digits, such as CAFEBABE")
    return bytes.fromhex(text)


def parse_bytes(text: str) -> bytes:
    """Return text as the bytes a buffer would hold."""
    return text.encode("utf-8", "surrogateescape")


def parse_text(text: str) -> str:
    """Return text as it stands."""
    return text


def parser_for(type_: FieldType) -> Callable[[str], Scalar | Network]:
    """Return the function that turns text into a value of a type; it raises RuleError on text that does not fit."""
    if type_ in TEXTUAL:
        return parse_text
    if type_ in _BITS:
        bits, signed = _BITS[type_]
        return lambda text: parse_number(text, bits, signed)
    others: dict[FieldType, Callable[[str], Scalar | Network]] = {
        FieldType.BOOL: parse_bool,
        FieldType.PORT: parse_port,
        FieldType.IPADDR: parse_address,
        FieldType.IPNET: parse_network,
        FieldType.BYTEBUF: parse_bytes,
        FieldType.DYN: parse_text,
    }
    return others[type_]
