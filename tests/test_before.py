"""What came before an alert: of its container alone, whatever its neighbours do, and within bounds."""

import numpy as np
import pytest

from tests.builders import (
    CONTAINER_CGROUP,
    batch_of,
    container,
    event_of,
    exec_event,
    open_event,
    process,
    syscall_event,
)
from tuimon import before
from tuimon.batch import concat
from tuimon.before import Before
from tuimon.events import HOST, Alert
from tuimon.history import History

QUIET, LOUD, SIDE = CONTAINER_CGROUP, CONTAINER_CGROUP + 1, CONTAINER_CGROUP + 2
CONTAINERS = {QUIET: container("quiet"), LOUD: container("loud"), SIDE: container("quiet"), 1: HOST}


class House:
    """History and Before as the engine joins them, with a process table that forgets."""

    def __init__(self, max_bytes=1 << 20):
        self.history = History(max_bytes)
        self.processes = {}
        self.before = Before(self.processes.get, CONTAINERS.get, lambda: 1_000, self.history.batches)
        self.num = 1

    def feed(self, *events):
        batch, tables = batch_of(list(events))
        batch.first_num = self.num
        batch.process_at = batch.process_at + np.int32(self.num * 1000)
        self.processes.update({index + self.num * 1000: one for index, one in tables.processes.items()})
        self.num += len(batch)
        self.before.add(batch, self.history.append(batch))
        for old, new in self.history.join():
            self.before.moved(old, new)
        first = self.history.first_num * 1000
        for index in [index for index in self.processes if index < first]:
            del self.processes[index]
        self.tables = tables
        return batch

    def alert(self, batch, row, num=1, rule="R"):
        event = event_of(batch, row, self.tables).alone()
        return Alert(num, event.time_ns, rule, "Warning", "", {}, (), "syscall", "node", 1, event)


def opens(count, cgroup, prefix="/f", **more):
    return [open_event(f"{prefix}{n}", cgroup_id=cgroup, **more) for n in range(count)]


def names(frozen):
    return [frozen.event(row).slot(0).decode() for row in range(len(frozen))]


def flood(house, events=4000):
    while not house.history.evicted:
        house.feed(*opens(events, LOUD, "/noise"))
    house.feed(*opens(events, LOUD, "/noise"))


def freeze(house, events, row=-1, **more):
    """Feed events, fire at one of them, and let the batch in, in the order the engine does it."""
    batch, tables = batch_of(list(events))
    batch.first_num = house.num
    house.tables = tables
    alert = house.alert(batch, row % len(batch), **more)
    house.before.alert(alert)
    house.feed(*events)
    return alert


def test_a_noisy_neighbour_pushes_nothing_out_not_even_through_the_history():
    house = House()
    house.feed(*opens(20, QUIET, process=process("sh", pid=7)))
    flood(house)
    assert house.history.first_num > 21
    alert = freeze(house, [*opens(500, LOUD), exec_event("x", cgroup_id=QUIET), *opens(3, QUIET, "/after")], 500)
    frozen = house.before.of(alert)
    assert names(frozen)[:20] == [f"/f{n}" for n in range(20)]
    assert len(frozen) == 21, "none of the neighbour's, none after the alert"
    assert int(frozen.nums[-1]) == alert.event.num
    assert frozen.event(0).process.comm == "sh", "though the process table has forgotten"
    assert frozen.event(0).num == 1
    assert frozen.event(3).time_ns == frozen.event(3).ts_ns + 1_000
    assert not frozen.cut


def test_its_own_flood_does_not_push_out_what_tells_the_story():
    house = House(64 << 20)
    house.feed(exec_event("dropper", cgroup_id=LOUD), *opens(3000, LOUD))
    alert = freeze(house, [*opens(3000, LOUD), open_event("/etc/shadow", cgroup_id=LOUD), *opens(2000, LOUD)], 3000)
    frozen = house.before.of(alert)
    assert len(frozen) == before.ROWS + 1
    assert frozen.event(0).kind.name == "EXEC"
    assert names(frozen)[-1] == "/etc/shadow"
    assert frozen.cut


def test_all_cgroups_of_a_container_count_and_the_hosts_services_each_for_itself():
    house = House()
    house.feed(*opens(2, SIDE, "/side"), *opens(2, 1, "/host"), *opens(2, 99, "/unknown"))
    frozen = house.before.of(freeze(house, opens(1, QUIET)))
    assert names(frozen) == ["/side0", "/side1", "/f0"]
    assert names(house.before.of(freeze(house, opens(1, 1), num=2))) == ["/host0", "/host1", "/f0"]
    assert names(house.before.of(freeze(house, opens(1, 99), num=3))) == ["/unknown0", "/unknown1", "/f0"]


def test_an_alert_that_had_to_wait_finds_its_event_in_the_history():
    house = House(64 << 20)
    batch = house.feed(*opens(10, LOUD, "/wanted"))
    alert = house.alert(batch, 9)
    house.feed(*opens(2000, LOUD))
    house.before.alert(alert)
    house.feed(*opens(1, QUIET))
    assert names(house.before.of(alert)) == [f"/wanted{n}" for n in range(10)]


def test_an_alert_is_pending_until_its_events_are_in_the_history_however_many_come_first():
    house = House(64 << 20)
    batch, house.tables = batch_of(opens(3, QUIET, "/wanted"))
    batch.first_num = house.num + 5  # five others come in a batch before
    alert = house.alert(batch, 2)
    assert house.before.is_pending(alert)
    house.before.alert(alert)
    house.feed(*opens(5, LOUD))
    assert house.before.is_pending(alert)
    assert house.before.of(alert) is None
    house.feed(*opens(3, QUIET, "/wanted"))
    assert not house.before.is_pending(alert)
    assert names(house.before.of(alert)) == [f"/wanted{n}" for n in range(3)]


def test_an_alert_that_is_raised_when_nothing_follows_need_not_wait_for_an_event():
    house = House(64 << 20)
    alert = house.alert(house.feed(*opens(3, QUIET, "/wanted")), 2)
    house.before.alert(alert)
    house.before.settle()
    assert not house.before.is_pending(alert)
    assert names(house.before.of(alert)) == [f"/wanted{n}" for n in range(3)]


def test_repeats_within_a_second_share_what_the_first_of_them_froze():
    house = House()
    first = freeze(house, opens(3, QUIET))
    again = freeze(house, opens(3, QUIET), num=2)
    other = freeze(house, opens(3, QUIET), num=3, rule="S")
    assert house.before.of(again) is house.before.of(first)
    assert house.before.of(other) is not house.before.of(first)
    assert house.before.of(house.alert(house.feed(*opens(1, QUIET)), 0, num=9)) is None


def test_alerts_that_nobody_can_share_with_any_more_are_let_go():
    """Each short-lived container is a cgroup of its own, and its alerts are of rules that fire once there."""
    house = House()
    for second in range(100):
        batch = house.feed(*opens(1, 8_000 + second))
        batch.head["ts_ns"] += second * before.AGAIN_NS
        for rule in "RS":
            house.before.alert(house.alert(batch, 0, num=2 * second + "RS".index(rule), rule=rule))
    assert len(house.before._last) <= 2 * 6


def test_losses_in_the_time_of_the_window_are_told():
    house = House()
    batch, _ = batch_of(opens(3, LOUD))
    batch.head["lost"][1] = 7
    house.before.add(batch)
    frozen = house.before.of(freeze(house, opens(1, LOUD)))
    assert frozen.lost == 7
    assert house.before.of(freeze(house, opens(1, QUIET), num=2)).lost == 7


def test_frozen_windows_are_bounded_and_the_noisy_one_pays(monkeypatch):
    monkeypatch.setattr(before, "FROZEN_BYTES", 700_000)
    monkeypatch.setattr(before, "AGAIN_NS", 0)
    house = House()
    quiet = freeze(house, opens(5, QUIET))
    loud = [freeze(house, opens(50, LOUD), num=number) for number in range(2, 12)]
    assert house.before.of(quiet) is not None
    assert house.before.of(loud[-1]) is not None
    assert house.before.of(loud[0]) is None
    assert house.before.forgotten
    assert house.before.nbytes < 700_000 + (1 << 20)


def test_cgroups_and_copies_are_bounded(monkeypatch):
    monkeypatch.setattr(before, "CGROUPS", 10)
    monkeypatch.setattr(before, "RESERVE_BYTES", 20_000)
    house = House(200_000)
    for number in range(100):
        house.feed(*opens(30, 8_000 + number % 30))
    assert len(house.before._rings) <= 10
    assert house.before.nbytes <= 20_000


@pytest.mark.parametrize("seed", range(20))
def test_any_mix_gives_the_last_rows_of_the_container(seed):
    """Against the plain way: every event kept in a list."""
    rng = np.random.default_rng(seed)
    house = House(int(rng.integers(50_000, 400_000)))
    told = []
    for number in range(int(rng.integers(2, 25))):
        events = []
        for _ in range(int(rng.integers(1, 120))):
            cgroup = int(rng.choice([QUIET, LOUD, SIDE, LOUD, LOUD]))
            tells = rng.random() < 0.05
            events.append(exec_event("x", cgroup_id=cgroup) if tells else syscall_event("close", cgroup_id=cgroup))
        row = int(rng.integers(len(events)))
        first = house.num
        told += [(first + at, CONTAINERS[e.cgroup_id].id, e.kind.name) for at, e in enumerate(events)]
        alert = freeze(house, events, row, num=number + 1, rule=str(number))
        owner = CONTAINERS[events[row].cgroup_id].id
        mine = [(num, kind) for num, who, kind in told if who == owner and num <= first + row]
        frozen = house.before.of(alert)
        got = frozen.nums.tolist()
        assert got == sorted(set(got))
        assert got[-min(len(mine), before.ROWS // 4) :] == [num for num, _ in mine[-min(len(mine), before.ROWS // 4) :]]
        assert set(got) <= {num for num, _ in mine}


def test_joined_copies_are_the_same_rows():
    house = House(30_000)
    for number in range(200):
        house.feed(*opens(1, QUIET, f"/{number}-"), *opens(5, LOUD))
    frozen = house.before.of(freeze(house, opens(1, QUIET)))
    assert names(frozen) == [*(f"/{n}-0" for n in range(200)), "/f0"]
    assert len(house.before._rings[QUIET][0].old) < before._JOIN_FROM
    assert concat([frozen.batch]) is frozen.batch
