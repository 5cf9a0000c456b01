"""The story of an alert: one visit's processes, in order, with what they did and the alerts about it."""

import dataclasses
import os
import re

import numpy as np

from tests.builders import (
    CONTAINER_CGROUP,
    TS_NS,
    batch_of,
    chain,
    connect_event,
    container,
    event_of,
    exec_event,
    open_event,
    process,
    syscall_event,
)
from tuimon.events import Alert
from tuimon.history import History
from tuimon.view.story import key_of, root_of, tell, totals
from tuimon.view.story_lines import story_foot, story_line, story_markdown, story_text

WEB = container("3ad7b26ded6d", name="web")


class Engine:
    def __init__(self, events):
        self.history = History()
        batch, self.tables = batch_of(events)
        head = batch.head.copy()
        head["ts_ns"] = TS_NS + np.arange(len(batch)) * 1_000_000
        self.batch = dataclasses.replace(batch, head=head, first_num=1)
        self.history.append(self.batch)

    def event(self, batch, row):
        return event_of(batch, row, self.tables)

    def container_of(self, cgroup):
        return self.tables.containers.of_cgroup(cgroup)

    def alert(self, row, rule="R", num=1):
        event = self.event(self.batch, row).alone()
        return Alert(num, event.time_ns, rule, "Warning", "out \x1b[2J", {}, (), "syscall", "n", 1, event)


def visit():
    """Return the events of a visit to a container, with a neighbour's and the host's between them."""
    conmon = chain("systemd", "conmon", pid=500)
    more = {"parent": conmon, "pid": 600, "cgroup_id": CONTAINER_CGROUP, "sid": 600}
    shell = process("sh", **more)
    child = process("curl", parent=shell, pid=601, cgroup_id=CONTAINER_CGROUP, sid=600)
    evil = process("\x1b[2Jx", args=("\x1b]0;x\x07",), parent=shell, pid=602, cgroup_id=CONTAINER_CGROUP, sid=600)
    other = process("nginx", parent=conmon, pid=700, cgroup_id=CONTAINER_CGROUP)
    at = {"container": WEB, "cgroup_id": CONTAINER_CGROUP}
    return shell, [
        exec_event("sh", process=shell, **at),
        open_event("/etc/ld.so.cache", process=shell, **at),
        open_event("/etc/passwd", process=other, **at),
        exec_event("curl", process=child, **at),
        connect_event("203.0.113.9", 443, process=child, **at),
        open_event("/tmp/x", flags=os.O_CREAT | os.O_WRONLY, process=child, mode=0o644, **at),
        open_event("/etc/shadow", process=shell, **at),
        open_event("/root/x", process=shell, ret=-13, **at),
        *(syscall_event("unlinkat", args=(0, 0, 0), given="/tmp/y", process=evil, **at) for _ in range(3)),
        exec_event("ls", parent=chain("systemd", "bash", pid=9000)),
    ]


def test_one_visit_is_told_in_order_with_its_alerts_and_without_its_neighbours():
    shell, events = visit()
    engine = Engine(events)
    alert = engine.alert(6)
    story = tell(alert, engine, [alert, engine.alert(5, "Other", 2)], None)
    assert key_of(story.root) == key_of(shell)
    said = [" ".join(cell.text.strip() for cell in story_line(line, alert, 200)) for line in story.lines]
    assert [line.event.num for line in story.lines] == [1, 4, 5, 6, 7, 8, 9]
    assert [line.depth for line in story.lines] == [0, 1, 1, 1, 0, 0, 1]
    assert story.lines[-1].times == 3
    assert "x3" in said[-1]
    assert "WARN Other" in said[3]
    assert "alert >" in said[4]
    assert "/etc/shadow" in said[4]
    assert story.left_out == 1, "ld.so.cache"
    assert story.processes == 3
    assert dict(totals(story))["execve"] == 2
    assert "1 that tell little left out (o)" in story_foot(story, everything=False)
    everything = tell(alert, engine, [alert], None, everything=True)
    assert len(everything.lines) == 8
    assert everything.left_out == 0


def test_what_was_decoded_of_thousands_of_events_is_not_kept():
    _, events = visit()
    engine = Engine(events)
    alert = engine.alert(0)
    for everything in (False, True):
        story = tell(alert, engine, [alert], None, everything=everything)
        assert story.lines
        assert all(line.event.facts is None for line in story.lines)


def test_as_text_it_is_safe():
    _, events = visit()
    engine = Engine(events)
    alert = engine.alert(6)
    text = list(story_text(tell(alert, engine, [alert], None), alert))
    assert all(line.isprintable() for line in text)
    assert any("\\e[2Jx" in line for line in text)
    assert any("<== Warning R" in line for line in text)


def test_on_the_host_a_session_is_told():
    sshd = process("sshd", pid=100, parent=process("systemd", pid=1), sid=100)
    bash = process("bash", pid=110, parent=sshd, sid=110)
    cat = process("cat", pid=120, parent=bash, sid=110)
    engine = Engine([exec_event("bash", process=bash), open_event("/etc/shadow", process=cat)])
    assert root_of(cat, engine) is bash
    story = tell(engine.alert(1), engine, [], None)
    assert [line.event.num for line in story.lines] == [1, 2]


def test_an_alert_of_an_unknown_process_has_no_story():
    engine = Engine([open_event("/etc/shadow")])
    alert = engine.alert(0)
    alert.event.process = None
    assert tell(alert, engine, [alert], None) is None


def test_what_entered_the_container_is_folded_until_it_is_a_program_there():
    """Told by the exec, not by a name: an intruder who calls himself so is told in full."""
    conmon = chain("systemd", "conmon", pid=500)
    at = {"container": WEB, "cgroup_id": CONTAINER_CGROUP}
    init = process("runc:[2:INIT]", parent=conmon, pid=600, cgroup_id=CONTAINER_CGROUP, sid=600)
    named_so = process("runc:[2:INIT]", parent=init, pid=601, cgroup_id=CONTAINER_CGROUP, sid=600)
    events = [
        syscall_event("setuid", args=(0,), process=init, **at),
        syscall_event("setuid", args=(7,), process=init, **at),
        syscall_event("setuid", args=(9,), process=init, **at),
        exec_event("sh", process=init, **at),
        syscall_event("setuid", args=(0,), process=init, **at),
        syscall_event("setuid", args=(0,), process=named_so, **at),
    ]
    engine = Engine(events)
    alert, early = engine.alert(5), engine.alert(1, "Early", 2)
    story = tell(alert, engine, [alert], None)
    assert [line.event.num for line in story.lines] == [4, 5, 6]
    assert story.entry == 3
    assert "3 of its start left out (o)" in story_foot(story, everything=False)
    kept = tell(alert, engine, [alert, early], None)
    assert [line.event.num for line in kept.lines] == [2, 4, 5, 6], "what an alert is about stays"
    assert sum(line.times for line in tell(alert, engine, [alert], None, everything=True).lines) == 6
    never = Engine(events[:3])
    told = tell(never.alert(2), never, [], None)
    assert sum(line.times for line in told.lines) == 3, "there is no program to wait for"


def test_markdown_cannot_be_left_by_what_is_in_it():
    conmon = chain("systemd", "conmon", pid=500)
    at = {"container": WEB, "cgroup_id": CONTAINER_CGROUP}
    evil = process(
        "`|x``", args=("<script>", "[a](b)", "|", "\n# h"), parent=conmon, pid=602, cgroup_id=CONTAINER_CGROUP
    )
    engine = Engine([exec_event("`|x``", process=evil, **at), open_event("/a|b`c", flags=1, process=evil, **at)])
    alert = engine.alert(1, "R`|")
    text = list(story_markdown(tell(alert, engine, [alert], None), alert))
    assert text[0] == "# Story of alert 1: ``Warning R`|``"
    rows = [line for line in text if line.startswith("|")]
    assert len(rows) == 4
    assert all(re.sub(r"\\\|", "", row).count("|") == 6 for row in rows)
    assert not any("\n" in line or "\x1b" in line for line in text)


def test_in_a_narrow_terminal_the_path_is_worth_more_than_the_rule():
    _, events = visit()
    engine = Engine(events)
    alert = engine.alert(6, "A Rule With A Very Long Name That Says All")
    story = tell(alert, engine, [alert], None)
    line = next(line for line in story.lines if line.alerts)
    narrow, wide = (
        next(cell for cell in story_line(line, alert, width) if "A Rule With" in cell.text) for width in (77, 150)
    )
    assert narrow.width == 15 < len(narrow.text)
    assert wide.width == len(wide.text)
