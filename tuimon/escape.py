r"""Text of monitored processes made safe to look at: the one place that decides what may reach a screen.

Strings are kept raw inside tuimon (``surrogateescape``). ``clean`` shows as visible escapes whatever could command a
terminal, reorder or hide text, or break a line: control characters, C1, bidi marks, zero-width and filler characters,
variation selectors, tags, line separators, and bytes that are not UTF-8.

    ESC      \e               newline   \n      C1 and other controls   \x9b
    U+202E   \u{202e}         byte 0xff that is no UTF-8   \xff

A backslash of the text itself stays as it is, so the escapes alone are ambiguous; ``clean_segments`` tells them apart
for those who can show replaced text in another style.
"""

from __future__ import annotations

import re
from typing import Final

# Ranges of code points that are never shown as they are.
_BAD_RANGES: Final = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),  # soft hyphen
    (0x34F, 0x34F),  # combining grapheme joiner
    (0x61C, 0x61C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # invisible Khmer vowels
    (0x180B, 0x180F),  # Mongolian selectors and separator
    (0x200B, 0x200F),  # zero width, left-to-right and right-to-left marks
    (0x2028, 0x202E),  # line and paragraph separators, bidi embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, bidi isolates
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # surrogates, among them the bytes that were no UTF-8
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xFFF0, 0xFFFB),  # unassigned, interlinear annotation
    (0xFFFE, 0xFFFF),  # no characters
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    (0xE0000, 0xE0FFF),  # tags and more variation selectors
)
_BAD_SET: Final = "".join(
    f"{re.escape(chr(low))}-{re.escape(chr(high))}" if low != high else re.escape(chr(low)) for low, high in _BAD_RANGES
)
BAD: Final = re.compile(f"[{_BAD_SET}]")
"""Matches one character that must not be shown as it is."""
_BAD_RUN: Final = re.compile(f"[{_BAD_SET}]+")

_SHORT: Final = {0x1B: r"\e", 0x0A: r"\n", 0x0D: r"\r", 0x09: r"\t", 0x08: r"\b", 0x07: r"\a", 0x0B: r"\v", 0x0C: r"\f"}


def shown(char: str) -> str:
    r"""Return the escape that stands for a character.

    >>> shown("\x1b"), shown("\x9b"), shown("\u202e"), shown("\udcff")
    ('\\e', '\\x9b', '\\u{202e}', '\\xff')
    """
    code = ord(char)
    if code in _SHORT:
        return _SHORT[code]
    if code < 0x100:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{{{code:x}}}"


def _show_match(match: re.Match[str]) -> str:
    return "".join(map(shown, match[0]))


def clean(text: str) -> str:
    """Return text with everything dangerous replaced by visible escapes; one line, whatever was in it."""
    if text.isascii() and text.isprintable():
        return text
    return _BAD_RUN.sub(_show_match, text)


def clean_segments(text: str) -> list[tuple[str, bool]]:
    """Return the cleaned text in pieces: text, and whether the piece stands for something that was replaced."""
    if text.isascii() and text.isprintable():
        return [(text, False)] if text else []
    out: list[tuple[str, bool]] = []
    at = 0
    for match in _BAD_RUN.finditer(text):
        if match.start() > at:
            out.append((text[at : match.start()], False))
        out.append((_show_match(match), True))
        at = match.end()
    if at < len(text):
        out.append((text[at:], False))
    return out


def json_text(text: str) -> str:
    """Return text that any JSON reader takes: bytes that were no UTF-8 become U+FFFD, as in Falco's output."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
