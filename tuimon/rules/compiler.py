"""Collected items to definitions: lists, then macros, then rules, each with what there is to say about it.

What rules share is worked out once: a macro is parsed, opened, checked and indexed one time, however many rules use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from tuimon.rules.answers import Answers
from tuimon.rules.catalogue import Catalogue
from tuimon.rules.check import BAD, Problem, check_condition
from tuimon.rules.collector import Collector
from tuimon.rules.definitions import ExceptionDef, ListDef, MacroDef, RuleDef
from tuimon.rules.event_types import EventTypeIndex, EventTypes
from tuimon.rules.exceptions import ExceptionText, condition_text
from tuimon.rules.findings import Findings, ItemError
from tuimon.rules.items import Context, ExceptionItem, Item, MacroItem, RuleItem
from tuimon.rules.nodes import And, Condition, Expanded, Not
from tuimon.rules.operands import used_in
from tuimon.rules.outputs import OutputChecker
from tuimon.rules.parser import ConditionSyntaxError
from tuimon.rules.resolve import Lists, Macro, ResolveError, macro_names, open_macros
from tuimon.rules.source import ConditionText

WRONG: Final = "LOAD_ERR_VALIDATE"
MANY_EVENT_TYPES: Final = 100
_WORD: Final = re.compile(r"[^ \t\n\r(),=]+")


@dataclass(slots=True)
class _Parsed:
    """A condition on its way."""

    text: ConditionText | ExceptionText
    context: Context
    node: Condition
    problems: tuple[Problem, ...] | None = None
    names: tuple[str, ...] = ()
    """Macros it names."""
    lists: tuple[str, ...] = ()


class Compiler:
    """Compiles what a collector holds.

    ``rules``, ``macro_defs``, ``list_defs``, ``macros`` and ``lists`` hold the outcome after ``run``.

    Args:
        collector: What the files define.
        findings: Where errors and warnings go.
        catalogue: Fields and events.
        answers: What earlier loads found, against the same catalogue.
        pause: Called before each macro and rule; may raise to end the load.
    """

    def __init__(
        self,
        collector: Collector,
        findings: Findings,
        catalogue: Catalogue,
        answers: Answers,
        pause: Callable[[], None],
    ) -> None:
        self.rules: list[RuleDef] = []
        self.macro_defs: list[MacroDef] = []
        self.list_defs: list[ListDef] = []
        self.macros: dict[str, Macro] = {}
        self.lists = Lists(collector.lists.values())
        self._collector = collector
        self._findings = findings
        self._catalogue = catalogue
        self._answers = answers
        self._pause = pause
        content = self.lists.content
        # Equal lists are one object, so that a key with it costs little.
        self._lists_key = answers.get(("lists", content), lambda: content)
        self._index = EventTypeIndex(catalogue.event_names, catalogue.aliases)
        self._parsed: dict[str, _Parsed] = {}
        self._broken: set[str] = set()
        self._used_macros: set[str] = set()
        self._outputs = OutputChecker(catalogue)

    def run(self) -> None:
        """Compile everything."""
        for macro in self._collector.macros.values():
            self._pause()
            self._parse_macro(macro)
        for macro in self._collector.macros.values():
            self._open_macro(macro)
        for rule in self._collector.rules.values():
            self._pause()
            if not rule.unknown_source:
                self._rule(rule)
        self._macro_definitions()
        self._list_definitions()

    # Macros

    def _parse_macro(self, macro: MacroItem) -> None:
        context = macro.context.inside("macro condition", "", macro.condition.place(0))
        parsed = self._parse(macro.condition, context)
        if parsed is None:
            self._broken.add(macro.name)
        else:
            self._parsed[macro.name] = parsed

    def _open_macro(self, macro: MacroItem) -> None:
        """Open a macro after those it needs; a stack instead of recursion, chains may be long."""
        stack: list[tuple[str, Iterable[str]]] = [(macro.name, iter(self._needs(macro.name)))]
        path = {macro.name}
        while stack:
            name, needs = stack[-1]
            need = next((need for need in needs if need not in path), None)
            if need is not None:
                path.add(need)
                stack.append((need, iter(self._needs(need))))
                continue
            stack.pop()
            self._opened(self._collector.macros[name], {each for each, _ in stack} | {name})
            path.discard(name)

    def _needs(self, name: str) -> list[str]:
        parsed = self._parsed.get(name)
        if parsed is None:
            return []
        visible = self._collector.macros[name].visibility
        return [
            each
            for each in parsed.names
            if each not in self.macros
            and each not in self._broken
            and each in self._collector.macros
            and self._collector.macros[each].index < visible
        ]

    def _opened(self, macro: MacroItem, path: set[str]) -> None:
        parsed = self._parsed.get(macro.name)
        if parsed is None or macro.name in self.macros or macro.name in self._broken:
            return
        every = self._collector.macros
        visible = {name: self.macros[name] for name in parsed.names if self._sees(macro, name)}
        late = "it is defined further down; a macro sees only those before it"
        hints = {name: late for name in parsed.names if name in every}
        try:
            node, depth, size = self._open(parsed.node, visible, hints, path)
        except ResolveError as error:
            self._broken.add(macro.name)
            self._resolve_error(error, parsed)
            return
        self.macros[macro.name] = Macro(macro.name, node, macro.origin, depth, size)
        self._used_macros.update(parsed.names)

    def _open(
        self, node: Condition, visible: Mapping[str, Macro], hints: Mapping[str, str], loops: Iterable[str] = ()
    ) -> tuple[Condition, int, int]:
        """Open macros, or return what came of it before: opening hangs on the node and on the macros it may name."""
        macros = tuple(visible.values())
        key = ("opened", id(node), *((macro.name, macro.origin, id(macro.node)) for macro in macros))

        def opened() -> tuple[tuple[Condition, int, int], object]:
            names = self._suggestions()
            # The nodes are kept beside the answer, so that no others can come by their ids.
            return open_macros(node, visible, hints=hints, loops=loops, names=names), (node, macros)

        return self._answers.get(key, opened)[0]

    def _suggestions(self) -> Iterable[str]:
        return () if self._findings.are_many else self._collector.macros

    def _sees(self, macro: MacroItem, name: str) -> bool:
        other = self._collector.macros.get(name)
        return other is not None and other.index < macro.visibility and name in self.macros

    def _resolve_error(self, error: ResolveError, parsed: _Parsed) -> None:
        if error.undefined in self._broken:
            # What is wrong with that macro has been said where it is defined.
            return
        place = parsed.text.place(error.span.start, error.span.end)
        self._findings.error(ItemError(WRONG, error.message, parsed.context, place, error.hint))

    # Rules

    def _rule(self, rule: RuleItem) -> None:
        context = rule.context.inside("rule condition", "", rule.condition.place(0))
        parsed = self._parse(rule.condition, context)
        if parsed is None:
            return
        opened = self._open_in_rule(rule, parsed)
        exceptions = self._exceptions(rule)
        if opened is None or exceptions is None:
            return
        output = self._output(rule)
        fits = [self._fits(rule, each) for each in self._texts(parsed, exceptions)]
        if output is None or not all(fits):
            return
        self._finish(rule, parsed, opened, exceptions, output)

    def _open_in_rule(self, rule: RuleItem, parsed: _Parsed) -> Condition | None:
        macros = self._collector.macros
        visible = {
            name: self.macros[name]
            for name in parsed.names
            if name in self.macros and macros[name].first_file <= rule.last_file
        }
        hints = {
            name: f"{macros[name].file.path} defines it, and is loaded after this rule"
            for name in parsed.names
            if name in macros
        }
        try:
            node, _, _ = self._open(parsed.node, visible, hints)
        except ResolveError as error:
            self._resolve_error(error, parsed)
            return None
        self._used_macros.update(parsed.names)
        return node

    def _exceptions(self, rule: RuleItem) -> list[tuple[ExceptionItem, _Parsed | None, Condition | None]] | None:
        found: list[tuple[ExceptionItem, _Parsed | None, Condition | None]] = []
        for exception in rule.exceptions:
            try:
                text = condition_text(exception)
            except ItemError as error:
                self._findings.error(error)
                return None
            if text is None:
                found.append((exception, None, None))
                continue
            parsed = self._parse(text, exception.context)
            node = None if parsed is None else self._open_in_rule(rule, parsed)
            if node is None:
                return None
            found.append((exception, parsed, node))
        return found

    def _texts(
        self, parsed: _Parsed, exceptions: list[tuple[ExceptionItem, _Parsed | None, Condition | None]]
    ) -> list[_Parsed]:
        """Return every text the rule is made of, macros of macros included, each once."""
        texts = [parsed, *(each for _, each, _ in exceptions if each is not None)]
        names = list(dict.fromkeys(name for text in texts for name in text.names))
        seen = set(names)
        for name in names:
            text = self._parsed[name]
            texts.append(text)
            more = [each for each in text.names if each not in seen]
            seen.update(more)
            names.extend(more)
        return texts

    def _fits(self, rule: RuleItem, parsed: _Parsed) -> bool:
        """Report what is wrong with a text a rule is made of; False when the rule cannot be used."""
        usable = True
        for problem in self._problems(parsed):
            place = parsed.text.place(problem.span.start, problem.span.end)
            if problem.severity == "warning":
                self._findings.warn(problem.code, problem.message, parsed.context, place, problem.hint)
            elif problem.unknown and rule.skip_if_unknown_filter:
                usable = False
                message = f"{problem.message}: the rule '{rule.name}' is skipped"
                self._findings.warn("LOAD_UNKNOWN_FILTER", message, parsed.context, place, problem.hint)
            else:
                usable = False
                self._findings.error(ItemError(problem.code, problem.message, parsed.context, place, problem.hint))
        return usable

    def _problems(self, parsed: _Parsed) -> tuple[Problem, ...]:
        if parsed.problems is None:
            node = parsed.node
            parsed.problems = self._answers.about("problems", node, lambda: check_condition(node, self._catalogue))
        return parsed.problems

    def _output(self, rule: RuleItem) -> tuple[str, ...] | None:
        if not rule.output.parts:  # missing, which has been told
            return None
        text = rule.output.text
        found = self._answers.get(("output", text), lambda: self._outputs.check(text))
        context = rule.context.inside("rule output", "", rule.output.place(0))
        for problem in found.problems:
            place = rule.output.place(problem.span.start, problem.span.end)
            if problem.severity == "warning":
                self._findings.warn(problem.code, problem.message, context, place, problem.hint)
            elif problem.unknown and rule.skip_if_unknown_filter:
                message = f"{problem.message}: the rule '{rule.name}' is skipped"
                self._findings.warn("LOAD_UNKNOWN_FILTER", message, context, place, problem.hint)
                return None
            else:
                self._findings.error(ItemError(problem.code, problem.message, context, place, problem.hint))
                return None
        return found.fields

    def _finish(
        self,
        rule: RuleItem,
        parsed: _Parsed,
        opened: Condition,
        exceptions: list[tuple[ExceptionItem, _Parsed | None, Condition | None]],
        output: tuple[str, ...],
    ) -> None:
        condition = opened
        excepted = [
            Not(Expanded(item.name, node, f"{rule.file.path}:{item.context.place.line}"))
            for item, _, node in exceptions
            if node is not None
        ]
        if excepted:
            condition = And((opened, *excepted))
        event_types = self._event_types(condition)
        if rule.source == "syscall" and rule.warn_evttypes and _are_many(event_types):
            message = "Rule matches too many evt.type values. This has a significant performance penalty."
            hint = "add evt.type = ... or evt.type in (...), or set warn_evttypes: false"
            self._findings.warn("LOAD_NO_EVTTYPE", message, rule.context, hint=hint)
        lists = [name for text in (parsed, *(each for _, each, _ in exceptions if each)) for name in text.lists]
        self.rules.append(
            RuleDef(
                name=rule.name,
                condition=condition,
                condition_text=rule.condition.text,
                output=rule.output.text,
                desc=rule.desc,
                priority=rule.priority,
                tags=tuple(sorted(rule.tags)),
                source=rule.source,
                enabled=rule.enabled,
                capture=rule.capture,
                capture_duration=rule.capture_duration,
                warn_evttypes=rule.warn_evttypes,
                skip_if_unknown_filter=rule.skip_if_unknown_filter,
                file=rule.file.path,
                line=rule.context.place.line,
                event_types=event_types,
                fields=self._fields(self._texts(parsed, exceptions)),
                output_fields=output,
                written=parsed.node,
                source_text=rule.condition,
                exceptions=tuple(_exception_def(item, node) for item, _, node in exceptions),
                lists=tuple(dict.fromkeys(lists)),
                macros=parsed.names,
            )
        )

    def _fields(self, texts: list[_Parsed]) -> tuple[str, ...]:
        names: set[str] = set()
        for text in texts:
            names |= self._answers.about("fields", text.node, partial(_fields_of, text.node))
        return tuple(sorted(names))

    def _event_types(self, condition: Condition) -> EventTypes:
        return self._answers.about("event types", condition, lambda: self._index.of(condition))

    # Conditions

    def _parse(self, text: ConditionText | ExceptionText, context: Context) -> _Parsed | None:
        try:
            node, used, macros, lists = self._answers.get(
                ("parsed", id(self._lists_key), text.text), lambda: self._read(text.text)
            )
        except ConditionSyntaxError as error:
            place = text.place(error.offset)
            self._findings.error(ItemError(BAD, error.message, context, place, error.hint))
            return None
        self.lists.use(used)
        return _Parsed(text, context, node, None, macros, lists)

    def _read(self, text: str) -> tuple[Condition, frozenset[str], tuple[str, ...], tuple[str, ...]]:
        """Return a text's node, the lists it opens, and the macros and lists it names."""
        node, used = self.lists.parsed(text)
        known = self.lists.by_name
        lists = dict.fromkeys(word for word in _WORD.findall(text) if word in known)
        return node, used, tuple(macro_names(node)), tuple(lists)

    # What is left to say

    def _macro_definitions(self) -> None:
        for name, item in self._collector.macros.items():
            macro, parsed = self.macros.get(name), self._parsed.get(name)
            if macro is None or parsed is None:
                continue
            used = name in self._used_macros
            if not used and not self._findings.failed:
                self._unused(item, "LOAD_UNUSED_MACRO", "Macro")
                self._doubts(parsed)
            self.macro_defs.append(
                MacroDef(
                    name=name,
                    condition=macro.node,
                    condition_text=item.condition.text,
                    file=item.file.path,
                    line=item.context.place.line,
                    used=used,
                    event_types=self._event_types(macro.node),
                    written=parsed.node,
                    lists=parsed.lists,
                    macros=parsed.names,
                )
            )

    def _doubts(self, parsed: _Parsed) -> None:
        """Say what would be wrong with a macro if a rule used it. Falco does not look at it."""
        for problem in self._problems(parsed):
            place = parsed.text.place(problem.span.start, problem.span.end)
            self._findings.warn("LOAD_COMPILE_CONDITION", problem.message, parsed.context, place, problem.hint)

    def _list_definitions(self) -> None:
        for name, item in self._collector.lists.items():
            values = self.lists.by_name[name]
            if not values.used and not self._findings.failed:
                self._unused(item, "LOAD_UNUSED_LIST", "List")
            written = tuple(each.text for each in item.items)
            inner = tuple(dict.fromkeys(each for each in written if each in self._collector.lists))
            place = item.context.place
            self.list_defs.append(ListDef(name, values.texts, item.file.path, place.line, values.used, written, inner))

    def _unused(self, item: Item, code: str, kind: str) -> None:
        self._findings.warn(code, f"{kind} not referred to by any other rule/macro", item.context)


def _fields_of(node: Condition) -> frozenset[str]:
    return used_in(node).fields


def _exception_def(item: ExceptionItem, node: Condition | None) -> ExceptionDef:
    fields = item.fields.texts() if item.fields is not None else ()
    if item.comps is not None:
        operators = item.comps.texts()
    else:
        operators = ("=",) * len(fields) if item.fields is not None and item.fields.is_list else ("in",)
    return ExceptionDef(item.name, fields, operators, node)


def _are_many(types: frozenset[str] | None) -> bool:
    return types is None or len(types) > MANY_EVENT_TYPES
