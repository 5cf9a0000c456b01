"""Rules from and to Falco: what is given out loads, and what Falco would refuse is named."""

from __future__ import annotations

import json

import pytest

from tests.fields.test_registry import OWN
from tests.ui.fake_engine import BUILTIN_RULES, LOCAL_RULES
from tuimon.errors import RuleError
from tuimon.resources import find_recording
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.workbench.exchange import OWN_FIELDS, export, wrong_with
from tuimon.workbench.outside import Outside, write_rules

FILES = (RuleFile("a.yaml", f"# first\n{BUILTIN_RULES}"), RuleFile("b.yaml", f"{LOCAL_RULES}# last"))


def test_the_fields_of_our_own_are_those_that_falco_lacks():
    assert OWN_FIELDS == OWN


def test_what_is_given_out_is_the_texts_and_loads():
    made = export(FILES, load(FILES))
    assert made.text.startswith("# first\n")
    assert made.text.endswith("# last\n")
    again = load([RuleFile("out.yaml", made.text)])
    assert again.ok
    assert [rule.condition for rule in again.rules] == [rule.condition for rule in load(FILES).rules]
    assert (made.rules, made.notes) == (2, ())


def test_what_falco_would_refuse_is_named():
    own = RuleFile("own.yaml", LOCAL_RULES.replace("fd.name =", "fd.realpath ="))
    made = export([own], load([own]))
    assert made.notes == ("Falco does not know fd.realpath of the rule Read the shadow file",)


def test_nothing_is_not_given_out():
    with pytest.raises(RuleError, match="no rules"):
        export([RuleFile("a.yaml", "\n")], load([]))


def test_a_file_that_does_not_load_with_the_others_is_refused():
    good = RuleFile("c.yaml", "- list: more\n  items: [a]\n")
    assert wrong_with(good, (*FILES, good)) == ()
    bad = RuleFile("c.yaml", "- rule: Other\n  condition: and x\n  override: {condition: append}\n")
    assert wrong_with(bad, (*FILES, bad))[0].file == "c.yaml"


def test_a_backtest_in_a_process_of_its_own_tells_how_far_it_is(tmp_path):
    wide = RuleFile("b.yaml", LOCAL_RULES.replace('= "/etc/shadow"', "startswith /etc/"))
    before = write_rules(FILES, tmp_path / "before")
    after = write_rules((FILES[0], wide), tmp_path / "after")
    shares: list[float] = []
    arguments = ["backtest", "--rules", *before, "--against", *after, "--json", "--progress", "--"]
    answer = Outside([*arguments, str(find_recording("demo"))], shares.append).run()
    assert answer["added"]
    assert answer["removed"] == []
    assert json.dumps(answer)
    assert shares == sorted(shares)
    assert shares[-1] > 0.5


def test_what_cannot_be_answered_says_why(tmp_path):
    paths = write_rules(FILES, tmp_path / "a")
    asked = Outside(["backtest", "--rules", *paths, "--against", *paths, "--json", "--", "nosuch.tmon"])
    with pytest.raises(RuleError, match="nosuch"):
        asked.run()


def test_a_cancelled_question_has_no_answer():
    asked = Outside(["test", "--json", "/dev/null"])
    asked.cancel()
    with pytest.raises(RuleError, match="cancelled"):
        asked.run()
