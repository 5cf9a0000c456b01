"""Transformers: values in, a value or nothing out."""

from __future__ import annotations

import pytest

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.transform import function_for, result_type

TEXT = (FieldType.CHARBUF, False)
LIST = (FieldType.CHARBUF, True)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("tolower", ["AbÄ"], "abÄ"),
        ("toupper", ["aBä\udcff"], "ABä\udcff"),
        ("toupper", [b"ab\xff"], b"AB\xff"),
        ("tolower", [("A", "B")], ("a", "b")),
        ("b64", ["aWQ="], "id"),
        ("b64", ["aWQ"], "id"),
        ("b64", ["aWQ=="], "id"),
        ("b64", ["aWQ==="], None),
        ("b64", ["a"], None),
        ("b64", ["aWR"], None),
        ("b64", ["="], None),
        ("b64", ["!!!!"], None),
        ("b64", [b"aWQ="], b"id"),
        ("b64", [""], ""),
        ("basename", ["/usr/bin/id"], "id"),
        ("basename", ["id"], "id"),
        ("basename", ["/usr/bin/"], ""),
        ("len", ["abc"], 3),
        ("len", ["é"], 2),
        ("len", [("a", "b")], 2),
        ("len", [()], 0),
        ("len", [b"\x00\x00"], 2),
        ("join", [",", ("a", "b")], "a,b"),
        ("join", ["-", ()], ""),
        ("join", ["-", "a"], "a"),
        ("concat", ["a", 1, True], "a1true"),
        ("val", ["x"], "x"),
    ],
)
def test_value_of_a_transformer(name, arguments, expected):
    assert function_for(name, None)(arguments) == expected


@pytest.mark.parametrize(
    ("words", "options", "expected"),
    [
        (["-n"], "n", ("n",)),
        (["-n", "-t", "5"], "nt:", ("n", "t", "5")),
        (["-nt5"], "nt:", ("n", "t", "5")),
        (["-nt", "5"], "nt:", ("n", "t", "5")),
        (["-t", "-123"], "t:", ("t", "-123")),
        (["-t", ""], "t:", ("t", "")),
        (["-t"], "nt:", ("",)),
        (["-t"], ":t:", ("",)),
        (["-x", "-n"], "n", ("?", "n")),
        (["-nx"], "n", ("n", "?")),
        (["-:"], "n:", ("?",)),
        (["--", "-n"], "n", ()),
        (["-n", "--", "-n"], "n", ("n",)),
        (["--long", "-n"], "n", ("n",)),
        (["word", "-n"], "n", ()),
        (["", "-n"], "n", ()),
        (["-", "-n"], "n", ()),
        (["-v", "-v"], "v", ("v", "v")),
        (["-n"], "", ("?",)),
        (["-@"], "@", ("@",)),
        ([], "n", ()),
    ],
)
def test_options_are_listed_as_getopt_finds_them(words, options, expected):
    assert function_for("getopt", None)([tuple(words), options]) == expected


@pytest.mark.parametrize(
    ("words", "options", "letter", "expected"),
    [
        (["-n", "-t", "5"], "nt:", "t", "5"),
        (["-n", "-t", "5"], "nt:", "n", "n"),
        (["-n"], "nt:", "t", None),
        (["-t"], "t:", "t", ""),
        (["-t", ""], "t:", "t", ""),
        (["-t?"], "t:", "t", "?"),
        (["-t", "1", "-t", "2"], "t:", "t", "2"),
        (["-x"], "n", "?", None),
        (["-t", "a b"], "t:", "t", "a b"),
    ],
)
def test_one_option_is_asked_for_by_its_letter(words, options, letter, expected):
    assert function_for("getopt", letter)([tuple(words), options]) == expected


def test_a_command_line_in_one_text_is_cut_at_blanks():
    assert function_for("getopt", "t")(["-n -t 5", "nt:"]) == "5"


def test_types_of_results():
    assert result_type("tolower", None, [TEXT]) == TEXT
    assert result_type("len", None, [LIST]) == (FieldType.UINT64, False)
    assert result_type("getopt", None, [TEXT, TEXT]) == LIST
    assert result_type("getopt", "x", [TEXT, TEXT]) == TEXT
    assert result_type("val", None, [LIST]) == LIST
    assert result_type("concat", None, [TEXT, TEXT, TEXT]) == TEXT


def test_unfit_arguments_and_unknown_names_are_refused():
    with pytest.raises(RuleError, match="takes 1 argument"):
        result_type("tolower", None, [TEXT, TEXT])
    with pytest.raises(RuleError, match="INT64"):
        result_type("tolower", None, [(FieldType.INT64, False)])
    with pytest.raises(RuleError, match="at least two"):
        result_type("concat", None, [TEXT])
    with pytest.raises(RuleError, match="asks for no option"):
        result_type("getopt", "tt", [TEXT, TEXT])
    with pytest.raises(RuleError, match="BYTEBUF"):
        result_type("basename", None, [(FieldType.BYTEBUF, False)])
    with pytest.raises(RuleError, match="unknown transformer"):
        function_for("frobnicate", None)
