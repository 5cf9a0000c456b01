"""Which user a number stands for, given where the event happened: on the host, or in which container."""

from __future__ import annotations

from typing import Final

from tuimon.enrich.container_users import CONTAINER_USERS, Names
from tuimon.enrich.users import HOST_USERS, User
from tuimon.events import UNSET_ID, Event
from tuimon.fields.registry import UNKNOWN, _Unknown

NO_NAME: Final = "<NA>"
"""What Falco says for a number without a name; a text, not an absent value."""


_NOT_YET: Final = Names()


def uid_of(event: Event) -> int | None:
    """Return the effective uid of an event, None when it is not known."""
    uid = event.uid
    if uid is None and event.process is not None:
        uid = event.process.uid
    return None if uid == UNSET_ID else uid


def gid_of(event: Event) -> int | None:
    """Return the effective gid of an event, None when it is not known."""
    gid = event.gid
    if gid is None and event.process is not None:
        gid = event.process.gid
    return None if gid == UNSET_ID else gid


def _inside(event: Event) -> Names | None:
    """Return the names of the event's container, None on the host; nothing is known of no container at all."""
    container = event.container
    if container is None:
        return _NOT_YET
    if container.is_host:
        return None
    process = event.process
    alive = process is not None and process.end_ns is None
    return CONTAINER_USERS.names(container, process.pid if process is not None and alive else 0)


def user_of(event: Event, uid: int) -> User | _Unknown | None:
    """Return the user with this number there, UNKNOWN while the container or its files are not known yet."""
    names = _inside(event)
    if names is None:
        return HOST_USERS.user(uid)
    return names.users.get(uid) if names.loaded else UNKNOWN


def group_of(event: Event, gid: int) -> str | _Unknown | None:
    """Return the name of the group with this number there, as ``user_of`` does."""
    names = _inside(event)
    if names is None:
        return HOST_USERS.group(gid)
    return names.groups.get(gid) if names.loaded else UNKNOWN


def user_name(event: Event, uid: int) -> str | _Unknown:
    """Return the name of the user with this number there; NO_NAME when it has none, but 0 is always root."""
    user = user_of(event, uid)
    if isinstance(user, User):
        return user.name
    if uid == 0:
        return "root"
    return NO_NAME if user is None else user


def group_name(event: Event, gid: int) -> str | _Unknown:
    """Return the name of the group with this number there; NO_NAME when it has none, but 0 is always root."""
    found = group_of(event, gid)
    if gid == 0:
        return found if isinstance(found, str) else "root"
    return NO_NAME if found is None else found
