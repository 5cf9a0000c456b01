"""Rates and container lines from the exact counters."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np

from tuimon.capture.source import CallCounts, Counts
from tuimon.events import HOST, Container
from tuimon.view.stats import CGROUPS, SPARK_S, Stats, worse

WEB = Container(id="aaaaaaaaaaaa", name="web", known=True)


def calls(rows: dict[int, int]) -> CallCounts:
    counts = np.zeros((len(rows), 512), np.uint64)
    counts[:, 1] = list(rows.values())
    return CallCounts(np.array(list(rows), np.uint64), counts, np.zeros_like(counts), np.zeros(len(rows), np.uint64))


def counted(stats: Stats, at_s: float, rows: dict[int, int], owners: list[Container | None]) -> None:
    with patch("tuimon.view.stats.time.monotonic", return_value=at_s):
        stats.count(Counts(seen=sum(rows.values())), calls(rows), owners)


def test_rates_are_per_second_and_cgroups_of_one_container_add_up() -> None:
    stats = Stats()
    counted(stats, 10.0, {1: 0, 70: 0, 71: 0}, [HOST, WEB, WEB])
    counted(stats, 12.0, {1: 100, 70: 20, 71: 40}, [HOST, WEB, WEB])
    host, web = stats.rows()
    assert (host.calls_per_s, web.calls_per_s) == (50.0, 30.0)
    assert web.calls == 60
    assert web.cgroup_ids == {70, 71}
    assert stats.seen_per_s == 80.0


def test_what_belongs_to_nobody_known_counts_for_the_host() -> None:
    stats = Stats()
    counted(stats, 10.0, {9: 5}, [None])
    assert stats.rows()[0].calls == 5


def test_metadata_that_arrives_later_replaces_the_name() -> None:
    stats = Stats()
    counted(stats, 10.0, {70: 1}, [Container(id=WEB.id)])
    stats.containers([WEB])
    assert stats.rows()[1].container.name == "web"


def test_a_counter_that_starts_anew_does_not_take_the_total_back() -> None:
    stats = Stats()
    counted(stats, 10.0, {70: 100}, [WEB])
    counted(stats, 11.0, {70: 3}, [WEB])
    assert stats.rows()[1].calls == 103


def lost(stats: Stats, at_s: float, rows: dict[int, list[int]], owners: list[Container | None]) -> None:
    """Count 10 calls of each cgroup, and losses by class."""
    by_class = np.array(list(rows.values()), np.uint64)
    counts = np.full((len(rows), 512), 10, np.uint64)
    ids = np.array(list(rows), np.uint64)
    shed = np.full(len(rows), 5, np.uint64)
    with patch("tuimon.view.stats.time.monotonic", return_value=at_s):
        stats.count(Counts(), CallCounts(ids, counts, counts, by_class.sum(axis=1), by_class, shed), owners)


def test_losses_are_told_by_container_and_class() -> None:
    stats = Stats()
    lost(
        stats, 10.0, {1: [1, 0, 0, 0, 0, 0, 0], 70: [0, 2, 0, 0, 0, 3, 0], 71: [0, 1, 0, 0, 0, 0, 0]}, [HOST, WEB, WEB]
    )
    host, web = stats.rows()
    assert (host.dropped, host.dropped_by_class) == (1, (1, 0, 0, 0, 0, 0, 0))
    assert (web.dropped, web.dropped_by_class) == (6, (0, 3, 0, 0, 0, 3, 0))
    assert (host.shed, web.shed) == (5, 10)
    assert stats.other is None


def test_what_no_counter_is_left_for_counts_for_the_others_not_the_host() -> None:
    stats = Stats()
    lost(stats, 10.0, {0: [0, 0, 4, 0, 0, 0, 0], 1: [0] * 7}, [HOST, HOST])
    assert stats.rows()[0].dropped == 0
    assert stats.other is not None
    assert (stats.other.container.id, stats.other.dropped) == ("other", 4)


def test_losses_of_a_container_that_is_gone_stay_its_own_and_count_once() -> None:
    """Its counters went to somebody else; what they had counted is reported with cgroup 0 from then on."""
    stats = Stats()
    lost(stats, 10.0, {0: [0] * 7, 70: [0, 2, 0, 0, 0, 0, 0]}, [HOST, WEB])
    before = sum(row.dropped for row in stats.rows())
    lost(stats, 11.0, {0: [0, 2, 0, 0, 0, 0, 0]}, [HOST])
    lost(stats, 12.0, {0: [0, 2, 0, 0, 0, 0, 0]}, [HOST])
    assert stats.rows()[1].dropped_by_class == (0, 2, 0, 0, 0, 0, 0)
    assert sum(row.dropped for row in stats.rows()) == before
    assert stats.other is None or stats.other.dropped == 0


def test_thousands_of_short_lived_containers_do_not_pile_up() -> None:
    stats = Stats(max_containers=50)
    for i in range(2000):
        stats.containers([Container(id=f"{i:012x}", known=True, ended=i < 1990)])
    assert len(stats.rows()) <= 50
    assert stats.rows()[0].container is HOST


def test_an_ended_container_keeps_its_totals_and_nothing_else() -> None:
    stats = Stats()
    counted(stats, 10.0, {70: 5}, [WEB])
    gone = replace(WEB, ended=True)
    for second in range(SPARK_S + 5):
        stats.containers([gone])
        counted(stats, 11.0 + second, {}, [])
    row = stats.rows()[1]
    assert (row.calls, row.calls_per_s, row.spark, row.ended) == (5, 0.0, (), True)
    counted(stats, 100.0, {}, [])
    assert stats.rows()[1] is row


def test_cgroups_that_are_gone_do_not_pile_up() -> None:
    """The host has a new one for every session; a container that runs containers for each of them."""
    stats = Stats()
    for number in range(3 * CGROUPS):
        counted(stats, 10.0 + number, {10_000 + number: 1, 50_000 + number: 1}, [HOST, WEB])
    host, web = stats.rows()
    assert len(host.cgroup_ids) == 1
    assert 1 <= len(web.cgroup_ids) <= CGROUPS + 1
    assert 50_000 + 3 * CGROUPS - 1 in web.cgroup_ids
    assert web.calls == 3 * CGROUPS


def test_the_worse_priority_wins() -> None:
    assert worse("Notice", "Critical") == "Critical"
    assert worse(None, "Debug") == "Debug"
    assert worse("Alert", None) == "Alert"


def test_a_recording_that_goes_on_from_large_totals_shows_no_rate_at_first() -> None:
    stats = Stats()
    counted(stats, 10.0, {1: 9_000_000}, [HOST])
    assert stats.seen_per_s == 0.0
    assert (stats.rows()[0].calls_per_s, stats.rows()[0].spark) == (0.0, ())
    counted(stats, 11.0, {1: 9_000_100}, [HOST])
    assert (stats.rows()[0].calls_per_s, stats.rows()[0].spark) == (100.0, (100.0,))
