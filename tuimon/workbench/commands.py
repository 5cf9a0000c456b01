"""``tuimon rules test | backtest | shadow``: rules tried on made events and on recordings. No root, no terminal."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tuimon.errors import TuimonError

if TYPE_CHECKING:
    from tuimon.rules.diagnostics import Diagnostic
    from tuimon.rules.ruleset import RuleSet

OK: Final = 0
DIFFERENT: Final = 1
"""A test failed, or two rule sets do not have the same alerts."""
BROKEN: Final = 2
"""Files or a recording that cannot be used: nothing can be said."""

_STEP: Final = 0.01
"""Share of a recording after which progress is told again."""

_MATCHING: Final = "for one event, alert by the first rule or by all (all)"


def add_parsers(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to ``tuimon rules``."""
    test = actions.add_parser("test", help="run rule test files; exit status 1 when a test fails")
    test.add_argument("files", nargs="+", type=Path, metavar="FILE", help="test files, or folders of *.test.yaml")
    test.add_argument("--json", action="store_true", help="as JSON")
    test.add_argument(
        "--instead",
        nargs=2,
        action="append",
        type=Path,
        default=[],
        metavar=("FILE", "OTHER"),
        help="where tests name the rule file FILE, take OTHER; may be repeated",
    )
    test.set_defaults(run=_test)

    backtest = actions.add_parser(
        "backtest", help="which alerts of a recording differ between two rule sets; exit status 1 if any do"
    )
    for name, words in (("--rules", "the rules as they were"), ("--against", "the rules to compare them with")):
        backtest.add_argument(
            name, nargs="+", type=Path, required=True, metavar="FILE|DIR", help=f"{words}, in load order"
        )
    _common(backtest)
    backtest.set_defaults(run=_backtest)

    shadow = actions.add_parser("shadow", help="which rules also fire where a rule fires, over a recording")
    shadow.add_argument(
        "--rules",
        nargs="+",
        type=Path,
        metavar="FILE|DIR",
        help="rule files, in load order (default: all tuimon loads)",
    )
    _common(shadow)
    shadow.set_defaults(run=_shadow)


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("recording", nargs="?", metavar="RECORDING", help="a recording; demo: the built-in one")
    command.add_argument("--rule-matching", choices=("first", "all"), default="all", help=_MATCHING)
    command.add_argument("--plain-falco", action="store_true", help="judge exactly as Falco does")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.add_argument("--progress", action="store_true", help="say on standard error how far it is")


def _test(args: argparse.Namespace) -> int:
    from tuimon.workbench import rule_tests, run_tests

    instead = {file.resolve(): other for file, other in args.instead}
    results = [run_tests.run_file(path, instead) for path in rule_tests.files(args.files)]
    _print(run_tests.as_json(results) if args.json else run_tests.lines(results))
    return max(result.status for result in results)


def _backtest(args: argparse.Namespace) -> int:
    from tuimon.workbench import backtest

    recording = _recording(args, (args.against, args.rules))
    before, after = (_ruleset(paths, args) for paths in (args.rules, args.against))
    if before is None or after is None:
        return BROKEN
    try:
        result = backtest.backtest(recording, before, after, _progress(args))
    except TuimonError as error:
        return _broken(error)
    _print(backtest.as_json(result) if args.json else backtest.lines(result))
    return OK if result.is_equal else DIFFERENT


def _shadow(args: argparse.Namespace) -> int:
    from tuimon.workbench import shadow

    recording = _recording(args, (args.rules or [],))
    ruleset = _ruleset(args.rules, args)
    if ruleset is None:
        return BROKEN
    try:
        result = shadow.shadows(recording, ruleset, _progress(args))
    except TuimonError as error:
        return _broken(error)
    _print(shadow.as_json(result) if args.json else shadow.lines(result))
    return OK


def _progress(args: argparse.Namespace) -> Callable[[float], None] | None:
    """Return what says how far a replay is, at every hundredth."""
    from tuimon.workbench.outside import PROGRESS

    told = 0.0

    def tell(share: float) -> None:
        nonlocal told
        if share - told >= _STEP:
            told = share
            print(f"{PROGRESS}{share:.2f}", file=sys.stderr, flush=True)

    return tell if args.progress else None


def _recording(args: argparse.Namespace, lists: Iterable[list[Path]]) -> Path:
    """Return the recording, which an option that takes several files may have taken for one of them."""
    from tuimon.errors import SettingsError
    from tuimon.resources import find_recording
    from tuimon.rulefiles import SUFFIXES

    if args.recording is not None:
        return find_recording(args.recording)
    for paths in lists:
        if len(paths) > 1 and paths[-1].suffix not in SUFFIXES and not os.path.isdir(paths[-1]):
            return find_recording(str(paths.pop()))
    raise SettingsError("no recording is given", "name it at the end; demo is the built-in one")


def _ruleset(paths: list[Path] | None, args: argparse.Namespace) -> RuleSet | None:
    """Return the rules of some files; None, with each error said, when there is one."""
    from tuimon import rulefiles, settings
    from tuimon.rules.loader import load
    from tuimon.rules.ruleset import RuleSet

    try:
        files = rulefiles.read_rule_files(paths) if paths else rulefiles.rule_files(settings.load())
        loaded = load(files)
        if loaded.ok:
            first = args.rule_matching == "first"
            return RuleSet.build(loaded, 1, first_match_only=first, plain_falco=args.plain_falco)
        _print_errors(loaded.diagnostics)
    except TuimonError as error:
        _broken(error)
    return None


def _broken(error: TuimonError) -> int:
    """Say what cannot be used; return the exit status."""
    from tuimon.escape import clean

    print(f"tuimon: {clean(str(error))}", file=sys.stderr)
    for line in error.hint.splitlines():
        print(f"  {clean(line)}", file=sys.stderr)
    return BROKEN


def _print_errors(found: Iterable[Diagnostic]) -> None:
    from tuimon.rules.report import diagnostic_lines

    for each in found:
        if each.severity == "error":
            for line in diagnostic_lines(each):
                print(line, file=sys.stderr)


def _print(what: object) -> None:
    """Print JSON, or lines."""
    if isinstance(what, dict):
        sys.stdout.write(json.dumps(what, indent=2) + "\n")
    else:
        assert isinstance(what, Iterable)
        sys.stdout.write("".join(f"{line}\n" for line in what))
