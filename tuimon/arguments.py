"""The command line's parser: a word that it does not know is answered with the nearest one it does."""

from __future__ import annotations

import argparse
import re
from typing import Final, NoReturn, TypeVar

from tuimon.errors import did_you_mean
from tuimon.escape import clean

_CHOICE: Final = re.compile(r"argument (COMMAND|ACTION): invalid choice: (['\"])(.*)\2 \(choose from (.*)\)", re.DOTALL)
_UNKNOWN: Final = "unrecognized arguments: "
RULE_ACTIONS: Final = ("check", "list", "describe", "test", "backtest", "shadow")
"""What one may look for without ``rules`` before it."""
_Space = TypeVar("_Space")


class Parser(argparse.ArgumentParser):
    """argparse's parser; each command's tells of its own options, not of the program's."""

    def parse_known_args(  # type: ignore[override]
        self, args: list[str] | None = None, namespace: _Space | None = None
    ) -> tuple[argparse.Namespace | _Space, list[str]]:
        """Refuse what a command does not know where its options are known."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and " " in self.prog:
            self.error(_UNKNOWN + " ".join(unknown))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and what is right, and end with status 2."""
        if (hint := self._hint(message)) is None:
            super().error(message)
        what, near = hint
        self.exit(2, f"{self.prog}: {clean(what)}\n" + "".join(f"  {clean(line)}\n" for line in near))

    def _hint(self, message: str) -> tuple[str, list[str]] | None:
        """Return what is wrong and what may be meant; None for what argparse itself says well."""
        if choice := _CHOICE.match(message):
            kind, _, word, known = choice.groups()
            help_ = f"{self.prog} --help lists them"
            return f'there is no {kind.lower()} "{word}"', [_command(word, re.findall(r"[\w-]+", known)) or help_]
        if message.startswith(_UNKNOWN):
            word = message.removeprefix(_UNKNOWN).split(" ")[0]
            help_ = f"{self.prog} --help lists what it takes"
            if not word.startswith("-"):
                return f'there is one argument too many: "{word}"', [help_]
            options = [option for action in self._actions for option in action.option_strings]
            return f"there is no option {word}", [did_you_mean(word.split("=")[0], options, help_)]
        return None


def _command(word: str, known: list[str]) -> str:
    """Return what may be meant by a word in the place of a command; empty when nothing is near."""
    if word in RULE_ACTIONS and "rules" in known:
        return f"did you mean tuimon rules {word}?"
    if word in ("help", "version") and "rules" in known:
        return f"did you mean tuimon --{word}?"
    if word.endswith((".yaml", ".yml")):
        return f"did you mean tuimon -r {word}?"
    if word.endswith(".tmon"):
        return f"did you mean tuimon replay {word}?"
    return did_you_mean(word, known, "")
