"""Wrong use on the live kernel: a clear sentence, the terminal restored, a status that is not 0, the probes gone."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.containers import IMAGE, SLEEP, podman_engine, unique, wait_until
from tests.terminal import Terminal

pytestmark = pytest.mark.kernel

TUIMON = [sys.executable, "-m", "tuimon"]
_BPF_PROG_GET_FD_BY_ID = 13
_SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]


def programs_of(pid: int) -> set[int]:
    """Ids of the BPF programs a process holds (proc(5), fdinfo)."""
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            found |= {int(i) for i in re.findall(r"^prog_id:\s*(\d+)", entry.read_text(), re.MULTILINE)}
        except OSError:
            continue
    return found


def exists(program_id: int) -> bool:
    """Whether a BPF program is still loaded (bpf(2), BPF_PROG_GET_FD_BY_ID)."""
    attr = (ctypes.c_uint32 * 32)(program_id)
    fd = ctypes.CDLL(None).syscall(_SYS_BPF, _BPF_PROG_GET_FD_BY_ID, ctypes.byref(attr), ctypes.sizeof(attr))
    if fd < 0:
        return False
    os.close(fd)
    return True


def run(*args: str, prefix: Sequence[str] = (), env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *TUIMON, *args], capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )  # fmt: skip


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What was said on standard error, after looking that it is no traceback and no success."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("tuimon: ")
    return done.stderr


def test_without_root_it_says_so_and_what_to_type() -> None:
    probe = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable, "-c", ""], check=False
    )
    if probe.returncode:
        pytest.skip("another user cannot run this Python (its folder is private)")
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    done = run("watch", prefix=user, env={"XDG_CONFIG_HOME": "/nonexistent"})
    assert "sudo" in said(done)


def test_without_capabilities_root_is_told_which_are_missing() -> None:
    done = run("watch", prefix=["setpriv", "--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-bpf,-sys_admin"])
    assert re.search(r"CAP_(BPF|SYS_ADMIN)", said(done))


def test_an_unreadable_rule_file_is_named(tmp_path: Path) -> None:
    assert "no-such.yaml" in said(run("watch", "-r", str(tmp_path / "no-such.yaml")))
    folder = tmp_path / "binary.yaml"
    folder.write_bytes(b"\xff\xfe\x00rule")
    assert "binary.yaml" in said(run("watch", "-r", str(folder)))


def test_a_wrong_rule_is_refused_with_its_place_before_anything_runs(tmp_path: Path) -> None:
    rules = tmp_path / "mine.yaml"
    rules.write_text("- rule: a\n  desc: b\n  condition: proc.nmae = sh\n  output: c\n  priority: INFO\n")
    text = said(run("watch", "-r", str(rules)))
    assert "mine.yaml:3:" in text
    assert "proc.nmae" in text


def test_a_wrong_filter_is_refused_with_its_place() -> None:
    assert "proc.nmae" in said(run("watch", "--filter", "proc.nmae = sh"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("after_s", [0.1, 0.7, 4.0])
def test_however_it_ends_its_probes_are_gone(number: signal.Signals, after_s: float) -> None:
    process = subprocess.Popen(
        [*TUIMON, "watch"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        time.sleep(after_s)
        programs = programs_of(process.pid)
        process.send_signal(number)
        _, text = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    # On a busy machine Python itself is still on its way up after 0.1 s, and says so before a line of ours is run.
    assert "Traceback" not in text or text.startswith("Fatal Python error: init")
    wait_until(lambda: not any(exists(each) for each in programs))


@pytest.mark.terminal
@pytest.mark.parametrize("key", ["q", "C-c"])
def test_the_screen_gives_the_terminal_back(key: str) -> None:
    with Terminal(
        ["sh", "-c", f"{sys.executable} -m tuimon; echo status $?; stty -a"], columns=100, rows=30
    ) as terminal:
        terminal.wait_for("LIVE")
        programs = set[int]()
        for child in Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split():
            programs |= programs_of(int(child))
        assert programs
        terminal.press(key)
        if key == "C-c":
            terminal.press("q")
        assert "status 0" in terminal.wait_for(r"status \d+")
        screen = terminal.wait_for(r"\bechoke\b")  # of the last line that stty prints
        assert re.search(r"(?<!-)icanon", screen)
        assert re.search(r"(?<!-)echo\b", screen)
        wait_until(lambda: not any(exists(each) for each in programs))


@pytest.mark.terminal
def test_a_terminal_too_small_gets_a_sentence_and_grows_into_the_screen() -> None:
    with Terminal(TUIMON, columns=40, rows=10) as terminal:
        terminal.wait_for("needs a terminal of 60x16")
        terminal._tmux("resize-window", "-t", "t", "-x", "100", "-y", "30")
        terminal.wait_for("LIVE")
        terminal.press("q")
        assert terminal.status() == 0


@pytest.mark.terminal
def test_a_terminal_that_goes_away_takes_tuimon_with_it() -> None:
    with Terminal(TUIMON, columns=100, rows=30) as terminal:
        terminal.wait_for("LIVE")
        pid = terminal.pid
        programs = programs_of(pid)
        assert programs
        terminal._tmux("kill-server", check=False)
        wait_until(lambda: not Path(f"/proc/{pid}/fdinfo").exists() or not programs_of(pid))
        wait_until(lambda: not any(exists(each) for each in programs))


@pytest.mark.containers
def test_a_container_killed_from_outside_ends_in_the_list_and_nothing_breaks() -> None:
    with tempfile.TemporaryDirectory(prefix="tm", dir="/tmp") as folder, podman_engine(Path(folder)) as podman:
        name = unique("end")  # short enough for the list
        podman.run(name, IMAGE, *SLEEP)
        pid = int(podman.call("inspect", "-f", "{{.State.Pid}}", name))
        with Terminal(TUIMON, columns=120, rows=40) as terminal:
            terminal.wait_for(name)
            os.kill(pid, signal.SIGKILL)
            terminal.wait_for(rf"{name}.*ended|ended.*{name}|{name[:10]}.*ended")
            terminal.press("q")
            assert terminal.status() == 0
