"""Text edits of the user's rule file: exceptions and rules are added without touching a character of what is there.

An edit is a stretch of text and what replaces it, so it can be shown, applied to an editor's buffer, and taken back.
Each is checked before it is handed out: the edited text, read again, must be what it was plus exactly what was to be
added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.reader import Mapping, Node, YamlError, read_documents
from tuimon.rules.reader import Sequence as YamlSequence
from tuimon.rules.source import Scalar

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./ ()-]*(?<! )\Z")
_NOT_PLAIN = re.compile(r"(?i:true|false|yes|no|on|off|null|~|[-+.]?[0-9].*)\Z")


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a text (half-open offsets), and what takes its place."""

    start: int
    end: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the edited text.

        Raises:
            RuleError: The text is not what it was when the edit was made.
        """
        if text[self.start : self.end] != self.old:
            raise RuleError("the file has changed since this was worked out", "work it out again")
        return text[: self.start] + self.new + text[self.end :]

    def inverse(self) -> Edit:
        """Return the edit that takes this one back."""
        return Edit(self.start, self.start + len(self.new), self.new, self.old)


@dataclass(frozen=True, slots=True)
class ExceptionSpec:
    """An exception of a rule, with one row of values."""

    rule: str
    name: str
    fields: tuple[str, ...]
    comps: tuple[str, ...]
    values: tuple[str, ...]
    """As they stand in a condition: quoted where a condition needs it."""

    def as_data(self) -> dict[str, Any]:
        """Return the exception as plain data."""
        return {
            "name": self.name,
            "fields": list(self.fields),
            "comps": list(self.comps),
            "values": [list(self.values)],
        }


def add_exception(text: str, spec: ExceptionSpec, path: str = "local.yaml") -> Edit:
    """Return the edit that adds an exception to a rule file.

    Where the file already adds exceptions to the rule, they are extended: by a row where fields and operators are the
    same, else by an exception. Otherwise an item is put at the end.

    Raises:
        RuleError: The file is not YAML, or is written in a way that nothing can be added to.
    """
    before = _documents(text, path)
    for make in (_extended_values, _extended_exceptions, _appended):
        found = make(text, path, spec)
        if found is None:
            continue
        edit, expected = found
        try:
            if _documents(edit.apply(text), path) == expected(before):
                return edit
        except RuleError:
            continue
    raise RuleError(
        f"nothing can be added to {path} without rewriting it", "write its items as a list, each beginning with '- '"
    )


def append_item(text: str, item: str, data: dict[str, Any], path: str = "local.yaml") -> Edit:
    """Return the edit that puts an item at the end of a rule file.

    Args:
        text: The file's text.
        item: The item's lines, beginning with ``- ``.
        data: What it is when it is read.
        path: For the message.

    Raises:
        RuleError: As ``add_exception``.
    """
    before = _documents(text, path)
    edit = _at_end(text, item)
    if _documents(edit.apply(text), path) != _with_item(before, data):
        raise RuleError(
            f"nothing can be added to {path} without rewriting it", "write its items as a list, each beginning '- '"
        )
    return edit


Data = list[Any]
Found = tuple[Edit, Callable[[Data], Data]]


def _with_item(documents: Data, item: Any) -> Data:
    return [*documents[:-1], [*documents[-1], item]] if documents else [[item]]


def _appended(text: str, _path: str, spec: ExceptionSpec) -> Found:
    lines = [
        f"- rule: {plain(spec.rule)}",
        "  exceptions:",
        *_exception_lines(spec, "    "),
        "  override:",
        "    exceptions: append",
    ]
    item = {"rule": spec.rule, "exceptions": [spec.as_data()], "override": {"exceptions": "append"}}
    return _at_end(text, "\n".join(lines) + "\n"), lambda before: _with_item(before, item)


def _at_end(text: str, item: str) -> Edit:
    body = text.rstrip("\n")
    end = len(body)
    newlines = len(text) - end
    gap = "\n" * max(0, 2 - newlines) if body.strip() else ""
    at = len(text)
    return Edit(at, at, "", gap + item)


def _exception_lines(spec: ExceptionSpec, indent: str) -> list[str]:
    return [
        f"{indent}- name: {plain(spec.name)}",
        f"{indent}  fields: {flow(spec.fields)}",
        f"{indent}  comps: {flow(spec.comps)}",
        f"{indent}  values:",
        f"{indent}    - {flow(spec.values)}",
    ]


def _extended_values(text: str, path: str, spec: ExceptionSpec) -> Found | None:
    """Add a row to an exception of the same fields and operators."""
    for where, block in _blocks(text, path, spec.rule):
        exceptions = block.get("exceptions")
        assert isinstance(exceptions, YamlSequence)
        for number, each in enumerate(exceptions.items):
            values = each.get("values") if isinstance(each, Mapping) else None
            alike = isinstance(each, Mapping) and _alike(each, spec)
            if (
                alike
                and isinstance(values, YamlSequence)
                and values.items
                and isinstance(values.items[0], YamlSequence)
            ):
                edit = insert(text, values, [f"- {flow(spec.values)}"], flow(spec.values))
                at = (*where, "exceptions", number, "values")
                return edit, lambda before, at=at: _grown(before, at, list(spec.values))
    return None


def _extended_exceptions(text: str, path: str, spec: ExceptionSpec) -> Found | None:
    """Add an exception to an item that already adds some to the rule."""
    for where, block in _blocks(text, path, spec.rule):
        exceptions = block.get("exceptions")
        assert isinstance(exceptions, YamlSequence)
        one_line = (
            f"{{name: {plain(spec.name)}, fields: {flow(spec.fields)}, comps: {flow(spec.comps)}, "
            f"values: [{flow(spec.values)}]}}"
        )
        edit = insert(text, exceptions, _exception_lines(spec, ""), one_line)
        return edit, lambda before, at=(*where, "exceptions"): _grown(before, at, spec.as_data())
    return None


def _alike(node: Mapping, spec: ExceptionSpec) -> bool:
    return (plain_data(node.get("fields")), plain_data(node.get("comps"))) == (list(spec.fields), list(spec.comps))


def _blocks(text: str, path: str, rule: str) -> Iterator[tuple[tuple[int, int], Mapping]]:
    """Yield the items that add exceptions to a rule, the last first, with where they stand."""
    found = []
    for document, top in enumerate(read_documents(RuleFile(path, text))):
        for number, item in enumerate(top.items if isinstance(top, YamlSequence) else ()):
            if isinstance(item, Mapping) and plain_data(item.get("rule")) == rule and _appends(item):
                found.append(((document, number), item))
    yield from reversed(found)


def _appends(item: Mapping) -> bool:
    override = item.get("override")
    return (
        isinstance(item.get("exceptions"), YamlSequence)
        and isinstance(override, Mapping)
        and plain_data(override.get("exceptions")) == "append"
    )


def _grown(documents: Data, at: tuple[str | int, ...], item: Any) -> Data:
    """Return documents with one more item in the list at a place."""
    if not at:
        return [*documents, item]
    head, rest = at[0], at[1:]
    whole: Any = documents.copy()
    whole[head] = _grown(whole[head], rest, item)
    return whole  # type: ignore[no-any-return]


def insert(text: str, into: YamlSequence, block: Sequence[str], one_line: str) -> Edit:
    """Return the edit that puts an item behind the last one of a sequence.

    Args:
        text: The file's text.
        into: The sequence.
        block: The item's lines in block style, beginning with ``- ``, not indented.
        one_line: The same in flow style.
    """
    if text[into.start : into.start + 1] == "-":
        end = _end(text, into.items[-1]) if into.items else into.start
        newline = text.find("\n", end)
        at = newline + 1 if newline >= 0 else len(text)
        indent = " " * (into.column - 1)
        lines = "".join(f"{indent}{line}\n" for line in block)
        return Edit(at, at, "", lines if newline >= 0 else "\n" + lines)
    at = _end(text, into.items[-1]) if into.items else into.start + 1
    return Edit(at, at, "", f", {one_line}" if into.items else one_line)


def _end(text: str, node: Node) -> int:
    """Return where a node ends, its closing bracket included."""
    if isinstance(node, Scalar):
        return len(text[: node.end].rstrip()) if node.style in ("|", ">") else node.end
    inner: list[Node] = (
        list(node.items) if isinstance(node, YamlSequence) else [each for pair in node.entries for each in pair]
    )
    at = _end(text, inner[-1]) if inner else node.start + 1
    close = {"[": "]", "{": "}"}.get(text[node.start : node.start + 1])
    if close is None:
        return at
    while at < len(text) and text[at] != close:
        # A comment in front of the bracket may hold one.
        at = text.find("\n", at) if text[at] == "#" else at + 1
        if at < 0:
            return len(text)
    return at + 1


def _documents(text: str, path: str) -> Data:
    """Return what a file says, as plain data.

    Raises:
        RuleError: It is not YAML.
    """
    try:
        return [plain_data(node) for node in read_documents(RuleFile(path, text))]
    except YamlError as error:
        place = error.place
        raise RuleError(f"{path}:{place.line}:{place.column}: {error.message}", error.hint) from None


def plain_data(node: Node | None) -> Any:
    """Return a node as texts, lists and dicts; None for none."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, YamlSequence):
        return [plain_data(each) for each in node.items]
    if isinstance(node, Mapping):
        return {str(plain_data(key)): plain_data(value) for key, value in node.entries}
    return None


def flow(values: Sequence[str]) -> str:
    """Return texts as a YAML list on one line."""
    return f"[{', '.join(map(_in_flow, values))}]"


def _in_flow(text: str) -> str:
    return text if text in ("=", "!=", "<", "<=") else plain(text)


def plain(text: str) -> str:
    """Return a text as a YAML scalar: bare where that means the same, else in quotes."""
    if _PLAIN.match(text) and not _NOT_PLAIN.match(text):
        return text
    if text.isprintable() and text.isascii():
        return "'" + text.replace("'", "''") + "'"
    out = []
    for char in text:
        if char in '"\\':
            out.append(f"\\{char}")
        elif char.isprintable() or char == " ":
            out.append(char)
        else:
            code = ord(char)
            out.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
    return f'"{"".join(out)}"'


def folded(text: str, width: int = 110) -> str:
    """Return a text as the lines of a folded YAML scalar; it is broken only where it has one blank."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and word and not line.endswith(" ") and len(line) + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line or lines else word
    return "".join(f"    {each}\n" for each in (*lines, line))
