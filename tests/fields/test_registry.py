"""The registry knows every field of Falco, and names lead to the right one."""

from __future__ import annotations

import csv

import pytest

from tests.builders import connect_event, exec_event, fork_event, open_event, syscall_event
from tests.conftest import UPSTREAM
from tuimon import fields
from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN, FieldInfo, FieldType, Scope, declare
from tuimon.records import Kind

OWN = {"evt.is_truncated", "fd.realpath"}


def _falco() -> dict[str, dict[str, str]]:
    path = UPSTREAM / "FIELDS.tsv"
    if not path.exists():
        pytest.skip("the facts about Falco's fields are not at ../shared/upstream")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {row["name"]: row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}


def test_every_field_of_falco_is_known_and_no_other():
    """A rule with a field we do not know would be refused."""
    assert {info.name for info in fields.all_fields()} - OWN == set(_falco())


def test_types_lists_and_arguments_are_falcos():
    """They decide which operators a rule may use."""
    for name, row in _falco().items():
        info = fields.lookup(name)
        assert info is not None
        assert (info.type, info.is_list, info.arg) == (row["type"], row["is_list"] == "yes", row["takes_arg"]), name


def test_marks_are_falcos():
    """They decide where a field may stand."""
    for name, row in _falco().items():
        info = fields.lookup(name)
        assert info is not None
        marks = set(row["flags"].split(",")) - {"-"}
        assert info.filter_only == ("FILTER_ONLY" in marks), name
        assert info.print_only == bool(marks & {"TABLE_ONLY", "PRINT_ONLY"}), name
        assert info.no_rhs == ("NO_RHS" in marks), name
        assert info.no_transformer == ("NO_TRANSFORMER" in marks), name
        assert info.suggested_output == ("SUGGESTED_OUTPUT" in marks), name
        assert bool(info.deprecated) or "DEPRECATED" not in marks, name


@pytest.mark.parametrize("info", fields.all_fields(), ids=lambda info: info.name)
def test_every_field_says_what_it_means(info: FieldInfo):
    """Help, completion and the reference page show these sentences."""
    assert 8 < len(info.doc) < 130
    assert not info.doc.removesuffix("...").endswith(".")
    assert info.group in ("evt", "process", "user", "group", "fd", "fdlist", "fs.path", "container", "k8s")


@pytest.mark.parametrize(
    ("name", "field", "arg"),
    [
        ("proc.name", "proc.name", None),
        ("evt.arg.flags", "evt.arg", "flags"),
        ("evt.rawarg.res", "evt.rawarg", "res"),
        ("evt.type.is.openat", "evt.type.is", "openat"),
        ("evt.type", "evt.type", None),
        ("thread.cgroup.memory", "thread.cgroup", "memory"),
        ("container.label.com.docker.compose.project", "container.label", "com.docker.compose.project"),
        ("container.mount.dest", "container.mount.dest", None),
        ("container.mount./proc", "container.mount", "/proc"),
        ("k8s.pod.label.app", "k8s.pod.label", "app"),
        ("evt.abspath.src", "evt.abspath", "src"),
        ("proc.sid.exe", "proc.sid.exe", None),
        ("fd.cip.name", "fd.cip.name", None),
    ],
)
def test_the_longest_name_wins_and_leaves_the_argument(name: str, field: str, arg: str | None):
    """Falco looks names up the same way."""
    found = fields.resolve(name)
    assert found is not None
    assert (found[0].name, found[1]) == (field, arg)


@pytest.mark.parametrize(
    "name", ["", "proc", "proc.", "proc.nam", "proc.name.x", "evt.nothing", ".", "fd..name", "evt.arg."]
)
def test_what_is_no_field_is_none(name: str):
    """The loader turns this into an error with the nearest name."""
    assert fields.resolve(name) is None
    assert fields.lookup(name) is None


def test_a_field_is_declared_once():
    """Two meanings of one name would depend on the order of imports."""
    info = fields.lookup("proc.name")
    assert info is not None
    with pytest.raises(ValueError, match=r"proc\.name is declared twice"):
        declare(info)


def test_path_fields_have_a_real_twin_where_the_kernel_gives_one():
    """A path test looks at both; the fields for two paths have only the given ones."""
    paths = {info.name for info in fields.all_fields() if info.is_path}
    with_twin = {name for name in paths if fields.real_twin(fields.lookup(name)) is not None}  # type: ignore[arg-type]
    assert {"fd.name", "fd.directory", "fd.filename", "fd.nameraw", "fs.path.name"} <= with_twin
    assert paths - with_twin == {
        "fs.path.source",
        "fs.path.sourceraw",
        "fs.path.target",
        "fs.path.targetraw",
    }
    name = fields.lookup("proc.name")
    assert name is not None
    assert fields.real_twin(name) is None


EVENTS = {
    "open": open_event("/etc/shadow"),
    "failed open": open_event("x", ret=-2),
    "exec": exec_event("bash", args=["-i"]),
    "fork": fork_event(),
    "exit": syscall_event("exit", kind=Kind.EXIT, ret=9),
    "connect": connect_event(),
    "accept": connect_event(call="accept", ret=7),
    "slim": syscall_event("read", slim=True),
    "empty openat": syscall_event("openat"),
    "io_uring": syscall_event("openat", kind=Kind.IO_URING, given="/x"),
    "unknown call": syscall_event(480),
    "no container": open_event("/x", container=None),
}
_PYTHON = {FieldType.BOOL: bool, FieldType.BYTEBUF: bytes, FieldType.IPADDR: bytes, FieldType.IPNET: bytes}
_TEXTS = (FieldType.CHARBUF, FieldType.FSPATH, FieldType.FSRELPATH)


def _python_type(info: FieldInfo) -> type:
    if info.type in _TEXTS:
        return str
    return _PYTHON.get(info.type, float if info.type is FieldType.DOUBLE else int)


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_getters_return_their_type_and_never_raise(event: Event):
    """The compilers compare without looking at types again."""
    for info in fields.all_fields():
        for arg in {"no": [None], "optional": [None, "0", "1", "x"], "required": ["0", "x", "flags", "res"]}[info.arg]:
            value = None if info.get is None else info.get(event, arg)
            if value is None or value is UNKNOWN or info.type is FieldType.DYN:
                continue
            parts = value if isinstance(value, tuple) else (value,)
            assert isinstance(value, tuple) == (info.any_of and arg is None), info.name
            assert all(type(part) is _python_type(info) for part in parts), (info.name, value)


def test_no_process_means_absent_not_an_error():
    """A process that ended before it could be looked up leaves events without one."""
    event = open_event("/etc/shadow")
    event.process = None
    for info in fields.all_fields():
        if info.scope is Scope.PROCESS and info.get is not None:
            assert info.get(event, "0" if info.arg == "required" else None) is None, info.name


def test_process_fields_look_at_nothing_but_the_process():
    """The prefilter asks them once per process: two events of one process must agree."""
    one = exec_event("bash", args=["-i"])
    other = syscall_event("read", slim=True, process=one.process, container=None, num=99)
    for info in fields.all_fields():
        if info.scope is Scope.PROCESS and info.get is not None:
            assert info.get(one, None) == info.get(other, None), info.name


def test_container_fields_look_at_nothing_but_the_container():
    """The same for containers."""
    one = open_event("/x")
    other = exec_event("bash", num=7)
    for info in fields.all_fields():
        if info.scope is Scope.CONTAINER and info.get is not None:
            assert info.get(one, "0") == info.get(other, "0"), info.name
