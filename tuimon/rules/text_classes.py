"""Texts of opened files that no rule can tell apart.

A machine opens tens of thousands of files of different names, and of nearly all of them rules ask the same few
questions: is it below /etc, does it end in authorized_keys, ... Two records whose texts give the same answers to all of
these are one to the prefilter; it asks the compiled conditions once for each class, not once for each name.

Only what is surely understood makes classes: opens (of which there are most) and checks that compare the path, its
directory, its last part or the text as given with constants. With any other check about texts, the texts themselves
tell records apart, as before.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tuimon.errors import RuleError
from tuimon.events import decode
from tuimon.fields.facts import CALL_KINDS, absolute
from tuimon.fields.fd import directory_of, filename_of, single_slashes
from tuimon.fields.registry import FieldType
from tuimon.records import FILE, Kind
from tuimon.rules.checks import Checks
from tuimon.rules.nodes import Check, FieldRef, ValueList
from tuimon.rules.nodes import Literal as Constant
from tuimon.rules.predicates import Predicate, predicate
from tuimon.rules.values import TEXTUAL, parser_for

Part = Literal["whole", "directory", "filename"]

FLAGS_AT: Final = {"open": 1, "openat": 2, "openat2": 2}
"""The calls whose texts have classes, and the register that holds their flags; the mode is in the next one."""
KINDS: Final = frozenset(CALL_KINDS)
PARTS: Final[dict[tuple[str, str | None], Part]] = {
    ("fd.name", None): "whole",
    ("fd.nameraw", None): "whole",
    ("fs.path.name", None): "whole",
    ("fs.path.nameraw", None): "whole",
    ("evt.arg", "name"): "whole",
    ("fd.directory", None): "directory",
    ("fd.filename", None): "filename",
}
"""Fields that show a text of an open, each the path, its real twin, or the text as given; and which part of it."""
TEXTLESS: Final = frozenset(
    """
    evt.type syscall.type evt.dir evt.category evt.res evt.rawres evt.failed evt.is_open_read evt.is_open_write
    evt.is_open_exec evt.is_open_create fd.num fd.type fd.typechar
    """.split()  # noqa: SIM905  a list literal would take a line each
)
"""Fields of an open that say nothing about its texts."""
TEXTLESS_ARGS: Final = frozenset(("flags", "mode", "res", "fd"))
_OF_MODE: Final = frozenset((("evt.is_open_exec", None), ("evt.arg", "mode")))
_MAX_TEXTS: Final = 50_000
_MAX_TEXT_BYTES: Final = 8 << 20
"""Of the texts kept of one kind of open: names may be 4,096 bytes long, and whoever is watched chooses them."""
_ENTRY_BYTES: Final = 150
"""What keeping one costs beside its bytes."""
_LENGTHS: Final = struct.Struct("<6H")
_FILE_FLAGS: Final = FILE["flags"].itemsize
"""Bytes of ``tm_file.flags``, which come last in it."""
_EXACT: Final = b"\0"
_CLASS: Final = b"\1"
_GLOB_MARKS: Final = re.compile(r"[*?\[\]\\]")


@dataclass(slots=True)
class _Questions:
    """What is asked of one part of a path, as far as possible in few steps; each question has a bit."""

    equal: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)
    suffixes: dict[str, int] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    others: list[tuple[tuple[str, ...], Predicate, int]] = field(default_factory=list)
    """Texts of which one must be in the value (an empty one: unknown), and the question."""
    _sorted: list[str] = field(default_factory=list)
    _below: list[tuple[int, int]] = field(default_factory=list)
    """Of each sorted prefix: the longest other one that it begins with (-1: none), and the bits of all of these."""
    _ends: tuple[str, ...] = ()

    def close(self) -> None:
        """Make what answers most questions at once."""
        self._ends = tuple(self.suffixes)
        self._sorted = sorted(self.prefixes)
        for prefix in self._sorted:
            shorter = self._longest(prefix, len(self._below))
            bits = self._below[shorter][1] if shorter >= 0 else 0
            self._below.append((shorter, bits | self.prefixes[prefix]))

    def _longest(self, text: str, at: int) -> int:
        """Return the place of the longest prefix of a text among the first ``at``, all not after it; -1: none.

        What stands between a prefix of a text and the text in order begins with that prefix too.
        """
        at -= 1
        while at >= 0 and not text.startswith(self._sorted[at]):
            at = self._below[at][0]
        return at

    def quick(self, op: str) -> dict[str, int] | None:
        """Return where the constants of an operator belong, None when it must be asked itself."""
        if op in ("=", "==", "!=", "in", "intersects"):
            return self.equal
        return {"startswith": self.prefixes, "endswith": self.suffixes, "contains": self.holds}.get(op)

    def answers(self, text: str) -> int:
        """Return the bits of the questions whose answer is yes."""
        bits = self.equal.get(text, 0)
        at = self._longest(text, bisect_right(self._sorted, text))
        if at >= 0:
            bits |= self._below[at][1]
        if text.endswith(self._ends):
            for suffix, bit in self.suffixes.items():
                if text.endswith(suffix):
                    bits |= bit
        for part, bit in self.holds.items():
            if part in text:
                bits |= bit
        for needles, test, bit in self.others:
            for needle in needles:
                if needle in text:
                    if test(text):
                        bits |= bit
                    break
        return bits


class TextClasses:
    """Classes of the texts of one kind of open.

    Args:
        asked: The questions by part.
        registers: The register arguments that some check looks at.
    """

    def __init__(self, asked: dict[Part, _Questions], registers: tuple[int, ...]) -> None:
        self.registers = registers
        self._whole, self._directory, self._filename = asked["whole"], asked["directory"], asked["filename"]
        self._known: dict[bytes, bytes] = {}
        self._known_bytes = 0
        self._of_folder: dict[str, int] = {}
        self._numbers: dict[tuple[object, ...], bytes] = {}
        self._next = 0

    def key(self, lengths: bytes, text: bytes) -> bytes:
        """Return what stands for the texts of a record among those of this kind: its class, or the texts themselves.

        Args:
            lengths: ``slot_len`` as it lies in memory.
            text: The texts, one behind the other.
        """
        whole = lengths + text
        known = self._known.get(whole)
        if known is None:
            self._known_bytes += len(whole) + _ENTRY_BYTES
            if len(self._known) >= _MAX_TEXTS or self._known_bytes > _MAX_TEXT_BYTES:
                self._forget()
                self._known_bytes = len(whole) + _ENTRY_BYTES
            known = self._known[whole] = self._find(lengths, text, whole)
        return known

    def _find(self, lengths: bytes, text: bytes, whole: bytes) -> bytes:
        # In the order of the slots: given, base, real, the second given, and the second base, which holds a tm_file.
        end_given, base, real_size, given2, file_size, _ = _LENGTHS.unpack(lengths)
        if not end_given or file_size not in (0, FILE.itemsize):
            return _EXACT + whole
        end_base = end_given + base
        end_real = end_base + real_size
        end_file = end_real + given2 + file_size
        given, real = decode(text[:end_given]), decode(text[end_base:end_real])
        path = absolute(decode(text[end_given:end_base]), given)
        of_path = self._answers(path)
        answers: tuple[object, ...] = (of_path, text[end_file - min(file_size, _FILE_FLAGS) : end_file])
        if real:
            answers += (of_path if real == path else self._answers(real),)
        if given != path:  # a number more or less does not tell which of the texts are there
            answers += (bool(real), self._whole.answers(given))
            if "//" in given:
                answers += (self._whole.answers(single_slashes(given)),)
        number = self._numbers.get(answers)
        if number is None:
            number = self._numbers[answers] = _CLASS + self._next.to_bytes(4, "little")
            self._next += 1
        return number

    def _forget(self) -> None:
        """Let all texts go; a number never comes back for other answers, because details are known by it elsewhere."""
        self._known.clear()
        self._of_folder.clear()
        if len(self._numbers) > _MAX_TEXTS // 10:
            self._numbers.clear()

    def _answers(self, path: str) -> tuple[int, int, int, int]:
        """Return the answers about a path and its parts; of a directory, ``fd.directory`` is the path itself."""
        folder = directory_of(path)
        of_folder = self._of_folder.get(folder)
        if of_folder is None:
            if len(self._of_folder) >= _MAX_TEXTS:
                self._of_folder.clear()
            of_folder = self._of_folder[folder] = self._directory.answers(folder)
        filename = self._filename.answers(filename_of(path))
        return self._whole.answers(path), self._directory.answers(path), of_folder, filename


def text_classes(asked: Iterable[Check], checks: Checks, kind: Kind, name: str) -> TextClasses | None:
    """Return the classes of the texts of one kind of event, None when the texts themselves must tell records apart.

    Args:
        asked: Every check about records.
        checks: Knows the fields.
        kind: Of the events.
        name: Their ``evt.type``.
    """
    if name not in FLAGS_AT or kind not in KINDS:
        return None
    registers: tuple[int, ...] = (FLAGS_AT[name],)
    questions: dict[Part, _Questions] = {part: _Questions() for part in ("whole", "directory", "filename")}
    bit = 1
    for check in asked:
        if not isinstance(check.left, FieldRef) or not isinstance(check.right, Constant | ValueList | None):
            return None
        info, arg = checks.field(check.left)
        if (info.name, arg) in _OF_MODE:
            registers = (FLAGS_AT[name], FLAGS_AT[name] + 1)
        if info.name in TEXTLESS or (info.name == "evt.arg" and arg in TEXTLESS_ARGS):
            continue
        part = PARTS.get((info.name, arg))
        if part is None or info.type not in TEXTUAL:
            return None
        texts = [item.text for item in check.right.items] if isinstance(check.right, ValueList) else []
        texts = [check.right.text] if isinstance(check.right, Constant) else texts
        try:
            bit = _ask(questions[part], check, texts, bit)
        except (RuleError, ValueError):
            return None
    for each in questions.values():
        each.close()
    return TextClasses(questions, registers)


def _ask(questions: _Questions, check: Check, texts: Sequence[str], bit: int) -> int:
    """Add the questions of a check, and return the next free bit."""
    if check.op == "exists":
        return bit
    quick = questions.quick(check.op)
    if check.op == "pmatch":
        questions.others.append((_first_parts(texts), predicate("pmatch", FieldType.CHARBUF, texts), bit))
        return bit << 1
    parse = parser_for(FieldType.CHARBUF)
    for text in texts:
        if quick is not None:
            value = str(parse(text))
            quick[value] = quick.get(value, 0) | bit
        else:
            needles = (_literal_part(text),) if check.op == "glob" else ("",)
            questions.others.append((needles, predicate(check.op, FieldType.CHARBUF, (text,)), bit))
        bit <<= 1
    return bit


def _literal_part(pattern: str) -> str:
    """Return the longest text that everything a glob matches must hold; empty when there is none to be sure of."""
    return "" if "[" in pattern or "\\" in pattern else max(_GLOB_MARKS.split(pattern), key=len)


def _first_parts(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the first components of which every path that matches a ``pmatch`` holds one; empty for a glob."""
    firsts = []
    for path in paths:
        parts = [part for part in path.split("/") if part]
        firsts.append("" if not parts or _GLOB_MARKS.search(parts[0]) else parts[0])
    return tuple(dict.fromkeys(firsts))
