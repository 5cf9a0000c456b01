"""What is said under the rule editor, in as many lines as there is room for."""

from tuimon.rules.diagnostics import Diagnostic
from tuimon.view.rule_messages import message_lines

LONG = "while parsing a block collection: did not find expected '-' indicator"
HINT = "indent it as far as the keys above it, or begin a new item with '- '"


def finding(line=3, message=LONG, hint=HINT):
    return Diagnostic("LOAD_ERR_YAML_PARSE", "error", message, "a.yaml", line, 1, hint=hint)


def texts(found, **options):
    lines = message_lines(found, "a.yaml", **options)
    return ["".join(cell.text.ljust(max(cell.width, 0)) for cell in line) for line in lines]


def test_a_long_finding_takes_the_lines_that_are_free():
    told = texts([finding()], room=5, width=60)
    assert len(told) > 1
    assert all(len(line) <= 60 for line in told)
    assert " ".join(" ".join(told).split()).endswith(HINT)


def test_where_there_is_no_room_each_finding_is_one_line():
    told = texts([finding(n) for n in (3, 4, 5)], room=3, width=60)
    assert [line.split()[0] for line in told] == ["3:1", "4:1", "5:1"]
    told = texts([finding(n) for n in (3, 4, 5, 6)], room=3, width=60)
    assert told[-1] == " and 2 more"


def test_what_happened_and_the_preview_keep_their_lines():
    told = texts([finding()], room=4, width=60, head=("saved", "good"), tail=[()])
    assert told[0] == " saved"
    assert told[1].startswith(" 3:1 error: while parsing")
    assert told[-1] == ""
    assert len(told) <= 4


def test_what_happened_takes_the_lines_that_are_free_and_one_where_there_are_none():
    head = ("exception for A written to mine.yaml (ctrl+r in Rules takes it back); revision 2 is in force", "good")
    told = texts([finding()], room=4, width=60, head=head)
    assert " ".join(" ".join(told[:2]).split()) == head[0]
    assert told[2].startswith(" 3:1 error")
    told = texts([finding(n) for n in (3, 4, 5)], room=4, width=60, head=head)
    assert told[0] == " " + head[0]
    assert [line.split()[0] for line in told[1:]] == ["3:1", "4:1", "5:1"]
