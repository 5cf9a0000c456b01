"""What the tests of the rules share: made-up containers, whose users nobody looks for on this machine."""

from __future__ import annotations

import pytest

from tuimon.enrich.container_users import CONTAINER_USERS, Names


@pytest.fixture(autouse=True)
def _no_users_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a container no names, at once: a made-up process may have the number of a real one, read a moment later."""
    loaded, unknown = Names(loaded=True), Names()
    monkeypatch.setattr(CONTAINER_USERS, "names", lambda container, member=0: loaded if container.known else unknown)
