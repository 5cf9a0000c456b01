"""Rule files: their order is part of their meaning, and one that cannot be read is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuimon.errors import RecordingError, SettingsError
from tuimon.headless.new_file import check_free, path_of
from tuimon.resources import find_recording
from tuimon.rulefiles import MAX_BYTES, read_rule_file, read_rule_files, rule_files
from tuimon.settings import Settings
from tuimon.view.rule_book import RuleBook
from tuimon.workbench.rule_tests import files as files_of


def _folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(f"# {name}\n")
    return path


def test_tuimons_own_come_first_then_the_machines_then_the_users(tmp_path: Path) -> None:
    """A later file may override what an earlier one defines."""
    system = _folder(tmp_path / "rules.d", "20-b.yaml", "10-a.yml", ".hidden.yaml", "notes.txt", "30-c.test.yaml")
    mine = _folder(tmp_path / "mine", "z.yaml", "y.yaml")
    single = tmp_path / "one.rules"
    single.write_text("")
    got = rule_files(Settings(rules=(mine, single)), system)
    assert [f.origin for f in got[:1]] == ["builtin"]
    tail = [(Path(f.path).name, f.origin) for f in got if f.origin != "builtin"]
    assert tail == [
        ("10-a.yml", "system"),
        ("20-b.yaml", "system"),
        ("y.yaml", "user"),
        ("z.yaml", "user"),
        ("one.rules", "user"),
    ]


def test_own_rules_can_be_left_out(tmp_path: Path) -> None:
    """--no-default-rules."""
    assert rule_files(Settings(default_rules=False), tmp_path / "none") == ()


def test_a_file_named_twice_is_loaded_once(tmp_path: Path) -> None:
    """Else every `append` in it would be applied twice."""
    folder = _folder(tmp_path / "r", "a.yaml")
    assert len(read_rule_files([folder, folder / "a.yaml"])) == 1


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """One sentence with the file's name, for each way to be unreadable."""
    with pytest.raises(SettingsError, match=r"cannot read rule file .*none\.yaml: No such file"):
        read_rule_files([tmp_path / "none.yaml"])
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"# fine\n\xff\n")
    with pytest.raises(SettingsError, match=r"b\.yaml is not UTF-8 text: line 2"):
        read_rule_file(binary)
    large = tmp_path / "l.yaml"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(SettingsError, match="larger than"):
        read_rule_file(large)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_said(tmp_path: Path) -> None:
    """The hint names the way out."""
    path = tmp_path / "p.yaml"
    path.write_text("")
    path.chmod(0)
    with pytest.raises(SettingsError, match="Permission denied"):
        read_rule_file(path)


@pytest.fixture
def barred(tmp_path: Path) -> Iterator[Path]:
    """A folder that may not be searched, not even to ask whether something is in it; root becomes nobody for it."""
    folder = tmp_path / "barred"
    folder.mkdir()
    folder.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(was)
        folder.chmod(0o700)


def test_a_path_in_a_folder_that_may_not_be_searched_is_said(barred: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no traceback: pathlib's questions raise there."""
    with pytest.raises(SettingsError, match=r"cannot read rule file .*mine\.yaml: Permission denied"):
        read_rule_files([barred / "mine.yaml"])
    with pytest.raises(SettingsError, match=r"cannot list rule folder .*rules\.d: Permission denied"):
        rule_files(Settings(default_rules=False), barred / "rules.d")
    assert find_recording(str(barred / "x.tmon")) == barred / "x.tmon"
    assert files_of([barred / "some.test.yaml"]) == [barred / "some.test.yaml"]
    assert path_of(str(barred / "x.tmon"), "new.tmon") == barred / "x.tmon"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # it asks for whom the tests were started by
    with pytest.raises(RecordingError, match="cannot be written to"):
        check_free(barred / "x.tmon", "recordings are")
    assert RuleBook((), barred / "mine.yaml").own_file().path == str(barred / "mine.yaml")
