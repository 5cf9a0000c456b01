"""Rule files to rules: everything put together, checked and located.

    files ── reader ──▶ nodes ── collector ──▶ items ── resolve ──▶ conditions ── check ──▶ RuleDef

All or nothing is the caller's rule (a LoadResult that is not ``ok`` must not go in force); a load itself never raises
for what is in the files. Falco compiles after each file and stops at the first error; here all files are read first,
every item that is wrong is reported, and a rule still may use only macros of its own and earlier files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tuimon.errors import RuleError
from tuimon.rules import check
from tuimon.rules.answers import Answers
from tuimon.rules.catalogue import Catalogue, default_catalogue
from tuimon.rules.collector import Collector
from tuimon.rules.compiler import Compiler
from tuimon.rules.definitions import ListDef, MacroDef, RuleDef
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.findings import Findings
from tuimon.rules.nodes import Condition
from tuimon.rules.parser import ConditionSyntaxError
from tuimon.rules.requirements import PLUGINS
from tuimon.rules.resolve import Lists, Macro, ResolveError, macro_names, open_macros

__all__ = ["SOURCES", "FileResult", "ListDef", "LoadResult", "MacroDef", "RuleDef", "compile_expression", "load"]

SOURCES: Final = frozenset(("syscall",))
"""Event sources whose rules can be judged."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What was found in one file."""

    file: RuleFile
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Only the errors."""
        return tuple(found for found in self.diagnostics if found.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Only the warnings."""
        return tuple(found for found in self.diagnostics if found.severity == "warning")


@dataclass(frozen=True)
class LoadResult:
    """What became of the files that were loaded together. Never changed after."""

    rules: tuple[RuleDef, ...] = ()
    """In order of first definition, disabled ones too; rules with an error are left out."""
    macros: tuple[MacroDef, ...] = ()
    lists: tuple[ListDef, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    files: tuple[FileResult, ...] = ()
    """In load order."""
    required_engine_version: str = ""
    """The newest that any file asks for; empty when none does."""
    required_plugin_versions: tuple[tuple[tuple[str, str], ...], ...] = ()
    """Of each requirement the alternatives, as (plugin, version)."""
    known_lists: Lists = field(default_factory=Lists, repr=False)
    """For compile_expression."""
    known_macros: Mapping[str, Macro] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Whether no file has an error."""
        return not any(found.severity == "error" for found in self.diagnostics)

    def rule(self, name: str) -> RuleDef | None:
        """Return a rule by its name."""
        return next((rule for rule in self.rules if rule.name == name), None)


def load(
    files: Iterable[RuleFile],
    *,
    catalogue: Catalogue | None = None,
    sources: frozenset[str] = SOURCES,
    plugins: dict[str, str] | None = None,
    answers: Answers | None = None,
    pause: Callable[[], None] | None = None,
) -> LoadResult:
    """Load rule files, in order.

    Args:
        files: Texts with their paths; later ones may append to, override and redefine what earlier ones define.
        catalogue: Fields and events; this program's own when None.
        sources: Event sources that there are; rules of others are skipped with a warning.
        plugins: Plugin name to version, for required_plugin_versions; those tuimon stands in for when None.
        answers: What loads before worked out, against the same catalogue; used and renewed.
        pause: Called often; may give way to other threads, or raise to end the load.

    Returns:
        Rules, macros, lists and everything there is to say about them. Nothing in a file makes it raise.
    """
    given = tuple(files)
    world = catalogue or default_catalogue()
    findings = Findings()
    known, rest = answers or Answers(), pause or _go_on
    known.begin()

    def field_hint(text: str) -> str | None:
        return known.get(("field", text), lambda: check.field_hint(text, world))

    collector = Collector(findings, sources, PLUGINS if plugins is None else plugins, field_hint, known, rest)
    for file in given:
        collector.add_file(file)
    compiler = Compiler(collector, findings, world, known, rest)
    compiler.run()
    known.done()
    found = findings.all()
    return LoadResult(
        rules=tuple(compiler.rules),
        macros=tuple(compiler.macro_defs),
        lists=tuple(compiler.list_defs),
        diagnostics=found,
        files=_by_file(given, found),
        required_engine_version=collector.required_engine_version,
        required_plugin_versions=tuple(collector.required_plugin_versions),
        known_lists=compiler.lists,
        known_macros=compiler.macros,
    )


def _go_on() -> None:
    """Make no pause."""


def _by_file(files: Sequence[RuleFile], found: tuple[Diagnostic, ...]) -> tuple[FileResult, ...]:
    return tuple(FileResult(file, tuple(each for each in found if each.file == file.path)) for file in files)


class ExpressionError(ConditionSyntaxError):
    """An expression that parses, but whose names or types are wrong; has the same place as a syntax error."""


def compile_expression(
    text: str, context: LoadResult | None = None, *, catalogue: Catalogue | None = None
) -> Condition:
    """Parse, resolve and check an expression, as the filter bar needs it.

    Args:
        text: A condition; macros and lists of the loaded rules may be used.
        context: The loaded rules; None: there are none.
        catalogue: Fields and events; this program's own when None.

    Returns:
        The condition, with nothing left to resolve.

    Raises:
        ConditionSyntaxError: With line, column, offset, message and hint; of names and types as of syntax.
    """
    loaded = context or LoadResult()
    world = catalogue or default_catalogue()
    node = loaded.known_lists.parse(text)
    try:
        opened, _, _ = open_macros(node, loaded.known_macros)
    except ResolveError as error:
        raise _located(text, error, error.span.start, error.message) from None
    for problem in check.check_condition(node, world):
        if problem.severity == "error":
            place = problem.span.start
            raise _located(text, RuleError(problem.message, problem.hint), place, problem.message)
    for name, span in macro_names(node).items():
        # What is inside a macro was checked only if a rule uses the macro.
        found = check.check_condition(loaded.known_macros[name].node, world)
        wrong = next((problem for problem in found if problem.severity == "error"), None)
        if wrong is not None:
            message = f"macro {name}: {wrong.message}"
            raise _located(text, RuleError(message, wrong.hint), span.start, message)
    return opened


def _located(text: str, error: RuleError, offset: int, message: str) -> ExpressionError:
    line, column = text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
    return ExpressionError(message, offset, line, column, error.hint)
