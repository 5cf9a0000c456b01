"""What a test of the workbench must not depend on: the users of its processes' containers."""

from __future__ import annotations

import pytest

from tuimon.enrich.container_users import CONTAINER_USERS, Names


@pytest.fixture(autouse=True)
def _names_of_users(monkeypatch):
    """They are not known here, and will not be."""
    unknown = Names()
    monkeypatch.setattr(CONTAINER_USERS, "names", lambda container, member=0: unknown)
