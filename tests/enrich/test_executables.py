"""Digests are of the file that ran, or say that they are not."""

import hashlib
import os
import subprocess
from pathlib import Path

from tests.builders import process
from tuimon.enrich import executables
from tuimon.enrich.executables import digest_of
from tuimon.enrich.procfs import Procfs


def sleeping(path="/usr/bin/sleep"):
    child = subprocess.Popen([path, "60"])
    found = Procfs().read(child.pid)
    while not found.exepath.endswith(os.path.basename(path)):
        found = Procfs().read(child.pid)
    return child, found


def test_a_living_process_is_told_by_the_file_it_runs_though_it_was_replaced(tmp_path):
    own = tmp_path / "own"
    own.write_bytes(Path("/usr/bin/sleep").read_bytes())
    own.chmod(0o755)
    right = hashlib.sha256(own.read_bytes()).hexdigest()
    child, found = sleeping(str(own))
    try:
        own.unlink()
        own.write_text("something else")
        assert digest_of(found) == (right, "of the file it runs")
    finally:
        child.kill()
        child.wait()
    digest, how = digest_of(found)
    assert digest == hashlib.sha256(b"something else").hexdigest()
    assert "has ended" in how


def test_what_cannot_be_read_says_why(tmp_path, monkeypatch):
    gone = process("x", pid=4_194_303, exepath=str(tmp_path / "gone"))
    assert digest_of(gone)[0] is None
    (tmp_path / "fifo").touch()
    os.unlink(tmp_path / "fifo")
    os.mkfifo(tmp_path / "fifo")
    gone.exepath = str(tmp_path / "fifo")
    assert digest_of(gone) == (None, "it is no regular file")
    (tmp_path / "link").symlink_to("/etc/passwd")
    gone.exepath = str(tmp_path / "link")
    assert digest_of(gone)[0] is None, "a link put there since leads elsewhere"
    for path in ("", "relative", "/a/../etc/passwd"):
        gone.exepath = path
        assert digest_of(gone)[0] is None
    monkeypatch.setattr(executables, "MAX_BYTES", 3)
    big = tmp_path / "big"
    big.write_text("12345")
    gone.exepath = str(big)
    assert digest_of(gone)[1].startswith("it is larger")
    assert digest_of(gone, 4_194_303) == (None, "its container has ended")
