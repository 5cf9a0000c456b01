"""Names of files to be written."""

import os

import pytest

from tuimon.errors import RecordingError
from tuimon.headless.new_file import check_free, path_of


def test_a_folder_stands_for_a_file_in_it(tmp_path):
    assert path_of(f" {tmp_path} ", "rec.tmon") == tmp_path / "rec.tmon"
    assert path_of(f"{tmp_path}/other.tmon", "rec.tmon") == tmp_path / "other.tmon"
    assert path_of("~", "rec.tmon").name == "rec.tmon"
    with pytest.raises(RecordingError, match="not the name of a file"):
        path_of("  ", "rec.tmon")


def test_a_name_is_told_with_the_folder_it_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_of("x.tmon", "rec.tmon") == tmp_path / "x.tmon"
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert str(path_of("x.tmon", "rec.tmon")) == "x.tmon"


def test_where_no_file_can_be_made_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "there").touch()
    with pytest.raises(RecordingError, match="there exists already; recordings are not overwritten"):
        check_free(tmp_path / "there", "recordings are")
    with pytest.raises(RecordingError, match="there is no folder"):
        check_free(tmp_path / "no" / "x", "recordings are")
    check_free(tmp_path / "x", "recordings are")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(RecordingError, match="cannot be written to"):
        check_free(tmp_path / "x", "recordings are")
