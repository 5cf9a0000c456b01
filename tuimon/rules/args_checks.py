"""What a check of evt.args looks for: words that a text must hold, texts that satisfy it, and what it cannot tell.

evt.args is put together from many parts. Which of them may hold a word is told without writing the text
(tuimon.rules.args_words), so that a check is read first: of its constants or its pattern, the words that tell most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from tuimon.fields.argsource import BOUND
from tuimon.rules.args_names import ANYWHERE, folded
from tuimon.rules.nodes import Check, FieldRef, Literal, ValueList, constants_of

_MOST: Final = 8
"""Alternatives of a pattern that are looked for each by itself."""
_WORD: Final = re.compile(r"[A-Za-z0-9_]{2,}")
_PLAIN: Final = re.compile(r"[g-wyz]")
"""Letters that no number has, and hardly a name of a flag, an error or a signal."""
_NUMBER: Final = re.compile(r"[0-9A-Fa-f]+")
"""It may be the end of a number, or of an address."""
_SOCKETS: Final = re.compile(r"[46][tui]", re.IGNORECASE)
"""Kinds of sockets, which stand before their addresses."""
_SHOWN: Final = re.compile(r"[ -~]+")
"""All of it is shown as it is, whatever else is not."""
_PATH: Final = re.compile(rb"[A-Za-z0-9_./-]+")
_TOKEN: Final = re.compile(
    r"(\\[^A-Za-z0-9]|\[\^?\]?(?:\[:\^?[a-z]+:\]|[^\]\\\[])*\]|\((?!\?)|[^\\(\[])((?:[*+?]|\{[0-9,]*\})*)", re.DOTALL
)
"""One part of a regular expression and what says how often; escapes of letters and (? are left alone."""
_SPECIAL: Final = ".^$"
_ANYTHING: Final = ".*"
_EQUAL: Final = ("=", "==", "in")
_WHOLE: Final = frozenset((*_EQUAL, "!=", "startswith"))
"""Operators that ask how a text begins, or does not."""


class Sought(NamedTuple):
    """What a check looks for in evt.args; in lower case if ``fold``."""

    words: tuple[bytes, ...] = ()
    """Letters, digits and underscores: a text must hold one of them for the check to hold. Empty: nothing is told."""
    literals: tuple[tuple[bytes, bytes], ...] = ()
    """Texts, each with the word in it: the check holds of any line that one of them lies in, and of no other."""
    fold: bool = False
    """The case of letters does not matter."""
    is_of_one_line: bool = False
    """It holds of no text of several lines, though it may hold of one of them."""
    is_blind: bool = False
    """What it says does not change with the digits of a number, see ``is_blind``."""

    @property
    def are_of_paths(self) -> bool:
        """Whether each literal can lie in a path alone, of all that an open shows."""
        return bool(self.literals) and all(b"/" in text and _PATH.fullmatch(text) for text, _ in self.literals)

    @property
    def are_of_one_part(self) -> bool:
        """Whether each literal can lie in one part alone; a dot may stand where two arguments meet."""
        return self.are_of_paths and not any(b"." in text for text, _ in self.literals)


def sought(check: Check) -> Sought:
    """Return what a check of evt.args looks for."""
    texts = _constants(check)
    if not texts or not isinstance(check.left, FieldRef):
        return Sought()
    op, fold = check.op, check.op in ("icontains", "iglob")
    blind = all(is_blind(op, text) for text in texts)
    each = [_words(_parts(op, text), fold=fold) for text in texts]
    if check.modifier == "allof":
        return Sought(_best(each), (), fold, is_blind=blind)
    held = [_literals(_parts(op, text), fold=fold) for text in texts]
    literals = tuple(dict.fromkeys(pair for some in held for pair in some))
    if check.modifier == "oneof" or not all(held) or len(literals) > _MOST:
        return Sought(_any_of(each), (), fold, is_blind=blind)
    return Sought(tuple(dict.fromkeys(word for _, word in literals)), literals, fold, op == "regex", blind)


def _constants(check: Check) -> list[str]:
    """Return the constants that a check asks for one by one, empty when it asks for anything else."""
    if isinstance(check.right, Literal) and check.modifier is None:
        return [check.right.text]
    if isinstance(check.right, ValueList) and (check.op == "in" or check.modifier is not None):
        return [each.text for each in check.right.items]
    return []


def is_blind(op: str, text: str) -> bool:
    """Return whether an operator with this constant says the same of texts that differ in the digits of numbers alone.

    A number is a run of decimal digits. Let two texts be made of the same pieces with other runs between them. What is
    asked for is letters that are no digits, in order, with anything at some places between them. Where one text holds
    it, each letter is one of a piece, for a run has none of them, and letters that follow one another do so in the
    piece; in the other text they stand at the same places of the same pieces. Anything takes what lies between them
    there, of runs as well. So the other text holds it, too; alternatives hold when one of them does.
    """
    parts = _parts(op, text)
    return parts is not None and _is_told(parts) and not any("0" <= letter <= "9" for letter in text)


def may_be(check: Check, name: str) -> bool:
    """Return whether evt.args of a type of event may be what a check names, by the names of its parameters alone."""
    if check.op not in _WHOLE or check.modifier is not None or not isinstance(check.left, FieldRef):
        return True
    names = [f"{bound.param.name}=" for bound in BOUND.get(name, ())]
    texts = constants_of(check)
    if not names or texts is None:
        return True
    if check.op == "startswith":
        return any(text.startswith(names[0]) or names[0].startswith(text) for text in texts)
    return any(text.startswith(names[0]) and all(f" {each}" in text for each in names[1:]) for text in texts)


# Operators and patterns, read as alternatives of parts.


class _Group(NamedTuple):
    """What stands in brackets, once."""

    branches: list[list[_Item]]


_Item = str | _Group | None
"""A letter, _ANYTHING, a group; None: something else."""


def _parts(op: str, text: str) -> list[list[_Item]] | None:
    """Return what an operator with this constant takes: alternatives, each as its parts in order; None: not told."""
    if op in ("glob", "iglob"):
        return None if "[" in text or "\\" in text else [[_IN_GLOB.get(letter, letter) for letter in text]]
    if op == "regex":
        return _branches(text)
    if op in _EQUAL:
        return [list(text)]
    before = [_ANYTHING] if op in ("contains", "icontains", "endswith") else []
    behind = [_ANYTHING] if op in ("contains", "icontains", "startswith") else []
    return [[*before, *text, *behind]] if before or behind else None


_IN_GLOB: Final[dict[str, str | None]] = {"*": _ANYTHING, "?": None}


def _branches(pattern: str) -> list[list[_Item]] | None:
    """Return the same for a regular expression; None when it is not understood."""
    open_: list[list[list[_Item]]] = [[[]]]
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or (token[1] in ("(", "|") and token[2]):
            return None
        at, text, often = token.end(), token[1], token[2]
        if text == "(":
            open_.append([[]])
        elif text == "|":
            open_[-1].append([])
        elif text != ")":
            open_[-1][-1].append(_item(text, often))
        elif len(open_) == 1:
            return None
        else:
            group = _Group(open_.pop())
            open_[-1][-1].append(None if often else group)
    return open_[0] if len(open_) == 1 else None


def _item(text: str, often: str) -> _Item:
    if text == "." and often == "*":
        return _ANYTHING
    if often or text in _SPECIAL:
        return None
    return text if len(text) == 1 else text[1] if text[0] == "\\" else None


def _is_told(branches: Iterable[Sequence[_Item]]) -> bool:
    """Whether there is nothing in them but letters, anything, and groups of those."""
    items = [item for branch in branches for item in branch]
    return all(isinstance(item, str) or (item is not None and _is_told(item.branches)) for item in items)


# Words and literals.


def _words(branches: Iterable[Sequence[_Item]] | None, *, fold: bool) -> tuple[bytes, ...]:
    """Return words of which whatever is one of some alternatives holds one; empty when none is told."""
    return _any_of([_best(_word_sets(branch, fold=fold)) for branch in branches or ((),)])


def _any_of(sets: Sequence[tuple[bytes, ...]]) -> tuple[bytes, ...]:
    words = tuple(dict.fromkeys(word for words in sets for word in words))
    return words if all(sets) and len(words) <= _MOST else ()


def _best(sets: Iterable[tuple[bytes, ...]]) -> tuple[bytes, ...]:
    """Return the words that tell most, of sets of which one each must be there."""
    return max(filter(None, sets), key=lambda words: (min(map(_tells_most, words)), -len(words)), default=())


def _word_sets(branch: Sequence[_Item], *, fold: bool) -> Iterator[tuple[bytes, ...]]:
    """Yield words of which an alternative needs one each."""
    pieces = "".join(item if isinstance(item, str) and len(item) == 1 else "\n" for item in branch)
    for word in _words_in(pieces, fold=fold):
        yield (word,)
    for item in branch:
        if isinstance(item, _Group):
            yield _words(item.branches, fold=fold)


def _words_in(text: str, *, fold: bool) -> list[bytes]:
    """Return the words in a text that tell something.

    What evt.args is put together from meets at blanks and punctuation only, so that a word lies in one part of it.
    """
    told = [word for word in _WORD.findall(text) if not (_NUMBER.fullmatch(word) or _SOCKETS.fullmatch(word))]
    words = [folded(word, fold=fold) for word in told]
    return [word.encode() for word in words if word not in folded(ANYWHERE, fold=fold)]


def _tells_most(word: bytes) -> tuple[bool, bool, int]:
    """Return what orders words by how much they tell: the name of a parameter stands in every event of a kind."""
    text = word.decode()
    return text.lower() not in _PARAMETERS, _PLAIN.search(text) is not None, len(text)


_PARAMETERS: Final = " ".join({bound.param.name.lower() for params in BOUND.values() for bound in params})


def _literals(branches: Sequence[Sequence[_Item]] | None, *, fold: bool) -> list[tuple[bytes, bytes]]:
    """Return texts, each with a word in it, of which a text must hold one, and need hold no more; empty: not told.

    Without a word a text may come to be where two parts meet that are no texts.
    """
    out = []
    for branch in branches or ():
        is_framed = len(branch) > 2 and branch[0] == branch[-1] == _ANYTHING
        texts = _expanded(branch[1:-1]) if is_framed else []
        for text in texts:
            word = _best((each,) for each in _words_in(text, fold=fold))
            if not word or not _SHOWN.fullmatch(text):
                return []
            out.append((folded(text, fold=fold).encode(), word[0]))
        if not texts:
            return []
    return out


def _expanded(branch: Sequence[_Item]) -> list[str]:
    """Return the texts that parts stand for, empty when they are not a few."""
    out = [""]
    for item in branch:
        more = _of_item(item)
        out = [text + each for text in out for each in more]
        if not 0 < len(out) <= _MOST:
            return []
    return out


def _of_item(item: _Item) -> list[str]:
    if isinstance(item, _Group):
        each = [_expanded(branch) for branch in item.branches]
        return [text for texts in each for text in texts] if all(each) else []
    return [] if item is None or item == _ANYTHING else [item]
