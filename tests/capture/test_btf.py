"""BTF: found members, renamed ones, missing ones, damaged data."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.capture.btf import Btf, offsets_header, read_btf
from tuimon.errors import CaptureError

INT, PTR, ARRAY, STRUCT, UNION, TYPEDEF, CONST, FUNC = 1, 2, 3, 4, 5, 8, 10, 12


class Builder:
    """Writes BTF by hand; types are numbered from 1 in the order they are added."""

    def __init__(self) -> None:
        self.types = b""
        self.strings = b"\0"
        self.count = 0

    def name(self, text: str) -> int:
        if not text:
            return 0
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return at

    def add(self, name: str, kind: int, size: int, more: bytes = b"", vlen: int = 0, flag: int = 0) -> int:
        self.types += struct.pack("<III", self.name(name), flag << 31 | kind << 24 | vlen, size) + more
        self.count += 1
        return self.count

    def aggregate(self, kind: int, name: str, size: int, members: list[tuple[str, int, int]], flag: int = 0) -> int:
        packed = b"".join(struct.pack("<III", self.name(n), t, offset * 8) for n, t, offset in members)
        return self.add(name, kind, size, packed, len(members), flag)

    def data(self) -> bytes:
        header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return header + self.types + self.strings


@pytest.fixture
def built() -> Builder:
    """A struct outer { u32 a; struct { u64 hidden; union { u16 low; }; }; const inner_t in; u8 many[6]; void *p; }."""
    b = Builder()
    u32 = b.add("unsigned int", INT, 4, struct.pack("<I", 32))
    u64 = b.add("unsigned long", INT, 8, struct.pack("<I", 64))
    u16 = b.add("unsigned short", INT, 2, struct.pack("<I", 16))
    u8 = b.add("unsigned char", INT, 1, struct.pack("<I", 8))
    union = b.aggregate(UNION, "", 2, [("low", u16, 0)])
    anonymous = b.aggregate(STRUCT, "", 16, [("hidden", u64, 0), ("", union, 8)])
    inner = b.aggregate(STRUCT, "inner", 8, [("x", u32, 0), ("y", u32, 4)])
    typedef = b.add("inner_t", TYPEDEF, inner)
    const = b.add("", CONST, typedef)
    array = b.add("", ARRAY, 0, struct.pack("<III", u8, u32, 6))
    pointer = b.add("", PTR, 0)
    b.aggregate(
        STRUCT, "outer", 56,
        [("a", u32, 0), ("", anonymous, 8), ("in", const, 24), ("many", array, 32), ("p", pointer, 40)],
    )  # fmt: skip
    b.add("do_it", FUNC, 0)
    return b


def test_members_are_found_through_anonymous_ones_typedefs_and_qualifiers(built: Builder) -> None:
    btf = Btf(built.data())
    outer = btf.struct_ids(["outer"])["outer"]
    assert btf.member(outer, "a") == (0, 4)
    assert btf.member(outer, "hidden") == (8, 8)
    assert btf.member(outer, "low") == (16, 2)
    assert btf.member(outer, "in.y") == (28, 4)
    assert btf.member(outer, "many") == (32, 6)
    assert btf.member(outer, "p") == (40, 8)
    assert btf.member(outer, "gone") is None
    assert btf.member(outer, "a.b") is None
    assert btf.size(outer) == 56
    assert btf.function_ids(["do_it", "nope"]) == {"do_it": built.count}
    assert btf.typedef_ids(["inner_t"]) == {"inner_t": 8}


def test_bit_offsets_of_structs_with_bitfields_are_masked() -> None:
    b = Builder()
    u32 = b.add("unsigned int", INT, 4, struct.pack("<I", 32))
    packed = struct.pack("<III", b.name("m"), u32, 3 << 24 | 64)
    b.add("s", STRUCT, 16, packed, 1, 1)
    btf = Btf(b.data())
    assert btf.member(btf.struct_ids(["s"])["s"], "m") == (8, 4)


def test_header_says_where_members_are_under_their_newest_or_older_name(built: Builder) -> None:
    text = offsets_header(Btf(built.data()), {"outer": ["a", "y=nothing|in.y", "later?", "in.x"], "absent?": ["m"]})
    constants = dict(line.split(" ", 2)[1:] for line in text.splitlines())
    assert constants["O_outer_y"] == "28"
    assert constants["W_outer_y"] == '"u32"'
    assert constants["O_outer_in_x"] == "24"
    assert constants["H_outer_a"] == "1"
    assert constants["H_outer_later"] == constants["H_absent_m"] == constants["B_absent"] == "0"
    assert constants["S_outer"] == "56"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [({"outer": ["gone"]}, "struct outer has no member gone"), ({"absent": ["m"]}, "no struct absent")],
)
def test_a_member_that_must_be_there_is_named_when_it_is_not(
    built: Builder, wanted: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(CaptureError, match=said):
        offsets_header(Btf(built.data()), wanted)


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with contextlib.suppress(CaptureError):
        Btf(data)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_byte_is_an_error_or_ends_well(at: int, value: int) -> None:
    b = Builder()
    u32 = b.add("unsigned int", INT, 4, struct.pack("<I", 32))
    b.aggregate(STRUCT, "s", 8, [("m", u32, 0)])
    data = bytearray(b.data())
    data[at % len(data)] = value
    with contextlib.suppress(CaptureError):
        Btf(bytes(data)).struct_ids(["s"])


@pytest.mark.kernel
def test_the_running_kernel_describes_what_the_programs_read() -> None:
    from tuimon.capture.sources import MEMBERS

    text = offsets_header(read_btf(), MEMBERS)
    constants = dict(line.split(" ", 2)[1:] for line in text.splitlines())
    assert constants["Z_task_struct_tgid"] == "4"
    assert constants["W_task_struct_mm"] == '"u64"'


def test_no_btf_is_said_with_what_to_do(tmp_path: object) -> None:
    from pathlib import Path

    with pytest.raises(CaptureError) as caught:
        read_btf(Path("/nowhere/vmlinux"))
    assert "CONFIG_DEBUG_INFO_BTF" in caught.value.hint
