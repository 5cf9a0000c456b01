"""The tables of system calls and events: complete, consistent, and Falco's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tuimon import syscalls
from tuimon.records import Kind
from tuimon.syscalls import CALL_OF_NR, CALLS, COMPAT_I386, EVENT_NAMES, names_of, numbers_of
from tuimon.syscalls.calls import Call

UPSTREAM = Path(__file__).parents[2] / "shared/upstream"
HEADERS = Path("/usr/include/x86_64-linux-gnu/asm")

X86_64 = names_of("x86_64")
X86_64_NR = numbers_of("x86_64")


def _header(name: str) -> dict[str, int]:
    path = HEADERS / name
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    return {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+) (\d+)", path.read_text())}


def _events() -> dict[str, list[str]]:
    path = UPSTREAM / "EVENTS.tsv"
    if not path.exists():
        pytest.skip("the facts about Falco's events are not at ../shared/upstream")
    rows = (line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {name: params.split() for name, _, params in rows}


def test_x86_64_numbers_are_those_of_the_kernel_headers():
    """A wrong number would show one call under another's name."""
    for name, number in _header("unistd_64.h").items():
        assert X86_64_NR[name] == number, name


def test_every_i386_call_that_exists_is_mapped_to_the_same_call():
    """32-bit calls must be mapped, not misread."""
    renamed = {"waitpid": "wait4", "fstatat64": "newfstatat", "mmap2": "mmap", "ugetrlimit": "getrlimit"}
    never_made = {"break", "stty", "gtty", "ftime", "prof", "lock", "mpx", "ulimit", "profil"}
    for name, number in _header("unistd_32.h").items():
        if name in never_made:
            assert number not in COMPAT_I386
            continue
        native = X86_64[COMPAT_I386[number]]
        stem = name.removeprefix("_new").removeprefix("_").removeprefix("old").removeprefix("old")
        close = {stem.removesuffix(end) for end in ("", "64", "_64", "32", "_time64", "old")} | {renamed.get(name)}
        assert {native, native.removeprefix("rt_")} & (close | {name}), (name, native)


@pytest.mark.parametrize(
    ("name32", "native"),
    [("open", "open"), ("stat64", "stat"), ("fstatat64", "newfstatat"), ("chown32", "chown"), ("mmap2", "mmap"),
     ("futex_time64", "futex"), ("ugetrlimit", "getrlimit"), ("umount", "umount"), ("_llseek", "llseek"),
     ("pread64", "pread"), ("waitpid", "wait4"), ("clone", "clone"), ("execve", "execve")],
)  # fmt: skip
def test_known_i386_calls(name32: str, native: str):
    """Spot checks of the map, the calls without a native twin among them."""
    assert X86_64[COMPAT_I386[_header("unistd_32.h")[name32]]] == native


def test_pseudo_numbers_lie_where_no_kernel_has_a_call():
    """The counters have 512 places, and a real call must never be counted as one of ours."""
    pseudo = [nr for nr in X86_64 if nr >= syscalls.PSEUDO_FIRST]
    assert len(pseudo) == 13
    assert max(X86_64) < 512
    assert max(nr for nr in X86_64 if nr < syscalls.PSEUDO_FIRST) < 490


def test_arm64_has_its_own_numbers():
    """arm64 counts after the generic table."""
    arm = numbers_of("aarch64")
    assert (arm["openat"], arm["execve"], arm["read"], arm["clone3"], arm["mmap"]) == (56, 221, 63, 435, 222)
    assert "open" not in arm
    assert set(names_of("aarch64").values()) <= CALLS.keys() & EVENT_NAMES


def test_names_lead_to_numbers_and_back():
    """Falco's name and the kernel's both lead to the call."""
    assert X86_64_NR["pread"] == X86_64_NR["pread64"] == 17
    for number, name in X86_64.items():
        assert X86_64_NR[name] == number


def test_every_event_of_falco_is_known_with_its_parameters():
    """A rule that is legal in Falco must be legal here, down to evt.arg.NAME."""
    for name, params in _events().items():
        assert name in EVENT_NAMES
        assert [f"{param}:{kind}" for param, kind in syscalls.event_params(name)] == params, name


def test_parameter_types_gather_over_all_events():
    """evt.rawarg.NAME takes its type from here."""
    assert syscalls.param_types("size") >= {"UINT32", "UINT64"}
    assert syscalls.param_types("nothing_has_this") == frozenset()


@pytest.mark.parametrize(
    ("kind", "nr", "name"),
    [(Kind.SYSCALL, 257, "openat"), (Kind.EXEC, 59, "execve"), (Kind.EXEC, 322, "execveat"), (Kind.FORK, 435, "clone3"),
     (Kind.EXIT, 0, "procexit"), (Kind.HEARTBEAT, 0, "heartbeat"), (Kind.SYSCALL, 480, "unknown")],
)  # fmt: skip
def test_event_names(kind: Kind, nr: int, name: str):
    """evt.type of every kind of record."""
    if syscalls.MACHINE != "x86_64":
        pytest.skip("the numbers are x86_64's")
    assert syscalls.event_name(kind, nr) == name


def test_the_argument_table_covers_every_call_and_no_other():
    """A name that is misspelt in the table would silently never be looked into."""
    assert set(X86_64.values()) <= CALLS.keys()
    for number, call in CALL_OF_NR.items():
        assert syscalls.NR_TO_NAME[number] == call.name
    assert all(name in EVENT_NAMES for name in CALLS)


def test_arguments_of_some_calls():
    """The positions the kernel side reads by."""
    assert CALLS["openat"] == Call("openat", "file", path=1, dirfd=0, returns_fd=True)
    assert CALLS["renameat2"] == Call("renameat2", "file", dirfd=0, path=1, dirfd2=2, path2=3)
    assert CALLS["connect"] == Call("connect", "net", fd=0, sockaddr=1)
    assert CALLS["symlinkat"] == Call("symlinkat", "file", path=0, dirfd2=1, path2=2)
    assert CALLS["mmap"].fd == 4
    assert CALLS["write"].data == 1
    assert CALLS["getpid"] == Call("getpid")


def test_what_must_survive_a_flood_is_reserved():
    """Exec, credentials, mounts, modules and ptrace have room of their own; ordinary calls have not."""
    for name in ("execve", "setuid", "capset", "mount", "umount2", "init_module", "ptrace", "bpf", "setns", "unshare"):
        assert CALLS[name].reserved, name
    for name in ("openat", "read", "connect", "kill", "clone"):
        assert not CALLS[name].reserved, name


def test_no_register_stands_for_two_things():
    """Two marks on one position would be a slip of the pen."""
    for call in CALLS.values():
        places = [
            call.fd,
            call.fd2,
            call.path,
            call.dirfd,
            call.path2,
            call.dirfd2,
            call.sockaddr,
            call.text,
            call.data,
        ]
        used = [place for place in places if place is not None]
        assert len(used) == len(set(used)), call
        assert all(0 <= place < 6 for place in used)
