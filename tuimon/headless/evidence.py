"""Evidence: everything about one alert in one archive that somebody else can open, check and play.

What a monitored process wrote is data in it: JSON and text are ASCII or escaped, and no name of a file comes from it
but through ``slug``. The archive is the invoking user's, for nobody else to read, and is whole or not there at all.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import platform
import re
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from tuimon import __version__
from tuimon.batch import Batch, take
from tuimon.before import Frozen
from tuimon.capture.recording import RecordingWriter
from tuimon.engine import Engine
from tuimon.enrich import process_state
from tuimon.enrich.executables import digest_of
from tuimon.errors import RecordingError
from tuimon.escape import clean
from tuimon.events import HOST, Alert, Event, Process
from tuimon.fields import all_fields
from tuimon.headless.alerts import iso_time, json_line
from tuimon.headless.new_file import check_free
from tuimon.headless.record import recording_meta
from tuimon.invoker import PRIVATE, give_to_invoker
from tuimon.view.export import event_json
from tuimon.view.story import Story, tell
from tuimon.view.story_lines import story_markdown, story_text

AROUND_NS: Final = 30_000_000_000
"""Events of the container this long before and after the alert are part of it."""
MAX_EVENTS: Final = 20_000
MAX_EXECUTABLES: Final = 32
_SUFFIX: Final = ".tar.gz"
_SAFE: Final = re.compile(r"[^a-z0-9]+")

_PIECE_NS: Final = 100_000_000
"""Time that one batch of the recording covers: the history has joined many into one, which would be played at once."""

_README: Final = """\

alert.json        the alert, as Falco writes it
alerts.jsonl      every alert of the same container in this time, oldest first
events.jsonl.gz   the events of the container around it, with every field that has a value:  zcat events.jsonl.gz
events.tmon       the same events as a recording:  tuimon replay events.tmon
story.txt         what the processes around the alert did, in order of time
tree.txt          the process of the alert and its ancestors
rule.yaml         the rule that fired, as it stands in its file
rules/            every rule file that was in force
executables.json  the programs of these processes and the SHA-256 of those that could still be read
loss.json         what was lost, sampled or no longer kept
machine.json      the machine, the kernel, the container, tuimon, the revision of the rules
SHA256SUMS        of every file here:  sha256sum -c SHA256SUMS

Text from monitored processes is escaped, and is to be treated as what it is: written by somebody else.
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written."""

    path: Path
    events: int
    files: tuple[str, ...]
    bytes: int


def slug(text: str, limit: int = 40) -> str:
    """Return a text as a part of a file name: a to z, 0 to 9 and dashes."""
    return _SAFE.sub("-", text.lower()).strip("-")[:limit].strip("-") or "alert"


def default_name(alert: Alert, what: str = "evidence", suffix: str = ".tar.gz") -> str:
    """Return how a bundle, or another file about an alert, is called when nobody says."""
    when = time.strftime("%Y%m%d-%H%M%S", time.localtime(alert.time_ns // 1_000_000_000))
    return f"tuimon-{what}-{when}-{slug(alert.rule)}{suffix}"


def check_new(path: Path) -> None:
    """Refuse a name that cannot become a new archive.

    Raises:
        RecordingError: Empty, not ``.tar.gz``, exists already, or cannot be made there.
    """
    if not path.name.endswith(_SUFFIX) or path.name == _SUFFIX:
        raise RecordingError(f"evidence is an archive: end the name in {_SUFFIX}")
    check_free(path, "evidence is")


def check_new_story(path: Path) -> None:
    """Refuse a name that cannot become a new text file.

    Raises:
        RecordingError: Neither ``.md`` nor ``.txt``, exists already, or cannot be made there.
    """
    if path.suffix not in (".md", ".txt"):
        raise RecordingError("a story is a text: end the name in .md or .txt")
    check_free(path, "a story is")


def write_story(path: Path, story: Story, alert: Alert) -> None:
    """Write a story into a new file: as Markdown, or (``.txt``) as text.

    Raises:
        RecordingError: It exists, or cannot be written.
    """
    made = story_markdown(story, alert) if path.suffix == ".md" else story_text(story, alert)
    try:
        with _new_file(path) as file:
            file.write(_lines(made))
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror}", "choose another name or folder") from None


def write_bundle(engine: Engine, alert: Alert, path: Path) -> Bundle:
    """Write the evidence of an alert into a new archive.

    Args:
        engine: Running or ended; read only.
        alert: Which.
        path: A ``.tar.gz`` that does not exist yet.

    Raises:
        RecordingError: It exists, or cannot be written.
    """
    files = _Files(engine, alert)
    try:
        with tempfile.TemporaryDirectory(prefix="tuimon-evidence-") as folder:  # mode 0700
            files.record(Path(folder) / "events.tmon")
        contents = files.all()
        _archive(path, contents, alert.time_ns)
    except FileExistsError:
        raise RecordingError(f"{path} exists already", "choose another name; evidence is not overwritten") from None
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror}", "check the folder and its rights") from None
    return Bundle(path, len(files.events), tuple(contents), path.stat().st_size)


def _archive(path: Path, contents: dict[str, bytes], time_ns: int) -> None:
    top = path.name.removesuffix(".tar.gz")
    with _new_file(path) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(f"{slug(top, 200)}/{name}")
            member.size, member.mode, member.mtime = len(data), PRIVATE, time_ns // 1_000_000_000
            archive.addfile(member, io.BytesIO(data))


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Make a file that was not there, the invoking user's and nobody else's to read; when it fails there is none."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
    try:
        with open(fd, "wb") as file:
            yield file
        give_to_invoker(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class _Files:
    """The contents, made one by one."""

    def __init__(self, engine: Engine, alert: Alert) -> None:
        self.engine = engine
        self.alert = alert
        self.frozen = engine.before(alert)
        self.parts = list(_parts(engine, alert, self.frozen))
        self.events = [event for part in self.parts for event in part.events()]
        self.near = [
            other
            for other in engine.alerts_since(0)
            if other.container_id == alert.container_id and abs(other.time_ns - alert.time_ns) <= AROUND_NS
        ]
        """Alerts of the same container, oldest first."""
        self.recording = b""

    def all(self) -> dict[str, bytes]:
        """Return every file by name, with the sums of the others last."""
        makers: dict[str, Callable[[], bytes]] = {
            "README.txt": self._readme,
            "alert.json": lambda: json_line(self.alert).encode() + b"\n",
            "alerts.jsonl": self._alerts,
            "events.jsonl.gz": self._events,
            "events.tmon": lambda: self.recording,
            "story.txt": self._story,
            "tree.txt": self._tree,
            "rule.yaml": self._rule,
            "executables.json": lambda: _json(self._executables()),
            "loss.json": lambda: _json(self._loss()),
            "machine.json": lambda: _json(self._machine()),
        }
        files = {name: make() for name, make in makers.items()}
        for number, file in enumerate(self.engine.rule_files()):
            name = f"rules/{number:02d}-{slug(Path(file.path).stem)}.yaml"
            files[name] = file.text.encode("utf-8", "surrogateescape")
        sums = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in files.items()]
        return {**files, "SHA256SUMS": _lines(sums)}

    def _readme(self) -> bytes:
        """Return what this is about, for somebody who was not there, and what lies beside it."""
        alert, container = self.alert, self.alert.event.container
        owner = "none: the host" if container is None or container.is_host else container.name or container.id
        image = f", image {container.image}" if container is not None and container.image else ""
        facts = {
            "alert": f"{alert.priority} {alert.rule}",
            "time": f"{iso_time(alert.time_ns)} (UTC)",
            "machine": self.engine.node,
            "container": f"{owner}{image}",
            "output": alert.output,
            "events": f"{len(self.events):,}{self._span()}",
            "alerts": f"{len(self.near):,} of the same container in this time, this one among them",
        }
        head = ["Evidence of one tuimon alert.", "", *(f"{name:<10} {clean(text)}" for name, text in facts.items())]
        return _lines(head) + _README.encode()

    def _span(self) -> str:
        times = [event.time_ns for event in self.events]
        return f", {iso_time(min(times))} to {iso_time(max(times))}" if times else ""

    def _events(self) -> bytes:
        """Return the events, packed: some 24 kB each would be in the way of whoever unpacks the archive."""
        fields = all_fields()
        return gzip.compress(_lines(event_json(event, fields) for event in self.events), compresslevel=6, mtime=0)

    def _alerts(self) -> bytes:
        return _lines(map(json_line, self.near))

    def _story(self) -> bytes:
        story = tell(self.alert, self.engine, self.engine.alerts_since(0), self.frozen)
        if story is None:
            return b"the process of this alert is not known\n"
        return _lines(story_text(story, self.alert))

    def _tree(self) -> bytes:
        process = self.alert.event.process
        line = [] if process is None else [process, *process.ancestors()][::-1]
        text = [f"{'  ' * depth}{each.pid} {each.cmdline}" for depth, each in enumerate(line)]
        return _lines(json.dumps(each, ensure_ascii=True)[1:-1] for each in text)

    def _rule(self) -> bytes:
        """Return the rule's own text: its item of the list, from its line to the next item."""
        found = next((rule for rule in self.engine.rules_in_force() if rule.name == self.alert.rule), None)
        if found is None:
            return b"# this rule is no longer in force\n"
        text = next((file.text for file in self.engine.rule_files() if file.path == found.file), "")
        lines = text.splitlines()
        begin = max(found.line - 1, 0)
        end = next((at for at in range(begin + 1, len(lines)) if lines[at].startswith("- ")), len(lines))
        now = self.engine.revisions()[-1].number if self.engine.revisions() else 0
        note = f"# {found.file}:{found.line}, fired in revision {self.alert.revision}; in force now: revision {now}"
        return _lines([note, *lines[begin:end]])

    def _executables(self) -> list[dict[str, object]]:
        """Return the programs of the events and of what led to the alert, the alert's own first."""
        processes = [self.alert.event.process, *(event.process for event in self.events)]
        if (own := self.alert.event.process) is not None:
            processes += own.ancestors()
        found: dict[tuple[str, int], Process] = {}
        for process in processes:
            if process is not None and process.exepath not in ("", "/"):
                found.setdefault((process.exepath, process.exe_ino), process)
        return [self._executable(process) for process in list(found.values())[:MAX_EXECUTABLES]]

    def _executable(self, process: Process) -> dict[str, object]:
        told: dict[str, object] = {"pid": process.pid, "path": process.exepath, "comm": process.comm}
        if not self.engine.source.live:
            return {**told, "sha256": None, "why": "it was replayed from a recording"}
        owner = self.engine.container_of(process.cgroup_id)
        digest, why = digest_of(process, None if owner is None or owner.is_host else owner.pid)
        return {**told, "sha256": digest, "why": why}

    def _loss(self) -> dict[str, object]:
        counts = self.engine.source.counts()
        history = self.engine.history
        frozen = self.frozen
        return {
            "in the time of these events": sum(int(part.batch.head["lost"].sum()) for part in self.parts),
            "in the time of the events frozen with the alert": None if frozen is None else frozen.lost,
            "older events of the container had no room": None if frozen is None else frozen.cut,
            "events of the container in this time beyond those here": max(self._seen - len(self.events), 0),
            "since the start": {"seen": counts.seen, "emitted": counts.emitted, "filtered": counts.filtered,
                                "dropped": counts.dropped},
            "history": {"events": len(history), "first evt.num": history.first_num, "evicted": history.evicted},
        }  # fmt: skip

    @property
    def _seen(self) -> int:
        return sum(part.seen for part in self.parts)

    def _machine(self) -> dict[str, object]:
        container = self.alert.event.container
        engine = self.engine
        return {
            "node": engine.node,
            "kernel": platform.release() if engine.source.live else "of the recording's machine",
            "architecture": platform.machine(),
            "source": engine.source.name,
            "boot_to_epoch_ns": engine.source.boot_to_epoch_ns,
            "tuimon": __version__,
            "written": iso_time(time.time_ns()),
            "revision": self.alert.revision,
            "container": None if container is None else asdict(container),
        }

    def _containers(self) -> dict[str, Any]:
        """Return what is known of the containers of the events; the others are nobody's business."""
        state = self.engine.containers.to_state()
        own = {event.container.id for event in self.events if event.container is not None}
        rows = [row for row in state["containers"] if row["id"] in own or row["id"] == HOST.id]
        return {**state, "containers": rows}

    def record(self, path: Path) -> None:
        """Make the recording."""
        engine = self.engine
        writer = RecordingWriter(path, recording_meta(engine))
        try:
            writer.processes(_state(self.parts))
            writer.containers(self._containers())
            for part in self.parts:
                for piece in _pieces(part.batch):
                    writer.batch(piece)
        finally:
            writer.close()
        self.recording = path.read_bytes()


@dataclass(slots=True)
class _Cut:
    """Some rows, in memory of their own."""

    batch: Batch
    nums: list[int]
    event_at: Callable[[int], Event]
    seen: int
    """Rows there were."""

    def events(self) -> Iterator[Event]:
        """Yield the row objects."""
        return map(self.event_at, range(len(self.batch)))


def _parts(engine: Engine, alert: Alert, frozen: Frozen | None) -> Iterator[_Cut]:
    """Yield the events of the alert's container around it, oldest first: those frozen, then those in the history."""
    first_num = engine.history.first_num
    if frozen is not None:
        early = np.flatnonzero((frozen.nums < first_num) | (first_num == 0))
        if len(early):
            rows = early.tolist()
            yield _Cut(take(frozen.batch, early), frozen.nums[early].tolist(), lambda at: frozen.event(rows[at]), 0)
    begin, end = alert.event.ts_ns - AROUND_NS, alert.event.ts_ns + AROUND_NS
    room = MAX_EVENTS
    for batch in engine.history.batches():
        times = batch.head["ts_ns"]
        if times[-1] < begin or times[0] > end:
            continue
        rows_here = np.flatnonzero((times >= max(begin, 0)) & (times <= end))
        mine = rows_here[_same_owner(engine, alert, batch.head["cgroup_id"][rows_here])]
        if len(mine):
            kept = mine[: max(room, 0)]
            room -= len(kept)
            yield _history_cut(engine, batch, kept, len(mine))


def _pieces(batch: Batch) -> Iterator[Batch]:
    """Yield a batch in pieces that cover a tenth of a second at most, so that it plays as it happened."""
    ends = np.flatnonzero(np.diff(batch.head["ts_ns"] // np.uint64(_PIECE_NS))) + 1
    for rows in np.split(np.arange(len(batch), dtype=np.intp), ends):
        yield batch if len(rows) == len(batch) else take(batch, rows)


def _history_cut(engine: Engine, batch: Batch, rows: np.ndarray[Any, np.dtype[np.intp]], seen: int) -> _Cut:
    nums = (rows + batch.first_num).tolist()
    return _Cut(take(batch, rows), nums, lambda at: engine.event(batch, int(rows[at])), seen)


def _same_owner(
    engine: Engine, alert: Alert, cgroups: np.ndarray[Any, np.dtype[np.uint64]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which cgroups are the alert's container; on the host: the alert's own cgroup."""
    own = alert.event.cgroup_id
    owner = engine.container_of(own)
    if owner is None or owner.is_host:
        return cgroups == own  # type: ignore[no-any-return]
    same = [c for c in np.unique(cgroups).tolist() if getattr(engine.container_of(c), "id", None) == owner.id]
    return np.isin(cgroups, np.array(same, np.uint64))


def _state(parts: Sequence[_Cut]) -> dict[str, Any]:
    """Return the process table as it was when the first of some events happened."""
    versions: dict[int, Process] = {}
    number_of: dict[int, int] = {}
    newest: dict[int, int] = {}
    for part in parts:
        for event in part.events():
            process = event.process
            if process is None:
                continue
            number = number_of.setdefault(id(process), len(number_of))
            versions[number] = process
            if event.tgid == process.pid and process.pid not in newest:
                newest[process.pid] = number
    return process_state.dump(versions, newest)


def _lines(lines: object) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")  # type: ignore[attr-defined]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, indent=1, default=str).encode() + b"\n"
