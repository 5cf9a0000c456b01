"""``tuimon evidence``: one alert of a recording is meant, or those there are are listed."""

import tarfile

import pytest

from tuimon.cli import main
from tuimon.enrich import users


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(users, "HOST_USERS", users.UserTable())  # a recording brings names of its own


def test_the_alert_of_a_number_becomes_an_archive(tmp_path, capsys):
    assert main(["evidence", "demo", "--alert", "3", "-o", "mine.tar.gz"]) == 0
    assert capsys.readouterr().out.startswith("mine.tar.gz: ")
    with tarfile.open(tmp_path / "mine.tar.gz") as archive:
        assert {"mine/alert.json", "mine/events.jsonl.gz", "mine/story.txt"} <= set(archive.getnames())


def test_a_filter_names_it_too_and_the_archive_is_named_by_it(tmp_path, capsys):
    assert main(["evidence", "demo", "--filter", "evt.type in (connect) and proc.name exists"]) == 0
    (made,) = tmp_path.glob("*.tar.gz")
    assert made.name in capsys.readouterr().out
    assert "connected" in made.name


def test_where_several_are_meant_they_are_listed(tmp_path, capsys):
    assert main(["evidence", "demo"]) == 1
    said = capsys.readouterr().err
    assert "alerts are meant; evidence is of one: --alert N" in said
    assert "  3  " in said
    assert not list(tmp_path.glob("*.tar.gz"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--alert", "99"], "no alert of this recording is meant"),
        (["--alert", "1", "-o", "mine.zip"], "end the name in .tar.gz"),
        (["--alert", "1", "-o", "no/where.tar.gz"], "there is no folder no"),
        (["--no-default-rules"], "no rule fires"),
    ],
)
def test_what_cannot_be_is_said(arguments, said, capsys):
    assert main(["evidence", "demo", *arguments]) == 1
    assert said in capsys.readouterr().err
