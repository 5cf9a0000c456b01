"""make and the set-up script: what they would do, on a machine that has nothing and on one that has everything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=env or BARE,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _targets() -> list[str]:
    lines = (ROOT / "Makefile").read_text().splitlines()
    return [line.partition(":")[0] for line in lines if "## " in line and not line.startswith(("#", "\t"))]


def test_make_alone_prints_every_target_with_its_meaning() -> None:
    """A Makefile that explains itself."""
    done = _run("make")
    assert done.returncode == 0
    said = [line.split()[1] for line in done.stdout.splitlines()]
    assert said == _targets()
    assert {"run", "test", "check", "bench", "screenshots", "clean", "help"} <= set(said)


@pytest.mark.parametrize("target", _targets())
def test_a_target_can_be_planned_in_a_bare_environment(target: str) -> None:
    """No variable that only a developer's shell has is needed."""
    done = _run("make", "-n", target)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", ["run", "setup", "start"])
def test_a_script_is_executable_and_parses(script: str) -> None:
    """A lost mode bit or a stray quote shows here, not in CI."""
    path = ROOT / ".ci" / script
    assert os.access(path, os.X_OK)
    assert _run("bash", "-n", str(path)).returncode == 0


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a copy of the checkout's set-up parts whose tools only write down that they were called."""
    shutil.copytree(ROOT / ".ci", tmp_path / "p/.ci")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "p/pyproject.toml")
    (tmp_path / "p/tuimon").mkdir()
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("apt-get", "sudo"):
        _tool(tools / tool, f'echo {tool} "$@" >>"$CALLS"')
    return tmp_path


def _tool(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def _setup(machine: Path, kind: str = "run", **env: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    calls = machine / "calls"
    calls.write_text("")
    path = f"{machine / 'bin'}:/usr/bin:/bin"
    done = _run(str(machine / "p/.ci/setup"), kind, env=BARE | {"PATH": path, "CALLS": str(calls)} | env)
    return done, calls.read_text().splitlines()


FAKE_PYTHON = """
case "$*" in
  *venv*.venv*|"-m venv "*) mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo venv >>"$CALLS" ;;
  *"pip install"*) echo "pip ${@: -1}" >>"$CALLS"; exit ${PIP_STATUS:-0} ;;
  *sys.base_prefix*) echo fake ;;
esac
exit 0
"""


def test_the_second_time_nothing_is_done(machine: Path) -> None:
    """`make run` must open tuimon at once when everything is there, and set up again when pyproject.toml changes."""
    _tool(machine / "bin/python3", FAKE_PYTHON)
    first, called = _setup(machine)
    assert first.returncode == 0, first.stderr
    assert [c for c in called if not c.startswith(("apt-get", "sudo"))] == ["venv", "pip ."]
    assert _setup(machine)[1] == [c for c in called if c.startswith(("apt-get", "sudo"))]
    with (machine / "p/pyproject.toml").open("a") as file:
        file.write("\n# changed\n")
    assert "pip ." in _setup(machine)[1]


def test_the_tests_need_more_than_the_program_and_their_environment_serves_both(machine: Path) -> None:
    """After `make test`, `make run` installs nothing."""
    _tool(machine / "bin/python3", FAKE_PYTHON)
    assert "pip .[dev]" in _setup(machine, "test")[1]
    assert not [c for c in _setup(machine, "run")[1] if c.startswith("pip")]


def test_a_failing_package_index_is_a_sentence(machine: Path) -> None:
    """Not a page of pip's traceback alone, and no stamp that would pass for success."""
    _tool(machine / "bin/python3", FAKE_PYTHON)
    _tool(machine / "bin/sleep", "exit 0")
    done, called = _setup(machine, PIP_STATUS="1")
    assert done.returncode == 1
    assert "pip could not install" in done.stderr
    assert called.count("pip .") == 3
    assert not (machine / "p/.venv/.stamp-run").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be without sudo and still install")
def test_an_old_python_asks_apt_for_a_newer_one(machine: Path) -> None:
    """Ubuntu 22.04 has 3.10 as python3 and 3.11 beside it."""
    _tool(machine / "bin/apt-cache", "printf 'python3.11-venv\\npython3.9-venv\\npython3.12-venv\\n'")
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        _tool(machine / f"bin/{name}", "exit 1")
    done, called = _setup(machine)
    assert done.returncode == 1
    assert "no Python 3.11 or newer" in done.stderr
    assert any("install" in c and "python3.12-venv" in c for c in called)


def _start(machine: Path, body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (machine / "p/.venv/bin").mkdir(parents=True)
    _tool(machine / "p/.venv/bin/tuimon", body)
    _tool(machine / "bin/sudo", 'exec "$@"')
    path = f"{machine / 'bin'}:/usr/bin:/bin"
    return _run(str(machine / "p/.ci/start"), *arguments, env=BARE | {"PATH": path})


def test_where_the_kernel_cannot_be_read_the_recording_opens(machine: Path) -> None:
    """A new user sees something, and why it is not their machine."""
    done = _start(machine, '[ "$1" = replay ] && { echo "screen $*"; exit 0; }; exit 3')
    assert (done.returncode, done.stdout) == (0, "screen replay demo\n")
    assert "built-in recording" in done.stderr


@pytest.mark.parametrize("status", [0, 1, 2, 130])
def test_any_other_end_is_passed_on(machine: Path, status: int) -> None:
    """`make run` succeeds and fails as tuimon did."""
    done = _start(machine, f"echo ran; exit {status}")
    assert (done.returncode, done.stdout) == (status, "ran\n")


def test_arguments_are_passed_on_and_then_no_recording_is_opened(machine: Path) -> None:
    """Whoever asked for something particular does not want something else."""
    done = _start(machine, 'echo "$*"; exit 3', "-r", "my rules.yaml")
    assert (done.returncode, done.stdout) == (3, "-r my rules.yaml\n")
