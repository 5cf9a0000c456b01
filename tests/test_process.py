"""A version of a process: all it says, and how little it holds."""

from __future__ import annotations

import gc
import sys

import pytest

from tests.builders import process
from tuimon.process import MEMBERS, Image, Process, Standing


def test_every_member_can_be_given_read_and_changed() -> None:
    values = {name: at for at, name in enumerate(MEMBERS) if name != "parent"}
    made = Process(**values)
    assert {name: getattr(made, name) for name in values} == values
    for name in values:
        setattr(made, name, -1)
    assert {getattr(made, name) for name in values} == {-1}


def test_a_change_of_one_version_changes_no_other_one() -> None:
    """They share what is alike."""
    before = process("bash", args=("-c", "id"), uid=1000)
    after = before.copy()
    assert after.image is before.image
    assert after.standing is before.standing
    after.uid, after.args = 0, ("-l",)
    assert (before.uid, before.args) == (1000, ("-c", "id"))
    assert after.index == -1


def test_equal_standings_are_one() -> None:
    assert process("a", uid=33).standing is process("b", uid=33).standing


def test_versions_are_equal_when_all_they_say_is() -> None:
    assert process("bash", uid=1) == process("bash", uid=1)
    assert process("bash", uid=1) != process("bash", uid=2)
    assert process("bash") != "bash"


def test_a_process_has_no_other_members() -> None:
    with pytest.raises(TypeError, match="no name"):
        Process(1, 1, name="bash")
    with pytest.raises(AttributeError):
        Process(1, 1).name = "bash"  # type: ignore[attr-defined]


def test_the_shown_form_tells_what_is_in_it_and_no_ancestor() -> None:
    shown = repr(process("bash", parent=process("init")))
    assert "comm='bash'" in shown
    assert "init" not in shown


def test_a_version_is_small() -> None:
    """A machine that starts programs keeps tens of thousands of them."""
    made = process("bash", args=("-c", "id"))
    own = [made, made.start_ns, made.exec_ns, made.pid, made.index]
    assert sys.getsizeof(made) + sum(map(sys.getsizeof, own[1:])) < 300
    assert not [each for each in gc.get_referents(made) if isinstance(each, dict)]
    assert isinstance(made.image, Image)
    assert isinstance(made.standing, Standing)
