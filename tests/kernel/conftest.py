"""One kernel source for all tests of a file: a start takes a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tuimon.capture.kernel import KernelSource


@pytest.fixture(scope="module")
def source() -> Iterator[KernelSource]:
    source = KernelSource(sheds=False)  # tests look away for seconds, and must miss nothing for it
    source.start()
    yield source
    source.close()
