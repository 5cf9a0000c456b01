"""One check (``left op right``) to a test: where its value comes from, how many it may have, and what is asked of it.

The left side gives one value, several (``proc.aname`` without an index: any of them counts; ``fd.ip`` and its like:
both ends of a connection), or a list. A field of a path gives two truths, the path as given and the real one: the check
holds when either does, ``!=`` when neither is equal. What can be decided when the rule is compiled is decided then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

from tuimon import fields
from tuimon.errors import RuleError
from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN, FieldInfo, FieldType, Getter, Scope, Value
from tuimon.rules.nodes import Check, FieldRef, Literal, Operand, OperandList, Transform, ValueList
from tuimon.rules.operators import OPERATORS
from tuimon.rules.predicates import Predicate, compare, predicate
from tuimon.rules.transform import Argument, Function, function_for, result_type
from tuimon.rules.values import NUMERIC, TEXTUAL

Context = list[Any]
"""Place 0 is the event; the other places are values and results that the conditions of a program share."""
Test = Callable[[Context], bool | None]
Load = Callable[[Context], Value]
SlotOf = Callable[[object], int]
Resolve = Callable[[str], tuple[FieldInfo, str | None] | None]
TwinOf = Callable[[FieldInfo], Getter | None]
Made = Callable[[Any], Any]

MISSING: Final = object()
"""Not worked out yet."""

_NAMED_ADDRESSES: Final = frozenset(("fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"))
_COSTLY_OPS: Final = frozenset(("regex", "glob", "iglob", "icontains", "pmatch", "intersects"))


class Addresses(Protocol):
    """Answers what addresses a host name has, without blocking."""

    @property
    def revision(self) -> int:
        """Changes whenever an answer does."""

    def lookup(self, name: str) -> frozenset[bytes] | None:
        """Return the packed addresses of a name, None while they are not known yet."""


class Side:
    """The left or right side of a check when it is a field or a transformer: how to load it, and what it gives.

    ``bind`` gives the loader of the value for a program, ``twin`` that of a path's other truth; ``plain`` is a field's
    shared place, getter and argument, for those who load it themselves; ``made`` makes the side's value of the value of
    one field, None where it is no function of one.
    """

    __slots__ = ("bind", "is_list", "made", "name", "plain", "scope", "several", "twin", "type")

    def __init__(
        self,
        bind: Callable[[SlotOf], Load],
        type_: FieldType,
        *,
        name: str,
        is_list: bool = False,
        several: bool = False,
        scope: Scope = Scope.EVENT,
        twin: Callable[[SlotOf], Load] | None = None,
        plain: tuple[object, Getter, str | None] | None = None,
        made: Made | None = None,
    ) -> None:
        self.bind = bind
        self.type = type_
        self.name = name
        self.is_list = is_list
        self.several = several
        self.scope = scope
        self.twin = twin
        self.plain = plain
        self.made = made


class Checks:
    """Compiles checks, each distinct one once.

    Args:
        plain_falco: Unknown is absent, and only given paths count.
        addresses: What resolves the names that ``fd.sip.name`` and its like are compared with; without it no name has
            an address.
        resolve: Finds a field by its name; the registry's unless a test brings its own.
        twin_of: Finds the getter of a path field's real path; the registry's unless a test brings its own.
        forgiving: A value that cannot be read is unknown. Rules in force let the error through, so that the engine
            counts the event as not judged; a person who looks at a million events wants to see the others.
    """

    def __init__(
        self,
        *,
        plain_falco: bool = False,
        addresses: Addresses | None = None,
        resolve: Resolve | None = None,
        twin_of: TwinOf | None = None,
        forgiving: bool = False,
    ) -> None:
        self.plain_falco = plain_falco
        self._forgiving = forgiving
        self._addresses = addresses
        self._resolve: Resolve = resolve or fields.resolve
        self._twin_of: TwinOf = twin_of or fields.real_twin
        self._known: dict[Check, Callable[[SlotOf], Test]] = {}
        self._costly: dict[Check, bool] = {}

    def fresh(self) -> Checks:
        """Return a compiler that means the same and shares nothing that changes, for another thread."""
        return Checks(
            plain_falco=self.plain_falco,
            addresses=self._addresses,
            resolve=self._resolve,
            twin_of=self._twin_of,
            forgiving=self._forgiving,
        )

    @property
    def addresses_revision(self) -> int:
        """Changes whenever a host name is known to have other addresses."""
        return self._addresses.revision if self._addresses is not None else 0

    def test(self, check: Check, slot_of: SlotOf) -> Test:
        """Return the test of a check for a program whose shared places ``slot_of`` gives out."""
        make = self._known.get(check)
        if make is None:
            make = self._known[check] = self._compiled(check)
        return make(slot_of)

    def is_costly(self, check: Check) -> bool:
        """Whether a check costs clearly more than looking up a result."""
        if check.op in _COSTLY_OPS or check.modifier or isinstance(check.left, Transform):
            return True
        return isinstance(check.right, Transform) or self._field_side(check.left).several

    def field(self, ref: FieldRef) -> tuple[FieldInfo, str | None]:
        """Return a field and its argument; raises RuleError when there is no such field."""
        found = self._resolve(ref.name)
        if found is None:
            raise RuleError(f"filter_check called with nonexistent field {ref.name}")
        info, arg = found
        return info, ref.arg if ref.arg is not None else arg

    def predicate_of(self, check: Check) -> tuple[Made, Predicate, bool] | None:
        """Return what a check makes of a present value of its one field, what it asks of that, and if it is negative.

        None: there is more to it than that. What is made may be None, for no value. Of a path's two values one must
        satisfy it, or, if negative, both (those that are there).
        """
        make = self._known.get(check)
        if make is None:
            make = self._known[check] = self._compiled(check)
        if not isinstance(make, _Bound) or make.left.made is None:
            return None
        return make.left.made, make.test, make.negative

    def getter_of(self, key: Any) -> tuple[Getter, str | None]:
        """Return what looks up the value that tests share under a key given to ``slot_of``, and its argument."""
        name, arg, which = key
        info, _ = self.field(FieldRef(name))
        return self.getter(info.get if which == "given" else self._twin_of(info)), arg

    # Sides

    def side(self, operand: Operand) -> Side:
        """Return how to load an operand."""
        match operand:
            case FieldRef():
                return self._field_side(operand)
            case Transform():
                return self._transform_side(operand)
            case Literal(text):
                return Side(lambda _slot_of: lambda _context: text, FieldType.CHARBUF, name="")
            case ValueList(items):
                texts = tuple(item.text for item in items)
                return Side(lambda _slot_of: lambda _context: texts, FieldType.CHARBUF, name="", is_list=True)
            case OperandList(operands):
                return self._list_side([self.side(each) for each in operands])
        raise RuleError(f"{operand!r} cannot stand in a check")

    def _list_side(self, sides: Sequence[Side]) -> Side:
        """A list of fields and constants, as join takes it: absent when one of them is."""
        named = [side.scope for side in sides if side.name]
        binds = [side.bind for side in sides]
        return Side(_applied(_flat, binds), FieldType.CHARBUF, name="(", is_list=True, scope=_widest(named))

    def _field_side(self, ref: FieldRef) -> Side:
        info, arg = self.field(ref)
        twin = None if self.plain_falco or not info.is_path else self._twin_of(info)
        return Side(
            self._loader(info.get, arg, (info.name, arg, "given")),
            info.type,
            name=info.name,
            is_list=info.is_list,
            several=info.any_of and arg is None,
            scope=info.scope,
            twin=self._loader(twin, arg, (info.name, arg, "real")) if twin is not None else None,
            plain=((info.name, arg, "given"), self.getter(info.get), arg),
            made=as_it_is,
        )

    def _loader(self, get: Getter | None, arg: str | None, key: object) -> Callable[[SlotOf], Load]:
        getter = self.getter(get)

        def bind(slot_of: SlotOf) -> Load:
            slot = slot_of(key)

            def load(context: Context) -> Value:
                value = context[slot]
                if value is MISSING:
                    value = context[slot] = getter(context[0], arg)
                return value  # type: ignore[no-any-return]

            return load

        return bind

    def getter(self, get: Getter | None) -> Getter:
        """Return a field's getter as this compiler sees it: never missing, and never unknown in plain Falco."""
        if get is None:
            return lambda _event, _arg: None
        get = _forgiving(get) if self._forgiving else get
        return _known_only(get) if self.plain_falco else get

    def _transform_side(self, node: Transform) -> Side:
        sides = [self.side(argument) for argument in node.args]
        type_, is_list = result_type(node.name, node.arg, [(side.type, side.is_list) for side in sides])
        function = function_for(node.name, node.arg)
        first = sides[0]
        same_path = len(sides) == 1 and first.twin is not None and node.name != "len"
        return Side(
            _applied(function, [side.bind for side in sides]),
            type_,
            name=first.name if node.name == "val" else node.name,
            is_list=is_list,
            scope=_widest([side.scope for side in sides if side.name]),
            twin=_applied(function, [first.twin]) if same_path and first.twin is not None else None,
            made=_made(function, first.made) if len(sides) == 1 and first.made is not None else None,
        )

    # Checks

    def _compiled(self, check: Check) -> Callable[[SlotOf], Test]:
        left = self.side(check.left)
        if check.op == "exists":
            return _Bound(left, lambda _value: True, negative=False)
        if left.name == "evt.around":
            return self._around(check)
        if isinstance(check.right, Transform):
            return self._dynamic(check, left, self.side(check.right))
        texts = _texts(check.right)
        if left.name in _NAMED_ADDRESSES and isinstance(check.left, FieldRef):
            return self._by_name(check, left.name, texts)
        if left.is_list:
            return _Bound(left, _list_test(check, left, texts), negative=False)
        if check.modifier is not None:
            return self._modified(check, left, texts)
        if left.name == "fd.net" and check.op in ("in", "intersects"):
            texts = texts[:1]  # Falco compares with the first element only
        return self._single(check.op, left, texts)

    def _single(self, op: str, left: Side, texts: Sequence[str]) -> Callable[[SlotOf], Test]:
        if not texts:
            predicate("in", left.type, ())
            return _Bound(left, lambda _value: False, negative=False)
        if left.several and left.name.startswith("fd."):
            return _Bound(left, _ends_test(op, left.type, texts), negative=False)
        test = predicate(op, left.type, texts)
        if left.several:
            return _Bound(left, _any_value(test), negative=False)
        return _Bound(left, test, negative=op == "!=")

    def _modified(self, check: Check, left: Side, texts: Sequence[str]) -> Callable[[SlotOf], Test]:
        if not OPERATORS[check.op].takes_modifier:
            raise RuleError(f"{check.modifier} cannot follow {check.op}")
        tests = [predicate(check.op, left.type, (text,)) for text in texts]
        test = _modifier_test(str(check.modifier), tests)
        if left.several:
            test = _any_value(test)
        return _Bound(left, test, negative=check.op == "!=")

    def _around(self, check: Check) -> Callable[[SlotOf], Test]:
        """evt.around[T] = N: the event lies within N milliseconds of T, in nanoseconds since the epoch."""
        arg = check.left.arg if isinstance(check.left, FieldRef) else None
        texts = _texts(check.right)
        number = parse_time(arg)
        within_ns = parse_time(texts[0]) * 1_000_000
        if check.op not in ("=", "=="):
            raise RuleError(f"operator {check.op} cannot be used with evt.around", "it takes =")

        def test(context: Context) -> bool | None:
            return bool(abs(context[0].time_ns - number) <= within_ns)

        return lambda _slot_of: test

    def _by_name(self, check: Check, name: str, names: Sequence[str]) -> Callable[[SlotOf], Test]:
        """fd.sip.name and its like: the names on the right are resolved, and addresses compared."""
        if check.op not in ("=", "==", "!=", "in", "intersects"):
            raise RuleError(f"operator {check.op} cannot be used with {name}", "it takes =, != and in")
        info, arg = self.field(FieldRef(name.removesuffix(".name")))
        load_of = self._loader(info.get, arg, (info.name, arg, "given"))
        addresses, negative, plain = self._addresses, check.op == "!=", self.plain_falco

        def matches(value: bytes) -> bool | None:
            known = [addresses.lookup(name) for name in names] if addresses is not None else []
            if any(found is not None and value in found for found in known):
                return not negative
            return None if None in known and not plain else negative

        def bind(slot_of: SlotOf) -> Test:
            load = load_of(slot_of)

            def test(context: Context) -> bool | None:
                value = load(context)
                if value is None:
                    return False
                return matches(value) if isinstance(value, bytes) else None

            return test

        return bind

    def _dynamic(self, check: Check, left: Side, right: Side) -> Callable[[SlotOf], Test]:
        """``left op val(field)``: both sides are loaded for each event."""
        if _family(left.type) != _family(right.type):
            raise RuleError(f"a value of type {left.type} cannot be compared with one of type {right.type}")
        if check.op == "pmatch":
            raise RuleError("pmatch needs constants on its right-hand side")
        if check.modifier is not None:
            raise RuleError(f"{check.modifier} needs constants on its right-hand side")
        op = check.op

        def bind(slot_of: SlotOf) -> Test:
            loads = [load(slot_of) for load in (left.bind, left.twin) if load is not None]
            load_right = right.bind(slot_of)

            def test(context: Context) -> bool | None:
                wanted = load_right(context)
                if wanted is None:
                    return False
                values = [load(context) for load in loads]
                if wanted is UNKNOWN:
                    return False if all(value is None for value in values) else None
                return _over(values, lambda value: compare_values(op, value, wanted), op == "!=")

            return test

        return bind


def parse_time(text: str | None) -> int:
    """Return a whole number of nanoseconds or milliseconds."""
    if text is None or not text.isascii() or not text.isdigit():
        raise RuleError(
            f"{text!r} is not a valid number", "write evt.around[NANOSECONDS_SINCE_THE_EPOCH] = MILLISECONDS"
        )
    return int(text)


def _forgiving(get: Getter) -> Getter:
    def readable(event: Event, arg: str | None) -> Value:
        try:
            return get(event, arg)
        except Exception:
            return UNKNOWN

    return readable


def _known_only(get: Getter) -> Getter:
    def known(event: Event, arg: str | None) -> Value:
        value = get(event, arg)
        return None if value is UNKNOWN else value

    return known


def _widest(scopes: Sequence[Scope]) -> Scope:
    """Return the scope that several values together depend on."""
    distinct = set(scopes)
    return distinct.pop() if len(distinct) == 1 else Scope.EVENT


def as_it_is(value: Any) -> Any:
    """Return a value: what is made of one where there is no transformer."""
    return value


def _made(function: Function, inner: Made) -> Made:
    """Return what a transformer makes of what another one makes of a value."""

    def make(value: Any) -> Any:
        argument = inner(value)
        return None if argument is None else function((argument,))

    return make


def _applied(function: Function, binds: Sequence[Callable[[SlotOf], Load]]) -> Callable[[SlotOf], Load]:
    """Return the loader of a transformer: absent when an argument is, unknown when one is."""

    def bind(slot_of: SlotOf) -> Load:
        loads = [each(slot_of) for each in binds]

        def load(context: Context) -> Value:
            arguments: list[Argument] = []
            unknown = False
            for each in loads:
                value = each(context)
                if value is None:
                    return None
                if value is UNKNOWN:
                    unknown = True
                else:
                    arguments.append(value)
            return UNKNOWN if unknown else function(arguments)

        return load

    return bind


def _flat(arguments: Sequence[Argument]) -> Argument | None:
    """Return all arguments as one list; those that are lists give their elements."""
    return tuple(item for each in arguments for item in (each if isinstance(each, tuple) else (each,)))


def _texts(right: Literal | ValueList | Transform | None) -> tuple[str, ...]:
    match right:
        case Literal(text):
            return (text,)
        case ValueList(items):
            return tuple(item.text for item in items)
    return ()


def _family(type_: FieldType) -> str:
    """Return what kinds of values can be compared with each other."""
    if type_ in NUMERIC:
        return "number"
    return "text" if type_ in TEXTUAL else str(type_)


class _Bound:
    """The test of a side's value or, for a path, of its two values."""

    __slots__ = ("left", "negative", "test")

    def __init__(self, left: Side, test: Predicate, *, negative: bool) -> None:
        self.left = left
        self.test = test
        self.negative = negative

    def __call__(self, slot_of: SlotOf) -> Test:
        left, test = self.left, self.test
        if left.twin is not None:
            return _two(left.bind(slot_of), left.twin(slot_of), test, self.negative)
        if left.plain is not None:
            key, getter, arg = left.plain
            return _field_test(slot_of(key), getter, arg, test)
        return _one(left.bind(slot_of), test)


def _field_test(slot: int, getter: Getter, arg: str | None, test: Predicate) -> Test:
    """Return what ``_one`` would, with the loading written out: most checks are of this form."""

    def run(context: Context) -> bool | None:
        value = context[slot]
        if value is MISSING:
            value = context[slot] = getter(context[0], arg)
        if value is None:
            return False
        if value is UNKNOWN:
            return None
        return test(value)

    return run


def _one(load: Load, test: Predicate) -> Test:
    def run(context: Context) -> bool | None:
        value = load(context)
        if value is None:
            return False
        if value is UNKNOWN:
            return None
        return test(value)

    return run


def _two(load: Load, load_real: Load, test: Predicate, negative: bool) -> Test:
    if negative:
        return lambda context: _over((load(context), load_real(context)), test, True)

    def run(context: Context) -> bool | None:
        value = load(context)
        if value is not None and value is not UNKNOWN and test(value):
            return True
        real = load_real(context)
        if real is not None and real is not UNKNOWN:
            if test(real):
                return True
            return None if value is UNKNOWN else False
        return None if value is UNKNOWN or real is UNKNOWN else False

    return run


def _over(values: Sequence[Value], test: Callable[[Any], bool], negative: bool) -> bool | None:
    """Return the truth over the values of one side: any must hold or, negative, all that are there."""
    there = [value for value in values if value is not None]
    if not there:
        return False
    results = [None if value is UNKNOWN else test(value) for value in there]
    decisive = not negative
    if decisive in results:
        return decisive
    return None if None in results else negative


def _any_value(test: Predicate) -> Predicate:
    """Return the test of a value that may be several: any of them."""
    return lambda value: any(map(test, value)) if isinstance(value, tuple) else test(value)


def _ends_test(op: str, type_: FieldType, texts: Sequence[str]) -> Predicate:
    """Return the test of both ends of a connection: ``!=`` asks that neither is equal, the others either."""
    if op != "!=":
        return _any_value(predicate(op, type_, texts))
    equal = predicate("=", type_, texts)

    def neither(value: Any) -> bool:
        ends = value if isinstance(value, tuple) else (value,)
        return bool(ends) and not any(map(equal, ends))

    return neither


def _list_test(check: Check, left: Side, texts: Sequence[str]) -> Predicate:
    """Return the test of a list: ``in`` asks that all its elements are in the set, ``intersects`` that one is."""
    if check.modifier is not None or check.op not in ("in", "intersects"):
        raise RuleError(
            f"operator {check.op} cannot be used with the list {left.name}", "it takes in, intersects, exists"
        )
    member = predicate("in", left.type, texts)
    among = all if check.op == "in" else any
    return lambda value: among(map(member, value if isinstance(value, tuple) else (value,)))


def _modifier_test(modifier: str, tests: Sequence[Predicate]) -> Predicate:
    if not tests:
        return lambda _value: False
    if modifier == "anyof":
        return lambda value: any(test(value) for test in tests)
    if modifier == "allof":
        return lambda value: all(test(value) for test in tests)
    return lambda value: sum(test(value) for test in tests) == 1


@lru_cache(maxsize=256)
def _run_time_test(op: str, wanted: str) -> Predicate:
    """Return a pattern that came from an event; one that is no pattern matches nothing."""
    try:
        return compare(op, wanted)
    except RuleError:
        return lambda _value: False


def compare_values(op: str, value: Any, wanted: Any) -> bool:
    """Compare two present values of one event; either may be a list."""
    if op in ("in", "intersects"):
        among = set(wanted) if isinstance(wanted, tuple) else {wanted}
        if isinstance(value, tuple):
            return all(item in among for item in value) if op == "in" else any(item in among for item in value)
        return value in among
    if isinstance(value, tuple) or isinstance(wanted, tuple):
        return _compare_lists(op, value, wanted)
    if op in ("regex", "glob", "iglob", "icontains"):
        return _run_time_test(op, wanted)(value)
    return compare(op, wanted)(value)


def _compare_lists(op: str, value: Any, wanted: Any) -> bool:
    same = value == wanted
    return same if op in ("=", "==") else not same if op == "!=" else False
