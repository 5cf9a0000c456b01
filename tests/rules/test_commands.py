"""``tuimon rules``: what is printed, as text and in Falco's JSON layout, and the exit status."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from tuimon.rules import commands

GOOD = """\
- required_engine_version: 0.31.0
- required_plugin_versions:
  - name: container
    version: 0.4.0
    alternatives: [{name: other, version: 1.0.0}]
- list: shells
  items: [bash]
- list: more_shells
  items: [shells, sh]
- macro: spawned
  condition: evt.type = execve
- rule: Shell
  desc: A shell was started
  condition: spawned and proc.name in (more_shells)
  output: Shell (command=%proc.cmdline container=%container.id)
  priority: NOTICE
  tags: [host]
  exceptions:
    - name: tests
      fields: [proc.pname, fd.name]
      comps: [=, startswith]
      values: [[make, /tmp]]
"""
BAD = """\
- rule: Shell
  desc: A shell was started
  condition: >
    evt.type = execve and
    proc.nme = bash
  output: x
  priority: NOTICE
"""


def run(*args: object) -> int:
    parser = argparse.ArgumentParser()
    commands.add_parser(parser.add_subparsers())
    namespace = parser.parse_args([str(arg) for arg in ("rules", *args)])
    return int(namespace.run(namespace))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


def test_check_of_a_good_file(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", good) == 0
    assert capsys.readouterr().out == f"{good}: Ok\n"


def test_check_shows_the_place_with_a_caret(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", bad) == 1
    assert capsys.readouterr().out == (
        f"{bad}: Invalid\n"
        "1 error:\n"
        f"  {bad}:5:5: unknown field proc.nme\n"
        "    in rule 'Shell', rule condition, condition expression\n"
        "          proc.nme = bash\n"
        "          ^^^^^^^^\n"
        "    did you mean proc.name?\n"
        "    LOAD_ERR_COMPILE_CONDITION (the condition cannot be compiled)\n"
    )


def test_check_of_a_file_with_warnings_succeeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("- list: l\n  items: []\n")
    assert run("check", path) == 0
    assert capsys.readouterr().out.startswith(f"{path}: Ok, with warnings\n1 warning:\n")


def test_check_in_falcos_layout(good: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", good, bad, "--json") == 1
    results = json.loads(capsys.readouterr().out)["falco_load_results"]
    assert results[0] == {"name": str(good), "successful": True, "errors": [], "warnings": []}
    assert results[1]["successful"] is False
    (error,) = results[1]["errors"]
    assert set(error) == {"code", "codedesc", "message", "context", "hint"}
    assert error["code"] == "LOAD_ERR_COMPILE_CONDITION"
    assert error["context"]["snippet"] == "    proc.nme = bash\n    ^^^^^^^^"
    locations = error["context"]["locations"]
    assert [each["item_type"] for each in locations] == [
        "rules content",
        "rule",
        "rule condition",
        "condition expression",
    ]
    assert locations[1]["item_name"] == "Shell"
    # Falco counts lines and columns of YAML from 0.
    assert locations[-1]["position"] == {
        "name": str(bad),
        "line": 4,
        "column": 4,
        "offset": BAD.index("proc.nme"),
    }


def test_a_file_that_cannot_be_read_is_a_result(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.yaml"
    assert run("check", missing, good, "--json") == 1
    first, second = json.loads(capsys.readouterr().out)["falco_load_results"]
    assert (first["name"], first["errors"][0]["code"]) == (str(missing), "LOAD_ERR_FILE_READ")
    assert second["successful"] is True


def test_check_loads_files_together(tmp_path: Path) -> None:
    """As Falco does: a later file may use the macros of an earlier one, not the other way round."""
    (tmp_path / "a.yaml").write_text("- macro: m\n  condition: evt.type = open\n")
    (tmp_path / "b.yaml").write_text(BAD.replace("proc.nme = bash", "m"))
    assert run("check", tmp_path / "a.yaml", tmp_path / "b.yaml") == 0
    assert run("check", tmp_path / "b.yaml", tmp_path / "a.yaml") == 1
    assert run("check", tmp_path) == 0


def test_list_names_rules_macros_and_lists(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", good) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["rule", "Notice", "Shell"],
        ["macro", "spawned"],
        ["list", "shells", "(1)"],
        ["list", "more_shells", "(2)"],
    ]


def test_describe_in_falcos_layout(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", good, "--json") == 0
    described: dict[str, Any] = json.loads(capsys.readouterr().out)["falco_describe_results"]
    assert described["required_engine_version"] == "0.31.0"
    assert described["required_plugin_versions"] == [
        {"name": "container", "version": "0.4.0", "alternatives": [{"name": "other", "version": "1.0.0"}]}
    ]
    (rule,) = described["rules"]
    assert rule["info"] == {
        "name": "Shell",
        "condition": "spawned and proc.name in (more_shells)",
        "output": "Shell (command=%proc.cmdline container=%container.id)",
        "description": "A shell was started",
        "priority": "Notice",
        "source": "syscall",
        "tags": ["host"],
        "enabled": True,
        "capture": False,
        "capture_duration": 0,
    }
    assert rule["details"] == {
        "condition_compiled": "((evt.type = execve and proc.name in (bash, sh)) and "
        "not (proc.pname = make and fd.name startswith /tmp))",
        "condition_fields": ["evt.type", "fd.name", "proc.name", "proc.pname"],
        "condition_operators": ["=", "in", "startswith"],
        "events": ["asyncevent", "execve"],
        "macros": ["spawned"],
        "lists": ["more_shells"],
        "exception_names": ["tests"],
        "exception_fields": ["fd.name", "proc.pname"],
        "exception_operators": ["=", "startswith"],
        "output_compiled": "Shell (command=%proc.cmdline container=%container.id)",
        "output_fields": ["proc.cmdline", "container.id"],
        "plugins": ["container"],
    }
    assert described["macros"][0]["details"]["condition_compiled"] == "evt.type = execve"
    assert described["lists"][1] == {
        "info": {"name": "more_shells", "items": ["sh"]},
        "details": {"used": True, "lists": ["shells"], "items_compiled": ["bash", "sh"], "plugins": []},
    }


def test_describe_as_text(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", good) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"rule Shell  (Notice)  {good}:12"
    assert "  events        execve" in lines
    assert "  items         bash, sh" in lines


def test_describe_of_a_bad_file_reports_instead(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", bad) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "unknown field proc.nme" in printed.err


def test_hostile_names_reach_the_terminal_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "h.yaml"
    path.write_text(BAD.replace("rule: Shell", 'rule: "a\\eb\\u202e"').replace("nme = bash", "nme = \u202ebash"))
    run("check", path)
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "rule 'a\\eb\\u{202e}'" in printed


def test_a_file_in_another_encoding_is_told_by_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("# größe\n- rule: é ".encode() + "é\n".encode("latin-1"))
    assert run("check", path) == 1
    out = capsys.readouterr().out
    assert "latin.yaml:2:11: " in out
    assert "not UTF-8" in out
