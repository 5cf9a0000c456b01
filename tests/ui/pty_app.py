"""The screen over a fake engine in a real terminal, for the tests and benchmarks that need one.

``python -m tests.ui.pty_app --rate 1000 --hostile TEXT --rules FILE --theme NAME``
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path


def main() -> int:
    """Read the arguments and run the screen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=0, help="events per second; 0: a still picture")
    parser.add_argument("--batch", type=int, default=0, help="events in a drain")
    parser.add_argument("--hostile", default="", help="text put wherever a process could put text, as escapes")
    parser.add_argument("--rules", type=Path, help="a rule file of the user's")
    parser.add_argument("--theme")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--real", action="store_true", help="the real engine with the shipped rules, over made events")
    parser.add_argument("--start", type=float, default=0, help="seconds that the start of the engine takes")
    parser.add_argument("--attaching", action="store_true", help="the engine is made, and is for ever about to start")
    args = parser.parse_args()

    from tuimon.ui.app import run

    return run(lambda: engine(args), theme=args.theme, rules_path=args.rules, ascii_only=args.ascii)


def engine(args: argparse.Namespace) -> object:
    """Make the engine; in the screen's thread for it, as with the real one."""
    from tests.ui.fake_engine import FakeEngine, RuleFile, default_files, fed_engine

    time.sleep(args.start)
    if args.real:
        return real_engine(args)
    files = default_files()
    if args.rules is not None:
        files[1] = RuleFile(str(args.rules), args.rules.read_text(), "user")
    if args.rate:
        return FakeEngine(rate=args.rate, batch_size=args.batch or max(int(args.rate / 50), 1), files=files)
    made = fed_engine(hostile=args.hostile.encode().decode("unicode_escape"), files=files)
    if args.attaching:
        made.snapshot = lambda: None  # type: ignore[method-assign]
        made.stop = lambda: time.sleep(100_000)  # type: ignore[method-assign]
    if made.hostile:
        made.notices = (f"notice {made.hostile}",)
        made.alert(f"Rule {made.hostile}", "Error", row=len(made.batch) - 1, tags=(made.hostile,))
    return made


def real_engine(args: argparse.Namespace) -> object:
    """Make the engine users have, over a made stream: process table, rules and history at work."""
    from tests.ui.fake_engine import FakeEngine
    from tuimon.capture.synthetic import SyntheticSource
    from tuimon.engine import build_engine
    from tuimon.rulefiles import rule_files
    from tuimon.settings import Settings

    prepared = FakeEngine(batch_size=args.batch or max(int(args.rate / 50), 20)).batch
    settings = Settings(rules=(args.rules,)) if args.rules is not None else Settings()
    made = build_engine(settings, SyntheticSource([prepared], events_per_s=args.rate or 1))
    outcome = made.apply_rules(rule_files(settings, Path("/nonexistent")))
    if not outcome.accepted:
        raise SystemExit("\n".join(map(str, outcome.diagnostics)))
    return made


if __name__ == "__main__":
    sys.exit(main())
