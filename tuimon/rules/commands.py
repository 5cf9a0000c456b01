"""``tuimon rules check | list | describe | test | backtest | shadow``: what is in rule files, and what they would do.

None of it needs root, bcc or a terminal. ``check`` loads the files together, in the order given, as the program would.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tuimon.errors import SettingsError
from tuimon.garbage import uncollected

if TYPE_CHECKING:
    from tuimon.rules.diagnostics import RuleFile
    from tuimon.rules.loader import FileResult, LoadResult


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``rules`` to the command line."""
    rules = commands.add_parser("rules", help="check, list and describe rule files")
    actions = rules.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="say what is wrong in rule files; exit status 1 if anything is")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="rule files or folders, in load order")
    check.add_argument("--json", action="store_true", help="as JSON, in Falco's layout (falco_load_results)")
    check.set_defaults(run=run, action="check")
    for action, words in (("list", "print the names of"), ("describe", "print the compiled form of")):
        command = actions.add_parser(action, help=f"{words} all rules, macros and lists")
        command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the rules tuimon loads")
        command.add_argument("--json", action="store_true", help="as JSON, in Falco's layout (falco_describe_results)")
        command.set_defaults(run=run, action=action)
    # A command line is a front end: it may know what stands before it in the river.
    from tuimon.workbench import commands as workbench

    workbench.add_parsers(actions)


def run(args: argparse.Namespace) -> int:
    """Run one of the actions and return the exit status: 0, or 1 when a file has an error."""
    with uncollected(stays=True):
        loaded, results = _load(args.files)
    failed = any(result.errors for result in results)
    if args.action == "check":
        _print_check(results, as_json=args.json)
    elif failed:
        _print_errors(results)
    else:
        _print_description(loaded, args.action, as_json=args.json)
    return 1 if failed else 0


def _load(paths: list[Path]) -> tuple[LoadResult, tuple[FileResult, ...]]:
    """Load the files; one that cannot be read is a result of its own, in its place."""
    from tuimon.rules.loader import load

    files, unread = _read(paths)
    loaded = load(files)
    if not unread:
        return loaded, loaded.files
    by_path = {result.file.path: result for result in (*loaded.files, *unread)}
    order = [*(str(path) for path in paths), *by_path]
    return loaded, tuple(by_path[path] for path in dict.fromkeys(order) if path in by_path)


def _read(paths: list[Path]) -> tuple[tuple[RuleFile, ...], list[FileResult]]:
    from tuimon import rulefiles

    if not paths:
        from tuimon import settings

        return rulefiles.rule_files(settings.load()), []
    files: dict[str, RuleFile] = {}
    unread: list[FileResult] = []
    for path in paths:
        try:
            found = rulefiles.read_rule_files((path,))
            if not found:
                raise SettingsError(f"no rule file in {path}", "rule files end in .yaml or .yml")
            for file in found:
                files.setdefault(file.path, file)
        except SettingsError as error:
            unread.append(_unreadable(path, error))
    return tuple(files.values()), unread


def _unreadable(path: Path, error: SettingsError) -> FileResult:
    from tuimon.rules.diagnostics import Diagnostic, Location, RuleFile
    from tuimon.rules.loader import FileResult

    line, column = _undecodable(error.__cause__)
    found = Diagnostic(
        code="LOAD_ERR_FILE_READ",
        severity="error",
        message=str(error),
        file=str(path),
        line=line,
        column=column,
        locations=(Location("rules content", "", line, column),),
        hint=error.hint,
    )
    return FileResult(RuleFile(str(path), ""), (found,))


def _undecodable(cause: BaseException | None) -> tuple[int, int]:
    """Return line and column of what is not UTF-8, of other causes where the file begins."""
    if not isinstance(cause, UnicodeDecodeError):
        return 1, 1
    before = cause.object[: cause.start].decode("utf-8").split("\n")
    return len(before), len(before[-1]) + 1


def _print_check(results: tuple[FileResult, ...], *, as_json: bool) -> None:
    from tuimon.rules import report

    if as_json:
        _print_json(report.load_results(results))
    else:
        _print_lines(report.text_report(results))


def _print_errors(results: tuple[FileResult, ...]) -> None:
    from tuimon.rules import report

    for result in results:
        for found in result.errors:
            for line in report.diagnostic_lines(found):
                print(line, file=sys.stderr)


def _print_description(loaded: LoadResult, action: str, *, as_json: bool) -> None:
    from tuimon.rules import describe

    if as_json:
        from tuimon.syscalls import EVENT_NAMES

        _print_json(describe.Describer(loaded, EVENT_NAMES).results())
    elif action == "list":
        _print_lines(describe.list_lines(loaded))
    else:
        _print_lines(describe.describe_lines(loaded))


def _print_json(value: object) -> None:
    # One line, as Falco prints it (indenting would take Python's slow encoder), and ASCII: what is no UTF-8 in a file
    # must not break the output.
    sys.stdout.write(json.dumps(value) + "\n")


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
