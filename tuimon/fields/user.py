"""user.* and group.*: who made the event.

The uid is the one the event carries (the effective uid at that moment), else the one the process had when last
described. That is why these fields belong to the event, not to the process.
"""

from __future__ import annotations

from tuimon.enrich.users import HOST_USERS, User
from tuimon.events import UNSET_ID, Event
from tuimon.fields.registry import UNKNOWN, Scope, Value, add
from tuimon.fields.registry import FieldType as T
from tuimon.fields.who import NO_NAME, gid_of, group_name, uid_of, user_name, user_of


def _uid(event: Event, _: str | None) -> Value:
    return uid_of(event)


def _name(event: Event, _: str | None) -> Value:
    uid = uid_of(event)
    return None if uid is None else user_name(event, uid)


def _homedir(event: Event, _: str | None) -> Value:
    uid = uid_of(event)
    if uid is None:
        return None
    user = user_of(event, uid)
    if isinstance(user, User):
        return user.home
    if uid == 0:
        return "/root"
    return UNKNOWN if user is UNKNOWN else NO_NAME


def _shell(event: Event, _: str | None) -> Value:
    uid = uid_of(event)
    if uid is None:
        return None
    user = user_of(event, uid)
    if isinstance(user, User):
        return user.shell
    return UNKNOWN if user is UNKNOWN else NO_NAME


def _loginuid(event: Event, _: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    return -1 if process.loginuid == UNSET_ID else process.loginuid


def _loginname(event: Event, _: str | None) -> Value:
    process = event.process
    if process is None:
        return None
    # Whoever logged in did so on the host, also when the process is in a container now.
    user = HOST_USERS.user(process.loginuid) if process.loginuid != UNSET_ID else None
    if user is not None:
        return user.name
    return "root" if process.loginuid == 0 else NO_NAME


def _gid(event: Event, _: str | None) -> Value:
    return gid_of(event)


def _group_name(event: Event, _: str | None) -> Value:
    gid = gid_of(event)
    return None if gid is None else group_name(event, gid)


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
