"""What the kernel can judge about an event: a few comparisons on the record before it is sent.

For one system call, the rules in force become one expression over the record's head, ext and texts. It is a sound
over-approximation: when it is false, no rule can match. It knows the result, the effective user, the kind of file, the
register arguments, the paths, host or container, and the name of a process's main thread; ancestors, command lines,
sockets and everything else are *maybe*.

A path is *known* when it is absolute and needs no normalising, or is relative to a known directory and the two together
need none; one that is not known may be anything. tuimon.rules.prefilter_ir has the nodes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from tuimon.batch import empty_batch
from tuimon.errors import RuleError
from tuimon.events import HOST, Event
from tuimon.fields import flags as flag_names
from tuimon.fields.argsource import BOUND_BY_NAME, LONGS
from tuimon.fields.facts import DIRFD_CALLS
from tuimon.fields.registry import FieldType, Scope
from tuimon.records import Slot
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.graph import Graph
from tuimon.rules.nodes import Check, Condition, FieldRef, ValueList
from tuimon.rules.nodes import Literal as Constant
from tuimon.rules.predicates import predicate
from tuimon.rules.prefilter import field_refs
from tuimon.rules.prefilter_ir import (
    MAX_TEXT,
    MAYBE,
    NEVER,
    WINDOW,
    All,
    Among,
    Column,
    Compare,
    Expression,
    Fixed,
    Form,
    Name,
    Order,
    PathTest,
    Place,
    Socket,
    Some,
    every,
    limited,
    name_test,
    path_test,
    place,
    some,
)
from tuimon.rules.prefilter_sockets import ON_SOCKETS, socket_expression
from tuimon.rules.values import parse_bool, parse_number
from tuimon.syscalls import CALLS, PARAMS, Call

__all__ = [
    "MAX_TEXT", "MAYBE", "NEVER", "All", "Among", "Compare", "Expression", "Fixed", "KernelExpressions", "Name",
    "PathTest", "Place", "Socket", "Some", "every", "kernel_expression", "path_test", "some",
]  # fmt: skip

_FLAG_BITS: Final = {"O_CREAT": os.O_CREAT, "O_TRUNC": os.O_TRUNC, "O_APPEND": os.O_APPEND, "O_EXCL": os.O_EXCL}
_MODES: Final[dict[str, Column]] = {"chmod": "arg1", "fchmod": "arg1", "fchmodat": "arg2"}
_MODE_BITS: Final = {name: bits for name, _, bits in flag_names.MODES}
_ENUMERATED: Final = frozenset((("socket", "domain"), ("ptrace", "request"), ("bpf", "cmd")))
"""Arguments that are numbers with names, in the first register."""
_UNSET: Final = 0xFFFFFFFF
_FLAGGED_OPENS: Final = frozenset(("open", "openat", "openat2"))
"""openat2 has its flags in memory; its record shows them where openat's does."""
_MIRROR: Final[dict[str, Order]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_PATH_ARGS: Final = frozenset(("name", "path", "filename", "pathname", "oldpath", "target"))
_PATH2_ARGS: Final = frozenset(("newpath", "linkpath"))
_GIVEN_FIELDS: Final[dict[str, Form]] = {"fd.name": "name", "fd.nameraw": "raw"}
_PATH_TYPES: Final = frozenset(("FSPATH", "FSRELPATH"))
_SOCKET_KINDS: Final = frozenset(("ipv4", "ipv6", "4", "6"))
_S_IFMT: Final = 0o170000
_S_IFSOCK: Final = 0o140000
_MAKE_SOCKETS: Final = frozenset(("socket", "socketpair"))
_OPENS: Final = frozenset(("open", "openat", "openat2", "creat"))
_ABOUT_CALLS: Final = ("evt.", "fd.", "syscall.")
"""How the names of fields begin that a call's own arguments and result tell, each call in its way."""


def kernel_expression(conditions: Iterable[Condition], name: str, checks: Checks) -> Expression:
    """Return the expression of some rules for one system call.

    Args:
        conditions: Resolved conditions.
        name: The call's ``evt.type``.
        checks: Knows the fields.
    """
    return KernelExpressions([(condition, None) for condition in conditions], checks).of(name)


class KernelExpressions:
    """The expressions of some rules, by system call; what is the same for all calls is worked out once.

    Args:
        rules: Resolved condition and event types (None: all) of each.
        checks: Knows the fields.
    """

    def __init__(self, rules: Iterable[tuple[Condition, frozenset[str] | None]], checks: Checks) -> None:
        rules = list(rules)
        self.names = frozenset(name for _, types in rules for name in (types if types is not None else CALLS))
        """The event types that the rules take; of one that takes all, those whose arguments are decoded."""
        self._graph = Graph()
        self._checks = checks
        self._rules = [(self._graph.add(condition), types) for condition, types in rules]
        self._everywhere: dict[tuple[int, bool], Expression] = {}

    def of(self, name: str) -> Expression:
        """Return the expression for a call by its ``evt.type``, of the rules that take it."""
        translator = _Translator(self._graph, self._checks, name, self._everywhere)
        parts: list[Expression] = []
        for node, types in self._rules:
            if types is None or name in types:
                part = translator.over(self._graph.at_type(node, name), negated=False)
                if part == MAYBE:
                    return MAYBE
                parts.append(part)
        return some(parts)


class _Translator:
    """Turns nodes of a graph into expressions for one system call.

    Args:
        graph: Holds the nodes.
        checks: Knows the fields.
        name: The call's ``evt.type``.
        everywhere: Expressions of nodes, negated or not, that are the same for all calls; it is added to.
    """

    def __init__(self, graph: Graph, checks: Checks, name: str, everywhere: dict[tuple[int, bool], Expression]) -> None:
        self._graph = graph
        self._checks = checks
        self._name = name
        self._everywhere = everywhere
        self._call = CALLS.get(name, Call(""))
        self._args = _argument_types(name)

    def over(self, node: int, *, negated: bool) -> Expression:
        """Return what holds whenever the node (negated: its opposite) is true or unknown."""
        known = self._everywhere.get((node, negated))
        if known is None:
            known = self._over(node, negated=negated)
            if not self._graph.has(node, _hangs_on_the_call):
                self._everywhere[node, negated] = known
        return known

    def _over(self, node: int, *, negated: bool) -> Expression:
        kind, inner = self._graph.keys[node]
        if kind == "const":
            return Fixed(inner is not negated)
        if kind == "not":
            return self.over(inner, negated=not negated)
        if kind == "check":
            return limited(self._check(inner, negated))
        join, final = (every, NEVER) if (kind == "and") is not negated else (some, MAYBE)
        parts: list[Expression] = []
        for child in inner:
            part = self.over(child, negated=negated)
            if part == final:
                return final
            parts.append(part)
        return join(parts)

    def _check(self, check: Check, negated: bool) -> Expression:
        if all(self._checks.field(ref)[0].scope is Scope.CONTAINER for ref in field_refs(check)):
            return self._place(check, negated)
        texts = _constants(check)
        if texts is None or not isinstance(check.left, FieldRef):
            return MAYBE
        info, arg = self._checks.field(check.left)
        if info.name == "evt.arg" and arg is not None and not arg.isdigit() and arg not in self._args:
            return Fixed(negated)  # absent: the check is false
        try:
            if info.name in ("evt.rawres", "fd.num"):
                return self._result(info.name, check.op, texts, negated)
            if info.name in ("evt.res", "evt.failed"):
                return self._outcome(info.name, check.op, texts, negated)
            if info.name in ("evt.is_open_read", "evt.is_open_write"):
                return self._opening(info.name, check.op, texts, negated)
            if info.name == "user.uid":
                return _user(check.op, texts, negated)
            if info.name == "evt.arg" and arg == "mode":
                return self._mode(check.op, texts, negated)
            if info.name == "evt.arg" and (self._name, arg) in _ENUMERATED:
                return self._enumerated(str(arg), check.op, texts, negated)
            if self._name in ON_SOCKETS:
                asked = socket_expression(info.name, self._name, check.op, texts, negated)
                if asked is not None:
                    return asked
        except RuleError:
            return MAYBE
        raw = [text.encode("utf-8", "surrogateescape") for text in texts]
        if any(not text or 0 in text for text in raw):
            return MAYBE
        if info.name == "proc.name":
            return _name(check.op, raw, negated)
        if info.name in ("fd.type", "fd.typechar"):
            return MAYBE if negated else self._kind(check.op, texts)
        if info.name == "evt.arg" and arg == "flags":
            return self._flags(check.op, texts, negated)
        if info.name in ("fd.directory", "fd.filename") and self._name in _OPENS:
            return MAYBE if negated else _part_of_path(info.name, check.op, raw)
        found = self._slot(info.name, arg)
        return MAYBE if found is None else _path(*found, check.op, raw, negated)

    def _place(self, check: Check, negated: bool) -> Expression:
        """What asks for the container alone: on the host the answer is one and the same."""
        try:
            truth = compile_condition(check, checks=self._checks)(Event(empty_batch(), 0, None, HOST, 0))
        except (RuleError, LookupError):
            return MAYBE
        host = truth is not negated
        return place(host=host, container=_in_container(check) is not negated)

    def _kind(self, op: str, texts: Sequence[str]) -> Expression:
        """Whether an fd may be an internet socket: what is none of them is told by its file."""
        name = self._name
        if op not in ("=", "==", "in", "intersects") or not _SOCKET_KINDS.issuperset(texts):
            return MAYBE
        if self._call.category == "net" or name in _OPENS or name in DIRFD_CALLS or name in _MAKE_SOCKETS:
            return MAYBE
        return Among("fd_type", (_S_IFSOCK,), _S_IFMT)

    def _flags(self, op: str, texts: Sequence[str], negated: bool) -> Expression:
        """Flags of an open that their text shows by one bit each."""
        bit = _FLAG_BITS.get(texts[0])
        if op != "contains" or self._name not in _FLAGGED_OPENS or bit is None:
            return MAYBE
        return Among("flags", (bit,), bit, negated=negated)

    def _mode(self, op: str, texts: Sequence[str], negated: bool) -> Expression:
        """Bits of a file's mode, of which each has a name that no other holds."""
        column, bit = _MODES.get(self._name), _MODE_BITS.get(texts[0])
        if op != "contains" or column is None or bit is None:
            return MAYBE
        return Among(column, (bit,), bit, negated=negated)

    def _enumerated(self, arg: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        """A number that is shown by its name; one without a name shows as itself, or as unknown."""
        equal = op in ("=", "==", "in", "intersects")
        digits = [text for text in texts if equal and not negated and text.isascii() and text.isdigit()]
        if not texts or any("_" not in text or "UNKNOWN" in text for text in texts if text not in digits):
            return MAYBE
        if not equal and op not in ("contains", "startswith", "endswith"):
            return MAYBE
        test = predicate(op, FieldType.CHARBUF, texts)
        shown = flag_names.enum_names(self._name, arg)
        numbers = {number for number, name in shown.items() if test(name)}
        numbers |= {int(text) for text in digits} - set(shown)
        mask = {} if (self._name, arg) in LONGS else {"mask": 0xFFFFFFFF}
        return Among("arg0", tuple(sorted(numbers)), **mask, negated=negated) if numbers else Fixed(negated)

    def _result(self, field: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        numbers = [parse_number(text, 64, True) for text in texts]
        if field == "fd.num":
            # A failed call's fd is -1, whatever the error; from 0 on it is the result itself.
            if self._call.returns_fd and numbers == [-1] and op in ("=", "=="):
                return Compare("ret", ">=" if negated else "<", 0)
            if not self._call.returns_fd or min(numbers, default=-1) < 0 or op in ("<", "<=", "!="):
                return MAYBE
        elif not PARAMS.get(self._name):
            return Fixed(negated)  # absent: the check is false
        return _number("ret", op, numbers, negated)

    def _outcome(self, field: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        if not PARAMS.get(self._name):
            return Fixed(negated)
        if field == "evt.res" and op == "startswith" and texts[0].startswith("E"):
            return MAYBE if negated else Compare("ret", "<", 0)
        if len(texts) != 1 or op not in ("=", "==", "!="):
            return MAYBE
        if field == "evt.res" and texts[0] != "SUCCESS":
            numbers = _results_of(texts[0])
            return MAYBE if negated or op == "!=" or not numbers else Among("ret", numbers)
        failed = parse_bool(texts[0]) if field == "evt.failed" else False
        return Compare("ret", "<" if failed is not (negated is not (op == "!=")) else ">=", 0)

    def _opening(self, field: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        if len(texts) != 1 or op not in ("=", "==", "!="):
            return MAYBE
        wanted = parse_bool(texts[0]) is not (negated is not (op == "!="))
        if self._name not in ("open", "openat", "openat2", "open_by_handle_at"):
            return Fixed(not wanted)  # creat included: Falco looks at its flags for evt.is_open_exec only
        if self._name not in _FLAGGED_OPENS:
            return MAYBE
        read = field == "evt.is_open_read"
        modes = (os.O_WRONLY,) if read else (os.O_WRONLY, os.O_RDWR)
        return Among("flags", modes, os.O_ACCMODE, negated=wanted is read)

    def _slot(self, field: str, arg: str | None) -> tuple[Slot, Form] | None:
        """Return the text a field shows and how, None when it is not one of the record's paths."""
        if field in _GIVEN_FIELDS:
            return (Slot.GIVEN, _GIVEN_FIELDS[field]) if self._name in _OPENS else None
        type_ = self._args.get(arg or "")
        if field != "evt.arg" or type_ is None or self._call.path is None or self._name == "chdir":
            return None
        form: Form = "arg" if type_ in _PATH_TYPES and self._call.text is None else "raw"
        if arg in _PATH_ARGS:
            return Slot.GIVEN, form
        return (Slot.GIVEN2, form) if arg in _PATH2_ARGS and self._call.path2 is not None else None


@cache
def _argument_types(name: str) -> dict[str, str]:
    """Return the types of a call's arguments by their names."""
    return {arg: bound.param.type for arg, bound in BOUND_BY_NAME.get(name, {}).items()}


@cache
def _results_of(error: str) -> tuple[int, ...]:
    """Return the results of a call that show as the name of an error."""
    return tuple(-number for number in range(1, 4096) if flag_names.errno_name(-number) == error)


def _hangs_on_the_call(check: Check) -> bool:
    """Whether the expression of a check may differ from call to call."""
    return isinstance(check.left, FieldRef) and check.left.name.startswith(_ABOUT_CALLS)


def _constants(check: Check) -> tuple[str, ...] | None:
    """Return the constants of a check, None when there are none or a modifier says how they count."""
    if check.modifier is not None:
        return None
    match check.right:
        case Constant(text):
            return (text,)
        case ValueList(items):
            return tuple(item.text for item in items)
    return None


def _number(column: Column, op: str, numbers: Sequence[int], negated: bool) -> Expression:
    """Return a comparison of a column that always has a value."""
    if op in _MIRROR:
        order: Order = _MIRROR[op] if negated else op  # type: ignore[assignment]
        return Compare(column, order, numbers[0])
    if op in ("=", "==", "in", "intersects"):
        return Among(column, tuple(sorted(set(numbers))), negated=negated) if numbers else Fixed(negated)
    return Among(column, tuple(numbers), negated=not negated) if op == "!=" else MAYBE


def _user(op: str, texts: Sequence[str], negated: bool) -> Expression:
    """Return a comparison of the effective uid; (u32)-1 is nobody, an absent value."""
    numbers = [parse_number(text, 32, False) for text in texts]
    if op in ("=", "==", "in", "intersects"):
        numbers = [number for number in numbers if number != _UNSET]
        return _number("uid", "in", numbers, negated)
    if op == "!=":
        return _number("uid", "in", [*numbers, _UNSET], not negated)
    return MAYBE


def _in_container(check: Check) -> bool | None:
    """Return what a check of the container alone gives in any container, None when that depends on which."""
    if not isinstance(check.left, FieldRef) or check.left.name not in ("container.id", "container.full_id"):
        return None
    if check.op == "exists":
        return True
    texts = _constants(check)
    if texts is None or set(texts) != {HOST.id}:
        return None
    return {"=": False, "==": False, "in": False, "intersects": False, "!=": True}.get(check.op)


def _name(op: str, texts: Sequence[bytes], negated: bool) -> Expression:
    if op == "!=":
        op, negated = "=", not negated
    if negated:
        return MAYBE
    if op in ("=", "==", "in", "intersects"):
        return name_test(texts)
    return name_test((), texts) if op == "startswith" else MAYBE


def _path(slot: Slot, form: Form, op: str, texts: Sequence[bytes], negated: bool) -> Expression:
    if op in ("=", "==", "in", "intersects"):
        return path_test(slot, texts, negated=negated, form=form) if texts else Fixed(negated)
    if op == "startswith":
        return path_test(slot, (), texts, negated=negated, form=form)
    if op == "!=" and negated:
        return path_test(slot, texts, form=form)
    if negated and (op not in ("endswith", "contains") or len(texts[0]) > WINDOW):
        return MAYBE
    if op == "endswith":
        return path_test(slot, suffixes=texts, negated=negated, form=form)
    if op == "contains":
        return path_test(slot, holds=texts, negated=negated, form=form)
    if op == "glob":
        return _globbed(slot, form, texts[0])
    if op == "pmatch":
        # Wider than it is: a component prefix, up to the first glob.
        return path_test(slot, (), [_fixed_part(text) for text in texts], form=form) if texts else NEVER
    return MAYBE


def _part_of_path(field: str, op: str, texts: Sequence[bytes]) -> Expression:
    """Return a wider test of a whole path: what lies in a directory, or is it, and what a file's name ends."""
    if op not in ("=", "==", "in", "intersects"):
        return MAYBE
    if not texts:
        return NEVER
    if field == "fd.directory":
        return path_test(Slot.GIVEN, texts, folders=[text if text == b"/" else text + b"/" for text in texts])
    return path_test(Slot.GIVEN, suffixes=[b"/" + text for text in texts])


def _globbed(slot: Slot, form: Form, pattern: bytes) -> Expression:
    """Return a wider test than a glob: its fixed beginning and end, else the longest text that every match holds."""
    if any(mark in pattern for mark in b"[\\"):
        return MAYBE
    pieces = pattern.replace(b"?", b"*").split(b"*")
    begins, ends, longest = pieces[0], pieces[-1] if len(pieces) > 1 else b"", max(pieces, key=len)
    tests = [path_test(slot, (), [begins], form=form)] if begins else []
    if ends:
        tests.append(path_test(slot, suffixes=[ends], form=form))
    if not tests and longest:
        tests.append(path_test(slot, holds=[longest], form=form))
    return every(tests)


def _fixed_part(path: bytes) -> bytes:
    """Return a prefix that every known path at or below a pmatch path has."""
    parts = [part for part in path.split(b"/") if part]
    out = b""
    for part in parts:
        if any(mark in part for mark in b"*?["):
            return out + b"/"
        out += b"/" + part
    return out or b"/"
