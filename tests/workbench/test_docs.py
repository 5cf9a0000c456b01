"""What docs/testing-rules.md says works as it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tuimon.cli import parser
from tuimon.workbench import run_tests
from tuimon.workbench.rule_tests import _ALERT_KEYS, _CASE_KEYS, _FILE_KEYS

TEXT = (Path(__file__).parents[2] / "docs/testing-rules.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def example(tmp_path, monkeypatch):
    tests, rules = blocks("yaml")
    (tmp_path / "shop.yaml").write_text(rules)
    (tmp_path / "shop.test.yaml").write_text(tests)
    monkeypatch.chdir(tmp_path)
    return Path("shop.test.yaml")


def test_the_example_passes(example):
    result = run_tests.run_file(example)
    assert [(case.case.name, case.failures) for case in result.cases if case.failures] == []
    assert result.status == 0


def test_the_failure_shown_is_the_failure_seen(example):
    rules = Path("shop.yaml")
    rules.write_text(rules.read_text().replace("and not proc.name in (sshd, login)", ""))
    (shown,) = blocks("text")
    assert "\n".join(run_tests.lines([run_tests.run_file(example)])) + "\n" == shown


@pytest.mark.parametrize("command", [line for block in blocks("sh") for line in block.splitlines()])
def test_every_command_is_one(command):
    words = shlex.split(command)[1:]
    parser(words).parse_args(words)


def test_every_key_is_told():
    for key in (*_FILE_KEYS, *_CASE_KEYS, *_ALERT_KEYS):
        assert f"`{key}`" in TEXT
