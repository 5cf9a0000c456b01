"""What the README says works as it says: its commands, its rule, its settings, its keys."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tests import builders
from tuimon.cli import main, parser
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet
from tuimon.settings import load as load_settings

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def _commands() -> list[list[str]]:
    """Return every tuimon command of the README, from blocks and from running text, without what leads up to it."""
    lines = [line for block in _blocks("sh") for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", TEXT)
    words = [shlex.split(line, comments=True) for line in lines if "tuimon " in line and "|" not in line]
    found = []
    for line in words:
        at = next((i for i, word in enumerate(line) if word in ("tuimon", ".venv/bin/tuimon")), None)
        if at is not None and set(line[:at]) <= {"sudo"}:
            found.append(line[at + 1 :])
    return found


def test_there_is_a_first_rule_and_it_fires() -> None:
    """The first thing a new user writes."""
    rule = RuleFile("shell.yaml", _blocks("yaml")[0])
    loaded = load((rule,))
    assert [str(d) for d in loaded.diagnostics] == []
    ruleset = RuleSet.build(loaded, 1)
    shell = builders.process("bash", args=["-i"], tty=34816)
    hits = ruleset.judge(builders.exec_event(process=shell, container=builders.container()))
    assert [hit.rule.name for hit in hits] == ["Shell In A Container"]
    event = builders.exec_event(process=shell, container=builders.container())
    shown = next(line for block in _blocks("text") for line in block.splitlines() if "Shell opened" in line)
    assert shown.partition("Warning ")[2] == hits[0].output(event)
    assert ruleset.judge(builders.exec_event(process=shell)) == []


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_is_one(command: list[str]) -> None:
    """An option that was renamed must not live on in the README."""
    parser(command).parse_args(command)


def test_the_commands_are_not_overlooked() -> None:
    """If the way commands are found breaks, the test above would test nothing."""
    found = {" ".join(command) for command in _commands()}
    assert {"rules check shell.yaml", "watch -r shell.yaml", "replay demo", "doctor"} <= found


def test_the_first_rule_checks_out_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tuimon rules check shell.yaml`."""
    path = tmp_path / "shell.yaml"
    path.write_text(_blocks("yaml")[0])
    assert main(["rules", "check", str(path)]) == 0
    assert "Ok" in capsys.readouterr().out


def test_the_settings_are_right(tmp_path: Path) -> None:
    """Copied into a config file, they load, and the theme is there."""
    path = tmp_path / "config.toml"
    path.write_text(_blocks("toml")[0])
    settings = load_settings((path,))
    assert (ROOT / f"themes/{settings.theme}.toml").is_file()
    assert set(tomllib.loads(_blocks("toml")[0])) == {"history_mb", "rules", "theme", "keys"}


def test_the_number_of_shipped_rules_is_right() -> None:
    """Numbers in a README grow old."""
    shipped = load((RuleFile("t.yaml", (ROOT / "rules/tuimon_rules.yaml").read_text()),))
    assert f"{len(shipped.rules)} rules" in TEXT


def test_what_the_readme_links_to_is_there() -> None:
    """Local links only."""
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link}
    assert [link for link in sorted(links) if not (ROOT / link).exists()] == []


def test_every_key_of_the_table_is_bound() -> None:
    """The screen's own bindings, from its source, so that this test needs no screen."""
    source = "".join(path.read_text() for path in (ROOT / "tuimon/ui").rglob("*.py"))
    bound = {key for keys in re.findall(r'Binding\(\s*"([^"]+)"', source) for key in keys.split(",")}
    names = {
        "/": "slash", "?": "question_mark", "esc": "escape", "%": "percent_sign", "=": "equals_sign",
        "!": "exclamation_mark", "[": "left_square_bracket", "]": "right_square_bracket", "\\": "backslash",
        "<": "less_than_sign", ">": "greater_than_sign", "+": "plus", "-": "minus", "ctrl+space": "ctrl+@",
    }  # fmt: skip
    rows = re.findall(r"^\| (`.*?) \|", TEXT[TEXT.index("## Keys") : TEXT.index("## How it works")], re.MULTILINE)
    keys = {names.get(key, key) for row in rows for key in re.findall(r"`([^`]+)`", row)}
    # The tabs are bound from a table, by number; Textual itself binds the tab key.
    table = (ROOT / "tuimon/ui/tabs/tabs.py").read_text()
    numbered = {str(number) for number, _ in enumerate(re.findall(r'\("\w+", "\w+", \w+Tab\)', table), 1)}
    assert len(numbered) == 7
    assert keys - bound - numbered - {"tab"} == set()
