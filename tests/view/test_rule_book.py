"""The rule files behind the editor: nothing typed is lost, nothing is half written."""

import os
from pathlib import Path

import pytest

from tests.ui.fake_engine import BUILTIN_RULES, LOCAL_RULES
from tuimon.errors import TuimonError
from tuimon.rules.diagnostics import RuleFile
from tuimon.view.rule_book import RuleBook, item_at, outline


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(LOCAL_RULES)
    return path


@pytest.fixture
def book(own):
    files = [RuleFile("/usr/share/x/tuimon.yaml", BUILTIN_RULES, "builtin"), RuleFile(str(own), LOCAL_RULES, "user")]
    return RuleBook(files, own)


def touch(path, text):
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10_000_000, before + 10_000_000))


def test_an_outline_of_text_that_is_no_yaml():
    items = outline("- rule: A 'x'\n  condition: [\n- macro: m # why\n\n- list:   l\n  items: [\n")
    assert [(i.kind, i.name, i.line, i.end_line) for i in items] == [
        ("rule", "A 'x'", 1, 2),
        ("macro", "m", 3, 4),
        ("list", "l", 5, 6),
    ]
    assert item_at("- rule: a\n\n- rule: b\n", 2).name == "a"
    assert item_at("# nothing\n", 1) is None


def test_saving_writes_the_buffer_and_keeps_mode(book, own):
    own.chmod(0o640)
    file = book.find(str(own))
    file.buffer += "\n# more\n"
    assert book.dirty() == [file]
    book.save(file)
    assert own.read_text() == file.buffer
    assert own.stat().st_mode & 0o777 == 0o640
    assert not book.dirty()
    assert book.poll() == []
    assert [p.name for p in own.parent.iterdir()] == ["local.yaml"]


def test_shipped_files_are_not_written_to(book):
    with pytest.raises(TuimonError, match="belongs to tuimon"):
        book.save(book.files[0])


def test_what_cannot_be_written_says_so_and_leaves_the_file(book, own, monkeypatch):
    file = book.find(str(own))
    file.buffer = "x"
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(TuimonError, match="No space left"):
        book.save(file)
    assert own.read_text() == LOCAL_RULES
    assert [p.name for p in own.parent.iterdir()] == ["local.yaml"]


def test_text_that_cannot_be_encoded_says_so(book, own):
    file = book.find(str(own))
    file.buffer = "\udcff"
    with pytest.raises(TuimonError, match="not text"):
        book.save(file)
    assert own.read_text() == LOCAL_RULES


def test_a_symlink_stays_one(tmp_path, own):
    link = tmp_path / "link.yaml"
    link.symlink_to(own)
    book = RuleBook([RuleFile(str(link), LOCAL_RULES, "user")])
    book.files[0].buffer = "# new\n"
    book.save(book.files[0])
    assert link.is_symlink()
    assert own.read_text() == "# new\n"


def test_a_clean_buffer_takes_what_another_editor_wrote(book, own):
    touch(own, "# other\n")
    (changed,) = book.poll()
    assert changed.buffer == changed.saved == "# other\n"
    assert changed.on_disk is None
    assert book.poll() == []


def test_an_edited_buffer_is_left_alone_until_the_user_chooses(book, own):
    file = book.find(str(own))
    file.buffer = "# mine\n"
    touch(own, "# other\n")
    assert book.poll() == [file]
    assert (file.buffer, file.on_disk) == ("# mine\n", "# other\n")
    book.keep_buffer(file)
    assert file.dirty
    book.save(file)
    assert own.read_text() == "# mine\n"
    file.buffer = "# mine again\n"
    touch(own, "# other again\n")
    book.poll()
    book.take_disk(file)
    assert (file.buffer, file.dirty) == ("# other again\n", False)


def test_a_file_that_is_deleted_under_unsaved_text_is_told_of_once(book, own):
    file = book.find(str(own))
    file.buffer = "# mine\n"
    touch(own, "# other\n")
    book.poll()
    own.unlink()
    said = []
    for _ in range(4):
        assert book.poll() == []
        said += book.remarks
    assert said == ["local.yaml was deleted: ctrl+s writes your text anew"]
    assert (file.buffer, file.on_disk) == ("# mine\n", None)
    book.save(file)
    assert own.read_text() == "# mine\n"


def test_the_same_text_written_twice_is_no_conflict(book, own):
    file = book.find(str(own))
    file.buffer = "# same\n"
    touch(own, "# same\n")
    book.poll()
    assert not file.dirty
    assert file.on_disk is None


def test_a_file_that_went_away_or_is_no_text_changes_nothing(book, own):
    own.write_bytes(b"\xff\xfe")
    assert book.poll() == []
    assert book.remarks == ["local.yaml cannot be read any more: what was read of it last stays in force"]
    own.unlink()
    assert book.poll() == []
    assert book.find(str(own)).buffer == LOCAL_RULES


def test_an_item_is_copied_into_the_users_own_file(book):
    shipped = book.files[0]
    item = next(i for i in outline(shipped.buffer) if i.kind == "rule")
    own, line = book.copy_to_own(shipped, item)
    assert own.dirty
    assert own.buffer.startswith(LOCAL_RULES)
    assert own.buffer.splitlines()[line - 1] == "- rule: Shell in a container"
    assert item_at(own.buffer, line).name == "Shell in a container"


def test_the_own_file_may_not_exist_yet(tmp_path):
    book = RuleBook([RuleFile("/x.yaml", BUILTIN_RULES, "builtin")], tmp_path)
    own = book.own_file()
    assert own.path == str(tmp_path / "local.yaml")
    assert len(book.as_loaded()) == 1  # an empty file that is not there is not loaded
    own, line = book.copy_to_own(book.files[0], outline(BUILTIN_RULES)[0])
    assert line == 1
    assert len(book.as_loaded()) == 2
    book.save(own)
    assert (tmp_path / "local.yaml").stat().st_mode & 0o777 == 0o644


@pytest.fixture
def folder(tmp_path):
    """A folder given with -r: one file is loaded before local.yaml, one behind it."""
    for name in ("a", "z"):
        (tmp_path / f"{name}.yaml").write_text(f"- rule: Of {name}\n- macro: m_{name}\n")
    return tmp_path


def book_of(folder, *names):
    files = [RuleFile(str(folder / name), (folder / name).read_text(), "user") for name in names]
    return RuleBook([RuleFile("/x.yaml", BUILTIN_RULES, "builtin"), *files], folder)


@pytest.mark.parametrize(
    ("kind", "name", "into"),
    [
        ("rule", "Shell in a container", "local.yaml"),
        ("rule", "Of a", "local.yaml"),
        ("macro", "m_a", "local.yaml"),
        ("rule", "Of z", "z.yaml"),
        ("macro", "m_z", "z.yaml"),
        ("macro", "Of z", "local.yaml"),
    ],
)
def test_an_item_is_changed_in_a_file_that_is_loaded_when_it_is_known(folder, kind, name, into):
    book = book_of(folder, "a.yaml", "z.yaml")
    assert Path(book.file_to_change(kind, name).path).name == into
    assert [Path(file.path).name for file in book.files if not file.read_only] == sorted({"a.yaml", into, "z.yaml"})


def test_of_a_file_of_falcos_that_comes_last_what_is_to_differ_goes_behind_it(folder):
    (folder / "okta_rules.yaml").write_text("- rule: Of Okta\n")
    book = book_of(folder, "a.yaml", "okta_rules.yaml", "z.yaml")
    assert Path(book.file_to_change("rule", "Of Okta").path).name == "okta_rules.local.yaml"
    names = [Path(file.path).name for file in book.files]
    assert names[1:] == ["a.yaml", "okta_rules.yaml", "okta_rules.local.yaml", "z.yaml"]


def test_the_last_definition_is_the_one_in_force(book, own):
    file = book.find(str(own))
    assert book.locate("Shell in a container")[0] is book.files[0]
    book.copy_to_own(book.files[0], book.locate("Shell in a container")[1])
    assert book.locate("Shell in a container")[0] is file
    assert book.locate("no such rule") is None


def test_texts_of_others_are_taken_from_disk(book, own):
    book.find(str(own)).buffer = "# typed\n"
    assert book.as_loaded()[1].text == "# typed\n"
    assert book.as_loaded(saved_only=[str(own)])[1].text == LOCAL_RULES
