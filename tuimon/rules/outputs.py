"""The output of a rule, checked at load: are its fields known, printable and written with the arguments they need?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from tuimon.errors import RuleError
from tuimon.rules.catalogue import Catalogue
from tuimon.rules.check import Problem, check_operand, nearest_field
from tuimon.rules.checks import Checks
from tuimon.rules.nodes import Span
from tuimon.rules.output import Template, Token

BAD: Final = "LOAD_ERR_COMPILE_OUTPUT"
_OLD: Final = "container.info"
_WORD: Final = re.compile(r"%[0-9]*([a-z0-9]+\()*([A-Za-z0-9_.]*)")


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """What there is to say about an output."""

    fields: tuple[str, ...]
    """Its tokens, each once, in the order of their first use."""
    problems: tuple[Problem, ...]
    """Places are in the output's text."""


class OutputChecker:
    """Checks outputs against a catalogue; what many outputs share is looked up once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._checks = Checks(resolve=catalogue.resolve)
        self._known: dict[str, tuple[Problem, ...]] = {}

    def check(self, text: str) -> OutputCheck:
        """Check one output."""
        try:
            template = Template.parse(text, self._checks)
        except RuleError as error:
            return OutputCheck((), (self._unparsable(text, error),))
        problems: list[Problem] = []
        at = 0
        for token in (part for part in template.parts if isinstance(part, Token)):
            start = text.find(token.text, text.find("%", at))
            at = start + len(token.text)
            problems += [replace(problem, span=Span(start, at)) for problem in self._token(token)]
        return OutputCheck(tuple(field for field in template.fields if field != _OLD), tuple(problems))

    def _token(self, token: Token) -> tuple[Problem, ...]:
        if token.text not in self._known:
            if token.text == _OLD:
                message = "%container.info is deprecated and expands to nothing"
                hint = "name the fields: %container.id %container.name"
                self._known[token.text] = (Problem("warning", "LOAD_DEPRECATED_ITEM", message, Span(), hint),)
            else:
                found = check_operand(token.operand, self._catalogue, for_output=True)
                self._known[token.text] = tuple(
                    replace(problem, code=BAD) if problem.severity == "error" else problem for problem in found
                )
        return self._known[token.text]

    def _unparsable(self, text: str, error: RuleError) -> Problem:
        """Find the first token that cannot be read, by reading each on its own."""
        start, end, word = max(0, text.rfind("%")), 0, ""
        for match in _WORD.finditer(text):
            following = text.find("%", match.end())
            piece = text[match.start() : following if following > 0 else len(text)]
            try:
                Template.parse(piece, self._checks)
            except RuleError as found:
                start, end, word, error = match.start(), match.end(), match[2], found
                break
        unknown = bool(word) and str(error).startswith("invalid formatting token")
        if not unknown:
            end = start + len(text[start:].split(maxsplit=1)[0])
        near = nearest_field(word, self._catalogue) if unknown else ""
        hint = f"did you mean %{near}?" if near else error.hint
        return Problem("error", BAD, str(error), Span(start, max(end, start + 1)), hint, unknown=unknown)
