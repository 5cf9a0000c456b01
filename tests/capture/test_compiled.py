"""Kept compilations: trusted only when nobody but root can have written them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuimon.capture import compiled as module
from tuimon.capture.compiled import Compiled, MapSpec, compiled

MADE = Compiled((MapSpec("m", 2, 4, 8, 1, 1024),), {"f": b"\x95" + bytes(7)})

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the cache is root's")


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a compiler that only counts."""
    done: list[str] = []

    def compile_text(text: str, maps: tuple[str, ...], functions: tuple[str, ...]) -> Compiled:
        assert (maps, functions) == (("m",), ("f",))
        done.append(text)
        return MADE

    monkeypatch.setattr(module, "compile_text", compile_text)
    return done


def ask(text: str, cache: Path | None) -> Compiled:
    return compiled(text, ("m",), ("f",), cache)


def test_the_same_text_is_compiled_once(compilations: list[str], tmp_path: Path) -> None:
    assert [ask("one", tmp_path / "c"), ask("one", tmp_path / "c"), ask("two", tmp_path / "c")] == [MADE] * 3
    assert compilations == ["one", "two"]


def test_without_a_cache_nothing_is_kept(compilations: list[str], tmp_path: Path) -> None:
    ask("one", None)
    ask("one", None)
    assert compilations == ["one", "one"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spoil", ["folder", "file", "owner", "link", "damage", "other"])
def test_what_others_may_have_written_is_not_loaded(compilations: list[str], tmp_path: Path, spoil: str) -> None:
    cache = tmp_path / "c"
    ask("one", cache)
    (kept,) = cache.iterdir()
    if spoil == "folder":
        cache.chmod(0o777)
    elif spoil == "file":
        kept.chmod(0o666)
    elif spoil == "owner":
        os.chown(kept, 12345, 0)
    elif spoil == "link":
        kept.rename(tmp_path / "elsewhere")
        kept.symlink_to(tmp_path / "elsewhere")
    elif spoil == "damage":
        kept.write_bytes(kept.read_bytes()[:-20] + b"\xff\xfe")
    else:
        kept.write_text('{"maps": [], "code": {}}')
    assert ask("one", cache) == MADE
    assert compilations == ["one", "one"]


def test_a_cache_that_cannot_be_written_is_no_error(compilations: list[str], tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file where the folder should be")
    assert ask("one", tmp_path / "c") == MADE


def test_only_the_youngest_are_kept(compilations: list[str], tmp_path: Path) -> None:
    for at in range(module.KEPT + 4):
        ask(f"text {at}", tmp_path / "c")
    assert len(list((tmp_path / "c").iterdir())) == module.KEPT


def test_an_ordinary_user_keeps_nothing(
    compilations: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    ask("one", tmp_path / "c")
    assert not (tmp_path / "c").exists()
