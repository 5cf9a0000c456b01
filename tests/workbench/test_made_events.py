"""Events made from readable fields are what they say, or an error."""

from __future__ import annotations

import pytest

from tuimon import fields
from tuimon.events import Event
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression
from tuimon.workbench.made_events import MadeEventError, make

OPEN = {"evt.type": "openat", "fd.name": "/etc/shadow"}


def holds(condition: str, event: Event) -> bool:
    return compile_condition(compile_expression(condition))(event) is True


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        (OPEN, "evt.type = openat and fd.name = /etc/shadow and evt.is_open_read = true and fd.num = 3"),
        (OPEN, "container.id = host and user.name = root and evt.res = SUCCESS and fd.directory = /etc"),
        ({**OPEN, "evt.res": "ENOENT"}, "fd.name = /etc/shadow and evt.res = ENOENT and evt.failed = true"),
        ({**OPEN, "evt.is_open_write": "true"}, "evt.is_open_write = true"),
        ({**OPEN, "evt.arg.flags": "O_CREAT|O_WRONLY"}, "evt.arg.flags contains O_CREAT and evt.is_open_write = true"),
        ({**OPEN, "proc.cmdline": "cat -n /etc/shadow"}, "proc.name = cat and proc.args = '-n /etc/shadow'"),
        ({**OPEN, "proc.name": "cat", "proc.exepath": "/opt/cat"}, "proc.exepath = /opt/cat and proc.name = cat"),
        ({**OPEN, "proc.pname": "nginx"}, "proc.pname = nginx and proc.aname = nginx"),
        ({**OPEN, "proc.aname[3]": "sshd"}, "proc.aname[3] = sshd and proc.pname = init"),
        ({**OPEN, "proc.pname": "<NA>"}, "not proc.pname exists"),
        ({**OPEN, "proc.tty": "34816"}, "proc.tty != 0"),
        ({**OPEN, "user.uid": "33", "user.loginuid": "1000"}, "user.uid = 33 and user.loginuid = 1000"),
        ({**OPEN, "container.name": "web"}, "container.name = web and container.id != host"),
        (
            {**OPEN, "container.image": "reg.io:5000/shop/web:1.4"},
            "container.image.repository = reg.io:5000/shop/web and container.image.tag = 1.4",
        ),
        ({**OPEN, "container.privileged": "true"}, "container.privileged = true"),
        ({**OPEN, "k8s.ns.name": "shop", "k8s.pod.name": "web-1"}, "k8s.ns.name = shop and k8s.pod.name = web-1"),
        ({**OPEN, "fd.realpath": "/host/etc/shadow"}, "fd.realpath = /host/etc/shadow and fd.name = /host/etc/shadow"),
        (
            {"evt.type": "openat", "evt.arg.name": "../etc/shadow", "proc.cwd": "/tmp/"},
            "fd.name = /etc/shadow and proc.cwd = /tmp/",
        ),
        ({"evt.type": "openat", "fd.directory": "/var/log", "fd.filename": "x"}, "fd.name = /var/log/x"),
        ({"evt.type": "execve", "proc.name": "bash", "proc.args": "-c id"}, "proc.cmdline = 'bash -c id'"),
        ({"evt.type": "execve", "proc.is_exe_upper_layer": "true"}, "proc.is_exe_upper_layer = true"),
        ({"evt.type": "execve", "evt.res": "EACCES"}, "evt.failed = true and evt.type = execve"),
        ({"evt.type": "connect", "fd.sip": "192.0.2.9", "fd.sport": "44"}, "fd.sip = 192.0.2.9 and fd.sport = 44"),
        ({"evt.type": "connect", "fd.sip": "2001:db8::9"}, "fd.sip = 2001:db8::9"),
        (
            {"evt.type": "connect", "fd.name": "10.0.0.5:41000->203.0.113.9:443"},
            "fd.sip = 203.0.113.9 and fd.cport = 41000 and fd.l4proto = tcp",
        ),
        ({"evt.type": "connect", "fd.l4proto": "udp", "fd.sport": "53"}, "fd.l4proto = udp and fd.sport = 53"),
        ({"evt.type": "connect", "fd.name": "/run/docker.sock"}, "fd.name = /run/docker.sock and fd.type = unix"),
        ({"evt.type": "accept4", "fd.sport": "22"}, "fd.sport = 22 and fd.typechar = 4"),
        ({"evt.type": "read", "fd.name": "/etc/shadow"}, "fd.name = /etc/shadow"),
        ({"evt.type": "chmod", "evt.arg.filename": "/x", "evt.arg.mode": "0o4755"}, "evt.arg.mode contains S_ISUID"),
        ({"evt.type": "fchmodat", "evt.arg.mode": "S_ISUID|S_IXUSR"}, "evt.arg.mode contains S_ISUID"),
        (
            {"evt.type": "renameat2", "evt.arg.oldpath": "/tmp/a", "evt.arg.newpath": "/etc/profile"},
            "fs.path.source = /tmp/a and fs.path.target = /etc/profile",
        ),
        ({"evt.type": "unlink", "fs.path.name": "/var/log/x"}, "fs.path.name = /var/log/x"),
        ({"evt.type": "ptrace", "evt.arg.request": "16"}, "evt.arg.request = PTRACE_ATTACH"),
        ({"evt.type": "setns", "evt.arg.nstype": "CLONE_NEWNS"}, "evt.arg.nstype contains CLONE_NEWNS"),
        ({"evt.type": "clone"}, "evt.type = clone and evt.rawres > 0"),
        ({"evt.type": "procexit", "proc.name": "x"}, "evt.type = procexit and proc.name = x"),
        ({"evt.type": "memfd_create", "evt.arg.name": "payload"}, "evt.arg.name = payload"),
    ],
)  # fmt: skip
def test_what_is_said_comes_out(wanted, condition):
    assert holds(condition, make(wanted)), condition


@pytest.mark.parametrize(
    ("wanted", "field", "says", "hint"),
    [
        ({"fd.name": "/x"}, "evt.type", "needs an evt.type", "openat"),
        ({"evt.type": "openatt"}, "evt.type", "no system call", "did you mean openat"),
        ({**OPEN, "proc.nme": "x"}, "proc.nme", "unknown field proc.nme", "did you mean proc.name"),
        ({**OPEN, "proc.tty": "tty1"}, "proc.tty", "is a number", ""),
        ({**OPEN, "evt.res": "ENOSUCH"}, "evt.res", "no error name", "ENOENT"),
        ({**OPEN, "evt.arg.flags": "O_NOPE"}, "evt.arg.flags", "no flag", "O_CREAT"),
        ({**OPEN, "user.name": "bob"}, "user.name", "not known", "user.uid"),
        ({**OPEN, "fd.sip": "1.2.3.4"}, "fd.sip", "cannot have fd.sip = 1.2.3.4", "recording"),
        ({**OPEN, "evt.is_open_read": "maybe"}, "evt.is_open_read", "comes out as true", ""),
        ({"evt.type": "connect", "fd.sip": "1.2.3"}, "fd.name", "make no connection", ""),
        ({**OPEN, "fd.name": "/" + "x" * 20_000}, "evt.type", "more than a record holds", ""),
    ],
)
def test_what_cannot_be_is_an_error_at_its_field(wanted, field, says, hint):
    with pytest.raises(MadeEventError) as caught:
        make(wanted)
    assert caught.value.field == field
    assert says in str(caught.value)
    assert hint in caught.value.hint


def test_every_field_that_was_given_is_asked_of_the_event():
    """A setter that forgot its field would make a test that passes for the wrong reason."""
    event = make({**OPEN, "proc.name": "cat"})
    for name, value in {**OPEN, "proc.name": "cat"}.items():
        assert fields.lookup(name).get(event, None) == value
