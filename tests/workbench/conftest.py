"""What a test of the workbench must not depend on: the users of this machine, and of its processes' containers."""

from __future__ import annotations

import pytest

from tuimon.enrich.container_users import CONTAINER_USERS, Names
from tuimon.enrich.users import HOST_USERS


@pytest.fixture(autouse=True)
def _names_of_users(monkeypatch):
    """Replaying a recording changes the names of users for the whole program; each test gives them back.

    Those of containers are read in the background from the process of a made event's pid, if there happens to be one.
    """
    unknown = Names()
    monkeypatch.setattr(CONTAINER_USERS, "names", lambda container, member=0: unknown)
    kept = HOST_USERS._users, HOST_USERS._groups, HOST_USERS._fixed
    yield
    HOST_USERS._users, HOST_USERS._groups, HOST_USERS._fixed = kept
