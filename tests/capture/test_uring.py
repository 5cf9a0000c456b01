"""The table of io_uring operations."""

from tests.capture.test_btf import Builder
from tuimon.capture.btf import Btf
from tuimon.capture.uring import NO_NR, OP, uring_ops


def test_a_kernel_without_io_uring_has_an_empty_table() -> None:
    table = uring_ops(Btf(Builder().data()))
    assert set(table["nr"].tolist()) == {NO_NR}


def test_a_row_is_as_long_as_the_programs_expect() -> None:
    """struct tm_uring_op of bpf/maps.h."""
    assert OP.itemsize == 24
