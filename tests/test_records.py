"""The C layout of the records and the numpy dtypes are the same, as the host's own compiler sees it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tuimon import records
from tuimon.records import (
    CLASS_BYTES,
    EXT,
    FILE,
    HEAD,
    MEMORY,
    PROC,
    SOCK,
    ExeFlag,
    Flag,
    Kind,
    SizeClass,
    Slot,
    SockFlag,
)
from tuimon.resources import bpf_dir

STRUCTS = {"tm_head": HEAD, "tm_ext": EXT, "tm_proc": PROC, "tm_sock": SOCK, "tm_file": FILE, "tm_memory": MEMORY}
C_NAMES = {("tm_head", "cpu"): "cpu_lo"}
"""One column in numpy, two bytes in C."""


def compiled(tmp_path: Path, lines: list[str]) -> list[int]:
    """Return what C expressions over events.h are worth."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    prints = "\n".join(f'printf("%ld\\n", (long)({line}));' for line in lines)
    source = tmp_path / "layout.c"
    source.write_text(f'#include <stddef.h>\n#include <stdio.h>\n#include "events.h"\nint main(void) {{ {prints} }}\n')
    subprocess.run([compiler, "-Wall", "-Werror", "-I", bpf_dir(), "-o", tmp_path / "layout", source], check=True)
    out = subprocess.run([tmp_path / "layout"], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in out.split()]


def test_every_size_and_offset_is_that_of_the_c_header(tmp_path: Path) -> None:
    """A record would be read as garbage otherwise."""
    expected: list[tuple[str, int]] = []
    for name, dtype in STRUCTS.items():
        expected.append((f"sizeof(struct {name})", dtype.itemsize))
        for member, (member_dtype, offset) in ((m, f[:2]) for m, f in (dtype.fields or {}).items()):
            c_name = C_NAMES.get((name, member), member)
            expected.append((f"offsetof(struct {name}, {c_name})", offset))
            if c_name == member:
                expected.append((f"sizeof(((struct {name} *)0)->{c_name})", member_dtype.itemsize))
    got = compiled(tmp_path, [expression for expression, _ in expected])
    assert dict(zip((e for e, _ in expected), got, strict=True)) == dict(expected)


def test_every_constant_is_that_of_the_c_header(tmp_path: Path) -> None:
    expected = {"TM_ABI": records.ABI, "TM_SLOTS": records.SLOTS, "TM_CLASSES": len(SizeClass)}
    expected |= {f"TM_KIND_{kind.name}": kind for kind in Kind}
    expected |= {f"TM_F_{flag.name}": flag for flag in Flag}
    expected |= {f"TM_EXE_{flag.name}": flag for flag in ExeFlag}
    expected |= {f"TM_SOCK_{flag.name}": flag for flag in SockFlag}
    expected |= {f"TM_{size_class.name}": size_class for size_class in SizeClass}
    expected |= {f"TM_{size_class.name}_BYTES": CLASS_BYTES[size_class] for size_class in SizeClass}
    expected |= {f"TM_SLOT_{name}": Slot[name] for name in ("GIVEN", "BASE", "REAL", "GIVEN2", "BASE2", "SOCK")}
    got = compiled(tmp_path, list(expected))
    assert dict(zip(expected, got, strict=True)) == {name: int(value) for name, value in expected.items()}


def test_members_lie_side_by_side_without_holes() -> None:
    """What the compiler would pad is said explicitly, so that no byte of a record is left to chance."""
    for name, dtype in STRUCTS.items():
        at = 0
        for member in dtype.names or ():
            member_dtype, offset = (dtype.fields or {})[member][:2]
            assert offset == at, f"{name}.{member}"
            at += member_dtype.itemsize
        assert at == dtype.itemsize


@pytest.mark.parametrize("size_class", list(SizeClass))
def test_a_record_is_as_long_as_its_class(size_class: SizeClass) -> None:
    plain, in_ring = records.record_dtype(size_class), records.record_dtype(size_class, ring_header=True)
    assert plain.itemsize == CLASS_BYTES[size_class]
    assert in_ring.itemsize == CLASS_BYTES[size_class] + 8
    assert in_ring.itemsize % 8 == 0, "the ring buffer rounds records up to 8 bytes: the stride would drift"
    assert np.zeros(2, in_ring)["head"]["ts_ns"].shape == (2,)
