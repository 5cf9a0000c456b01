"""Reloads of all rules under load: nothing that both rule sets want is lost or judged twice."""

from __future__ import annotations

import pytest

from tests.bench import bench_reload

pytestmark = [pytest.mark.kernel, pytest.mark.alone]


def test_reloads_under_load_lose_and_double_no_marked_call() -> None:
    """What a flood loses for want of room is counted exactly; the marks have room, whatever is compiled beside them."""
    figures = bench_reload.run(reloads=4, quiet_s=0.3)
    assert figures["marked"] > 100
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    missing = figures["flood"] - figures["flood_taken"]
    assert 0 <= missing <= figures["dropped"]
