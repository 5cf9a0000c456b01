"""What the kernel would filter: never a match, and the same in C as in numpy."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.capture.sources import judged_calls
from tuimon.fields import all_fields
from tuimon.fields.facts import absolute
from tuimon.records import Kind, Slot
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import Check, FieldRef, Literal, Not
from tuimon.rules.parser import MAX_NESTING
from tuimon.rules.prefilter_c import c_prefilter
from tuimon.rules.prefilter_columns import kernel_mask, known_path, path_may_match, places_of
from tuimon.rules.prefilter_kernel import (
    MAX_TEXT,
    MAYBE,
    NEVER,
    All,
    Among,
    Compare,
    Fixed,
    KernelExpressions,
    Name,
    PathTest,
    Place,
    Socket,
    Some,
    every,
    kernel_expression,
    some,
)
from tuimon.syscalls import event_name

HEADER = Path(__file__).parents[2] / "bpf" / "events.h"
WRAPPER = """
#define __always_inline __attribute__((noinline))
#include "{header}"
static u32 the_place;
static u32 tm_place(const struct tm_head *head) {{ (void)head; return the_place; }}
{text}
static int judge(const struct tm_head *head, const struct tm_ext *ext, u8 *text, struct tm_known *known, int at)
{{
	switch (at) {{
	{cases}
	}}
	return at >= 0 ? 1 : tm_prefilter(head, ext, text, known);
}}
int known_path(unsigned char *record, int form, unsigned char *out) {{
	const struct tm_head *head = (const void *)record;
	const struct tm_ext *ext = (const void *)(record + 64);
	struct tm_known known;

	tm_take(&known.given, record + 128, 0, ext->slot_len[0]);
	known.given.base = ext->slot_len[1];
	if (form == 2)
		tm_raw(head, &known.given, record + 128);
	else
		tm_given(head, &known.given, record + 128, TM_PREFILTER_FULL);
	if (!known.given.plain || (form == 1 && known.given.plain != TM_PLAIN))
		return -1;
	__builtin_memcpy(out, record + 128 + known.given.at, known.given.len);
	return known.given.len;
}}
int ask(unsigned char *record, u32 place, int at) {{
	struct tm_known known;

	the_place = place;
	return judge((const void *)record, (const void *)(record + 64), record + 128, &known, at);
}}
"""
GLOB = All((PathTest(Slot.GIVEN, prefixes=(b"/home/",)), PathTest(Slot.GIVEN, suffixes=(b"/x",))))
LOOPBACK = 0x7F
"""127, as a little-endian machine reads it from the network's order."""
NOT_LOOPBACK = All(
    tuple(
        Some((Socket("family", (2,), negated=True), Socket(end, (LOOPBACK,), 0xFF, negated=True)))
        for end in ("laddr", "raddr")
    )
)
NOT_ZERO = Some((Socket("family", (2,), negated=True), Socket("laddr", (0,), negated=True)))
ANY_END = Some((Socket("family", (10,)), *(Socket(end, (0x0900000A,)) for end in ("laddr", "raddr"))))
ROOM = 33280
"""TM_PREFILTER_BYTES."""


def expression(text: str, name: str = "openat"):
    return kernel_expression([compile_expression(text)], name, Checks())


def record_bytes(event) -> bytearray:
    """The record as the kernel lays it out: head, ext, text, and room behind it that holds anything but zeros."""
    slots = event.batch.slots(event.row)
    return bytearray(event.head.tobytes() + event.ext.tobytes() + b"".join(slots).ljust(ROOM, b"/"))


def library_of(text: str, folder: Path) -> ctypes.CDLL:
    """Compile the C with the host's compiler, warnings as errors; -Og warns as -O1 does, in half of the time."""
    cases = "\n".join(
        f"case {at}: return tm_rules_{number}(head, ext, text, known);" for at, number in judged_calls(text).items()
    )
    source, library = folder / "prefilter.c", folder / f"prefilter-{abs(hash(text))}.so"
    source.write_text(WRAPPER.format(header=HEADER, text=text, cases=cases))
    command = ["cc", "-std=gnu11", "-Og", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsanitize=undefined",
               "-fno-sanitize-recover", "-shared", "-fPIC", "-o", str(library), str(source)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text
    return ctypes.CDLL(str(library))


def compiled(text: str, folder: Path):
    """Return a function of a record, its place, and the number of the expression to ask; None: of the record's call."""
    library_ask = library_of(text, folder).ask

    def ask(record: bytearray, place: int = 0, at: int | None = None) -> bool:
        return bool(library_ask((ctypes.c_char * len(record)).from_buffer(record), place, -1 if at is None else at))

    return ask


@settings(max_examples=300, deadline=None)
@given(text=strategies.conditions, events=st.lists(strategies.events(), min_size=1, max_size=8))
def test_no_match_is_filtered(text, events):
    node = compile_expression(text)
    batch, tables = builders.batch_of(events)
    places = places_of(batch, tables.containers.of_cgroup)
    for plain_falco in (False, True):
        judge = compile_condition(node, plain_falco=plain_falco)
        for row in range(len(batch)):
            event = builders.event_of(batch, row, tables)
            if event.kind is not Kind.SYSCALL or judge(event) is False:
                continue
            wanted = kernel_expression([node], event_name(event.kind, event.nr), Checks(plain_falco=plain_falco))
            assert kernel_mask(wanted, batch, np.array([row]), places).tolist() == [True]


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(
    texts=st.lists(strategies.conditions, min_size=60, max_size=60),
    events=st.lists(strategies.events(), min_size=30, max_size=30),
)
def test_c_and_numpy_agree(tmp_path_factory, texts, events):
    """Each condition gets a number of its own, so that one library answers for all of them."""
    batch, tables = builders.batch_of(event for event in events if event.kind is Kind.SYSCALL and event.ext is not None)
    rows = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    conditions = [compile_expression(text) for text in texts]
    names = sorted({event_name(event.kind, event.nr) for event in rows})
    expressions = {}
    for at, (condition, name) in enumerate((condition, name) for condition in conditions for name in names):
        expressions[at] = (name, kernel_expression([condition], name, Checks()))
    text = c_prefilter({at: each for at, (_, each) in expressions.items()}, {})
    ask = compiled(text, tmp_path_factory.mktemp("c"))
    places = places_of(batch, tables.containers.of_cgroup)
    for row, event in enumerate(rows):
        for at, (name, each) in expressions.items():
            if name == event_name(event.kind, event.nr):
                wanted = bool(kernel_mask(each, batch, np.array([row]), places)[0])
                assert ask(record_bytes(event), int(places[row]), at) is wanted, each


LONG = b"/" + b"x" * (MAX_TEXT - 1)
KNOWN = [
    # given, directory, as fd.name, as evt.arg.name, as fd.nameraw
    (b"/", b"", b"/", b"/", b"/"),
    (b"/etc/shadow", b"", b"/etc/shadow", b"/etc/shadow", b"/etc/shadow"),
    (b"/a.b/c..d", b"", b"/a.b/c..d", b"/a.b/c..d", b"/a.b/c..d"),
    (b"/.x", b"", b"/.x", b"/.x", b"/.x"),
    (b"/home/.ssh/..x/...", b"", b"/home/.ssh/..x/...", b"/home/.ssh/..x/...", b"/home/.ssh/..x/..."),
    (b"/etc/", b"", b"/etc", None, b"/etc/"),
    (LONG, b"", LONG, LONG, LONG),
    (LONG + b"x", b"", None, None, None),
    (b"", b"/etc", None, None, None),
    (b"//etc", b"", None, None, None),
    (b"/etc//x", b"", None, None, None),
    (b"/etc//", b"", None, None, None),
    (b"/etc/./x", b"", None, None, b"/etc/./x"),
    (b"/etc/../x", b"", None, None, b"/etc/../x"),
    (b"/etc/.", b"", None, None, b"/etc/."),
    (b"/etc/..", b"", None, None, b"/etc/.."),
    (b"/..", b"", None, None, b"/.."),
    (b"x", b"", None, None, b"x"),
    (b"x", b"/", b"/x", b"/x", b"x"),
    (b".x", b"/home/a.b/.c", b"/home/a.b/.c/.x", b"/home/a.b/.c/.x", b".x"),
    (b"a/b", b"/tmp", b"/tmp/a/b", b"/tmp/a/b", b"a/b"),
    (b"a/b/", b"/tmp", b"/tmp/a/b", b"/tmp/a/b", b"a/b/"),
    (b"./a", b"/tmp", b"/tmp/a", b"/tmp/a", b"./a"),
    (b"././a", b"/tmp", None, None, b"././a"),
    (b".", b"/tmp", b"/tmp", b"/tmp", b"."),
    (b"./", b"/tmp", b"/tmp", b"/tmp", b"./"),
    (b"./", b"/", b"/", b"/", b"./"),
    (b"..", b"/tmp", None, None, b".."),
    (b"../a", b"/tmp", None, None, b"../a"),
    (b"a/../b", b"/tmp", None, None, b"a/../b"),
    (b"a//b", b"/tmp", None, None, None),
    (b"a", b"tmp", None, None, b"a"),
    (LONG[55:], LONG[:54], LONG[:54] + b"/" + LONG[55:], LONG[:54] + b"/" + LONG[55:], LONG[55:]),
    (LONG[54:], LONG[:54], None, None, LONG[54:]),
]  # fmt: skip


@pytest.mark.parametrize("row", KNOWN)
def test_known_paths(row):
    given, base, *wanted = row
    assert [known_path(given, base, form) for form in ("name", "arg", "raw")] == wanted


@pytest.fixture(scope="module")
def c_path(tmp_path_factory):
    """``known_path`` as the kernel works it out, of a record whose text goes on with anything."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    library = library_of(c_prefilter({}, {}), tmp_path_factory.mktemp("c"))

    def path(path: bytes, base: bytes, form: str, behind: bytes = b"") -> bytes | None:
        event = builders.syscall_event("openat", given=path, base=base, real=behind)
        record, out = record_bytes(event), ctypes.create_string_buffer(1024)
        length = library.known_path(
            (ctypes.c_char * len(record)).from_buffer(record), ("name", "arg", "raw").index(form), out
        )
        return None if length < 0 else out.raw[:length]

    return path


@pytest.mark.parametrize("row", KNOWN)
def test_c_knows_the_same_paths(c_path, row):
    path, base, *wanted = row
    assert [c_path(path, base, form) for form in ("name", "arg", "raw")] == wanted


@settings(max_examples=1000, deadline=None)
@given(slots=strategies.path_slots(), form=st.sampled_from(("name", "arg", "raw")))
def test_c_and_numpy_know_the_same_paths(c_path, slots, form):
    path, base, real = slots
    assert c_path(path, base, form, real) == known_path(path, base, form)


@settings(max_examples=1000, deadline=None)
@given(slots=strategies.path_slots())
def test_a_known_path_is_what_fields_show(slots):
    path, base, _ = slots
    found = known_path(path, base, "name")
    assert found is None or found == absolute(base.decode(), path.decode()).encode()
    shown = path if path.startswith(b"/") else absolute(base.decode(), path.decode()).encode()
    assert known_path(path, base, "arg") in (None, shown)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(data=st.data())
def test_c_and_numpy_agree_on_paths(tmp_path_factory, data):
    """Paths of dots, slashes and letters around the places where eight bytes end, in all three forms."""
    tests = data.draw(st.lists(strategies.path_tests(), min_size=25, max_size=25, unique=True))
    ask = compiled(c_prefilter(dict(enumerate(tests)), {}), tmp_path_factory.mktemp("c"))
    for path, base, real in data.draw(st.lists(strategies.path_slots(), min_size=60, max_size=60)):
        event = builders.syscall_event("rename", given=path, base=base, real=real, given2=path, base2=base)
        for at, test in enumerate(tests):
            assert ask(record_bytes(event), 0, at) is path_may_match(test, event.batch, 0), (test, path, base, real)


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("proc.pname = x", "openat", MAYBE),
        ("proc.name = x", "openat", Name((b"x",))),
        ("proc.name in (x, abcdefghijklmnop)", "openat", Name((b"x",))),
        ("proc.name = abcdefghijklmnop", "openat", NEVER),
        ("proc.name startswith ab", "openat", Name((), (b"ab",))),
        ("not proc.name = x", "openat", MAYBE),
        ("not proc.name != x", "openat", Name((b"x",))),
        ("proc.name != x", "openat", MAYBE),
        ("container.id = host", "openat", Place(True, False)),
        ("container.id != host", "openat", Place(False, True)),
        ("not container.id = host", "openat", Place(False, True)),
        ("container.id exists", "openat", MAYBE),
        ("not container.id exists", "openat", Place(False, False)),
        ("container.id = aaaaaaaaaaaa", "openat", Place(False, True)),
        ("container.name = host", "openat", MAYBE),
        ("container.image.repository contains x", "openat", Place(False, True)),
        ("not container.image.repository contains x", "openat", MAYBE),
        ("container.id = host and not container.id = host", "openat", Place(False, False)),
        ("container.id = host or container.privileged = true", "openat", MAYBE),
        ("fd.type in (ipv4, ipv6)", "dup2", Among("fd_type", (0o140000,), 0o170000)),
        ("fd.typechar = 4", "dup2", Among("fd_type", (0o140000,), 0o170000)),
        ("fd.typechar = 4", "connect", Socket("family", (2, 10))),
        ("fd.typechar = 6", "accept", Some((Socket("family", (10,)), Compare("ret", "<", 0)))),
        ("fd.sockfamily = unix", "accept", Socket("family", (1,))),
        ("fd.type = file", "connect", MAYBE),
        ("not fd.typechar = 4", "connect", MAYBE),
        ("fd.l4proto = udp", "sendto", Some((Socket("protocol", (17,)), Socket("type", (2,))))),
        ("fd.l4proto = udp", "socket", MAYBE),
        ("fd.ip = 10.0.0.9", "connect", ANY_END),
        ("not fd.ip != 10.0.0.9", "connect", MAYBE),
        ("fd.ip != 0.0.0.0", "connect", NOT_ZERO),
        ("fd.net != 127.0.0.0/8", "connect", NOT_LOOPBACK),
        ("not fd.net = 127.0.0.0/8", "connect", NOT_LOOPBACK),
        ("fd.ip != ::1", "connect", MAYBE),
        ("fd.sip = ::1", "connect", Socket("family", (10,))),
        ("fd.sip != 10.0.0.9", "connect", MAYBE),
        ("fd.sport in (443, https)", "connect", Some((Socket("lport", (443,)), Socket("rport", (443,))))),
        ("fd.sport > 443", "connect", MAYBE),
        ("fd.sip.name = localhost", "connect", MAYBE),
        ("fd.ip = 10.0.0.9", "dup2", MAYBE),
        ("evt.arg.domain contains AF_PACKET", "socket", Among("arg0", (17,), 0xFFFFFFFF)),
        ("not evt.arg.domain = AF_INET", "socket", Among("arg0", (2,), 0xFFFFFFFF, negated=True)),
        ("evt.arg.domain contains 7", "socket", MAYBE),
        ("evt.arg.cmd = 5", "bpf", NEVER),
        ("evt.arg.cmd = 99", "bpf", Among("arg0", (99,), 0xFFFFFFFF)),
        ("evt.arg.cmd in (5, 99, BPF_PROG_LOAD)", "bpf", Among("arg0", (5, 99), 0xFFFFFFFF)),
        ("not evt.arg.cmd = 99", "bpf", MAYBE),
        ("evt.arg.cmd = -1", "bpf", MAYBE),
        ("evt.arg.request = PTRACE_NOSUCH", "ptrace", NEVER),
        ("evt.arg.request contains UNKNOWN", "ptrace", MAYBE),
        ("evt.arg.mode contains S_ISUID", "chmod", Among("arg1", (0o4000,), 0o4000)),
        ("not evt.arg.mode contains S_ISGID", "fchmodat", Among("arg2", (0o2000,), 0o2000, negated=True)),
        ("evt.arg.mode contains S_IS", "chmod", MAYBE),
        ("fd.type = file", "dup2", MAYBE),
        ("not fd.type = ipv4", "dup2", MAYBE),
        ("evt.type = open", "openat", NEVER),
        ("evt.type = openat", "openat", MAYBE),
        ("evt.rawres >= 0", "openat", Compare("ret", ">=", 0)),
        ("not evt.rawres >= 0", "openat", Compare("ret", "<", 0)),
        ("evt.res = SUCCESS", "openat", Compare("ret", ">=", 0)),
        ("evt.res != SUCCESS", "openat", Compare("ret", "<", 0)),
        ("not evt.res = SUCCESS", "openat", Compare("ret", "<", 0)),
        ("evt.res = ENOENT", "openat", Among("ret", (-2,))),
        ("evt.res = '-5000'", "openat", MAYBE),
        ("evt.failed = true", "openat", Compare("ret", "<", 0)),
        ("evt.failed = false", "openat", Compare("ret", ">=", 0)),
        ("evt.rawres in (0, -115)", "connect", Among("ret", (-115, 0))),
        ("fd.num >= 0", "openat", Compare("ret", ">=", 0)),
        ("fd.num = -1", "openat", Compare("ret", "<", 0)),
        ("evt.is_open_write = true", "openat", Among("flags", (os.O_WRONLY, os.O_RDWR), 3)),
        ("evt.is_open_write = false", "openat", Among("flags", (os.O_WRONLY, os.O_RDWR), 3, negated=True)),
        ("evt.is_open_read = true", "open", Among("flags", (os.O_WRONLY,), 3, negated=True)),
        ("evt.is_open_write = true", "creat", NEVER),
        ("evt.is_open_read = false", "creat", MAYBE),
        ("evt.is_open_write = true", "connect", NEVER),
        ("evt.is_open_write = true", "openat2", Among("flags", (os.O_WRONLY, os.O_RDWR), 3)),
        ("user.uid = 0", "openat", Among("uid", (0,))),
        ("not user.uid = 0", "openat", Among("uid", (0,), negated=True)),
        ("fd.name = /etc/shadow", "openat", PathTest(Slot.GIVEN, (b"/etc/shadow",), ())),
        ("not fd.name startswith /proc", "openat", PathTest(Slot.GIVEN, (), (b"/proc",), negated=True)),
        ("fd.name pmatch (/etc, '/var/*/x')", "openat", PathTest(Slot.GIVEN, (), (b"/etc", b"/var/"))),
        ("fd.name contains x", "openat", PathTest(Slot.GIVEN, holds=(b"x",))),
        ("fd.name contains liblzma.so", "openat", PathTest(Slot.GIVEN, holds=(b"liblzma.",))),
        ("not fd.name contains liblzma.so", "openat", MAYBE),
        ("not fd.name contains lzma", "openat", PathTest(Slot.GIVEN, holds=(b"lzma",), negated=True)),
        ("fd.name endswith authorized_keys", "openat", PathTest(Slot.GIVEN, suffixes=(b"zed_keys",))),
        ("not fd.name endswith _keys", "openat", PathTest(Slot.GIVEN, suffixes=(b"_keys",), negated=True)),
        ("fd.name glob '/home/*/x'", "openat", GLOB),
        ("fd.name glob '*../*../*'", "openat", PathTest(Slot.GIVEN, holds=(b"../",))),
        ("fd.name glob '*'", "openat", MAYBE),
        ("fd.name glob '/a[b]'", "openat", MAYBE),
        ("fd.name icontains x", "openat", MAYBE),
        ("fd.name startswith ''", "openat", MAYBE),
        ("fd.directory in (/etc, /)", "openat", PathTest(Slot.GIVEN, (b"/", b"/etc"), folders=(b"/", b"/etc/"))),
        ("fd.directory = /etc", "openat", PathTest(Slot.GIVEN, (b"/etc",), folders=(b"/etc/",))),
        ("not fd.directory = /etc", "openat", MAYBE),
        ("fd.filename = shadow", "openat", PathTest(Slot.GIVEN, suffixes=(b"/shadow",))),
        ("evt.arg.flags contains O_TRUNC", "openat", Among("flags", (0o1000,), 0o1000)),
        ("not evt.arg.flags contains O_CREAT", "open", Among("flags", (0o100,), 0o100, negated=True)),
        ("evt.arg.flags contains O_CREAT", "openat2", Among("flags", (0o100,), 0o100)),
        ("evt.res startswith E", "openat", Compare("ret", "<", 0)),
        ("not fd.num = -1", "openat", Compare("ret", ">=", 0)),
        ("fd.name = /x", "connect", MAYBE),
        ("evt.arg.newpath startswith /etc", "rename", PathTest(Slot.GIVEN2, (), (b"/etc",), form="arg")),
        ("evt.arg.oldpath startswith /etc", "rename", PathTest(Slot.GIVEN, (), (b"/etc",), form="arg")),
        ("fd.nameraw contains ../", "openat", PathTest(Slot.GIVEN, holds=(b"../",), form="raw")),
        ("evt.arg.target = /etc/shadow", "symlink", PathTest(Slot.GIVEN, (b"/etc/shadow",), form="raw")),
        ("evt.arg.path startswith /etc", "unlinkat", NEVER),
        ("not evt.arg.path startswith /etc", "unlinkat", MAYBE),
        ("evt.arg.path startswith /etc", "chdir", MAYBE),
        ("fd.name startswith anyof (/a)", "openat", MAYBE),
    ],
)  # fmt: skip
def test_expression_of_a_check(text, name, wanted):
    assert expression(text, name) == wanted


def test_conjunctions_and_disjunctions_are_simplified():
    ret, path = Compare("ret", ">=", 0), PathTest(Slot.GIVEN, (b"/a",), ())
    assert every([MAYBE, ret, All((ret, path))]) == All((ret, path))
    assert every([ret, NEVER]) == NEVER
    assert every([]) == MAYBE
    assert some([NEVER, ret]) == ret
    assert some([MAYBE, ret]) == MAYBE
    assert some([]) == NEVER
    assert some([All((ret, path)), ret]) == ret
    assert some([path, PathTest(Slot.GIVEN, (), (b"/",))]) == PathTest(Slot.GIVEN, (), (b"/",))
    assert isinstance(some([ret, path]), Some)
    one, two = (PathTest(Slot.GIVEN, (), (text,), negated=True) for text in (b"/a", b"/b"))
    assert every([one, ret, two]) == All((ret, PathTest(Slot.GIVEN, (), (b"/a", b"/b"), negated=True)))
    assert some([one, two]) == Some((one, two))


UNLIKE = ("openat", "read", "connect", "accept4", "chmod", "renameat2", "socket", "ptrace", "io_uring_setup", "getpid")
"""Calls with different arguments; not in the order of their numbers."""
ARGUMENTS = ("flags", "mode", "path", "oldpath", "domain", "res", "0")


@pytest.mark.parametrize("value", ["1", "/etc/x", "TRUE"])
@pytest.mark.parametrize("negated", [False, True])
def test_what_is_worked_out_once_for_all_calls_is_right_for_each(value, negated):
    arguments = {"no": (None,)}
    fields = [FieldRef(each.name, arg) for each in all_fields() for arg in arguments.get(each.arg, (None, *ARGUMENTS))]
    for check in (Check(field, "=", Literal(value)) for field in fields):
        rules = [(Not(check) if negated else check, None)]
        shared = KernelExpressions(rules, Checks())
        for name in (*UNLIKE, *reversed(UNLIKE)):
            assert shared.of(name) == KernelExpressions(rules, Checks()).of(name), (check, name)


@settings(max_examples=100, deadline=None)
@given(
    rules=st.lists(
        st.tuples(strategies.conditions.map(compile_expression), st.sampled_from((None, frozenset(UNLIKE[:3])))),
        min_size=1,
        max_size=3,
    ),
    names=st.lists(st.sampled_from(UNLIKE), min_size=1),
)
def test_the_calls_of_a_rule_set_are_asked_as_each_alone(rules, names):
    shared = KernelExpressions(rules, Checks())
    for name in names:
        mine = [condition for condition, types in rules if types is None or name in types]
        assert shared.of(name) == kernel_expression(mine, name, Checks())


def test_too_many_or_too_long_constants_are_maybe():
    many = ", ".join(f"/x/{at}" for at in range(10_000))
    assert expression(f"fd.name in ({many})") == MAYBE
    assert expression(f"proc.name in ({many})") == MAYBE
    assert expression(f"fd.name = /{'x' * 300}") == MAYBE


@pytest.mark.parametrize("shape", ["({})", "not ({})", "({} or evt.rawres = 1)", "({} and evt.rawres = 1)"])
def test_the_deepest_condition_is_printed(shape):
    text = "fd.name = /x"
    for _ in range(MAX_NESTING - 1):
        text = shape.format(text)
    assert "tm_rules_257" in c_prefilter({257: expression(text)}, {})


def test_a_thousand_rules_are_asked_what_registers_and_names_say():
    """Of more path tests than there is room for none is asked; a rule set of this size is still no burden."""
    texts = [f"evt.is_open_write = true and fd.name = /data/{at}/x and proc.name = p{at}" for at in range(1_000)]
    asked = kernel_expression([compile_expression(text) for text in texts], "openat", Checks())
    batch, _ = builders.batch_of(
        [
            builders.open_event("/data/7/x", flags=os.O_WRONLY, process=builders.process("p7")),
            builders.open_event("/data/7/x", flags=os.O_WRONLY, process=builders.process("p1000")),
            builders.open_event("/data/7/x", process=builders.process("p7")),
        ]
    )
    assert kernel_mask(asked, batch, np.arange(3)).tolist() == [True, False, False]
    assert len(c_prefilter({257: asked}, {})) < 1_000_000


def test_the_c_text_is_the_same_for_the_same_rules():
    texts = ["fd.name in (/b, /a)", "evt.is_open_write = true and fd.name startswith /etc"]
    conditions = [compile_expression(text) for text in texts]
    once, again = (
        c_prefilter({257: kernel_expression(conditions, "openat", Checks())}, {257: "openat"}) for _ in range(2)
    )
    assert once == again
    assert "/* openat */" in once


def test_hostile_text_cannot_leave_its_string():
    text = c_prefilter({257: PathTest(Slot.GIVEN, (b'/"; evil(); //\\\n\xff??/',), ())}, {257: "openat"})
    assert "evil()" not in text
    assert "evil" in text  # as a comment, every sign that could end it taken out
    for line in text.splitlines():
        assert "evil" not in line or (line.rstrip().endswith("*/") and line.count("*/") == 1)


def test_calls_that_are_not_known_are_not_filtered():
    assert "return 1;" in c_prefilter({}, {}).rsplit("tm_prefilter", 1)[1]
    assert Fixed(True) == MAYBE
