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
from tuimon.records import HEAD, Kind, Slot
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.rules.prefilter_c import c_prefilter
from tuimon.rules.prefilter_columns import is_plain, kernel_mask
from tuimon.rules.prefilter_kernel import (
    MAX_TEXT,
    MAYBE,
    NEVER,
    All,
    Among,
    Compare,
    Fixed,
    PathTest,
    Some,
    every,
    kernel_expression,
    some,
)
from tuimon.syscalls import event_name

NR_AT = HEAD.fields["nr"][1]
HEADER = Path(__file__).parents[2] / "bpf" / "events.h"
WRAPPER = """
#define __always_inline inline __attribute__((always_inline))
#include "{header}"
{text}
int ask(const unsigned char *record) {{
	struct tm_known known;

	return tm_prefilter((const void *)record, (const void *)(record + 64), record + 128, &known);
}}
"""


def expression(text: str, name: str = "openat"):
    return kernel_expression([compile_expression(text)], name, Checks())


def record_bytes(event) -> bytes:
    """The record as the kernel lays it out: head, ext, text, and room behind it."""
    slots = event.batch.slots(event.row)
    return event.head.tobytes() + event.ext.tobytes() + b"".join(slots) + bytes(512)


def compiled(text: str, folder: Path):
    """Compile the C with the host's compiler, warnings as errors."""
    source, library = folder / "prefilter.c", folder / f"prefilter-{abs(hash(text))}.so"
    source.write_text(WRAPPER.format(header=HEADER, text=text))
    command = ["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsanitize=undefined",
               "-fno-sanitize-recover", "-shared", "-fPIC", "-o", str(library), str(source)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text
    return ctypes.CDLL(str(library)).ask


@settings(max_examples=300, deadline=None)
@given(text=strategies.conditions, events=st.lists(strategies.events(), min_size=1, max_size=8))
def test_no_match_is_filtered(text, events):
    node = compile_expression(text)
    batch, tables = builders.batch_of(events)
    for plain_falco in (False, True):
        judge = compile_condition(node, plain_falco=plain_falco)
        for row in range(len(batch)):
            event = builders.event_of(batch, row, tables)
            if event.kind is not Kind.SYSCALL or judge(event) is False:
                continue
            wanted = kernel_expression([node], event_name(event.kind, event.nr), Checks(plain_falco=plain_falco))
            assert kernel_mask(wanted, batch, np.array([row])).tolist() == [True]


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(
    texts=st.lists(strategies.conditions, min_size=60, max_size=60),
    events=st.lists(strategies.events(), min_size=30, max_size=30),
)
def test_c_and_numpy_agree(tmp_path_factory, texts, events):
    """Each condition gets a system call number of its own, so that one program answers for all of them."""
    batch, tables = builders.batch_of(event for event in events if event.kind is Kind.SYSCALL and event.ext is not None)
    rows = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    conditions = [compile_expression(text) for text in texts]
    names = sorted({event_name(event.kind, event.nr) for event in rows})
    expressions = {}
    for at, (condition, name) in enumerate((condition, name) for condition in conditions for name in names):
        expressions[at] = (name, kernel_expression([condition], name, Checks()))
    text = c_prefilter({at: each for at, (_, each) in expressions.items()}, {})
    ask = compiled(text, tmp_path_factory.mktemp("c"))
    for row, event in enumerate(rows):
        record = bytearray(record_bytes(event))
        for at, (name, each) in expressions.items():
            if name == event_name(event.kind, event.nr):
                record[NR_AT : NR_AT + 2] = at.to_bytes(2, "little")
                assert bool(ask(bytes(record))) is bool(kernel_mask(each, batch, np.array([row]))[0]), each


PLAIN = [b"/", b"/etc", b"/etc/shadow", b"/a.b/c..d", b"/" + b"x" * (MAX_TEXT - 1)]
NOT_PLAIN = [b"", b"etc", b"/etc/", b"//etc", b"/etc//x", b"/etc/./x", b"/etc/../x", b"/.x", b"/" + b"x" * MAX_TEXT]


@pytest.mark.parametrize("path", PLAIN)
def test_these_paths_are_plain(path):
    assert is_plain(path)


@pytest.mark.parametrize("path", NOT_PLAIN)
def test_these_paths_may_be_anything(path):
    assert not is_plain(path)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_c_knows_plain_paths_like_numpy(tmp_path):
    wanted = expression("fd.name = /nowhere")
    ask = compiled(c_prefilter({257: wanted}, {257: "openat"}), tmp_path)
    for path in (*PLAIN, *NOT_PLAIN):
        event = builders.open_event(path, real=b"")
        assert bool(ask(record_bytes(event))) is (not is_plain(path)), path


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("proc.name = x", "openat", MAYBE),
        ("evt.type = open", "openat", NEVER),
        ("evt.type = openat", "openat", MAYBE),
        ("evt.rawres >= 0", "openat", Compare("ret", ">=", 0)),
        ("not evt.rawres >= 0", "openat", Compare("ret", "<", 0)),
        ("evt.res = SUCCESS", "openat", Compare("ret", ">=", 0)),
        ("evt.res != SUCCESS", "openat", Compare("ret", "<", 0)),
        ("not evt.res = SUCCESS", "openat", Compare("ret", "<", 0)),
        ("evt.res = ENOENT", "openat", Compare("ret", "<", 0)),
        ("evt.failed = true", "openat", Compare("ret", "<", 0)),
        ("evt.failed = false", "openat", Compare("ret", ">=", 0)),
        ("evt.rawres in (0, -115)", "connect", Among("ret", (-115, 0))),
        ("fd.num >= 0", "openat", Compare("ret", ">=", 0)),
        ("fd.num = -1", "openat", Compare("ret", "<", 0)),
        ("evt.is_open_write = true", "openat", Among("arg2", (os.O_WRONLY, os.O_RDWR), 3)),
        ("evt.is_open_write = false", "openat", Among("arg2", (os.O_WRONLY, os.O_RDWR), 3, negated=True)),
        ("evt.is_open_read = true", "open", Among("arg1", (os.O_WRONLY,), 3, negated=True)),
        ("evt.is_open_write = true", "creat", NEVER),
        ("evt.is_open_read = false", "creat", MAYBE),
        ("evt.is_open_write = true", "connect", NEVER),
        ("evt.is_open_write = true", "openat2", MAYBE),
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
        ("fd.name glob '/home/*/x'", "openat", PathTest(Slot.GIVEN, prefixes=(b"/home/",))),
        ("fd.name glob '*../*../*'", "openat", PathTest(Slot.GIVEN, holds=(b"../",))),
        ("fd.name glob '*'", "openat", MAYBE),
        ("fd.name glob '/a[b]'", "openat", MAYBE),
        ("fd.name icontains x", "openat", MAYBE),
        ("fd.name startswith ''", "openat", MAYBE),
        ("fd.directory in (/etc, /)", "openat", PathTest(Slot.GIVEN, prefixes=(b"/",))),
        ("fd.directory = /etc", "openat", PathTest(Slot.GIVEN, prefixes=(b"/etc/",))),
        ("not fd.directory = /etc", "openat", MAYBE),
        ("fd.filename = shadow", "openat", PathTest(Slot.GIVEN, suffixes=(b"/shadow",))),
        ("evt.arg.flags contains O_TRUNC", "openat", Among("arg2", (0o1000,), 0o1000)),
        ("not evt.arg.flags contains O_CREAT", "open", Among("arg1", (0o100,), 0o100, negated=True)),
        ("evt.arg.flags contains O_CREAT", "openat2", MAYBE),
        ("evt.res startswith E", "openat", Compare("ret", "<", 0)),
        ("not fd.num = -1", "openat", Compare("ret", ">=", 0)),
        ("fd.name = /x", "connect", MAYBE),
        ("evt.arg.newpath startswith /etc", "rename", PathTest(Slot.GIVEN2, (), (b"/etc",))),
        ("evt.arg.oldpath startswith /etc", "rename", PathTest(Slot.GIVEN, (), (b"/etc",))),
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


def test_too_many_or_too_long_constants_are_maybe():
    many = ", ".join(f"/x/{at}" for at in range(200))
    assert expression(f"fd.name in ({many})") == MAYBE
    assert expression(f"fd.name = /{'x' * 300}") == MAYBE


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
