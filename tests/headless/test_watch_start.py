"""``tuimon watch`` that cannot start says why, and nothing else."""

from __future__ import annotations

import io

import pytest

from tuimon.capture.synthetic import SyntheticSource
from tuimon.engine import build_engine
from tuimon.errors import CaptureError
from tuimon.headless.watch import watch
from tuimon.settings import Settings


class Refused(SyntheticSource):
    """A source that may not be read."""

    def start(self) -> None:
        raise CaptureError("reading the kernel's events needs root", "start it with sudo")


def test_what_did_not_start_counts_nothing() -> None:
    """ "0 events seen, none lost" would read as if it had watched."""
    out, status = io.StringIO(), io.StringIO()
    with pytest.raises(CaptureError, match="needs root"):
        watch(build_engine(Settings(), Refused([])), out=out, status=status)
    assert out.getvalue() == status.getvalue() == ""
