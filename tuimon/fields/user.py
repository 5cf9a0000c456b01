"""user.* and group.*: who made the event.

The uid is the one the event carries (the effective uid at that moment), else the one the process had when last
described. That is why these fields belong to the event, not to the process.
"""

from __future__ import annotations

from typing import Final

from tuimon.enrich.users import HOST_USERS, User
from tuimon.events import UNSET_ID, Event
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Scope, Value, add

NO_NAME: Final = "<NA>"
"""What Falco says for a number without a name; a text, not an absent value."""


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


def _user(event: Event) -> User | None:
    uid = uid_of(event)
    return None if uid is None else HOST_USERS.user(uid)


def _uid(event: Event, _: str | None) -> Value:
    return uid_of(event)


def _name(event: Event, _: str | None) -> Value:
    uid = uid_of(event)
    if uid is None:
        return None
    user = HOST_USERS.user(uid)
    if user is not None:
        return user.name
    return "root" if uid == 0 else NO_NAME


def _homedir(event: Event, _: str | None) -> Value:
    uid = uid_of(event)
    if uid is None:
        return None
    user = HOST_USERS.user(uid)
    if user is not None:
        return user.home
    return "/root" if uid == 0 else NO_NAME


def _shell(event: Event, _: str | None) -> Value:
    if uid_of(event) is None:
        return None
    user = _user(event)
    return NO_NAME if user is None else user.shell


def _loginuid(event: Event, _: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    return -1 if process.loginuid == UNSET_ID else process.loginuid


def _loginname(event: Event, _: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    if process.loginuid == UNSET_ID:
        return NO_NAME
    user = HOST_USERS.user(process.loginuid)
    if user is not None:
        return user.name
    return "root" if process.loginuid == 0 else NO_NAME


def _gid(event: Event, _: str | None) -> Value:
    return gid_of(event)


def _group_name(event: Event, _: str | None) -> Value:
    gid = gid_of(event)
    if gid is None:
        return None
    return HOST_USERS.group(gid) or ("root" if gid == 0 else NO_NAME)


add("user", "user.uid", T.UINT32, "effective user id", _uid)
add("user", "user.name", T.CHARBUF, "name of the effective user", _name)
add("user", "user.homedir", T.CHARBUF, "home directory of the effective user", _homedir)
add("user", "user.shell", T.CHARBUF, "login shell of the effective user", _shell)
add(
    "user",
    "user.loginuid",
    T.INT64,
    "user id of whoever logged in (audit uid), -1 for what no login began",
    _loginuid,
    Scope.PROCESS,
)
add("user", "user.loginname", T.CHARBUF, "name of the user of user.loginuid", _loginname, Scope.PROCESS)
add("group", "group.gid", T.UINT32, "effective group id", _gid)
add("group", "group.name", T.CHARBUF, "name of the effective group", _group_name)
