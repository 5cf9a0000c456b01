"""The containers pane: order, choice, and what it means for the other panes."""

import dataclasses

from tests.builders import container
from tests.ui.fake_engine import FakeEngine, fed_engine
from tuimon.view.container_lines import ContainerLines, container_details, container_header, short_image
from tuimon.view.container_view import ORDERS, ContainerView, label
from tuimon.view.ended import KEY as ENDED
from tuimon.view.ended import Ended


def text_of(line):
    return "".join(cell.text for cell in line)


def filled():
    view = ContainerView()
    view.update(fed_engine().snapshot().containers)
    return view


def test_the_host_stays_first_and_ended_ones_go_last():
    view = ContainerView()
    host, web, *rest = FakeEngine().snapshot().containers
    view.update((dataclasses.replace(web, ended=True), *rest, host))
    assert [label(row) for row in view.rows] == ["host", "db", "shop", "web"]


def test_every_order():
    view = filled()
    seen = {view.order: [label(row) for row in view.rows]}
    for _ in ORDERS:
        order = view.turn_order(1)
        seen[order] = [label(row) for row in view.rows]
    assert seen["calls"] == ["host", "db", "shop", "web"]
    assert seen["alerts"] == ["host", "web", "shop", "db"]
    assert seen["name"] == ["host", "db", "shop", "web"]
    assert seen["start"] == ["host", "web", "db", "shop"]


def test_a_choice_is_its_cgroups_and_the_host_is_what_no_container_is():
    view = filled()
    assert view.cgroups() is None
    view.chosen_ids = frozenset(("3ad7b26ded6d",))
    assert view.cgroups().ids == view.chosen.cgroup_ids == view.watched()
    view.chosen_ids = frozenset(("host",))
    assert view.cgroups().invert
    assert len(view.cgroups().ids) == 3
    assert view.watched() is None


def test_several_chosen_are_the_cgroups_of_all_of_them():
    view = filled()
    view.chosen_ids = frozenset(("3ad7b26ded6d", "77c1f0aa9e21"))
    assert view.cgroups().ids == frozenset().union(*(row.cgroup_ids for row in view.chosen_rows)) == view.watched()
    assert view.chosen is None
    view.chosen_ids |= {"host"}
    left = next(row for row in view.rows if row.container.id == "9ac27e01b5d4")
    assert view.cgroups().invert
    assert view.cgroups().ids == left.cgroup_ids
    assert view.name("3ad7b26ded6d") == "web"
    assert view.name("gone") == "gone"


def test_a_chosen_container_that_left_the_list_shows_nothing_rather_than_everything():
    view = filled()
    view.chosen_ids = frozenset(("3ad7b26ded6d",))
    view.update(view.rows[:1])
    assert view.cgroups().ids == frozenset()
    assert view.watched() is None


def test_an_unchanged_snapshot_is_no_change():
    view = ContainerView()
    rows = FakeEngine().snapshot().containers
    assert view.update(rows)
    assert not view.update(rows)


def test_lines_and_details():
    view = filled()
    lines = ContainerLines(view, ascii_only=True)
    assert lines.end == 4
    for width in (36, 64):
        for seq in range(lines.end):
            assert text_of(lines.line(seq, width)).isascii()
        assert container_header(width)
    assert lines.line(9, 36) == ()
    shown = "\n".join(text_of(line) for line in container_details(view.rows[3], 40))
    for word in ("store/shop-7f9c", "reg.example/shop/api:2.3", "containerd", "9ac27e01b5d4"):
        assert word in shown
    assert "enter chooses" in text_of(container_details(None, 40)[0])


def test_an_image_is_shown_without_what_goes_without_saying():
    assert short_image("docker.io/library/nginx:1.27") == "nginx:1.27"
    assert short_image("reg.example/a/b:1") == "reg.example/a/b:1"


def test_tactics_and_drift_are_told_where_there_is_room():
    view = filled()
    view.tactics = {"3ad7b26ded6d": {"Credential Access", "Execution"}}
    view.drift = {"3ad7b26ded6d": ["/tmp/x", "/tmp/y"]}
    lines, web = ContainerLines(view), next(seq for seq, row in enumerate(view.rows) if label(row) == "web")
    assert "Exe Crd" in text_of(lines.line(web, 62))
    assert text_of(lines.line(web, 30)).endswith("+")
    view.tactics["3ad7b26ded6d"] |= {"Impact", "Discovery"}
    assert "ECDI" in text_of(lines.line(web, 62))
    shown = "\n".join(text_of(line) for line in container_details(view.rows[web], 40, view))
    assert "2 new: /tmp/x, /tmp/y" in shown
    assert "Credential Access, Discovery" in shown
    for width in (28, 36, 62):
        fixed = sum(max(cell.width, 0) for cell in lines.line(web, width))
        assert fixed == sum(max(cell.width, 0) for cell in container_header(width)) < width


def with_ended(many=3):
    host, web, *rest = FakeEngine().snapshot().containers
    view = ContainerView()
    gone = [
        dataclasses.replace(
            web,
            container=container(f"{n:012x}", name=f"job-{n}"),
            cgroup_ids=frozenset({900 + n}),
            ended=True,
            alerts=0,
        )
        for n in range(many)
    ]
    view.update((host, web, *rest, *gone))
    return view, gone


def test_ended_containers_of_which_there_is_nothing_to_tell_are_one_line():
    view, gone = with_ended()
    lines = ContainerLines(view, ascii_only=True)
    assert lines.end == 5
    assert text_of(lines.line(4, 40)) == "+ 3 ended  job-2, job-1, job-0"
    assert lines.row(4) is None
    assert lines.key(4) == ENDED
    view.ended_open = True
    assert [text_of(lines.line(seq, 40)).split()[0] for seq in range(4, lines.end)] == ["-", "job-2", "job-1", "job-0"]
    assert lines.key(5) == gone[2].container.id
    view.order = "name"
    view.update(view.rows[::-1])
    assert [text_of(lines.line(seq, 40)).split()[0] for seq in range(4, lines.end)] == ["-", "job-0", "job-1", "job-2"]
    view.order = "start"
    view.update(with_ended()[0].rows)
    view.ended_open, view.chosen_ids = False, frozenset({gone[0].container.id})
    assert [row.container.name for row in view.shown if not isinstance(row, Ended)][-1] == "job-0"
    view.chosen_ids, view.drift = frozenset(), {gone[1].container.id: ["/tmp/x"]}
    assert [row.container.name for row in view.shown if not isinstance(row, Ended)][-1] == "job-1"
    assert len(view.rows) == 7, "all of them, whatever is listed"


def test_one_ended_container_is_shown_as_it_is_and_so_is_one_with_alerts():
    view, (gone,) = with_ended(1)
    assert view.shown[-1] == gone
    view, gone = with_ended(3)
    view.update((*view.rows[:-1], dataclasses.replace(gone[-1], alerts=2)))
    assert [row.container.name for row in view.shown if not isinstance(row, Ended)][-1] == "job-2"


def test_looking_for_a_text_lists_what_has_it_ended_ones_too():
    view, _ = with_ended()
    view.find_text = "JOB"
    assert [row.container.name for row in view.shown] == ["job-0", "job-1", "job-2"]
    view.find_text = "store/shop-7f9c"
    assert [row.container.name for row in view.shown] == ["shop"]
    view.find_text = ""
    assert isinstance(view.shown[-1], Ended)
