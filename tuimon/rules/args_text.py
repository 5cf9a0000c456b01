"""evt.args of many events: what is alike is written out once, and opens, nearly all there is, without a getter.

The texts are long and nearly as many as the records, so that none of them is kept: what a check says of an open is, for
as long as its filter lives. Of the other events only those are asked whose record or process holds the longest word of
what is looked for, or shows a name that does; a word of digits may stand in any.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.events import Event
from tuimon.fields.argsource import BOUND, BOUND_BY_NAME
from tuimon.fields.evtarg import fd_error, number_text, param_text
from tuimon.fields.facts import AT_FDCWD, facts
from tuimon.records import Kind
from tuimon.rules.args_names import ANYWHERE, folded
from tuimon.rules.grouping import Groups, Rows, groups_of
from tuimon.rules.nodes import Check, FieldRef, Literal, ValueList
from tuimon.rules.numbers import file_numbers
from tuimon.rules.words import Words, columns_of

if TYPE_CHECKING:
    from tuimon.rules.look import Look

ARGS: Final = frozenset(("evt.args", "evt.info"))
_WRITTEN: Final = frozenset(("open", "openat"))
_UNLIKE: Final = (Kind.EXEC, Kind.FORK)
"""Kinds of event that tell of a process each: no two are alike."""
_WORD: Final = re.compile(r"[A-Za-z0-9_]{2,}")
_PLAIN: Final = re.compile(r"[g-wyz]")
"""Letters that no number has, and hardly a name of a flag, an error or a signal."""
_NUMBER: Final = re.compile(r"[0-9A-Fa-f]+")
"""It may be the end of a number, or of an address."""
_SOCKETS: Final = re.compile(r"[46][tui]", re.IGNORECASE)
"""Kinds of sockets, which stand before their addresses."""
_TOKEN: Final = re.compile(
    r"(\\[^A-Za-z0-9]|\[\^?\]?(?:\[:\^?[a-z]+:\]|[^\]\\\[])*\]|\((?!\?)|[^\\(\[])([*+?]|\{[0-9,]*\})*", re.DOTALL
)
"""One part of a regular expression and what says how often; escapes of letters and (? are left alone."""
_SPECIAL: Final = ".^$)"
_WHOLE: Final = frozenset(("=", "==", "!=", "in", "startswith"))
"""Operators that ask how a text begins, or does not."""
_LITERAL: Final = frozenset(("=", "==", "contains", "icontains", "startswith", "endswith"))


def needed(check: Check) -> bytes:
    """Return a word that a text must hold for a check of it to hold; empty when there is none that tells much.

    What evt.args is put together from meets at blanks and punctuation only, so that a word lies in one part of it.
    """
    if check.modifier is not None or not isinstance(check.left, FieldRef):
        return b""
    literal = check.right.text if isinstance(check.right, Literal) else ""
    fold = folds(check)
    words = [
        folded(word, fold=fold)
        for piece in pieces(check.op, literal)
        for word in _WORD.findall(piece)
        if not (_NUMBER.fullmatch(word) or _SOCKETS.fullmatch(word))
    ]
    told = [word for word in words if word not in folded(ANYWHERE, fold=fold)]
    return max(told, key=_tells_most, default="").encode()


def _tells_most(word: str) -> tuple[bool, bool, int]:
    """Return what orders words by how much they tell: the name of a parameter stands in every event of a kind."""
    return word.lower() not in _PARAMETERS, _PLAIN.search(word) is not None, len(word)


_PARAMETERS: Final = " ".join({bound.param.name.lower() for params in BOUND.values() for bound in params})


def folds(check: Check) -> bool:
    """Return whether the case of letters does not matter to a check."""
    return check.op in ("icontains", "iglob")


def pieces(op: str, literal: str) -> list[str]:
    """Return texts of which each must lie in whatever satisfies an operator with this constant; there may be more."""
    if op in _LITERAL:
        return [literal]
    if op in ("glob", "iglob"):
        return [] if "[" in literal or "\\" in literal else re.split(r"[*?]", literal)
    return pieces_of_regex(literal) if op == "regex" else []


def pieces_of_regex(pattern: str) -> list[str]:
    """Return literal texts that whatever a pattern matches holds; none where it has an alternative at its top."""
    out, at, depth = [""], 0, 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return []
        at, text, quantifier = token.end(), token[1], token[2]
        depth += (text == "(") - (text == ")")
        if depth == 0 and text == "|":
            return []
        if depth == 0 and text not in _SPECIAL and len(text) == 1 and not quantifier:
            out[-1] += text
        else:
            out.append("")
    return out


def held_literal(check: Check) -> bytes:
    """Return a text that satisfies a check wherever it lies in a line; in lower case if case does not matter.

    Empty when the check asks for more, and when a text may come to be where two parts meet that are no texts.
    """
    frame = {"contains": "", "icontains": "", "glob": "*", "iglob": "*", "regex": ".*"}.get(check.op)
    if frame is None or not isinstance(check.right, Literal) or not needed(check):
        return b""
    text = check.right.text
    if len(text) < 2 * len(frame) or not (text.startswith(frame) and text.endswith(frame)):
        return b""
    literal = text[len(frame) : len(text) - len(frame)]
    plain = _LITERAL_TEXT if check.op in ("contains", "icontains") else _LITERAL_PATTERN
    return folded(literal, fold=folds(check)).encode() if plain.fullmatch(literal) else b""


_LITERAL_TEXT: Final = re.compile(r"[ -~]+")
"""All of it is shown as it is, whatever else is not."""
_LITERAL_PATTERN: Final = re.compile(r"[A-Za-z0-9_/ =:,@<>-]+")


def is_of_path(literal: bytes) -> bool:
    """Return whether a text can lie in a path alone, of all that an open shows."""
    return b"/" in literal and _PATH_TEXT.fullmatch(literal) is not None


_PATH_TEXT: Final = re.compile(rb"[A-Za-z0-9_./-]+")


def is_of_one_line(check: Check) -> bool:
    """Return whether a check holds of no text of several lines, though it may hold of one of them."""
    return check.op == "regex"


def may_be(check: Check, name: str) -> bool:
    """Return whether evt.args of a type of event may be what a check names, by the names of its parameters alone."""
    literals = check.right.items if isinstance(check.right, ValueList) else (check.right,)
    if check.op not in _WHOLE or check.modifier is not None or not isinstance(check.left, FieldRef):
        return True
    names = [f"{bound.param.name}=" for bound in BOUND.get(name, ())]
    texts = [each.text for each in literals if isinstance(each, Literal)]
    if not names or len(texts) < len(literals):
        return True
    if check.op == "startswith":
        return any(text.startswith(names[0]) or names[0].startswith(text) for text in texts)
    return any(text.startswith(names[0]) and all(f" {each}" in text for each in names[1:]) for text in texts)


def is_written(look: Look, rows: Rows) -> NDArray[np.bool_]:
    """Return, (k,), which of some rows are opens from the working directory by a path: ``open_texts`` knows them."""
    if not len(rows):
        return np.zeros(0, bool)
    out = look.is_plain_open(rows)
    codes = look.codes(rows)
    for code in np.unique(codes[out]).tolist():
        name = look.name_of(code)
        mine = codes == code
        if name == "openat":
            dirfd = look.batch.head["arg"][rows[mine], 0].astype(np.uint32).view(np.int32)
            out[mine] &= dirfd == AT_FDCWD
        elif name not in _WRITTEN:
            out[mine] = False
    return out


def open_texts(look: Look, rows: Rows, tails: dict[int, str], openings: NDArray[np.int64]) -> list[str]:
    """Return evt.args of opens.

    Args:
        look: The batch.
        rows: Of which ``is_written`` holds, ascending.
        tails: The texts of flags and mode by number of the opening, as far as known; added to.
        openings: (k,) those numbers.
    """
    raws, paths, folders = look.open_paths(rows)
    batch = look.batch
    dirfds = {
        code: " dirfd=-100(AT_FDCWD)" if look.name_of(code) == "openat" else ""
        for code in set(look.codes(rows).tolist())
    }
    columns = [look.codes(rows).tolist(), batch.head["ret"][rows].tolist(), openings.tolist(), rows.tolist()]
    (devs, has), (inos, _) = (file_numbers(batch, rows, member) for member in ("dev", "ino"))
    dev, ino = (BOUND_BY_NAME["openat"][name].param.style for name in ("dev", "ino"))
    files = [
        f" dev={number_text(one, dev)} ino={number_text(other, ino)}" if told else None
        for one, other, told in zip(devs.tolist(), inos.view(np.uint64).tolist(), has.tolist(), strict=True)
    ]
    out = []
    for code, ret, opening, row, raw, path, folder, file in zip(*columns, raws, paths, folders, files, strict=True):
        tail = tails.get(opening)
        if tail is None:
            tail = tails[opening] = _tail(look.event(row))
        if ret < 0:
            error = fd_error(ret)
            shown = f"fd={ret}({error})" if error else f"fd={ret}"
        else:
            shown = f"fd={ret}(<{'d' if folder else 'f'}>{path})"
        name = raw if raw[:1] == "/" else f"{raw}({path})"
        end = file or (" dev=0 ino=0" if ret < 0 else " dev=<NA> ino=<NA>")
        out.append(f"{shown}{dirfds[code]} name={name}{tail}{end}")
    return out


def _tail(event: Event) -> str:
    """Return what an open shows of its flags and its mode."""
    f = facts(event)
    return "".join(f" {param_text(f, BOUND_BY_NAME[f.name][name])}" for name in ("flags", "mode"))


def alike(look: Look, code: int, rows: Rows) -> Groups | None:
    """Return rows of one kind of event grouped by what evt.args shows of them; None when each stands alone."""
    columns = columns_of_args(look.kind_of(code), look.name_of(code))
    if columns is None:
        return None
    words = Words(look, code, rows)
    found = np.zeros(len(rows), np.int64)
    groups = groups_of(found, found)
    for which in columns:
        groups = groups_of(groups.of_row.astype(np.int64), words.column(which, None))
    return groups


def columns_of_args(kind: int, name: str) -> tuple[str, ...] | None:
    """Return the columns that evt.args of a kind of event hangs on, for ``Words``; None when no two are alike."""
    if kind in _UNLIKE:
        return None
    columns = (
        column
        for bound in BOUND.get(name, ())
        if bound.get is not None
        for is_raw in (True, False)
        for column in columns_of(bound, kind, name, is_raw=is_raw)
    )
    return tuple(dict.fromkeys(columns))
