"""The user's own file under everything the workbench does to it: what it does not mean to change stays, to the byte."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests import builders
from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.printer import print_value
from tuimon.view.layout import laid_out
from tuimon.view.rename import renamed
from tuimon.view.rule_book import RuleBook, outline
from tuimon.workbench import new_rule
from tuimon.workbench.local_rules import ExceptionSpec, add_exception
from tuimon.workbench.overrides import override, ways

VENDOR = RuleFile(
    "/vendor/falco_rules.yaml",
    """\
- list: shells
  items: [bash, sh]
- macro: opens
  condition: evt.type in (open, openat)
- rule: Shell
  desc: d
  condition: evt.type = execve and proc.name in (shells)
  output: "%proc.name"
  priority: NOTICE
- rule: Read
  desc: d
  condition: opens and fd.name startswith /etc/ and proc.name != cron
  output: "%fd.name"
  priority: WARNING
""",
    "system",
)
OWN = "/nowhere/local.yaml"
PIECES = (
    "# a remark of its own\n",
    "\n\n",
    "- list: mine   # why\n  items: [a, 'b c']\n  # - old\n",
    "- macro: quiet\n  # says who is quiet\n  condition: >\n    proc.name in (mine) or\n      proc.name =   vim\n",
    '- macro: quoted\n  condition: "proc.name = \\"x y\\"   and   evt.num > 0"  # as it is\n',
    "- rule: Read\n  # the backup\n  exceptions:\n    - name: backup  # nightly\n      fields: [proc.name]\n"
    "      comps: [=]\n      values:\n        - [tar]\n        # - [rsync]\n  override: {exceptions: append}\n",
    "- rule: Read\n  condition: and not quiet\n  override:\n    condition: append  # mine\n",
    "- rule:   Own one\n  desc: >\n    said in\n    two lines\n  condition: opens and fd.name = /x   and not (quiet)\n"
    "  output: 'x # no remark'\n  priority: INFO\n  tags: [ a,  b ]  # tags\n",
)
NAMES = ("mine", "quiet", "quoted")
EVENT = builders.open_event("/etc/shadow")


class OwnFile(RuleBasedStateMachine):
    """Every key that writes to the own file, in any order; each leaves alone what it is not about."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.renames = 0

    @initialize(pieces=st.permutations(PIECES), count=st.integers(0, len(PIECES)))
    def begin(self, pieces: list[str], count: int) -> None:
        """What a macro or list is used in comes behind it, as it must."""
        chosen = sorted(pieces[:count], key=PIECES.index)
        text = "".join(chosen)
        self.text = text if load([VENDOR, RuleFile(OWN, text)]).ok else "".join(PIECES)

    @property
    def files(self) -> list[RuleFile]:
        return [VENDOR, RuleFile(OWN, self.text)]

    def items(self, text: str) -> list[str]:
        """Return the text before the first item, and each item with the remarks behind it; no blank lines there."""
        lines = text.split("\n")
        found = outline(text)
        heads = [0, *(item.line - 1 for item in found), len(lines)]
        return ["\n".join(lines[a:b]).rstrip("\n") for a, b in pairwise(heads)]

    def put(self, text: str, *, touched: int = -1) -> None:
        """Take up a new text: every item but one is as it was, what is new stands behind; and all remarks are there."""
        before, after = self.items(self.text), self.items(text)
        for at, (old, new) in enumerate(zip(before, after, strict=False)):
            if at != touched:
                assert new == old, f"item {at} was not to be touched"
        assert len(after) >= len(before)
        assert [line for line in remarks(text) if line in remarks(self.text)] == remarks(self.text)
        self.text = text

    @rule(
        data=st.data(),
        field=st.sampled_from(("proc.name", "fd.name")),
        value=st.sampled_from(("cat", "a b", "it's", "/x#y", "- [")),
    )
    def except_(self, data: st.DataObject, field: str, value: str) -> None:
        """x on an alert."""
        name = data.draw(st.sampled_from([each.name for each in load(self.files).rules]))
        edit = add_exception(
            self.text, ExceptionSpec(name, f"no {field}", (field,), ("=",), (print_value(value),)), OWN
        )
        heads = [item.line for item in outline(self.text)]
        line = self.text.count("\n", 0, edit.start) + (0 if edit.start == len(self.text) else 1)
        new = edit.apply(self.text)
        touched = sum(head <= line for head in heads) if len(self.items(new)) == len(self.items(self.text)) else -1
        self.put(new, touched=touched)

    @rule(data=st.data())
    def differ(self, data: st.DataObject) -> None:
        """ctrl+o on an item of the vendor's."""
        item = data.draw(st.sampled_from(outline(VENDOR.text)))
        way = data.draw(st.sampled_from([way.key for way in ways(item.kind)]))
        book = RuleBook([VENDOR, RuleFile(OWN, self.text)], Path(OWN))
        own = book.own_file()
        if way == "c":
            book.copy_to_own(book.files[0], item)
        else:
            book.append(
                override(item.kind, item.name, way, load(self.files)), book.file_to_change(item.kind, item.name)
            )
        assert own.path == OWN
        self.put(own.buffer)

    @rule()
    def write_new(self) -> None:
        """N on an event."""
        proposal = new_rule.from_event(EVENT, load(self.files))
        self.put(proposal.edit(self.text, OWN).apply(self.text))

    @precondition(lambda self: "  condition:" in self.text)
    @rule(data=st.data())
    def lay_out(self, data: st.DataObject) -> None:
        """f9 in a condition."""
        rows = [row for row, line in enumerate(self.text.split("\n")) if line.lstrip().startswith("condition:")]
        row = data.draw(st.sampled_from(rows))
        before = load(self.files)
        try:
            text = laid_out(self.text, row)
        except RuleError:
            return
        self.put(text, touched=sum(item.line - 1 <= row for item in outline(self.text)))
        assert meanings(load(self.files)) == meanings(before)

    @rule(name=st.sampled_from(NAMES))
    def rename(self, name: str) -> None:
        """f2 on a macro or list of one's own, and back."""
        kind = "list" if name == "mine" else "macro"
        try:
            there = renamed(self.files, kind, name, f"{name}_2")
        except RuleError:
            return
        assert there[0] is self.files[0] or there[0].text == VENDOR.text
        before = self.items(self.text)
        for old, new in zip(before, self.items(there[1].text), strict=True):
            assert new == old or name in old
        (_, back) = renamed(list(there), kind, f"{name}_2", name)
        assert back.text == self.text

    @invariant()
    def loads(self) -> None:
        """Whatever was done, the rules load."""
        found = load(self.files)
        assert found.ok, [str(each) for each in found.diagnostics if each.severity == "error"]


def remarks(text: str) -> list[str]:
    """Return the lines that hold a remark, in order."""
    return [line for line in text.split("\n") if "# " in line]


def meanings(loaded: object) -> list[object]:
    """Return what the rules of a load are, whatever their lines."""
    return [(rule.name, rule.enabled, rule.output, rule.condition) for rule in loaded.rules]  # type: ignore[attr-defined]


TestOwnFile = OwnFile.TestCase
TestOwnFile.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
