"""What is loaded by what: the core never loads the screen, and only what runs on the live kernel loads bcc.

Each command runs in a process of its own that reports, at its end, what it has loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCREEN = {"textual", "rich"}
CORE = [
    "tuimon",
    "tuimon.batch",
    "tuimon.capture.recording",
    "tuimon.capture.source",
    "tuimon.capture.synthetic",
    "tuimon.cli",
    "tuimon.doctor",
    "tuimon.engine",
    "tuimon.enrich.containers",
    "tuimon.enrich.processes",
    "tuimon.fields",
    "tuimon.front",
    "tuimon.headless.record",
    "tuimon.headless.watch",
    "tuimon.rules",
    "tuimon.rules.loader",
    "tuimon.rules.ruleset",
    "tuimon.view.alert_view",
    "tuimon.view.snapshot",
]

PROBE = """
import json, sys
status = 0
try:
    {action}
except SystemExit as exit:
    status = exit.code or 0
tops = sorted({{name.partition(".")[0] for name in sys.modules}})
print("\\n@" + json.dumps([status, tops]))
"""


def _loads(action: str, tmp_path: Path) -> tuple[int, set[str]]:
    """Run an action in a fresh interpreter and return its status and the top-level modules it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(action=action)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert "\n@" in done.stdout, done.stderr
    status, tops = json.loads(done.stdout.rpartition("\n@")[2])
    return status, set(tops)


@pytest.mark.parametrize("module", CORE)
def test_the_core_loads_no_screen_and_no_bcc(module: str, tmp_path: Path) -> None:
    """Else `tuimon watch` on a server would pay for a screen, and a recording could not be read without bcc."""
    status, tops = _loads(f"import {module}", tmp_path)
    assert status == 0
    assert tops & (SCREEN | {"bcc"}) == set()


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["--version"],
        ["rules", "--help"],
        ["fields"],
        ["doctor", "--json"],
        ["rules", "check", str(ROOT / "rules/tuimon_rules.yaml")],
        ["replay", "/no/such/recording", "--headless"],
    ],
    ids=" ".join,
)
def test_a_command_without_a_screen_loads_none_and_no_bcc(command: list[str], tmp_path: Path) -> None:
    """These work where neither Textual nor bcc is."""
    _, tops = _loads(f"from tuimon.cli import main; sys.exit(main({command!r}))", tmp_path)
    assert tops & (SCREEN | {"bcc"}) == set()


def test_watch_loads_no_screen(tmp_path: Path) -> None:
    """It may load bcc; it is stopped before it could attach, by a rule file that is not there."""
    status, tops = _loads("from tuimon.cli import main; sys.exit(main(['watch', '-r', '/no/such.yaml']))", tmp_path)
    assert status == 2
    assert tops & SCREEN == set()


def test_help_is_answered_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    """`tuimon --help` must feel instant."""
    status, tops = _loads("from tuimon.cli import main; main(['--help'])", tmp_path)
    assert status == 0
    assert tops & {"numpy", "lark", "yaml", "psutil", "re2", "tree_sitter"} == set()


def test_the_import_contracts_hold() -> None:
    """The contracts in pyproject.toml, as `make check` runs them."""
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([str(tool), "--no-cache"], capture_output=True, text=True, cwd=ROOT, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
