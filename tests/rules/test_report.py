"""Reports: every code is known, deprecated fields are named, long and hostile lines stay readable."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.report import CODES, diagnostic_lines, load_results, text_report

RULE = "- rule: R\n  desc: d\n  condition: {}\n  output: {}\n  priority: INFO\n"


def test_all_of_falcos_codes_are_there() -> None:
    errors = {code for code in CODES if code.startswith("LOAD_ERR_")}
    assert (len(errors), len(CODES)) == (7, 22)


def test_every_code_in_the_sources_is_known() -> None:
    sources = Path(__file__).resolve().parents[2] / "tuimon/rules"
    named = {code for path in sources.glob("*.py") for code in re.findall(r"\"(LOAD_[A-Z_]+)\"", path.read_text())}
    assert named <= set(CODES)


def test_every_code_that_can_come_up_is_in_the_table_of_files() -> None:
    """Extension items are Falco's own; a file that cannot be read is tested with the command."""
    table = (Path(__file__).resolve().parents[1] / "cases/rule_files.yaml").read_text()
    missing = {code for code in CODES if code not in table}
    elsewhere = {"LOAD_ERR_EXTENSION", "LOAD_WARNING_EXTENSION", "LOAD_ERR_FILE_READ", "LOAD_UNSAFE_NA_CHECK"}
    assert missing == elsewhere


def test_a_deprecated_field_is_named_in_json() -> None:
    result = load([RuleFile("f", RULE.format("evt.type = open and evt.dir = <", "o"))])
    (warning,) = load_results(result.files)["falco_load_results"][0]["warnings"]  # type: ignore[index]
    assert (warning["code"], warning["deprecated_field"]) == ("LOAD_DEPRECATED_ITEM", "evt.dir")


def test_a_long_line_is_cut_around_the_place() -> None:
    condition = " or ".join(["evt.type = open"] * 40) + " or fd.nme = x"
    result = load([RuleFile("f", RULE.format(condition, "o"))])
    (found,) = result.diagnostics
    line, carets = found.snippet.split("\n")
    assert len(line) <= 160
    assert line[carets.index("^") :].startswith("fd.nme = x")
    assert carets.strip() == "^" * len("fd.nme")


def test_tabs_do_not_move_the_caret() -> None:
    result = load([RuleFile("f", RULE.format("evt.type = open and\tfd.nme\t=\tx", "o"))])
    (found,) = result.diagnostics
    line, carets = found.snippet.split("\n")
    assert line[carets.index("^") :].startswith("fd.nme")


def test_what_must_be_escaped_moves_the_caret_along() -> None:
    result = load([RuleFile("f", RULE.format('fd.name = "\u202e\u202e" and fd.nme = x and evt.type = open', "o"))])
    lines = list(diagnostic_lines(result.diagnostics[0]))
    shown, carets = next((a, b) for a, b in pairwise(lines) if "^" in b)
    assert shown[carets.index("^") :].startswith("fd.nme")
    assert "\u202e" not in "".join(lines)


def test_files_are_reported_in_load_order_with_a_verdict() -> None:
    files = [
        RuleFile("a", RULE.format("evt.type = open", "o")),
        RuleFile("b", "- list: l\n  items: []\n"),
        RuleFile("c", "x"),
    ]
    lines = list(text_report(load(files).files))
    assert [line for line in lines if re.match(r"[abc]: ", line)] == ["a: Ok", "b: Ok", "c: Invalid"]
