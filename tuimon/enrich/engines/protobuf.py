"""Protocol Buffers on the wire, as little as the engines' answers need (protobuf.dev, "Encoding").

Answers come from root's own engines, but are read as if they did not: a length that runs past the end ends the reading.
"""

from __future__ import annotations

from collections.abc import Iterator

_BYTES = 2


def varint(number: int) -> bytes:
    """Encode a number."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: bytes) -> bytes:
    """Encode a field of bytes: a string or a message."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def number(place: int, value: int) -> bytes:
    """Encode a field of a number: also a bool."""
    return varint(place << 3) + varint(value)


def fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, value) of the fields of a message; stops at the first that is not whole."""
    at = 0
    while at < len(raw):
        key, at = _read_varint(raw, at)
        match key & 7:
            case 0:
                value, at = _read_varint(raw, at)
                if at > len(raw):
                    return
                yield key >> 3, value
            case 1:
                at += 8
            case 2:
                size, at = _read_varint(raw, at)
                if at + size > len(raw):
                    return
                yield key >> 3, raw[at : at + size]
                at += size
            case 5:
                at += 4
            case _:
                return


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends; past the end of ``raw`` when it is not whole."""
    number = shift = 0
    while at < len(raw) and shift < 64:
        byte = raw[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    return 0, len(raw) + 1


def messages(raw: bytes, number: int) -> list[bytes]:
    """Return all values of a repeated field."""
    return [value for n, value in fields(raw) if n == number and isinstance(value, bytes)]


def message(raw: bytes, number: int) -> bytes:
    """Return the last value of a field, empty when it is absent."""
    found = messages(raw, number)
    return found[-1] if found else b""


def string(raw: bytes, number: int) -> str:
    """Return a text field, "" when it is absent."""
    return message(raw, number).decode("utf-8", "surrogateescape")


def pairs(raw: bytes, number: int) -> dict[str, str]:
    """Return a map field of strings: entries with key 1 and value 2."""
    return {string(entry, 1): string(entry, 2) for entry in messages(raw, number)}
