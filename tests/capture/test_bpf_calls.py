"""Instructions patched before they are loaded."""

import struct

from tuimon.capture.bpf_calls import patched

CALL, LD_IMM64, EXIT = 0x85, 0x18, 0x95


def insn(op: int, registers: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return struct.pack("<BBhi", op, registers, off, imm)


def test_marked_calls_become_calls_of_kernel_functions_and_others_stay() -> None:
    code = insn(CALL, imm=0x7FFFFFF1) + insn(CALL, imm=1) + insn(EXIT)
    assert patched(code, calls={0x7FFFFFF1: 4711}, maps={}) == (
        insn(CALL, 2 << 4, imm=4711) + insn(CALL, imm=1) + insn(EXIT)
    )


def test_maps_are_exchanged_where_they_are_loaded_and_constants_of_the_same_value_stay() -> None:
    loads = insn(LD_IMM64, 1 | 1 << 4, imm=7) + insn(0)
    constant = insn(LD_IMM64, 2, imm=7) + insn(0)
    assert patched(loads + constant, calls={}, maps={7: 9}) == insn(LD_IMM64, 1 | 1 << 4, imm=9) + insn(0) + constant
