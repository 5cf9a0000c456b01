"""What is copied also lies in a file, for its user alone, and holds nothing that a terminal would obey."""

import subprocess

from tests.builders import exec_event, process
from tuimon import clipboard
from tuimon.escape import BAD
from tuimon.view.export import command_line, event_filter, shell_word

HOSTILE = "\x1b]52;c;AA==\x07 '\\ \udcff\u202e\n$(reboot)`x`"


def test_the_file_is_private_and_safe(monkeypatch, tmp_path):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = clipboard.keep("one\n" + HOSTILE)
    assert path == tmp_path / "tuimon/clipboard.txt"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert text.startswith("one\n\\e]52;c;AA==\\a")
    assert BAD.search(text.replace("\n", "")) is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    assert clipboard.keep("x") is None


def test_a_copied_command_is_the_same_command_and_nothing_else():
    """Pasted into bash, each word comes out as it was, and nothing in it is run."""
    words = ["plain", "a b", HOSTILE, "", "it's", "日本"]
    for word in words:
        quoted = shell_word(word)
        assert BAD.search(quoted) is None
        out = subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True).stdout
        assert out == word.encode("utf-8", "surrogateescape")
    event = exec_event("cat", args=("/etc/shadow", HOSTILE))
    assert command_line(event).startswith("cat /etc/shadow $'\\x1b]52")


def test_the_filter_of_an_event_is_of_its_process_and_container():
    event = exec_event("cat", process=process("cat", pid=77))
    assert event_filter(event) == "container.id = host and proc.pid = 77"
