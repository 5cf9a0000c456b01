"""DNS names: read from the first bytes of a message, bounded and unharmed by what the network sends."""

import dataclasses
import struct

import pytest

from tests.builders import batch_of, connect_event, event_of
from tests.ui.fake_engine import fed_engine
from tuimon.capture.source import Want
from tuimon.history import History
from tuimon.interest import Views, interest_for
from tuimon.rules.filter import compile_filter
from tuimon.syscalls import NAME_TO_NR
from tuimon.view.dns import message_of, question_of, rows_on_port
from tuimon.view.drill import Drill
from tuimon.view.live_view import LiveView
from tuimon.view.session import Session
from tuimon.view.top import Top
from tuimon.view.top_views import VIEWS


def message(name: str, *, kind: int = 1, flags: int = 0x0100, ident: int = 7, additional: int = 0) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    return struct.pack(">6H", ident, flags, 1, 0, 0, additional) + labels + b"\0" + struct.pack(">2H", kind, 1)


def sent(data: bytes, *, call: str = "sendto", port: int = 53, **more):
    return connect_event("10.0.0.2", port, udp=True, call=call, ret=len(data), given2=data, **more)


def test_a_question_and_its_answers():
    asked = question_of(message("www.example.com"))
    assert asked.label == "www.example.com A asked"
    assert question_of(message("example.com", kind=28, flags=0x8183)).label == "example.com AAAA NXDOMAIN"
    assert question_of(message("example.com", kind=999, flags=0x8580)).label == "example.com type 999 answered (0x8580)"
    assert question_of(message("", kind=2)).label == ". NS asked"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 12, b"\xff" * 80, message("a.b")[:12], b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
        struct.pack(">6H", 1, 0x100, 2, 0, 0, 0) + b"\1a\0\0\1\0\1",
    ],
)  # fmt: skip
def test_what_is_no_message_has_no_question(data):
    assert question_of(data) is None


def test_a_name_that_is_carried_in_part_says_so():
    data = message("a" * 60 + "." + "b" * 40)[:80]
    assert question_of(data).label == "a" * 60 + "." + "b" * 6 + "... asked"


def test_a_hostile_name_stays_raw_until_it_is_painted():
    asked = question_of(message("x").replace(b"\1x", b"\3\x1b[\xff"))
    assert asked.name == "\x1b[\udcff"


def test_only_calls_on_the_port_are_looked_at():
    engine = fed_engine()
    found = [
        sent(message("a.com")), sent(message("a.com"), port=54), sent(message("a.com"), port=53 * 256),
        connect_event("10.0.0.2", 53, udp=True),
    ]  # fmt: skip
    assert [len(rows_on_port(event.batch)) for event in found] == [1, 0, 0, 1]
    assert message_of(found[0]).name == "a.com"
    assert message_of(found[3]) is None
    assert not any(len(rows_on_port(batch)) for batch in engine.history.batches())


def test_the_view_tells_names_and_servers_and_each_row_keeps_its_own():
    events = [
        sent(message("foo.com")),
        sent(message("foo.com", additional=1)),
        sent(message("bar.foo.com")),
        sent(message("foo.com", kind=28)),
        sent(message("foo.com", flags=0x8180), call="recvfrom"),
        connect_event("10.0.0.2", 53, udp=True),
        sent(b"no message"),
    ]
    values = [VIEWS["dns"].value(event) for event in events]
    assert [value and value.label for value in values] == [
        "foo.com A asked", "foo.com A asked", "bar.foo.com A asked", "foo.com AAAA asked", "foo.com A answered",
        "10.0.0.2:53 (no name carried)", None,
    ]  # fmt: skip
    for value in filter(None, values):
        keeps = compile_filter(value.term, None, None)
        kept = [event for event in events if keeps.matches(event)]
        assert [VIEWS["dns"].value(event) for event in kept] == [value] * values.count(value)


def test_the_view_counts_names():
    engine = fed_engine()
    batch, engine.tables = batch_of([sent(message("foo.com")), sent(message("foo.com")), connect_event("10.0.0.2", 53)])
    engine.history = History()
    engine.history.append(dataclasses.replace(batch, first_num=1))
    top = Top(VIEWS["dns"], LiveView(engine.history), lambda batch, row: event_of(batch, row, engine.tables))
    for _ in top.work(0):
        pass
    assert (top.error, top.progress) == ("", 1.0)
    assert {row.value.label: row.events for row in top.table.rows} == {
        "foo.com A asked": 2, "10.0.0.2:53 (no name carried)": 1,
    }  # fmt: skip


def test_what_is_sent_is_asked_for_while_the_view_is_open():
    engine = fed_engine()
    session = Session(engine)
    drill = Drill(session)
    asked = []
    engine.watch = lambda cgroups, **more: asked.append(more["messages"])
    for name in ("dns", "process", "dns", ""):
        drill.open(name)
    assert asked == [True, False, True, False]
    drill.close()
    session.close()


def test_the_kernel_is_asked_for_the_first_bytes_of_messages():
    wanted = interest_for(None, Views(cgroups=None, messages=True)).calls
    for name in ("sendto", "sendmmsg", "recvfrom", "recvmsg"):
        assert wanted[NAME_TO_NR[name]] & (Want.VIEW | Want.DATA) == Want.VIEW | Want.DATA
    assert NAME_TO_NR["write"] not in wanted
