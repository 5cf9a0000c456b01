"""Hypothesis strategies: conditions over real fields with few constants, and events that hit them often."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Final

import numpy as np
from hypothesis import strategies as st

from tests import builders
from tuimon.events import HOST, Container, Event, Process
from tuimon.records import FILE, Flag, Kind, Slot
from tuimon.rules.prefilter_ir import PathTest, path_test

PATHS = (
    "/etc/shadow",
    "/etc/passwd",
    "/tmp/x",
    "/tmp/../etc/shadow",
    "/usr/bin/sh",
    "x",
    "../etc/shadow",
    "/etc//shadow",
    "/etc/",
    "/etc/.x/shadow",
    "./shadow",
    ".",
    "etc/",
    "/etc/./shadow",
)
NAMES = ("bash", "sshd", "nginx", "cat")
CONTAINERS: tuple[Container | None, ...] = (
    HOST,
    builders.container("aaaaaaaaaaaa", name="web"),
    builders.container("bbbbbbbbbbbb", known=False),
    None,
)

CHECKS = tuple(
    line.strip()
    for line in """
    proc.name = bash
    proc.name != bash
    proc.name in (bash, sshd)
    proc.name startswith s
    proc.name exists
    proc.name glob '*s*'
    proc.pname = sshd
    proc.pname != sshd
    proc.pname in (nginx)
    proc.pname exists
    proc.aname = sshd
    proc.aname != sshd
    proc.aname in (bash, nginx)
    proc.aname[2] = bash
    proc.cmdline contains '-c'
    proc.args contains '-c'
    proc.exepath startswith /usr
    proc.tty != 0
    user.uid = 0
    user.uid != 0
    user.name = root
    group.gid > 0
    user.loginuid = -1
    proc.name = val(proc.pname)
    toupper(proc.name) = BASH
    len(proc.name) > 3
    container.id = host
    container.id != host
    container.name = web
    container.name exists
    container.image.repository contains nginx
    container.privileged = true
    fd.name = /etc/shadow
    fd.name != /etc/shadow
    fd.name startswith /etc
    fd.name endswith shadow
    fd.name in (/tmp/x, x)
    fd.name pmatch (/etc, /usr)
    fd.name contains tc
    fd.name exists
    fd.name glob '/*/sh*'
    fd.name icontains ETC
    fd.name regex '.*shad.w'
    fd.name startswith anyof (/etc, /usr)
    fd.name contains shadow
    fd.name contains /etc/shadow
    fd.name contains ../
    fd.name endswith /shadow
    fd.name endswith etc/shadow
    fd.name endswith x
    fd.name glob '/etc/*'
    fd.name glob '*../*'
    fd.name glob '/et*/sh*w'
    fd.name glob '*/x'
    fd.nameraw glob '../*/shadow'
    fd.nameraw = ../etc/shadow
    fd.nameraw startswith /etc/
    fd.directory = /tmp
    fd.directory = /
    fd.type in (ipv4, ipv6)
    fd.type = directory
    evt.arg.oldpath = /etc/shadow
    evt.arg.newpath startswith /tmp/
    evt.arg.path startswith /etc/x
    evt.arg.name startswith /tmp
    evt.arg.target = /etc/shadow
    evt.arg.mode contains S_ISUID
    container.id in (host, aaaaaaaaaaaa)
    container.id exists
    container.name = host
    proc.name != sshd
    proc.name in (nginx, averyveryverylongname)
    fd.nameraw contains ../
    fd.directory in (/etc, /tmp)
    fd.num = -1
    evt.res startswith E
    evt.arg.flags contains O_TRUNC
    evt.arg.oldpath endswith shadow
    fd.directory = /etc
    fd.filename in (shadow)
    fd.typechar = 'f'
    fd.typechar = 4
    fd.num >= 0
    fd.num = 5
    fd.num in (0, 1, 2)
    fd.sip = 10.0.0.9
    fd.sport in (443, 80)
    fd.port = 443
    fd.port != 443
    fd.ip = 10.0.0.5
    fd.ip != 0.0.0.0
    fd.net != 127.0.0.0/8
    fd.net != 10.0.0.0/8
    fd.net = 192.168.0.0/16
    fd.rip = 2001:db8::1
    fd.snet in (127.0.0.0/8, 10.0.0.0/24)
    fd.sip != 10.0.0.9
    fd.lport = 40000
    fd.cport in (40000, 41000)
    fd.typechar = 6
    fd.typechar in (4, 6)
    fd.type = unix
    fd.sockfamily = ip
    fd.sockfamily = unix
    fd.l4proto = udp
    fd.l4proto in (tcp, udp)
    fd.l4proto != tcp
    evt.res = EINPROGRESS
    evt.arg.domain contains AF_PACKET
    evt.arg.request contains PTRACE_POKE
    fd.net = 10.0.0.0/8
    fd.snet in (10.0.0.0/8, 192.168.0.0/16)
    fd.ip != 10.0.0.9
    fd.l4proto = tcp
    evt.is_open_read = true
    evt.is_open_write = true
    evt.is_open_write = false
    evt.rawres >= 0
    evt.rawres in (0, -115)
    evt.rawres > 3
    evt.rawres = 4
    evt.is_open_create = true
    evt.arg.flags contains O_F_CREATED
    fd.is_upper_layer = true
    fd.ino = 7
    evt.arg.ino = 8
    evt.deltatime > 0
    evt.res = SUCCESS
    evt.res != SUCCESS
    evt.res in (ENOENT, EACCES)
    evt.failed = true
    evt.arg.flags contains O_CREAT
    evt.arg.name endswith shadow
    evt.arg.path startswith /tmp
    evt.arg.newpath contains tmp
    evt.type = openat
    evt.type in (openat, connect)
    evt.type != openat
    evt.type in (execve, execveat)
    evt.cpu = 0
    evt.num > 3
    evt.arg.res = 0
    syscall.type exists
    evt.arg.uid = 0
    fd.name = val(proc.exepath)
    """.strip().splitlines()
)

_check = st.sampled_from(CHECKS)
_PIECES = st.sampled_from((b"/", b"/", b".", b"..", b"a", b"bb", b"ccccc", b"ddddddd", b"eeeeeeeeee", b"./", b"../"))
_TEXTS = st.lists(_PIECES, max_size=8).map(b"".join)


@st.composite
def path_slots(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A path as given, a directory it may start from and a real path, of few letters, many dots and slashes."""
    given = draw(st.one_of(_TEXTS, _TEXTS.map(lambda text: b"/" + text)))
    base = (
        b"" if given.startswith(b"/") else b"/" + b"/".join(draw(st.lists(st.sampled_from((b"a", b".bb")), max_size=3)))
    )
    joined = b"" if given.startswith(b"/") else base.rstrip(b"/") + b"/" + given
    real = draw(st.one_of(st.just(b""), st.just(joined), _TEXTS.map(lambda text: b"/" + text)))
    return given, base, real


@st.composite
def path_tests(draw: st.DrawFn) -> PathTest:
    """A path test of any form, with a few constants of each kind."""
    texts = st.lists(_TEXTS.filter(bool), max_size=2)
    absolute = st.lists(_TEXTS.map(lambda text: b"/" + text), max_size=2)
    return path_test(
        draw(st.sampled_from((Slot.GIVEN, Slot.GIVEN2))),
        draw(absolute),
        draw(absolute),
        draw(texts),
        draw(texts),
        [text if text.endswith(b"/") else text + b"/" for text in draw(absolute)],
        negated=draw(st.booleans()),
        form=draw(st.sampled_from(("name", "arg", "raw"))),
    )


def _join(word: str) -> object:
    return lambda parts: "(" + f" {word} ".join(parts) + ")"


conditions = st.recursive(
    _check,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(_join("and")),
        st.lists(inner, min_size=2, max_size=3).map(_join("or")),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=10,
)
"""Texts of conditions."""


@st.composite
def processes(draw: st.DrawFn) -> Process:
    """A process with up to two ancestors."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    return builders.chain(
        *names,
        args=draw(st.sampled_from(((), ("-c", "id")))),
        uid=draw(st.sampled_from((0, 1000))),
        loginuid=draw(st.sampled_from((0xFFFFFFFF, 1000))),
        tty=draw(st.sampled_from((0, 34816))),
        exepath=draw(st.sampled_from(("/usr/bin/bash", "/tmp/x", ""))),
    )


FILE_SLOTS: Final = tuple(
    np.array([(ino, 0xFE00, flags)], FILE).tobytes() for ino in (7, 8) for flags in (0, 0x80, 0x81, 0x02)
)
"""What the kernel says of an opened file: made by this open, in the upper or the lower layer."""


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An open, exec, connect, rename, setuid or read, of a few processes, paths and results."""
    actor = draw(processes())
    place = draw(st.sampled_from(CONTAINERS))
    common = {"process": actor, "container": place, "cpu": draw(st.sampled_from((0, 1)))}
    shape = draw(
        st.sampled_from(
            ("open", "open", "open", "connect", "exec", "rename", "setuid", "read", "mkdir", "other", "other")
        )
    )
    path = draw(st.sampled_from(PATHS))
    result = draw(st.sampled_from((0, 3, 4, 5, -2, -13, -115)))
    if shape == "open":
        real = draw(st.sampled_from((None, "/etc/shadow", "/tmp/x")))
        call = draw(st.sampled_from(("open", "openat", "creat")))
        mode = draw(st.sampled_from((os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_RDWR)))
        common["base2"] = draw(st.sampled_from((b"", *FILE_SLOTS)))
        common["kind"] = draw(st.sampled_from((Kind.SYSCALL, Kind.SYSCALL, Kind.IO_URING, Kind.IO_URING_DONE)))
        return builders.open_event(path, ret=result, real=real, call=call, flags=mode, **common)  # type: ignore[arg-type]
    if shape == "connect":
        ip = draw(st.sampled_from(("10.0.0.9", "192.168.1.1", "2001:db8::1", "127.0.0.1", "::ffff:10.0.0.9")))
        call = draw(st.sampled_from(("connect", "accept", "sendto", "accept4")))
        more = {"fd": draw(st.sampled_from((1, 5))), "udp": draw(st.booleans()), **common}
        if draw(st.booleans()):
            more["fd_type"] = draw(st.sampled_from((0, 0o140000, 0o100000)))
        return builders.connect_event(ip, draw(st.sampled_from((443, 53))), ret=result, call=call, **more)  # type: ignore[arg-type]
    if shape == "other":
        call = draw(st.sampled_from(("socket", "chmod", "fchmodat", "ptrace", "dup2", "unlinkat", "symlink", "chdir")))
        arguments = draw(st.sampled_from(((2, 1, 0), (17, 3, 0o4755), (4, 0o4644, 5), (10, 2, 1))))
        mode = draw(st.sampled_from((0, 0o100000, 0o140000)))
        return builders.syscall_event(
            call,
            ret=result,
            args=arguments,
            given=path,
            base="/tmp",
            given2="../x",
            base2="/etc",
            fd_type=mode,
            **common,
        )  # type: ignore[arg-type]
    if shape == "exec":
        return builders.exec_event(**common)  # type: ignore[arg-type]
    if shape == "rename":
        return builders.syscall_event(
            "rename", ret=result, args=(1, 2), given=path, given2="/tmp/new", base="/etc", base2="/etc", **common
        )
    if shape == "mkdir":
        return builders.syscall_event(
            "mkdir", ret=result, args=(1, 0o755), given=path, base="/etc", flags=Flag(0), **common
        )
    if shape == "setuid":
        return builders.syscall_event("setuid", ret=result, args=(draw(st.sampled_from((0, 1000))),), **common)  # type: ignore[arg-type]
    slim = draw(st.booleans())
    return builders.syscall_event("read", ret=result, args=(3, 4096, 10), slim=slim, **common)  # type: ignore[arg-type]


def rule(name: str, condition: object, event_types: frozenset[str] | None = None) -> SimpleNamespace:
    """Return a rule as the loader would hand it out."""
    return SimpleNamespace(
        name=name, condition=condition, output="%proc.name %fd.name", priority="Warning", tags=(), source="syscall",
        enabled=True, event_types=event_types, file="test.yaml", line=1,
    )  # fmt: skip
