"""What every test can have: the markers' skips with their reasons, and a home where no setting is made."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest

from tests.containers import engine_cgroups
from tuimon.enrich.container_users import CONTAINER_USERS, Names
from tuimon.enrich.users import HOST_USERS

ROOT = Path(__file__).resolve().parents[1]
UPSTREAM = ROOT.parent / "shared/upstream"
"""Upstream rule files and facts, test data that is not part of the project."""


# An example is no measure of speed: a machine that stands still for 0.2 s would fail it.
hypothesis.settings.register_profile("tuimon", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tuimon")

BESIDE = 10
"""Nice value of tests that run beside one that drives the machine."""
CGROUPS = pytest.StashKey[set[str]]()


def pytest_configure() -> None:
    """Let the programs under test hear of Ctrl+C and of a hang-up, also where a job in the background is told neither.

    What a shell or nohup has ignored stays ignored in every child; a handler ends with exec (signal(7)).
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def _why_no_kernel() -> str:
    """Return why the live kernel cannot be read here, empty when it can."""
    from tuimon.machine import examine

    missing = [f for f in examine() if f.needed and f.state == "missing"]
    return "; ".join(f"{f.name}: {f.value}" for f in missing)


def _why_no_container_engine() -> str:
    if os.geteuid() != 0:
        return "container engines are driven as root"
    return "" if any(shutil.which(p) for p in ("podman", "docker", "runc")) else "no podman, docker or runc"


def _why_no_terminal() -> str:
    return "" if shutil.which("tmux") else "no tmux"


REASONS = {"kernel": _why_no_kernel, "containers": _why_no_container_engine, "terminal": _why_no_terminal}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say why; the reason is looked for only when such a test was collected."""
    for marker, reason in REASONS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and (why := reason()):
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=why))
    _group(items)


def _group(items: list[pytest.Item]) -> None:
    """Say which tests must not run beside each other when pytest-xdist runs several at once (``make test``).

    What drives the machine (its kernel, engines, terminals) runs in one process, one test after another, as it would
    disturb its own measurements; of the rest each file stays together, with what it set up.
    """
    costs: Counter[str] = Counter()
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group_of(item)))
        costs[_group_of(item)] += _cost(item)
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: _turn(_group_of(item), costs))


def _group_of(item: pytest.Item) -> str:
    return "machine" if _drives(item) else item.nodeid.partition("::")[0]


def _cost(item: pytest.Item) -> int:
    """Return about how many milliseconds of CPU a test takes."""
    if item.nodeid.startswith("tests/ui/"):
        return 600
    return 1200 if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) else 10


def _turn(group: str, costs: Mapping[str, int]) -> tuple[bool, int, str]:
    """Return what groups are sorted by: what takes longest begins first, so that no process is left with it alone.

    That is what drives the machine, as it waits most of its time.
    """
    return group != "machine", -costs[group], group


def _drives(item: pytest.Item) -> bool:
    """Whether a test drives the machine: its kernel, container engines or terminals."""
    return any(item.get_closest_marker(marker) for marker in REASONS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a test that drives the machine have the CPUs first: what it measures must not wait for those beside it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, 0 if _drives(item) else BESIDE)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take what stays to the end out of the garbage collector's sight: it is a fifth of a screen test's time."""
    grouped = "PYTEST_XDIST_WORKER" in os.environ and session.config.getoption("loadgroup")
    if grouped and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist does not see the groups of tests: what drives the machine would overlap")
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember which engines have cgroups on this machine."""
    session.config.stash[CGROUPS] = engine_cgroups()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the cgroups, empty by now, that engines made for all their containers and keep."""
    if hasattr(session.config, "workerinput"):  # one of several processes: the one that began them does it
        return
    for folder in sorted(engine_cgroups() - session.config.stash[CGROUPS], reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's config out of the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))
    monkeypatch.delenv("SUDO_USER", raising=False)


@contextlib.contextmanager
def _kept_names() -> Iterator[None]:
    """Give the names of users back: a recording that is played brings its own, for all of this process."""
    users, groups, fixed = HOST_USERS._users, HOST_USERS._groups, HOST_USERS.is_fixed
    try:
        yield
    finally:
        if fixed:
            HOST_USERS.fix(users, groups)
        elif HOST_USERS.is_fixed:
            HOST_USERS.free()  # they are read again: there may have been none to keep


@pytest.fixture(autouse=True, scope="module")
def _names_of_users_after_a_file() -> Iterator[None]:
    """As fixtures of a whole file may play a recording; which file comes next in this process hangs on the machine."""
    with _kept_names():
        yield


@pytest.fixture(autouse=True)
def _names_of_users_after_a_test() -> Iterator[None]:
    with _kept_names():
        yield


@pytest.fixture(autouse=True)
def _names_of_users_in_containers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users of containers are read in the background: of a made event, from whatever process has its pid here."""
    if request.node.get_closest_marker("kernel") is None:
        loaded, unknown = Names(loaded=True), Names()
        monkeypatch.setattr(CONTAINER_USERS, "names", lambda container, _=0: loaded if container.known else unknown)


@pytest.fixture(scope="session")
def upstream() -> Path:
    """Return the folder of upstream test data, or skip."""
    if not UPSTREAM.is_dir():
        pytest.skip("upstream test data is not beside the project")
    return UPSTREAM
