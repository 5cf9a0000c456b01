"""The board: alerts by container and tactic, what the rules cover, and how a cell is drawn."""

from types import SimpleNamespace

import pytest

from tests.ui.fake_engine import DB, SHOP, WEB, fed_engine
from tuimon.rules.items import PRIORITIES
from tuimon.rules.matching import Counter, Rule
from tuimon.view.board import COLUMNS, NO_TACTIC, TACTICS, BoardView, columns_of
from tuimon.view.board_lines import (
    LETTERS,
    AlertChoice,
    BoardLines,
    RuleChoice,
    board_foot,
    board_header,
    cell_width,
    column_at,
)

CREDENTIALS = next(at for at, tactic in enumerate(TACTICS) if tactic.tag == "credential_access")
IMPACT = len(TACTICS) - 1


def rule(name, *tags, priority="Warning"):
    return Rule(
        name, priority, tags, "syscall", "a.yaml", 1, None, SimpleNamespace(fields=()), None, (name,), Counter()
    )


def text_of(line):
    return "".join(cell.text for cell in line)


def board(engine=None):
    engine = engine or fed_engine()
    view = BoardView(engine)
    view.sync(engine.snapshot().containers)
    return engine, view


def row_of(view, container):
    return next(row for row in view.rows if row.container_id == container.id)


def test_there_are_fourteen_tactics_each_with_names_of_its_own():
    assert len(TACTICS) == 14
    for part in ("tag", "name", "short", "medium"):
        assert len({getattr(tactic, part) for tactic in COLUMNS}) == 15
    assert all(len(tactic.short) <= 3 and len(tactic.medium) <= 7 for tactic in COLUMNS)


@pytest.mark.parametrize(
    ("tags", "columns"),
    [
        ((), (14,)),
        (("T1003", "container"), (14,)),
        (("mitre_credential_access",), (CREDENTIALS,)),
        (("MITRE_Impact", "mitre_credential-access", "mitre_impact"), (CREDENTIALS, IMPACT)),
        (("mitre_", "mitre_nonsense"), (14,)),
    ],
)
def test_tags_say_columns_and_an_alert_without_a_tactic_is_not_lost(tags, columns):
    assert columns_of(tags) == columns


def test_a_cell_counts_its_alerts_and_keeps_the_worst():
    _, view = board()
    web = row_of(view, WEB)
    assert (web.cells[CREDENTIALS].count, web.cells[CREDENTIALS].worst, web.total) == (5, "Critical", 5)
    assert row_of(view, SHOP).cells[CREDENTIALS].worst == "Informational"
    assert row_of(view, DB).total == 0


def test_an_alert_of_two_tactics_counts_in_both_but_once_in_all():
    engine, view = board()
    engine.alert(tags=("mitre_impact", "mitre_discovery"), row=9)
    assert view.sync(engine.snapshot().containers)
    row = row_of(view, DB)
    assert [COLUMNS[at].tag for at, cell in enumerate(row.cells) if cell] == ["discovery", "impact"]
    assert row.total == 1


def test_nothing_new_is_no_change():
    engine, view = board()
    assert not view.sync(engine.snapshot().containers)


def test_rows_of_containers_that_are_gone_stay():
    _, view = board()
    view.sync([])
    assert {row.name for row in view.rows} == {"web", "shop"}


def test_the_alerts_behind_a_cell_are_newest_first_and_say_how_many_there_were():
    engine, view = board()
    alerts, total = view.alerts(WEB.id, CREDENTIALS)
    assert [alert.num for alert in alerts] == [5, 4, 3, 2, 1]
    assert total == 5
    assert view.alerts(WEB.id, IMPACT) == ([], 0)
    assert len(view.alerts(WEB.id, None)[0]) == 5
    del engine._alerts[0]
    assert view.alerts(WEB.id, CREDENTIALS)[1] == 5


def test_coverage_follows_the_rules_in_force():
    engine, view = board()
    assert len(view.uncovered) == 14
    engine.rules = (rule("A", "mitre_impact"), rule("B", "mitre_impact", "mitre_discovery"), rule("C"))
    assert view.sync(engine.snapshot().containers)
    assert [r.name for r in view.coverage[IMPACT]] == ["A", "B"]
    assert [r.name for r in view.coverage[14]] == ["C"]
    assert len(view.uncovered) == 12


def test_letters_tell_every_priority_apart():
    assert set(LETTERS) == set(PRIORITIES)
    assert len(set(LETTERS.values())) == 8


@pytest.mark.parametrize("width", [60, 77, 78, 117, 197])
def test_every_line_fits_its_width(width):
    engine, view = board()
    for _ in range(1234):
        engine.alert(row=3)
    view.sync(engine.snapshot().containers)
    lines = BoardLines(view)
    lines.cursor = 2
    size = cell_width(width)
    for seq in range(lines.end):
        cells = lines.line(seq, width)
        assert sum(cell.width for cell in cells if cell.width > 0) <= width - 8
        assert all(len(cell.text) <= size for cell in cells[1:-2]), cells
    web = text_of(lines.line(2, width))
    assert "C" in web
    assert "C2" in text_of(board_header(width, 0))


def test_names_over_the_narrowest_board_do_not_run_together():
    names = [cell.text.strip() for cell in board_header(58, 0)[1:-2]]
    assert cell_width(58) == 3
    assert len(set(names)) == len(names) == 15
    assert all(len(name) < 3 for name in names)


def test_a_large_count_keeps_its_letter_where_four_columns_are_all_there_is():
    engine, view = board()
    for _ in range(1500):
        engine.alert(row=3)
    view.sync(engine.snapshot().containers)
    lines = BoardLines(view)
    assert lines.line(2, 77)[1 + CREDENTIALS].text == "1kC"


def test_the_cell_under_the_cursor_is_marked_and_found_by_the_pointer():
    _, view = board()
    lines = BoardLines(view)
    lines.cursor, lines.column = 2, CREDENTIALS
    assert "[5C]" in text_of(lines.line(2, 77))
    assert "[" not in text_of(lines.line(1, 77))
    left = 77 - 6 - cell_width(77) * 15
    assert column_at(left, 77) == 0
    assert column_at(left - 1, 77) is None
    assert column_at(76, 77) is None


def test_the_foot_says_what_is_under_the_cursor_and_what_no_rule_covers():
    engine, view = board()
    engine.rules = (rule("A", "mitre_credential_access"),)
    view.sync(engine.snapshot().containers)
    lines = BoardLines(view)
    lines.cursor, lines.column = 2, CREDENTIALS
    here, gap, key = (text_of(line) for line in board_foot(view, lines, 120))
    assert "Credential Access" in here
    assert "1 rule in force names it" in here
    assert "web: 5 alerts, worst Critical" in here
    assert "no rule in force for 13 of 14: Rec Res " in gap
    gaps = {width: text_of(board_foot(view, lines, width)[1]) for width in (78, 118, 148, 198, 248)}
    assert all(len(said) <= width for width, said in gaps.items()), "the longest names that have room"
    assert "Recon, ResDev, " in gaps[148]
    assert "Reconnaissance, Resource Development, " in gaps[248]
    assert all(name.lower() in key for name in PRIORITIES)
    engine.rules = tuple(rule(t.tag, f"mitre_{t.tag}") for t in TACTICS)
    view.sync(engine.snapshot().containers)
    assert "every tactic" in text_of(board_foot(view, lines, 80)[1])
    lines.cursor, lines.column = 0, 14
    assert NO_TACTIC.name in text_of(board_foot(view, lines, 80)[0])


@pytest.mark.parametrize("width", [78, 150])
def test_the_dialogs_show_alerts_and_rules(width):
    _, view = board()
    alerts, _ = view.alerts(WEB.id, CREDENTIALS)
    choice = AlertChoice(alerts)
    assert choice.end == 5
    assert "Read the shadow file" in text_of(choice.line(0, width))
    rules = RuleChoice([rule("A", priority="Critical")])
    assert "CRIT" in text_of(rules.line(0, width))
