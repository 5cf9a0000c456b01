"""Put in force first, written second: nothing refused is written, nothing typed is lost, and there is a way back."""

from __future__ import annotations

import os

import pytest

from tests.ui.bench_engine import bench_engine
from tests.ui.fake_engine import LOCAL_RULES
from tuimon.errors import TuimonError
from tuimon.view import rule_disk
from tuimon.view.in_force import InForce
from tuimon.view.journal import Journal
from tuimon.view.rule_book import RuleBook

WRONG = LOCAL_RULES.replace("proc.pid", "proc.pidd")


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(LOCAL_RULES)
    return path


class Place:
    """An engine, its book and what puts the one into the other."""

    def __init__(self, own, folders=()):
        self.engine = bench_engine(own=own)
        self.book = RuleBook(self.engine.rule_files(), own, folders)
        self.journal = Journal(own.parent / "state")
        self.in_force = InForce(self.engine, self.book, self.journal)
        self.file = self.book.find(str(own))

    def kept(self):
        return list(self.journal._folder.glob("*.json"))


@pytest.fixture
def place(own):
    return Place(own)


def test_an_accepted_text_is_in_force_and_on_disk(place, own):
    place.file.buffer += "# more\n"
    result = place.in_force.apply(place.file)
    assert (result.accepted, result.revision, result.written) == (True, 2, (str(own),))
    assert own.read_text() == place.file.buffer
    assert not place.kept()


def test_a_refused_text_is_nowhere_but_in_the_buffer_and_the_journal(place, own):
    place.file.buffer = WRONG
    result = place.in_force.apply(place.file)
    assert (result.accepted, result.revision) == (False, 1)
    assert "proc.pidd" in result.errors[0].message
    assert own.read_text() == LOCAL_RULES
    assert place.file.dirty
    assert place.kept(), "a kill now loses nothing"


def test_a_kill_between_in_force_and_on_disk_loses_nothing(place, own, monkeypatch):
    place.file.buffer += "# more\n"
    monkeypatch.setattr(place.book, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        place.in_force.apply(place.file)
    assert place.engine.revision == 2
    assert own.read_text() == LOCAL_RULES
    place.journal.close()
    (lost,) = Journal(own.parent / "state").lost()
    assert lost.texts[0].buffer.endswith("# more\n")


def test_a_text_that_cannot_be_written_is_in_force_and_said_to_be_unsaved(place, own):
    own.unlink()
    own.mkdir()
    (own / "x").write_text("")
    place.file.buffer += "# more\n"
    result = place.in_force.apply(place.file)
    assert result.accepted
    assert "cannot write" in str(result.problem)
    assert place.file.dirty
    assert place.kept()


def test_a_change_of_the_file_leaves_what_is_typed_unsaved(place, own):
    place.file.buffer = "# typed\n" + LOCAL_RULES
    result = place.in_force.amend(place.file, lambda text: text + "# added\n")
    assert result.accepted
    assert own.read_text() == LOCAL_RULES + "# added\n"
    assert place.file.buffer == "# typed\n" + LOCAL_RULES + "# added\n"
    assert place.file.dirty


def test_a_change_that_is_refused_changes_nothing(place, own):
    result = place.in_force.amend(place.file, lambda _: WRONG)
    assert not result.accepted
    assert own.read_text() == LOCAL_RULES == place.file.buffer


def test_a_file_that_another_editor_changed_is_not_changed_before_the_user_chose(place):
    place.file.on_disk = "other"
    with pytest.raises(TuimonError, match="another editor"):
        place.in_force.amend(place.file, lambda text: text)


def test_going_back_takes_the_text_on_disk_back_too(place, own):
    place.file.buffer += "# two\n"
    place.in_force.apply(place.file)
    place.file.buffer += "# three\n"
    place.in_force.apply(place.file)
    place.file.buffer += "# typed\n"
    result = place.in_force.roll_back(1)
    assert (result.accepted, result.revision, result.written) == (True, 4, (str(own),))
    assert own.read_text() == LOCAL_RULES
    assert place.file.buffer.endswith("# typed\n"), "what was typed and not saved stays"
    assert place.engine.revisions()[-1].restores == 1


def test_a_file_that_was_not_there_then_is_said_to_be_there_now(own):
    place = Place(own, [own.parent])
    place.book.poll()
    (own.parent / "new.yaml").write_text("- list: fresh\n  items: [a]\n")
    assert [file.path for file in place.book.poll()] == [str(own.parent / "new.yaml")]
    place.in_force.reload()
    result = place.in_force.roll_back(1)
    assert result.left == (str(own.parent / "new.yaml"),)
    assert (own.parent / "new.yaml").exists()


def test_files_that_come_and_go_are_noticed_in_load_order(own):
    place = Place(own, [own.parent])
    assert place.book.poll() == []
    for name in ("zz.yaml", "aa.yaml", "aa.test.yaml", ".hidden.yaml", "notes.txt"):
        (own.parent / name).write_text(f"- list: {name[:2]}\n  items: [a]\n")
    found = place.book.poll()
    assert sorted(os.path.basename(file.path) for file in found) == ["aa.yaml", "zz.yaml"]
    assert [os.path.basename(file.path) for file in place.book.files][1:] == ["aa.yaml", "local.yaml", "zz.yaml"]
    assert place.book.poll() == []
    assert place.in_force.reload().accepted
    (own.parent / "zz.yaml").unlink()
    assert place.book.poll() == [], "an editor may be replacing it"
    assert [os.path.basename(file.path) for file in place.book.poll()] == ["zz.yaml"]
    assert place.in_force.reload().accepted
    assert "zz" not in {each.name for each in place.engine.loaded.lists}


def test_a_file_that_goes_under_typed_text_stays_open(place, own):
    place.file.buffer += "# typed\n"
    own.unlink()
    place.book.poll()
    assert place.book.poll() == []
    assert place.book.find(str(own)).buffer.endswith("# typed\n")


def test_a_look_at_the_disk_while_saving_takes_the_own_text_for_nobody_elses(place, monkeypatch):
    seen = []
    write = rule_disk.write

    def slow(path, text, *more, **options):
        write(path, text, *more, **options)
        seen.append(place.book.poll())

    monkeypatch.setattr(rule_disk, "write", slow)
    place.file.buffer += "# more\n"
    assert place.in_force.apply(place.file).accepted
    assert seen == [[]]
    assert place.book.poll() == []
