"""What the verifier of Linux 6.1 refuses, found in the compiled programs: this kernel's forgives it.

There bpf_get_smp_processor_id() may return any number as far as the verifier knows. It must be compared
before anything is made of it that is added to the address of a map's value; and an "or" of two unknown numbers has no
bounds. (Tried on 6.1 itself, x86_64 and arm64, in an emulator; see docs/measured.md.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tuimon.capture.btf import read_btf
from tuimon.capture.compiled import CACHE, compiled
from tuimon.capture.kernel import DATA_BYTES
from tuimon.capture.program import FUNCTIONS, MAPS, kinds_of
from tuimon.capture.sources import Build, preamble, source_text

pytestmark = pytest.mark.kernel

ADD, OR, LSH, RSH, MOV = 0x0F, 0x4F, 0x67, 0x77, 0xBF
CALL, LD_IMM64, GET_SMP_PROCESSOR_ID, MAP_VALUE = 0x85, 0x18, 8, 2
JUMPS_BY_ORDER = frozenset((0x25, 0x35, 0xA5, 0xB5, 0x2D, 0x3D, 0xAD, 0xBD))
CALLER_SAVED = frozenset(range(6))


def instructions(code: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (place, opcode, destination, source, constant)."""
    for place, (op, registers, _, imm) in enumerate(struct.iter_unpack("<BBhi", code)):
        yield place, op, registers & 15, registers >> 4, imm


def unbounded(code: bytes) -> list[int]:
    """Return the places at which a CPU's unchecked number, or what an "or" left, is added to a map's address.

    It reads straight on, as the compiler writes what it inlines.
    """
    numbers: set[int] = set()
    addresses: set[int] = set()
    found = []
    for place, op, to, by, imm in instructions(code):
        if op == CALL:
            numbers -= CALLER_SAVED
            addresses -= CALLER_SAVED
            if imm == GET_SMP_PROCESSOR_ID and by == 0:
                numbers.add(0)
        elif op == LD_IMM64:
            numbers.discard(to)
            (addresses.add if by == MAP_VALUE else addresses.discard)(to)
        elif op == MOV:
            for kept in (numbers, addresses):
                (kept.add if by in kept else kept.discard)(to)
        elif op in JUMPS_BY_ORDER:
            numbers.clear()
        elif op == ADD and ((to in addresses and by in numbers) or (to in numbers and by in addresses)):
            found.append(place)
        elif op == OR:
            numbers.add(to)
        elif op & 7 in (1, 4) or op & 0xF7 == 0xB7:
            numbers.discard(to)
            addresses.discard(to)
    return found


def test_no_cpu_number_reaches_an_address_unchecked() -> None:
    btf = read_btf()
    for kind in kinds_of(btf):
        made = compiled(source_text(preamble(btf, Build(256, DATA_BYTES, 0), kind)), MAPS, FUNCTIONS, CACHE)
        assert {name: places for name, code in made.code.items() if (places := unbounded(code))} == {}


def packed(*parts: tuple[int, int, int, int]) -> bytes:
    return b"".join(struct.pack("<BBhi", op, to | by << 4, 0, imm) for op, to, by, imm in parts)


@pytest.mark.parametrize(
    ("between", "found"),
    [
        ([(0x27, 0, 0, 192)], True),
        ([(MOV, 1, 0, 0), (LSH, 0, 0, 32), (RSH, 0, 0, 32)], True),
        ([(0x25, 0, 0, 1), (0x27, 0, 0, 192)], False),
        ([(0xB7, 0, 0, 5)], False),
        ([(0x25, 0, 0, 1), (OR, 0, 1, 0)], True),
    ],
)
def test_the_check_can_fail(between: list[tuple[int, int, int, int]], found: bool) -> None:
    code = packed((LD_IMM64, 6, MAP_VALUE, 1), (0, 0, 0, 0), (CALL, 0, 0, 8), *between, (ADD, 6, 0, 0))
    assert bool(unbounded(code)) == found
