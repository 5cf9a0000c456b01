"""The command line: each wrong use ends in a sentence, a hint and the right status; ctrl+c ends quietly."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tuimon import __version__, cli, front
from tuimon.capture.recording import RecordingWriter
from tuimon.cli import main, parser
from tuimon.errors import CaptureError, RecordingError, SettingsError, TuimonError
from tuimon.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def alerts_called_with(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[object, ...], dict[str, object]]]:
    """Return the calls of the headless front end, which does nothing here."""
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = []

    def alerts(*args: object, **named: object) -> int:
        calls.append((args, named))
        return 0

    monkeypatch.setattr(front, "alerts", alerts)
    return calls


def _fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def alerts(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr(front, "alerts", alerts)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug report needs it."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"tuimon {__version__}\n"


@pytest.mark.parametrize("command", ["watch", "record", "replay", "doctor", "fields", "rules"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help is where a new user looks first."""
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"tuimon {command}" in capsys.readouterr().out


def test_options_become_settings(alerts_called_with: list[tuple[tuple[object, ...], dict[str, object]]]) -> None:
    """Before the command or after it."""
    argv = [
        "--no-default-rules",
        "watch",
        "-r",
        "a.yaml",
        "-r",
        "dir",
        "--rule-matching",
        "first",
        "--history-mb",
        "64",
    ]
    assert main([*argv, "--plain-falco", "--json", "--filter", "evt.type = open", "--duration", "1.5"]) == 0
    (settings, replay), named = alerts_called_with[0]
    assert settings == Settings(
        rules=(Path("a.yaml"), Path("dir")),
        default_rules=False,
        rule_matching="first",
        plain_falco=True,
        history_mb=64,
    )
    assert replay is None
    assert named == {"as_json": True, "expression": "evt.type = open", "duration_s": 1.5}


def test_rules_given_before_and_after_the_command_are_all_loaded(
    alerts_called_with: list[tuple[tuple[object, ...], dict[str, object]]],
) -> None:
    """argparse by itself would forget the first ones."""
    assert main(["-r", "a.yaml", "watch", "-r", "b.yaml"]) == 0
    settings = alerts_called_with[0][0][0]
    assert isinstance(settings, Settings)
    assert settings.rules == (Path("a.yaml"), Path("b.yaml"))


def test_a_recording_can_be_judged_without_a_screen(
    alerts_called_with: list[tuple[tuple[object, ...], dict[str, object]]],
) -> None:
    """`tuimon replay FILE --headless`; --json alone means it, too."""
    assert main(["replay", "x.tmon", "--headless"]) == 0
    assert main(["replay", "x.tmon", "--json"]) == 0
    assert [args[1] for args, _ in alerts_called_with] == ["x.tmon", "x.tmon"]
    assert [named["as_json"] for _, named in alerts_called_with] == [False, True]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TuimonError("it broke", "do this\nor that"), 1),
        (RecordingError("it broke", "do this\nor that"), 1),
        (SettingsError("it broke", "do this\nor that"), 2),
        (CaptureError("it broke", "do this\nor that"), 3),
    ],
)
def test_an_expected_error_is_a_sentence_a_hint_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: TuimonError, status: int
) -> None:
    """Never a traceback; `make run` tells by the 3 that the recording should be opened."""
    _fail_with(monkeypatch, error)
    assert main(["watch"]) == status
    assert capsys.readouterr().err == "tuimon: it broke\n  do this\n  or that\n"


def test_an_error_that_names_a_hostile_file_cannot_write_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recording's name, or a rule's text, may hold escape sequences."""
    _fail_with(monkeypatch, TuimonError("cannot read \x1b]0;x\x07\udce9", "\x1b[2J"))
    assert main(["watch"]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\x07" not in said


def test_ctrl_c_is_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell's convention for SIGINT."""
    _fail_with(monkeypatch, KeyboardInterrupt())
    assert main(["watch"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "argv",
    [
        ["watch", "--duration", "0"],
        ["watch", "--duration", "nan"],
        ["watch", "--duration", "soon"],
        ["watch", "--json", "--text"],
        ["record"],
        ["--rule-matching", "some"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's own status, for what argparse cannot see as well."""
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "usage: tuimon" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["wach"], 'tuimon: there is no command "wach"\n  did you mean "watch"?\n'),
        (["no-such-command"], 'tuimon: there is no command "no-such-command"\n  tuimon --help lists them\n'),
        (["check", "x.yaml"], 'tuimon: there is no command "check"\n  did you mean tuimon rules check?\n'),
        (["mine.yaml"], 'tuimon: there is no command "mine.yaml"\n  did you mean tuimon -r mine.yaml?\n'),
        (["version"], 'tuimon: there is no command "version"\n  did you mean tuimon --version?\n'),
        (["x.tmon"], 'tuimon: there is no command "x.tmon"\n  did you mean tuimon replay x.tmon?\n'),
        (["rules", "chek", "x"], 'tuimon rules: there is no action "chek"\n  did you mean "check"?\n'),
        (["watch", "--jsn"], 'tuimon watch: there is no option --jsn\n  did you mean "--json"?\n'),
        (["watch", "-z"], "tuimon watch: there is no option -z\n  tuimon watch --help lists what it takes\n"),
        (
            ["rules", "check", "a", "--jzon"],
            'tuimon rules check: there is no option --jzon\n  did you mean "--json"?\n',
        ),
        (["--asci"], None),
        (["--them=x", "--filtr"], "tuimon: there is no option --filtr\n  tuimon --help lists what it takes\n"),
        (["watch", "x\x1b[2J"], "tuimon watch: there is one argument too many"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_the_nearest(
    argv: list[str], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A screenful of usage tells less; and nothing raw comes back."""
    if said is None:  # argparse takes a beginning for the whole
        assert parser(argv).parse_args(argv).ascii
        return
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert "\x1b" not in told


@pytest.mark.parametrize("argv", [[], ["--replay", "demo"], ["replay", "demo"]], ids=["live", "option", "command"])
def test_the_screen_without_a_terminal_is_a_sentence(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Started from cron, or with its output in a pipe."""
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert "needs a terminal" in said
    assert "tuimon watch" in said


def test_a_config_file_with_a_mistake_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Running with other settings than the user wrote down would be worse."""
    (tmp_path / "tuimon").mkdir()
    (tmp_path / "tuimon/config.toml").write_text("histroy_mb = 1\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["watch"]) == 2
    assert "histroy_mb" in capsys.readouterr().err


def test_every_option_of_the_parser_is_explained() -> None:
    """An option without help is a riddle."""
    assert [a.option_strings for a in parser()._actions if a.option_strings and not a.help] == []


def _child(*argv: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([sys.executable, "-m", "tuimon", *argv], stdout=stdout, stderr=subprocess.PIPE, env=env)


def test_nobody_reading_the_output_ends_quietly() -> None:
    """`tuimon fields | head -1`."""
    child = _child("fields")
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(30) in (0, 141)
    assert b"Traceback" not in said


SLOW_FRONT = """
import sys, time
from tuimon import cli, front
def alerts(*_, **__):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("cleaned", flush=True)
front.alerts = alerts
sys.exit(cli.main(["watch"]))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_the_front_end_clean_up(number: signal.Signals, status: int) -> None:
    """Probes detached and the terminal restored, whoever stops it."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW_FRONT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(number)
    out, err = child.communicate(timeout=120)
    assert (out, err, child.returncode) == (b"cleaned\n", b"", status)


def test_whoever_calls_main_gets_their_signal_handlers_back(
    alerts_called_with: list[tuple[tuple[object, ...], dict[str, object]]],
) -> None:
    """main() is called by tests, too: what comes after it must not be stopped by our handler."""
    before = signal.getsignal(signal.SIGTERM)
    assert main(["watch"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_terminal_that_cannot_move_its_cursor_is_a_sentence() -> None:
    """TERM=dumb, as in an editor's shell window."""
    leader, follower = pty.openpty()
    env = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb"}
    child = subprocess.Popen(
        [sys.executable, "-m", "tuimon"], stdin=follower, stdout=follower, stderr=subprocess.PIPE, env=env
    )
    os.close(follower)
    _, err = child.communicate(timeout=120)
    os.close(leader)
    assert child.returncode == cli.USAGE
    assert b"set TERM" in err


def test_refused_rules_are_shown_at_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, column, the line itself with a caret, and the nearest right name; nothing is started."""
    rules, recording = tmp_path / "r.yaml", tmp_path / "x.tmon"
    rules.write_text("- rule: X\n  desc: d\n  condition: proc.nam = x\n  output: x %proc.name\n  priority: WARNING\n")
    RecordingWriter(recording, {"boot_to_epoch_ns": 0}).close()
    assert main(["replay", str(recording), "--headless", "-r", str(rules)]) == 1
    said = capsys.readouterr().err
    assert f"{rules}:3:14: error: unknown field proc.nam" in said
    assert "condition: proc.nam = x\n" in said
    assert "^^^" in said
    assert "did you mean proc.name?" in said
    assert said.endswith("nothing was started\n")


def test_warnings_of_the_rules_are_not_swallowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that can never fire must not look as if all were well."""
    rules, recording = tmp_path / "r.yaml", tmp_path / "x.tmon"
    rules.write_text("- macro: nobody_uses_me\n  condition: evt.type = open\n")
    RecordingWriter(recording, {"boot_to_epoch_ns": 0}).close()
    assert main(["replay", str(recording), "--headless", "-r", str(rules)]) == 0
    assert f"load with a warning; to see: tuimon rules check {rules}\n" in capsys.readouterr().err


def test_the_shipped_recording_tells_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    """`tuimon replay demo` is what a new user sees where the kernel cannot be read."""
    assert main(["replay", "demo", "--headless", "--json"]) == 0
    alerts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fired = {alert["rule"] for alert in alerts}
    assert {"Terminal Shell In Container", "Password File Read By Untrusted Program"} <= fired
    named = {alert["output_fields"].get("container.name") for alert in alerts}
    assert None not in named


def test_a_recording_that_cannot_be_written_is_refused_before_the_capture_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A start takes seconds."""
    monkeypatch.setattr(front, "_engine", lambda *_, **__: pytest.fail("it was started"))
    (tmp_path / "there.tmon").touch()
    assert main(["record", str(tmp_path / "there.tmon")]) == 1
    assert main(["record", str(tmp_path / "no" / "x.tmon")]) == 1
    told = capsys.readouterr().err
    assert "exists already; recordings are not overwritten" in told
    assert "there is no folder" in told


@pytest.mark.parametrize("argv", [["rules", "check"], ["replay", "demo", "--headless", "-r"]], ids=["check", "start"])
def test_of_an_error_behind_the_last_line_no_empty_line_is_shown(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A caret below nothing tells nothing."""
    path = tmp_path / "open.yaml"
    path.write_text("items: [\n")
    assert main([*argv, str(path)]) == 1
    told = "".join(capsys.readouterr())
    assert "is a [ or { before this closed?" in told
    assert "^" not in told
