"""Exceptions drafted from alerts: what they hide is what was shown, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tests.workbench.test_preview import history, replay
from tuimon.batch import Batch
from tuimon.errors import RuleError
from tuimon.events import Alert, Event
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.ruleset import RuleSet
from tuimon.rules.versions import EventOf
from tuimon.workbench.exception_draft import Draft, draft

OUTPUT = "%proc.cmdline %proc.pname %proc.exepath %fd.name %fd.sip %user.name %container.name"
WEB = builders.container("aaaaaaaaaaaa", name="web", image="reg.io/shop/web:1")
DB = builders.container("bbbbbbbbbbbb", name="db", image="reg.io/shop/db:1")


def rule_file(condition: str, path: str = "vendor.yaml") -> RuleFile:
    text = f"- rule: R\n  desc: d\n  condition: >\n    {condition}\n  output: '{OUTPUT}'\n  priority: INFO\n"
    return RuleFile(path, text, "system")


def alert_of(event: Event, rule: str = "R") -> Alert:
    return Alert(1, 0, rule, "Info", "", {}, (), "syscall", "h", 1, event)


def widened(made: Draft, moves: list[int]) -> Draft:
    """Return a draft after some keys that widen a field of it."""
    for move in moves:
        wider = made.widen(made.parts[move % len(made.parts)].field)
        made = wider if wider.steps else made
    return made


def event_numbered(num: int, batches: list[Batch], event_of: EventOf) -> Event:
    return next(event_of(batch, row) for batch in batches for row in range(len(batch)) if batch.first_num + row == num)


def loaded(condition: str) -> LoadResult:
    found = load([rule_file(condition)])
    assert found.ok, found.diagnostics
    return found


OPENS = "evt.type in (open, openat) and fd.name startswith /etc"


def steps(made: Draft) -> dict[str, str]:
    return {field: str(step) for field, step in made.steps}


def test_the_narrowest_exception_names_all_that_the_rule_is_about():
    event = builders.open_event("/etc/app/shadow", container=WEB, process=builders.process("cat", args=("-n", "x")))
    assert steps(draft(alert_of(event), loaded(OPENS))) == {
        "proc.name": "= cat",
        "proc.exepath": "= /usr/bin/cat",
        "proc.cmdline": '= "cat -n x"',
        "fd.name": "= /etc/app/shadow",
        "user.name": "= root",
        "container.image.repository": "= reg.io/shop/web",
    }


def test_a_field_is_widened_step_by_step_until_it_is_left_out():
    made = draft(alert_of(builders.open_event("/etc/a/b/c", container=WEB)), loaded(OPENS))
    seen = []
    for _ in range(5):
        made = made.widen("fd.name")
        seen.append(steps(made).get("fd.name"))
    assert seen == ["startswith /etc/a/b/", "startswith /etc/a/", None, None, None]
    assert steps(made.narrow("fd.name"))["fd.name"] == "startswith /etc/a/"
    assert "proc.name" not in steps(made.leave_out("proc.name"))
    with pytest.raises(RuleError, match=r"no fd\.sip"):
        made.widen("fd.sip")


def test_a_connection_is_told_by_its_server():
    event = builders.connect_event("192.0.2.7", 4444, container=WEB)
    made = draft(alert_of(event), loaded("evt.type = connect and fd.sport != 443"))
    assert steps(made)["fd.sip"] == "= 192.0.2.7"
    assert steps(made)["fd.sport"] == "= 4444"
    assert "fd.name" not in steps(made)


def test_of_a_group_a_field_takes_what_holds_for_all():
    alerts = [alert_of(builders.open_event(path, container=WEB)) for path in ("/etc/app/a", "/etc/app/b")]
    made = draft(alerts, loaded(OPENS))
    assert steps(made)["fd.name"] == "startswith /etc/app/"
    other = [*alerts, alert_of(builders.open_event("/etc/x", container=DB))]
    assert steps(draft(other, loaded(OPENS)))["container.image.repository"] == "startswith reg.io/shop/"
    with pytest.raises(RuleError, match="several rules"):
        draft([alerts[0], alert_of(alerts[0].event, "S")], loaded(OPENS))


def test_what_it_hides_and_what_else():
    tar = builders.process("tar", pid=4100)
    events = [
        *(builders.open_event(path, container=WEB) for path in ("/etc/app/a", "/etc/app/b")),
        builders.open_event("/etc/app/a", container=DB),
        builders.open_event("/etc/app/a", container=WEB, process=tar),
        builders.open_event("/srv/x", container=WEB),
    ]
    batches, event_of = history(events)
    made = draft(alert_of(events[0]), loaded(OPENS))
    alerts = [alert_of(event) for event in events[:4]]
    hidden = made.hides(batches, event_of, alerts)
    assert (len(hidden.alerts), hidden.preview.removed, hidden.others, hidden.covers) == (1, 1, (), 0)
    wide = made.leave_out("fd.name").leave_out("container.image.repository")
    hidden = wide.hides(batches, event_of, alerts)
    assert (len(hidden.alerts), hidden.preview.removed) == (3, 3)
    assert [(group.container, group.process, group.removed) for group in hidden.others] == [("db", "cat", 1)]
    assert hidden.covers_groups == (("web", "cat", 1),), "the open that the rule does not look at"


def test_an_exception_without_a_field_is_refused():
    made = draft(alert_of(builders.open_event("/etc/x")), loaded(OPENS))
    for part in made.parts:
        made = made.leave_out(part.field)
    with pytest.raises(RuleError, match="would hide every alert"):
        _ = made.spec


def test_a_rule_that_is_gone_is_said_to_be():
    with pytest.raises(RuleError, match="not in force"):
        draft(alert_of(builders.open_event("/etc/x"), "Gone"), loaded(OPENS))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/a b",
        "/etc/it's",
        '/etc/"q"',
        "/etc/(x)",
        "/etc/a,b",
        "/etc/x\\y",
        "/etc/\udcff",
        "/etc/\x1b[m",
        "/etc/a\nb",
        "/etc/é",
    ],
)
def test_odd_paths_are_written_so_that_they_mean_themselves(path):
    event = builders.open_event(path.encode("utf-8", "surrogateescape"))
    made = draft(alert_of(event), loaded(OPENS))
    files = made.files([rule_file(OPENS)], "local.yaml")
    found = load(files)
    assert found.ok, found.diagnostics
    judge = RuleSet.build(found, 1)
    assert [hit.rule.name for hit in judge.judge(event)] == [], "the alert itself is hidden"
    assert judge.judge(builders.open_event("/etc/other")), "and no other"


def test_a_value_that_is_the_name_of_a_list_does_not_become_the_list():
    lists = RuleFile("l.yaml", "- list: cat\n  items: [dog]\n- macro: uses\n  condition: proc.name in (cat)\n")
    found = load([lists, rule_file(OPENS)])
    made = draft(alert_of(builders.open_event("/etc/x")), found)
    assert "proc.name" not in steps(made)


def test_the_vendor_file_is_never_written_to():
    made = draft(alert_of(builders.open_event("/etc/x")), loaded(OPENS))
    with pytest.raises(RuleError, match="not written to"):
        made.files([RuleFile("vendor.yaml", rule_file(OPENS).text, "builtin")], "vendor.yaml")


def test_two_exceptions_for_one_rule_get_two_names():
    files = (rule_file(OPENS),)
    for path in ("/etc/x", "/etc/y/z"):
        made = draft(alert_of(builders.open_event(path)), load(files))
        made = made if path == "/etc/x" else made.leave_out("user.name")
        files = made.files(files, "local.yaml")
    found = load(files)
    assert found.ok
    assert not [each for each in found.diagnostics if each.code == "LOAD_EXCEPTION_NAME_NOT_UNIQUE"]
    assert len({each.name for each in found.rule("R").exceptions}) == 2


@settings(max_examples=120, deadline=None)
@given(
    condition=strategies.conditions,
    events=st.lists(strategies.events(), min_size=1, max_size=12),
    moves=st.lists(st.integers(0, 8), max_size=6),
)
def test_an_exception_never_hides_an_alert_that_was_not_shown(condition, events, moves):
    """What the screen shows before the key is pressed must be what the rules do after it."""
    found = load([rule_file(f"evt.type exists and ({condition})")])
    batches, event_of = history(events)
    before = RuleSet.build(found, 1)
    had, _ = replay(before, batches, event_of)
    if not had:
        return
    num = min(had)[0]
    made = widened(draft(alert_of(event_numbered(num, batches, event_of)), found), moves)
    shown = made.hides(batches, event_of)
    files = made.files([rule_file(f"evt.type exists and ({condition})")], "local.yaml")
    again = load(files)
    assert again.ok, again.diagnostics
    has, _ = replay(RuleSet.build(again, 2), batches, event_of)
    assert had - has == {(row.num, row.rule) for row in shown.preview.removed_rows}
    assert has <= had
    assert (num, "R") not in has, "the alert it was drafted from is hidden"
