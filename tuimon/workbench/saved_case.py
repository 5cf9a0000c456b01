"""An event saved as a case of a rule test file: the fields that make it, and the rules that it matches.

The event is made again from those fields and judged; a case that would not do what the event did is refused, not saved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from tuimon import fields
from tuimon.errors import RuleError
from tuimon.events import Event
from tuimon.fields.registry import FieldType
from tuimon.resources import RULES
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.output import ABSENT, as_text
from tuimon.rules.reader import Mapping, YamlError, read_documents
from tuimon.rules.reader import Sequence as YamlSequence
from tuimon.rules.ruleset import RuleSet, fields_of
from tuimon.syscalls import event_name
from tuimon.workbench.judging import Judging
from tuimon.workbench.local_rules import Edit, insert, plain, plain_data
from tuimon.workbench.made_events import MadeEventError, make

_PLAIN = (
    "evt.res", "fd.name", "evt.is_open_write", "evt.arg.flags", "evt.arg.mode", "evt.arg.path", "evt.arg.name",
    "evt.arg.filename", "evt.arg.oldpath", "evt.arg.newpath", "evt.arg.request", "evt.arg.nstype", "fs.path.source",
    "fs.path.target", "proc.name", "proc.cmdline", "proc.exepath", "proc.cwd", "proc.tty", "proc.pname",
    "proc.aname[2]", "proc.aname[3]", "proc.aname[4]", "user.uid", "user.loginuid", "container.name",
    "container.image.repository", "container.image.tag", "container.privileged", "k8s.ns.name", "k8s.pod.name",
    "proc.is_exe_upper_layer", "proc.is_exe_from_memfd",
)  # fmt: skip
"""Fields that are worth saying of any event, in the order in which they read well."""
_SILENT = {
    "evt.res": "SUCCESS", "proc.tty": "0", "evt.is_open_write": "false", "proc.is_exe_upper_layer": "false",
    "proc.is_exe_from_memfd": "false", "container.privileged": "false", "user.uid": "0", "user.loginuid": "-1",
    "container.name": "host",
}  # fmt: skip
"""Values that a made event has anyway."""


def case_fields(event: Event, mentioned: Iterable[str] = ()) -> dict[str, str]:
    """Return the fields from which an event can be made again, and their values.

    Args:
        event: The event.
        mentioned: Fields that its rules look at; they are said too, where a made event can have them.
    """
    said = {"evt.type": event_name(event.kind, event.nr)}
    for name in dict.fromkeys((*_PLAIN, *mentioned)):
        value = _value(name, event)
        if value is not None and _SILENT.get(name) != value and name != "evt.type":
            said[name] = value
    if event.process is not None and event.process.parent is None:
        said["proc.pname"] = ABSENT
    while True:
        try:
            make(said)
        except MadeEventError as error:
            if error.field == "evt.type" or error.field not in said:
                raise
            del said[error.field]
        else:
            return said


def _value(name: str, event: Event) -> str | None:
    """Return a field's value as text, None when it has none that can be said."""
    head, _, arg = name.partition("[")
    found = fields.resolve(head)
    if found is None or found[0].get is None or found[0].is_list or found[0].type is FieldType.BYTEBUF:
        return None
    value = found[0].get(event, arg.removesuffix("]") or found[1])
    if value is None or value is fields.UNKNOWN or isinstance(value, tuple):
        return None
    text = as_text(value, found[0].type)
    return text if text and text != ABSENT and text.isprintable() else None


def case_text(event: Event, ruleset: RuleSet, name: str) -> str:
    """Return an event as a case in one item of YAML, beginning with ``- name:``.

    Args:
        event: The event.
        ruleset: The rules in force: the case expects what they say about the event now.
        name: Of the case.

    Raises:
        RuleError: Made again from what can be said of it, the event would match other rules.
    """
    judging = Judging(ruleset, first_only=False)
    expected = [rule.name for rule, sure in judging.verdicts(event) if sure]
    conditions = [condition for rule, condition in ruleset.pairs if rule.name in expected]
    said = case_fields(event, sorted({name for condition in conditions for name in fields_of(condition)}))
    got = [rule.name for rule, sure in judging.verdicts(make(said)) if sure]
    if got != expected:
        differing = ", ".join(sorted(set(got) ^ set(expected)))
        raise RuleError(
            f"this event cannot be saved as a case: made again it would differ in {differing}",
            "save a recording, and name that in the case",
        )
    lines = [f"- name: {plain(name)}", "  events:"]
    lines += [
        f"    {'- ' if at == 0 else '  '}{key}: {plain(value)}"
        if "[" not in key
        else f"      {plain(key)}: {plain(value)}"
        for at, (key, value) in enumerate(said.items())
    ]
    lines.append("  alerts:" if expected else "  alerts: none")
    lines += [f"    - {plain(rule)}" for rule in expected]
    return "\n".join(lines) + "\n"


def test_path(rules: Path) -> Path:
    """Return the test file that lies beside a rule file: ``local.test.yaml`` beside ``local.yaml``."""
    return rules.with_name(f"{rules.stem}.test{rules.suffix or '.yaml'}")


def rule_names(files: Sequence[RuleFile], path: Path) -> list[str]:
    """Return how a test file names the rule files in force, so that it means the same elsewhere.

    tuimon's own go by one name; those below or beside the test file by a relative path; the machine's, and what has
    nothing but the root in common with the test file, by their whole path.
    """
    names = [RULES if file.origin == "builtin" else _name_from(file, path.parent) for file in files]
    return list(dict.fromkeys(names))


def _name_from(file: RuleFile, folder: Path) -> str:
    common = os.path.commonpath((Path(file.path).absolute(), folder.absolute()))
    if file.origin == "system" or common == os.sep:
        return file.path
    return os.path.relpath(file.path, folder)


def add_case(text: str, case: str, rules: Sequence[str], path: str = "rules.test.yaml") -> Edit:
    """Return the edit that puts a case at the end of a test file; an empty one is begun.

    Args:
        text: The file's text.
        case: From ``case_text``.
        rules: Rule files that a new test file names, relative to it.
        path: For messages.

    Raises:
        RuleError: The file is not YAML, has no list of cases, or nothing can be added to it.
    """
    if not text.strip():
        body = "".join(f"  {line}\n" for line in case.splitlines())
        names = ", ".join(map(plain, rules))
        return Edit(0, len(text), text, f"rules: [{names}]\ncases:\n{body}")
    try:
        documents = list(read_documents(RuleFile(path, text)))
        (new,) = read_documents(RuleFile("case", case))
        top = documents[0] if len(documents) == 1 else None
        cases = top.get("cases") if isinstance(top, Mapping) else None
        if not isinstance(cases, YamlSequence) or text[cases.start : cases.start + 1] != "-":
            raise RuleError(f"{path} has no list of cases that one can be added to", "write cases: and a list under it")
        edit = insert(text, cases, case.splitlines(), "")
        (after,) = [plain_data(node) for node in read_documents(RuleFile(path, edit.apply(text)))]
    except YamlError as error:
        place = error.place
        raise RuleError(f"{path}:{place.line}:{place.column}: {error.message}", error.hint) from None
    before = plain_data(top)
    if after != {**before, "cases": [*before["cases"], *plain_data(new)]}:
        raise RuleError(f"nothing can be added to {path} without rewriting it")
    return edit
