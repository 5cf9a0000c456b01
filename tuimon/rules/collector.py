"""Definitions of all files, one after another: what replaces, appends to and overrides what.

Follows Falco's reader and collector (falco, userspace/engine/rule_loader_reader.cpp and rule_loader_collector.cpp,
after 0.44.1), order of checks included, so that the same file gives the same codes. An item that cannot be taken is
reported and left out; the rest of the file is still looked at, where Falco stops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from tuimon.rules import decode, requirements
from tuimon.rules.answers import Answers
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.exceptions import FieldHint, read_exceptions, validate
from tuimon.rules.findings import Findings, ItemError
from tuimon.rules.items import (
    PRIORITIES,
    Context,
    ExceptionItem,
    Item,
    ListItem,
    MacroItem,
    RuleChange,
    RuleItem,
)
from tuimon.rules.mistakes import nearest
from tuimon.rules.reader import Mapping, Node, YamlError, read_documents
from tuimon.rules.source import ConditionText, Scalar, place_at

INVALID: Final = "LOAD_ERR_YAML_VALIDATE"
WRONG: Final = "LOAD_ERR_VALIDATE"

_MACRO_NAME: Final = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*")
_LIST_NAME: Final = re.compile(r"[^()\"'\s=,]+")
_LIST_KEYS: Final = ("list", "items", "append", "override")
_MACRO_KEYS: Final = ("macro", "condition", "append", "override")
_APPENDABLE: Final = ("condition", "output", "desc", "tags", "exceptions")
_FLAGS: Final = ("enabled", "capture", "warn_evttypes", "skip-if-unknown-filter")
_REPLACEABLE: Final[tuple[str, ...]] = (
    "condition",
    "output",
    "desc",
    "priority",
    "capture",
    "capture_duration",
    "tags",
    "exceptions",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
)
_RULE_KEYS: Final = ("rule", "source", *_REPLACEABLE, "override", "append")
_TOP_KEYS: Final = ("required_engine_version", "required_plugin_versions", "list", "macro", "rule")

_NO_TEXT: Final = ConditionText((), "")
_APPEND_IS_OLD: Final = "'append' is deprecated: write override: {condition: append}, naming the key, instead"
_ENABLED_IS_OLD: Final = "'enabled' alone is deprecated: add override: {enabled: replace}"
_APPEND_AND_OVERRIDE: Final = "'override' and 'append: true' cannot be used together"


@dataclass(frozen=True, slots=True)
class Override:
    """An item's ``override``: which keys are appended, which replaced."""

    append: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.append or self.replace)


T = TypeVar("T", bound=Item)
Value = TypeVar("Value")


class Collector:
    """Takes files in order and holds what they define.

    Args:
        findings: Where errors and warnings go.
        sources: Event sources whose rules can be judged; rules of others are skipped.
        plugins: Versions of the plugins that we stand in for, for required_plugin_versions.
        field_hint: Says whether a field exists, for exceptions.
        answers: What earlier loads found.
        pause: Called before each item; may raise to end the load.
    """

    def __init__(
        self,
        findings: Findings,
        sources: frozenset[str],
        plugins: dict[str, str],
        field_hint: FieldHint,
        answers: Answers,
        pause: Callable[[], None],
    ) -> None:
        self.findings = findings
        self.lists: dict[str, ListItem] = {}
        self.macros: dict[str, MacroItem] = {}
        self.rules: dict[str, RuleItem] = {}
        self.required_engine_version = ""
        self.required_plugin_versions: list[requirements.Alternatives] = []
        self._sources = sources
        self._plugins = plugins
        self._field_hint = field_hint
        self._answers = answers
        self._pause = pause
        self._clock = 0
        self._file_number = -1
        self._file = RuleFile("", "")

    def add_file(self, file: RuleFile) -> None:
        """Take everything a file defines."""
        self._file = file
        self._file_number += 1
        top = Context((), place_at(file, 0))
        documents, ended = self._answers.get(("documents", file), lambda: _documents(file))
        try:
            for document in documents:
                self._document(document, top)
        except ItemError as error:
            self.findings.error(error)
            return
        if ended is not None:
            self.findings.add("error", "LOAD_ERR_YAML_PARSE", ended.message, top, ended.place, ended.hint)

    def _document(self, document: Node, top: Context) -> None:
        if isinstance(document, Scalar):
            raise ItemError(INVALID, "Rules content is not yaml", top, document.place(), "start items with '- rule:'")
        if isinstance(document, Mapping):
            message = "Rules content is not yaml array of objects"
            raise ItemError(INVALID, message, top, document.place(), "start each item with '- '")
        content = top.inside("rules content", "", top.place)
        for node in document.items:
            if isinstance(node, Scalar) and node.is_null:
                continue
            self._pause()
            try:
                self._item(node, content)
            except ItemError as error:
                self.findings.error(error)

    def _item(self, node: Node, content: Context) -> None:
        if not isinstance(node, Mapping):
            inner = content.inside("rules content item", "", node.place())
            raise ItemError(INVALID, "Unexpected element type: each item is a mapping, such as rule: ...", inner)
        if node.get("required_engine_version") is not None:
            self._engine_version(node, content)
        elif (versions := node.get("required_plugin_versions")) is not None:
            self._plugin_versions(node, versions, content)
        elif node.get("list") is not None:
            self._list(node, content)
        elif node.get("macro") is not None:
            self._macro(node, content)
        elif node.get("rule") is not None:
            self._rule(node, content)
        else:
            inner = content.inside("rules content item", "", node.place())
            first = node.entries[0][0] if node.entries else None
            near = nearest(first.text, _TOP_KEYS) if isinstance(first, Scalar) else ""
            hint = f"did you mean {near}?" if near else "items begin with rule, macro, list or required_..."
            self.findings.warn("LOAD_UNKNOWN_ITEM", "Unknown top level item; it is ignored", inner, hint=hint)

    # Requirements

    def _engine_version(self, node: Mapping, content: Context) -> None:
        context = content.inside("required_engine_version", "", node.place())
        version = requirements.engine_version(node, context)
        if requirements.as_tuple(version) > requirements.as_tuple(self.required_engine_version or "0.0.0"):
            self.required_engine_version = version
        self._unknown_keys(node, ("required_engine_version",), context)

    def _plugin_versions(self, node: Mapping, versions: Node, content: Context) -> None:
        context = content.inside("required_plugin_versions", "", versions.place())
        self.required_plugin_versions += requirements.plugin_versions(versions, context, self._plugins)
        self._unknown_keys(node, ("required_plugin_versions",), context)

    # Lists and macros

    def _list(self, node: Mapping, content: Context) -> None:
        name = decode.text(node, "list", content.inside("list", "", node.place()))
        context = content.inside("list", name, node.place())
        if not _LIST_NAME.fullmatch(name):
            message = "List has an invalid name: no blanks, quotes, parentheses, commas or = in it"
            self.findings.warn("LOAD_INVALID_LIST_NAME", message, context)
        items = decode.scalars(node, "items", context)
        append = self._append_flag(node, context)
        override = self._override(node, ("items",), ("items",), context)
        _not_both(append, override, context)
        if append or "items" in override.append:
            earlier = self._earlier(self.lists, name, "List", "items", context)
            earlier.items.extend(items)
            self._touch(earlier)
        else:
            self._define(self.lists, ListItem(name, context, self._file, items=items))
        self._unknown_keys(node, _LIST_KEYS, context)

    def _macro(self, node: Mapping, content: Context) -> None:
        name = decode.text(node, "macro", content.inside("macro", "", node.place()))
        context = content.inside("macro", name, node.place())
        if not _MACRO_NAME.fullmatch(name):
            message = "Macro has an invalid name: a letter, then letters, digits and _"
            self.findings.warn("LOAD_INVALID_MACRO_NAME", message, context)
        condition = decode.scalar(node, "condition", context)
        append = self._append_flag(node, context)
        override = self._override(node, ("condition",), ("condition",), context)
        _not_both(append, override, context)
        if append or "condition" in override.append:
            earlier = self._earlier(self.macros, name, "Macro", "condition", context)
            earlier.condition = earlier.condition.append(condition)
            self._touch(earlier)
        else:
            self._define(self.macros, MacroItem(name, context, self._file, condition=ConditionText.of(condition)))
        self._unknown_keys(node, _MACRO_KEYS, context)

    # Rules

    def _rule(self, node: Mapping, content: Context) -> None:
        name = decode.text(node, "rule", content.inside("rule", "", node.place()))
        context = content.inside("rule", name, node.place())
        source = self._source(node, context)
        append = self._append_flag(node, context)
        override = self._override(node, _APPENDABLE, _REPLACEABLE, context)
        _not_both(append, override, context)
        if override:
            self._overridden(node, name, source, override, context)
        elif append:
            self._appended(node, name, source, context)
        elif all(node.get(key) is None for key in ("condition", "output", "desc", "priority")):
            self._toggled(node, name, context)
        else:
            self._defined(node, name, context)
        self._unknown_keys(node, _RULE_KEYS, context)

    def _source(self, node: Mapping, context: Context) -> str:
        return "" if node.get("source") is None else decode.scalar(node, "source", context, empty=True).text

    def _defined(self, node: Mapping, name: str, context: Context) -> None:
        condition = decode.scalar(node, "condition", context)
        rule = RuleItem(
            name,
            context,
            self._file,
            condition=ConditionText.of(condition),
            output=self._tried(lambda: _trimmed(decode.scalar(node, "output", context)), _NO_TEXT),
            desc=self._tried(lambda: decode.text(node, "desc", context), ""),
            priority=self._tried(lambda: _priority(decode.scalar(node, "priority", context), context), PRIORITIES[-1]),
            source=decode.text(node, "source", context) if node.get("source") is not None else "syscall",
            enabled=decode.optional_truth(node, "enabled", context, True),
            capture=decode.optional_truth(node, "capture", context, False),
            warn_evttypes=decode.optional_truth(node, "warn_evttypes", context, True),
            skip_if_unknown_filter=decode.optional_truth(node, "skip-if-unknown-filter", context, False),
        )
        if node.get("capture_duration") is not None:
            rule.capture_duration = decode.natural(node, "capture_duration", context)
        if node.get("tags") is not None:
            rule.tags = {tag.text for tag in decode.scalars(node, "tags", context)}
        rule.exceptions = read_exceptions(node, context, self.findings, append=False)
        self._same_source(name, rule.source, context)
        if rule.source not in self._sources:
            rule.unknown_source = True
            near = nearest(rule.source, self._sources)
            message = f"Unknown source {rule.source}: the rule is skipped"
            hint = f"did you mean {near}?" if near else ""
            self.findings.warn("LOAD_UNKNOWN_SOURCE", message, context, hint=hint)
        for exception in rule.exceptions:
            validate(exception, self._hints_for(rule))
        self._define(self.rules, rule)

    def _tried(self, read: Callable[[], Value], otherwise: Value) -> Value:
        """Return a value; what is wrong with it is told, and what else is wrong with the rule is still looked for."""
        try:
            return read()
        except ItemError as error:
            self.findings.error(error)
            return otherwise

    def _toggled(self, node: Mapping, name: str, context: Context) -> None:
        enabled = decode.truth(node, "enabled", context)
        self.findings.warn("LOAD_DEPRECATED_ITEM", _ENABLED_IS_OLD, context)
        rule = self.rules.get(name)
        if rule is None:
            message = "Rule has 'enabled' key but no rule by that name already exists"
            raise ItemError(WRONG, message, context, hint=self._near_rule(name))
        rule.enabled = enabled

    def _appended(self, node: Mapping, name: str, source: str, context: Context) -> None:
        change = RuleChange(name, context, source)
        if node.get("condition") is not None:
            change.condition = ConditionText.of(decode.scalar(node, "condition", context))
        if node.get("exceptions") is not None:
            change.exceptions = read_exceptions(node, context, self.findings, append=True)
        self._append_to_rule(change)

    def _overridden(self, node: Mapping, name: str, source: str, override: Override, context: Context) -> None:
        waiting = {key for key in _REPLACEABLE if node.get(key) is not None}
        for kind, keys in (("append", override.append), ("replace", override.replace)):
            if not keys:
                continue
            change = RuleChange(name, context, source if "condition" in keys else "")
            for key in (key for key in _REPLACEABLE if key in keys):
                if key not in waiting:
                    message = f"An {kind} override for '{key}' was specified but '{key}' is not defined"
                    raise ItemError(INVALID, message, context)
                waiting.discard(key)
                self._change(change, key, node, context, append=kind == "append")
            if kind == "append":
                self._append_to_rule(change)
            else:
                self._replace_in_rule(change)
        for key in sorted(waiting, key=_REPLACEABLE.index):
            value = node.get(key)
            place = value.place() if value is not None else context.place
            message = f"Unexpected key '{key}': no corresponding entry under 'override' is defined"
            raise ItemError(INVALID, message, context.inside("overrides", key, place))

    def _change(self, change: RuleChange, key: str, node: Mapping, context: Context, *, append: bool) -> None:
        match key:
            case "condition":
                change.condition = ConditionText.of(decode.scalar(node, key, context))
            case "output":
                change.output = ConditionText.of(decode.scalar(node, key, context))
            case "desc":
                change.desc = decode.text(node, key, context)
            case "tags":
                change.tags = {tag.text for tag in decode.scalars(node, key, context)}
            case "exceptions":
                change.exceptions = read_exceptions(node, context, self.findings, append=append)
            case "priority":
                change.priority = _priority(decode.scalar(node, key, context), context)
            case "capture_duration":
                change.capture_duration = decode.natural(node, key, context)
            case _:
                setattr(change, key.replace("-", "_"), decode.truth(node, key, context))

    def _append_to_rule(self, change: RuleChange) -> None:
        rule = self._changed_rule(change, "append")
        if change.is_empty:
            message = "Appended rule must have exceptions or condition property"
            raise ItemError(WRONG, message, change.context)
        if change.condition is not None:
            rule.condition = rule.condition.append(change.condition.parts[0])
        if change.output is not None:
            rule.output = rule.output.append(change.output.parts[0])
        if change.desc is not None:
            rule.desc = f"{rule.desc} {change.desc}"
        rule.tags |= change.tags or set()
        for exception in change.exceptions or ():
            _append_exception(rule, exception, self._hints_for(rule))
        self._touch(rule)

    def _replace_in_rule(self, change: RuleChange) -> None:
        rule = self._changed_rule(change, "replace")
        for key in ("condition", "output", "desc", "tags", "exceptions", "priority", "capture", "capture_duration",
                    "enabled", "warn_evttypes", "skip_if_unknown_filter"):  # fmt: skip
            value = getattr(change, key)
            if value is not None:
                setattr(rule, key, value)
        for exception in change.exceptions or ():
            validate(exception, self._hints_for(rule))
        self._touch(rule)

    def _hints_for(self, rule: RuleItem) -> FieldHint:
        # Nothing is known about the fields of a source that there is not.
        return (lambda _text: None) if rule.unknown_source else self._field_hint

    def _changed_rule(self, change: RuleChange, kind: str) -> RuleItem:
        self._same_source(change.name, change.source, change.context)
        rule = self.rules.get(change.name)
        if rule is None:
            message = f"Rule uses 'append' or 'override' ({kind}) but no rule by that name already exists"
            raise ItemError(WRONG, message, change.context, hint=self._near_rule(change.name))
        return rule

    def _same_source(self, name: str, source: str, context: Context) -> None:
        earlier = self.rules.get(name)
        if earlier is not None and source and earlier.source != source:
            raise ItemError(WRONG, "Rule has been re-defined with a different source", context)

    def _near_rule(self, name: str) -> str:
        near = nearest(name, self.rules)
        return f"did you mean '{near}'?" if near else "the rule must come before, in this or an earlier file"

    # What items have in common

    def _append_flag(self, node: Mapping, context: Context) -> bool:
        append = decode.optional_truth(node, "append", context, False)
        if append:
            self.findings.warn("LOAD_DEPRECATED_ITEM", _APPEND_IS_OLD, context)
        return append

    def _override(
        self, node: Mapping, appendable: Iterable[str], replaceable: Iterable[str], context: Context
    ) -> Override:
        value = node.get("override")
        if value is None or (isinstance(value, Scalar) and value.is_null):
            return Override()
        inner = context.inside("overrides", "", value.place())
        if not isinstance(value, Mapping):
            raise ItemError(INVALID, "Value of override must be a mapping", inner, hint="write condition: append")
        kinds: dict[str, set[str]] = {"append": set(), "replace": set()}
        allowed = {"append": tuple(appendable), "replace": tuple(replaceable)}
        for key, kind in value.entries:
            if not isinstance(key, Scalar) or not isinstance(kind, Scalar):
                raise ItemError(INVALID, "Entries of override are key: append or key: replace", inner)
            if kind.text not in kinds:
                possible = " or ".join(name for name in kinds if key.text in allowed[name]) or "nothing"
                message = f"Invalid override operation for key '{key.text}': '{kind.text}'. Allowed: {possible}"
                raise ItemError(INVALID, message, inner.inside("value for", key.text, kind.place()))
            if key.text not in allowed[kind.text]:
                other = ", use 'replace' instead" if kind.text == "append" and key.text in allowed["replace"] else ""
                word = "appended to" if kind.text == "append" else "replaced"
                near = nearest(key.text, allowed[kind.text])
                hint = f"did you mean {near}?" if near and not other else ""
                message = f"Key '{key.text}' cannot be {word}{other}"
                raise ItemError(INVALID, message, inner.inside("overrides", key.text, key.place()), hint=hint)
            kinds[kind.text].add(key.text)
        return Override(frozenset(kinds["append"]), frozenset(kinds["replace"]))

    def _unknown_keys(self, node: Mapping, known: tuple[str, ...], context: Context) -> None:
        seen: set[str] = set()
        for key, _ in node.entries:
            if not isinstance(key, Scalar):
                continue
            if key.text in known and key.text not in seen:
                seen.add(key.text)
                continue
            inner = context.inside("value for", key.text, key.place())
            if key.text not in known:
                near = nearest(key.text, known)
                message = f"Unknown key '{key.text}'. The key will be ignored."
                hint = f"did you mean {near}?" if near else ""
                self.findings.warn("LOAD_UNKNOWN_KEY", message, inner, hint=hint)
            else:
                message = f"Key '{key.text}' stands twice in this item; the first one counts."
                self.findings.warn("LOAD_UNKNOWN_KEY", message, inner)

    def _define(self, known: dict[str, T], item: T) -> None:
        earlier = known.get(item.name)
        item.index = earlier.index if earlier is not None else self._clock
        item.first_file = earlier.first_file if earlier is not None else self._file_number
        # A dict keeps the place of a key that is set again, as Falco keeps the place of a rule that is redefined.
        known[item.name] = item
        self._touch(item)

    def _touch(self, item: Item) -> None:
        item.visibility = self._clock
        item.last_file = self._file_number
        self._clock += 1

    def _earlier(self, known: dict[str, T], name: str, kind: str, key: str, context: Context) -> T:
        earlier = known.get(name)
        if earlier is None:
            message = (
                f"{kind} uses 'append' or 'override.{key}: append' but no {kind.lower()} by that name already exists"
            )
            near = nearest(name, known)
            raise ItemError(WRONG, message, context, hint=f"did you mean {near}?" if near else "")
        return earlier


def _documents(file: RuleFile) -> tuple[tuple[Node, ...], YamlError | None]:
    """Return the documents of a file, and why there are no more of them."""
    found: list[Node] = []
    try:
        found.extend(read_documents(file))
    except YamlError as error:
        return tuple(found), error.with_traceback(None)
    return tuple(found), None


def _not_both(append: bool, override: Override, context: Context) -> None:
    if append and override:
        raise ItemError(INVALID, _APPEND_AND_OVERRIDE, context, hint="leave out append: true")


def _trimmed(output: Scalar) -> ConditionText:
    text = output.text.strip(" \t\n\r\f\v")
    return ConditionText.of(output) if text == output.text else ConditionText((output,), text)


def _priority(node: Scalar, context: Context) -> str:
    wanted = "informational" if node.text.lower() == "info" else node.text.lower()
    for priority in PRIORITIES:
        if priority.lower() == wanted:
            return priority
    near = nearest(node.text, PRIORITIES)
    hint = f"did you mean {near}?" if near else "one of " + ", ".join(PRIORITIES)
    raise ItemError(INVALID, "Invalid priority", context.inside("rule priority", "", node.place()), hint=hint)


def _append_exception(rule: RuleItem, exception: ExceptionItem, field_hint: FieldHint) -> None:
    earlier = next((each for each in rule.exceptions if each.name == exception.name), None)
    if earlier is None:
        if exception.fields is None:
            message = "Rule exception must have fields property with a list of fields"
            near = nearest(exception.name, (each.name for each in rule.exceptions))
            raise ItemError(WRONG, message, exception.context, hint=f"did you mean {near}?" if near else "")
        if not exception.values:
            message = "Rule exception must have values property with a list of values"
            raise ItemError(WRONG, message, exception.context)
        validate(exception, field_hint)
        rule.exceptions.append(exception)
        return
    for name in ("fields", "comps"):
        if getattr(exception, name) is not None:
            message = f"Can not append exception {name} to existing exception, only values"
            raise ItemError(WRONG, message, exception.context)
    rule.exceptions[rule.exceptions.index(earlier)] = replace(earlier, values=[*earlier.values, *exception.values])
