"""The journal: what a screen that was ended left behind is found by the next one, once, and by nobody who lives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.ui.fake_engine import BUILTIN_RULES, LOCAL_RULES
from tuimon.rules.diagnostics import RuleFile
from tuimon.view.journal import Journal, Unsaved
from tuimon.view.rule_book import RuleBook

TEXT = Unsaved("/etc/x/local.yaml", "old\n", "old\nnew é\n")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "tuimon"


def names(folder):
    return sorted(path.name.partition("-")[0] + path.suffix for path in folder.iterdir())


def test_nothing_is_made_before_there_is_something_to_keep(folder):
    journal = Journal(folder)
    journal.keep(())
    assert journal.lost() == []
    journal.close()
    assert not folder.exists()


def test_what_a_killed_screen_typed_is_found_by_the_next(folder):
    script = (
        "import sys, time; from pathlib import Path; from tuimon.view.journal import Journal, Unsaved\n"
        f"Journal(Path(sys.argv[1])).keep([Unsaved{(TEXT.path, TEXT.saved, TEXT.buffer)!r}])\n"
        "print('kept', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"kept\n"
    (entry,) = folder.glob("unsaved-*.json")
    assert entry.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Journal(folder).lost() == [], "its screen lives"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    journal, other = Journal(folder), Journal(folder)
    (lost,) = journal.lost()
    assert lost.texts == (TEXT,)
    assert other.lost() == [], "it is offered in one screen at a time"
    journal.leave(lost)
    (again,) = other.lost()
    other.forget(again)
    assert journal.lost() == []
    assert list(folder.iterdir()) == []


def test_saving_or_dropping_leaves_nothing(folder):
    journal = Journal(folder)
    journal.keep([TEXT])
    assert names(folder) == ["unsaved.json", "unsaved.lock"]
    journal.keep(())
    journal.close()
    assert list(folder.iterdir()) == []


def test_what_is_unsaved_at_an_ordinary_end_is_offered_too(folder):
    journal = Journal(folder)
    journal.keep([TEXT])
    journal.close()
    assert [lost.texts for lost in Journal(folder).lost()] == [(TEXT,)]


def test_an_older_text_never_replaces_a_newer(folder):
    journal = Journal(folder)
    early, late = journal.turn(), journal.turn()
    newer = Unsaved(TEXT.path, TEXT.saved, "newer")
    journal.keep([newer], late)
    journal.keep([TEXT], early)
    journal.close()
    assert Journal(folder).lost()[0].texts == (newer,)


ODD = ["", "{", "[]", '{"texts": 1, "time_ns": 1}', '{"texts": [[1]], "time_ns": 1}', "[" * 10000]


@pytest.mark.parametrize("text", [*ODD, '{"texts": [["a", "b", "c"]]}'])
def test_anything_may_lie_in_the_folder(folder, text):
    folder.mkdir(parents=True)
    (folder / "unsaved-abc.json").write_text(text)
    assert Journal(folder).lost() == []


def test_a_link_in_place_of_an_entry_is_replaced_not_followed(folder, tmp_path):
    journal = Journal(folder)
    journal.keep([TEXT])
    (entry,) = folder.glob("unsaved-*.json")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    entry.unlink()
    entry.symlink_to(victim)
    journal.keep([TEXT])
    assert victim.read_text() == "mine"
    assert json.loads(entry.read_text())["texts"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    tmp_path.chmod(0o500)
    journal = Journal(tmp_path / "tuimon")
    journal.keep([TEXT])
    assert "not kept safe" in journal.problem


def test_a_file_in_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "tuimon").write_text("")
    journal = Journal(tmp_path / "tuimon")
    journal.keep([TEXT])
    assert "not kept safe" in journal.problem


def book_of(path):
    files = [RuleFile("/usr/share/x/tuimon.yaml", BUILTIN_RULES, "builtin"), RuleFile(str(path), LOCAL_RULES, "user")]
    return RuleBook(files, path)


def test_a_book_takes_up_what_was_lost_as_unsaved_text(folder, tmp_path):
    own = tmp_path / "local.yaml"
    own.write_text(LOCAL_RULES)
    book = book_of(own)
    book.find(str(own)).buffer += "# typed\n"
    journal = Journal(folder)
    journal.keep((*book.unsaved(), TEXT))
    journal.close()
    (lost,) = Journal(folder).lost()
    fresh = book_of(own)
    texts = fresh.recoverable(lost)
    assert [each.path for each in texts] == [str(own)], "the other file is not open here"
    (file,) = fresh.recover(texts)
    assert file.dirty
    assert file.on_disk is None
    assert file.buffer.endswith("# typed\n")


def test_a_file_written_since_is_a_conflict_with_both_versions(folder, tmp_path):
    own = tmp_path / "local.yaml"
    own.write_text(LOCAL_RULES)
    book = book_of(own)
    book.find(str(own)).buffer += "# typed\n"
    journal = Journal(folder)
    journal.keep(book.unsaved())
    journal.close()
    (lost,) = Journal(folder).lost()
    files = [RuleFile(str(own), "# others\n", "user")]
    fresh = RuleBook(files, own)
    (file,) = fresh.recover(fresh.recoverable(lost))
    assert file.on_disk == "# others\n"
    assert file.buffer.endswith("# typed\n")


def test_what_was_saved_elsewhere_meanwhile_is_not_offered(folder, tmp_path):
    own = tmp_path / "local.yaml"
    text = LOCAL_RULES + "# typed\n"
    journal = Journal(folder)
    journal.keep([Unsaved(str(own), LOCAL_RULES, text)])
    journal.close()
    (lost,) = Journal(folder).lost()
    assert RuleBook([RuleFile(str(own), text, "user")], own).recoverable(lost) == []
