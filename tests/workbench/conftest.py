"""Replaying a recording changes the names of users for the whole program; each test gives them back."""

from __future__ import annotations

import pytest

from tuimon.enrich.users import HOST_USERS


@pytest.fixture(autouse=True)
def _names_of_users():
    kept = HOST_USERS._users, HOST_USERS._groups, HOST_USERS._fixed
    yield
    HOST_USERS._users, HOST_USERS._groups, HOST_USERS._fixed = kept
