"""An evidence bundle opens, checks, plays, and is safe whatever is in it."""

import gzip
import json
import os
import subprocess
import tarfile
import time

import pytest

from tests.builders import batch_of, open_event
from tests.ui.fake_engine import FakeEngine
from tuimon.capture.recording import RecordingReader, RecordingSource
from tuimon.capture.synthetic import SyntheticSource
from tuimon.engine import build_engine
from tuimon.enrich import users
from tuimon.errors import RecordingError
from tuimon.escape import BAD
from tuimon.headless.alerts import iso_time
from tuimon.headless.evidence import _pieces, default_name, slug, write_bundle
from tuimon.resources import find_recording
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings
from tuimon.view.clock import day

RULES = """\
- macro: shadow
  condition: fd.name = "/etc/shadow"

- rule: Shadow \\e]0;x/../../etc
  desc: Somebody reads the password hashes.
  condition: evt.type in (open, openat) and shadow
  output: shadow (file=%fd.name by=%proc.cmdline)
  priority: WARNING

- rule: Other
  desc: Never.
  condition: evt.type = openat and fd.name = "/no/such"
  output: never
  priority: NOTICE
"""


def played(source, rules=RULES):
    engine = build_engine(Settings(), source)
    outcome = engine.apply_rules((RuleFile("/tmp/../hostile \x1b[2J name.yaml", rules),))
    assert outcome.accepted, outcome.diagnostics
    engine.start()
    end = time.monotonic() + 30
    while not engine.finished():
        assert time.monotonic() < end
        time.sleep(0.01)
    engine.halt()
    return engine


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.setattr(users, "HOST_USERS", users.UserTable())
    engine = played(RecordingSource(find_recording("demo"), speed=None))
    yield engine
    engine.stop()


def opened(path, folder):
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert all(m.isfile() and m.mode == 0o600 for m in members)
        assert not any(".." in m.name or m.name.startswith("/") for m in members)
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top


def test_it_opens_and_every_file_has_the_sum_that_is_told(demo, tmp_path):
    alert = demo.alerts_since(0)[0]
    made = write_bundle(demo, alert, tmp_path / default_name(alert))
    assert made.path.stat().st_mode & 0o777 == 0o600
    top = opened(made.path, tmp_path / "out")
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=top, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert len(checked.stdout.splitlines()) == len(made.files) - 1
    assert json.loads((top / "alert.json").read_text())["rule"] == alert.rule
    rule = (top / "rule.yaml").read_text()
    assert "- rule: Shadow" in rule
    assert "Never" not in rule
    assert "revision 1" in rule
    (stored,) = (top / "rules").iterdir()
    assert stored.name == "00-hostile-2j-name.yaml"
    assert stored.read_text() == RULES
    loss = json.loads((top / "loss.json").read_text())
    assert loss["in the time of these events"] == 0
    machine = json.loads((top / "machine.json").read_text())
    assert machine["revision"] == 1
    assert "Story of alert" in (top / "story.txt").read_text()
    assert json.loads((top / "executables.json").read_text())[0]["why"] == "it was replayed from a recording"
    events = [json.loads(line) for line in gzip.decompress((top / "events.jsonl.gz").read_bytes()).splitlines()]
    assert alert.event.num in [event["evt.num"] for event in events]
    assert len(events) == made.events


def test_its_recording_plays_and_the_alert_fires_again(demo, tmp_path):
    alert = demo.alerts_since(0)[0]
    write_bundle(demo, alert, tmp_path / "x.tar.gz")
    top = opened(tmp_path / "x.tar.gz", tmp_path / "out")
    again = played(RecordingSource(top / "events.tmon", speed=None))
    try:
        (found, *_) = [a for a in again.alerts_since(0) if a.time_ns == alert.time_ns]
        assert found.rule == alert.rule
        assert found.output == alert.output, "the process and its command line too"
        assert found.container_id == alert.container_id
    finally:
        again.stop()


def test_its_recording_plays_as_it_happened(tmp_path):
    """What the history has joined covers seconds; played, it came all at once, or not at all."""
    events = [open_event("/etc/passwd", ts_ns=at * 40_000_000) for at in range(1, 101)]
    batch, _ = batch_of(events)
    pieces = list(_pieces(batch))
    assert sum(map(len, pieces)) == len(batch)
    times = [piece.head["ts_ns"].tolist() for piece in pieces]
    assert [time_ns for each in times for time_ns in each] == batch.head["ts_ns"].tolist()
    assert max(each[-1] - each[0] for each in times) < 100_000_000


def test_its_recording_names_no_other_container(demo, tmp_path):
    alert = demo.alerts_since(0)[0]
    assert len(demo.containers.to_state()["containers"]) > 2
    write_bundle(demo, alert, tmp_path / "x.tar.gz")
    top = opened(tmp_path / "x.tar.gz", tmp_path / "out")
    frames = RecordingReader(top / "events.tmon").frames()
    (state,) = [state for kind, state in frames if kind == b"CONT"]
    assert {row["id"] for row in state["containers"]} == {"host", alert.container_id}


def test_it_begins_with_what_it_is_about(demo, tmp_path):
    """Somebody else reads it elsewhere: which machine, which container, when, in whose time."""
    alert = demo.alerts_since(0)[0]
    write_bundle(demo, alert, tmp_path / "x.tar.gz")
    top = opened(tmp_path / "x.tar.gz", tmp_path / "out")
    told = (top / "README.txt").read_text()
    when = iso_time(alert.time_ns)
    for words in (
        f"alert      {alert.priority} {alert.rule}",
        when,
        demo.node,
        alert.event.container.name,
        alert.output,
    ):
        assert words in told
    assert "SHA256SUMS" in told
    assert f"{day(alert.time_ns)[:10]}, times of day in UTC" in (top / "story.txt").read_text()


def test_it_is_written_once_and_whole_or_not_at_all(demo, tmp_path, monkeypatch):
    alert = demo.alerts_since(0)[0]
    path = tmp_path / "x.tar.gz"
    write_bundle(demo, alert, path)
    with pytest.raises(RecordingError, match="exists already"):
        write_bundle(demo, alert, path)
    with pytest.raises(RecordingError, match="cannot write"):
        write_bundle(demo, alert, tmp_path / "none" / "x.tar.gz")
    monkeypatch.setattr(tarfile.TarFile, "addfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(RecordingError, match="No space left"):
        write_bundle(demo, alert, tmp_path / "y.tar.gz")
    assert not (tmp_path / "y.tar.gz").exists()


def test_hostile_text_stays_text_in_every_file(tmp_path):
    """Of comm, arguments, paths, the container's name: nothing raw in a text file, nothing of it in a file's name."""
    hostile = "\x1b]52;c;AA==\x07\x9b2J\u202e../../x\n[red]\udcff"
    batch = FakeEngine(hostile=hostile).batch
    rules = RULES.replace('fd.name = "/etc/shadow"', "proc.pid = 4666")
    engine = played(_once(batch), rules)
    try:
        alert = engine.alerts_since(0)[0]
        write_bundle(engine, alert, tmp_path / "x.tar.gz")
        top = opened(tmp_path / "x.tar.gz", tmp_path / "out")
        for path in top.rglob("*"):
            assert path.name.isascii()
            if path.suffix in (".json", ".jsonl", ".txt"):
                assert BAD.search(path.read_text().replace("\n", "")) is None, path
    finally:
        engine.stop()


def _once(batch):
    """Return a source that gives one batch and ends."""

    class Once(SyntheticSource):
        def __init__(self):
            super().__init__([batch], events_per_s=1e9)
            self.name, self.live, self._given = "once", False, False

        def drain(self, timeout_s):
            from tuimon.batch import empty_batch

            if self._given:
                self.ended = True
                return empty_batch()
            self._given = True
            return batch

    return Once()


def test_names_of_files_hold_nothing_that_somebody_else_chose():
    assert slug("Read /etc/shadow\x1b[2J \u202e!!") == "read-etc-shadow-2j"
    assert slug("../../") == "alert"
    assert slug("x" * 500) == "x" * 40
    assert os.sep not in slug("/a/b")
