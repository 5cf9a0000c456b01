"""``tuimon doctor``: what this machine offers, and for each thing missing the command that mends it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Final

from tuimon.machine import Finding, State, can_capture, examine

MARKS: Final[dict[State, str]] = {"ok": "ok", "warn": "warn", "missing": "MISSING"}


def as_text(findings: tuple[Finding, ...]) -> str:
    """Return the report for people."""
    from tuimon.escape import clean

    width = max(len(f.name) for f in findings)
    lines = []
    for f in findings:
        lines.append(f"{MARKS[f.state]:8}{f.name:{width}}  {clean(f.value)}")
        if f.mend and f.state != "ok":
            lines.append(f"{'':{width + 10}}→ {clean(f.mend)}")
    verdict = "tuimon can read this kernel." if can_capture(findings) else "tuimon cannot read this kernel yet."
    return "\n".join([*lines, "", verdict])


def as_json(findings: tuple[Finding, ...]) -> str:
    """Return the report as one JSON object."""
    return json.dumps({"can_capture": can_capture(findings), "findings": [asdict(f) for f in findings]}, indent=2)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``doctor`` to the command line."""
    command = commands.add_parser("doctor", help="what this machine offers, and how to mend what is missing")
    command.add_argument("--json", action="store_true", help="as one JSON object")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report; return 1 when capture cannot run here."""
    findings = examine()
    print(as_json(findings) if args.json else as_text(findings))
    return 0 if can_capture(findings) else 1
