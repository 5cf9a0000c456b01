"""The command line: arguments → settings → an engine and one front end.

Nothing here costs an import before it is needed: ``--help``, ``rules``, ``fields`` and ``watch`` never load the screen,
and only what runs on the live kernel loads bcc. Every expected failure is one sentence and a hint on standard error;
the exit status says which kind it was.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from tuimon import __version__
from tuimon.arguments import Parser
from tuimon.errors import CaptureError, SettingsError, TuimonError

if TYPE_CHECKING:
    from tuimon.settings import Settings

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NO_CAPTURE: Final = 3
"""The live kernel cannot be read here; ``make run`` then opens the built-in recording."""
INTERRUPTED: Final = 130
_AGAIN_S: Final = 0.02
"""After which a signal that came during an import is looked at again."""

OTHER_COMMANDS: Final = {
    "rules": ("tuimon.rules.commands", "check, list, describe and test rule files"),
    "fields": ("tuimon.fields.command", "list the fields of the rule language"),
    "doctor": ("tuimon.doctor", "what this machine offers, and how to mend what is missing"),
}
"""Commands that bring their own parser: name to module and summary. A module is loaded when its command is used."""

EPILOG: Final = """\
examples:
  sudo tuimon                          the screen, on this machine
  sudo tuimon watch --json             alerts as JSON lines
  sudo tuimon -r my.yaml               with your rules beside the ones tuimon ships
  tuimon replay demo                   the screen on the built-in recording; needs no root
  tuimon rules check my.yaml           is this rule file right?
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run tuimon and return its exit status.

    Args:
        argv: The arguments after the program's name; None: the process's own.

    Returns:
        0 done; 1 failed; 2 wrong use; 3 the live kernel cannot be read here; 130 stopped with ctrl+c; 141 whoever read
        standard output went away.
    """
    try:
        arguments = sys.argv[1:] if argv is None else list(argv)
        args = parser(arguments).parse_args(arguments)
        with _stopping_on_signals():
            status = args.run(args)
        sys.stdout.flush()
    except TuimonError as error:
        return _report(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What Python still has to flush at exit would fail again, loudly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return int(status or OK)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Leave on SIGTERM the way ctrl+c leaves: probes detached, terminal restored.

    Neither interrupts an import: Python prints and forgets what is raised in some callbacks of its own there, and the
    program would go on. They are looked at again in a moment.
    """
    waiting = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal waiting
        waiting = number if number != signal.SIGALRM else waiting
        if _is_importing(frame):
            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        elif waiting == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + waiting)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # nohup, or a job in the background
                signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(error: TuimonError) -> int:
    """Print an error for the user and return the exit status it means."""
    from tuimon.escape import clean

    print(f"tuimon: {clean(str(error))}", file=sys.stderr)
    for line in error.hint.splitlines():
        print(f"  {clean(line)}", file=sys.stderr)
    match error:
        case SettingsError():
            return USAGE
        case CaptureError():
            return NO_CAPTURE
        case _:
            return FAILED


def parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the whole command line; each command sets ``run``.

    Args:
        arguments: What is to be parsed: of the commands that bring their own parser, only those named here are loaded.
    """
    rules, screen, history = _rule_options("command_rules"), _screen_options(), _history_options()
    top: argparse.ArgumentParser = Parser(
        prog="tuimon",
        description="Watch this machine's system calls live, write Falco rules beside them, put them in force at once.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_rule_options("rules"), screen, history],
    )
    top.add_argument("--version", action="version", version=f"tuimon {__version__}")
    top.add_argument("--replay", metavar="FILE", help="open a recording, not the live kernel (demo: the built-in one)")
    top.set_defaults(run=_run_screen)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    watch = commands.add_parser("watch", parents=[rules, history], help="print alerts, no screen")
    _headless_options(watch)
    watch.set_defaults(run=_run_watch)

    record = commands.add_parser("record", parents=[rules, history], help="write the events to a file")
    record.add_argument("file", type=Path, metavar="FILE", help="the recording to write")
    record.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds")
    record.add_argument("--everything", action="store_true", help="the loud calls too: read, write, futex, ...")
    record.set_defaults(run=_run_record)

    replay = commands.add_parser("replay", parents=[rules, screen, history], help="open a recording")
    replay.add_argument("replay", metavar="FILE", help="a recording; demo: the built-in one")
    replay.add_argument("--headless", action="store_true", help="print its alerts, no screen")
    _headless_options(replay)
    replay.set_defaults(run=_run_replay)

    evidence = commands.add_parser(
        "evidence", parents=[rules, history], help="write the evidence of an alert of a recording"
    )
    evidence.add_argument("file", metavar="FILE", help="a recording; demo: the built-in one")
    evidence.add_argument("-o", "--output", type=Path, metavar="NAME.tar.gz", help="a new archive (named by the alert)")
    evidence.add_argument("--alert", type=int, metavar="N", help="the N-th alert; without it they are listed")
    evidence.add_argument("--filter", metavar="EXPR", help="the alert whose event EXPR holds for (the rule language)")
    evidence.set_defaults(run=_run_evidence)

    for name, (module, summary) in OTHER_COMMANDS.items():
        if name in arguments:
            importlib.import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return top


def _rule_options(dest: str) -> argparse.ArgumentParser:
    """Return the options about rules; before and after the command ``-r`` goes to different places, to keep both."""
    group = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    add = group.add_argument_group("rules").add_argument
    more = "load these rules too; may be repeated"
    add("-r", "--rules", dest=dest, action="append", type=Path, metavar="FILE|DIR", help=more)
    add("--no-default-rules", dest="default_rules", action="store_false", help="leave out the rules tuimon ships")
    add("--rule-matching", choices=("first", "all"), help="for one event, alert by the first rule or by all (all)")
    add("--plain-falco", action="store_true", help="judge exactly as Falco does: given paths only, unknown is absent")
    suggested = "put the container's and the pod's fields behind every output, as falco.yaml's append_output asks for"
    add("--suggested-output", action="store_true", help=suggested)
    return group


def _screen_options() -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    add = group.add_argument_group("screen").add_argument
    add("--theme", metavar="NAME", help="colours")
    add("--ascii", action="store_true", help="draw with ASCII only")
    return group


def _history_options() -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group.add_argument("--history-mb", type=int, metavar="N", help="memory for the last events, in MiB (256)")
    return group


def _headless_options(command: argparse.ArgumentParser) -> None:
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line, in Falco's layout")
    form.add_argument("--text", action="store_true", help="one line of text for each alert (the default)")
    command.add_argument("--filter", metavar="EXPR", help="only for events that EXPR holds for (the rule language)")
    command.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds greater than 0")
    return value


def _settings(args: argparse.Namespace) -> Settings:
    """Return the settings of this run: config files, then what was given on the command line."""
    from tuimon import settings

    names = ("default_rules", "rule_matching", "plain_falco", "suggested_output", "history_mb", "theme", "ascii")
    overrides: dict[str, object] = {name: getattr(args, name, None) for name in names}
    loaded = settings.load(overrides=overrides)
    # -r adds to the config files' rules where every other option replaces.
    more = [*getattr(args, "rules", []), *getattr(args, "command_rules", [])]
    return settings.with_rules(loaded, more)


def _run_screen(args: argparse.Namespace) -> int:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # asyncio has its own way with Python's handler alone
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingsError(
            "the screen needs a terminal, and standard input or output is not one",
            "tuimon watch prints alerts without a screen",
        )
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise SettingsError(
            "the screen needs a terminal that can move its cursor", "set TERM, as in TERM=xterm-256color"
        )
    from tuimon import front

    return front.screen(_settings(args), args.replay)


def _run_watch(args: argparse.Namespace) -> int:
    from tuimon import front

    return front.alerts(_settings(args), None, as_json=args.json, expression=args.filter, duration_s=args.duration)


def _run_record(args: argparse.Namespace) -> int:
    from tuimon import front

    return front.record(_settings(args), args.file, everything=args.everything, duration_s=args.duration)


def _run_replay(args: argparse.Namespace) -> int:
    if not (args.headless or args.json or args.text):
        return _run_screen(args)
    from tuimon import front

    return front.alerts(
        _settings(args), args.replay, as_json=args.json, expression=args.filter, duration_s=args.duration
    )


def _run_evidence(args: argparse.Namespace) -> int:
    from tuimon import front

    return front.evidence(_settings(args), args.file, args.output, number=args.alert, expression=args.filter)
