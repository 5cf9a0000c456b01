"""What the screen remembers comes back, and nothing else does."""

import pytest

from tuimon import statefile
from tuimon.view.memory import Memory


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_what_is_kept_is_there_in_the_next_run():
    memory = Memory()
    memory.keep("filters", ["a", "b\x1b"])
    memory.keep("sizes", {"containers": 30})
    memory.keep("hint read", True)
    again = Memory()
    assert again.texts("filters") == ["a", "b\x1b"]
    assert again.numbers("sizes") == {"containers": 30}
    assert again.flag("hint read")


def test_nothing_is_written_without_a_name(tmp_path):
    Memory("").keep("filters", ["a"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "state",
    [
        {"filters": 3}, {"filters": [1, None, "x" * 5000]}, {"filters": {"a": 1}}, {"sizes": [1]},
        {"sizes": {"a": "b", "c": True}},
    ],
)  # fmt: skip
def test_what_is_not_ours_is_not_taken(state):
    statefile.write("screen", state)
    memory = Memory()
    assert memory.texts("filters") == []
    assert memory.numbers("sizes") == {}
    assert not memory.flag("filters")


def test_the_same_again_is_not_written_again(monkeypatch):
    memory = Memory()
    memory.keep("filters", ["a"])
    monkeypatch.setattr(statefile, "write", lambda *_: pytest.fail("written"))
    memory.keep("filters", ["a"])


def test_a_long_list_is_bounded():
    statefile.write("screen", {"filters": [str(n) for n in range(1000)]})
    assert len(Memory().texts("filters")) == 200
