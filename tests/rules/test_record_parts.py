"""What is read from the paths of opens is what the fields' getters say, and the rest is left to them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests import builders
from tuimon import fields
from tuimon.rules.pools import ABSENT, UNSEEN, Pool
from tuimon.rules.record_parts import Opens, Paths, part_of, without_socket

OPENS = [
    builders.open_event("/etc/passwd"),
    builders.open_event("/etc/../etc//shadow", real="/etc/shadow"),
    builders.open_event("lib/x.so", cwd="/usr", real="/usr/lib64/x.so"),
    builders.open_event("/nowhere", ret=-2),
    builders.open_event("/refused", ret=-1),
    builders.open_event("/etc/", real="/etc"),
]
NAMES = (
    "fd.name", "fd.nameraw", "fd.realpath", "fd.directory", "fd.filename", "fd.type", "fd.typechar", "fd.l4proto",
    "fd.ip", "fd.port", "fd.is_server", "fd.connected", "fd.sockfamily", "fs.path.name", "fs.path.nameraw",
    "fs.path.source",
)  # fmt: skip


def looked_up(events, key):
    """Return the values of a field of opens, and what its getter says."""
    batch, tables = builders.batch_of(events)
    rows = np.arange(len(batch))
    texts, pool = Pool(), Pool()
    paths = Paths(*(np.full(len(batch), UNSEEN, np.int32) for _ in Paths._fields))
    opens = Opens(batch, rows, np.ones(len(batch), bool), rows.astype(np.int64), paths, texts)
    part = part_of(key)
    assert part is not None
    places = opens.places(part, pool)
    info, _ = fields.resolve(key[0])
    get = info.get if key[2] == "given" else fields.real_twin(info)
    said = [get(builders.event_of(batch, row, tables), key[1]) for row in rows]
    return places, pool, said


WITH_TWIN = [name for name in NAMES if fields.real_twin(fields.resolve(name)[0]) is not None]


@pytest.mark.parametrize(("which", "name"), [*product(["given"], NAMES), *product(["real"], WITH_TWIN)])
def test_fields_of_opens_are_those_of_their_getters(which, name):
    places, pool, said = looked_up(OPENS, (name, None, which))
    for place, value in zip(places.tolist(), said, strict=True):
        assert place == UNSEEN or pool.values[place] == value
    assert (places != UNSEEN).sum() >= len(OPENS) - 1, "a refused open may be left to the getter"


def test_an_argument_of_an_open_shows_its_path():
    places, pool, said = looked_up(OPENS, ("evt.arg", "name", "given"))
    assert [pool.values[place] for place in places.tolist()] == said


def test_what_hangs_on_more_than_paths_is_left_to_the_getter():
    assert part_of(("evt.arg", "flags", "given")) is None
    assert part_of(("fd.num", None, "given")) is None


def test_a_record_without_a_socket_has_no_addresses():
    batch, _ = builders.batch_of(OPENS[:2])
    rows = np.arange(2)
    assert without_socket(("fd.sip", None, "given"), batch, rows).tolist() == [ABSENT, ABSENT]
    assert without_socket(("fd.name", None, "given"), batch, rows).tolist() == [UNSEEN, UNSEEN]


def test_the_real_path_is_the_other_truth_of_a_name():
    """So that one answers for the other."""
    twins = {name: fields.real_twin(fields.resolve(name)[0]) for name in WITH_TWIN}
    assert twins["fd.name"] is fields.resolve("fd.realpath")[0].get
    assert twins["fd.name"] is twins["fd.nameraw"]
    assert twins["fs.path.name"] is twins["fs.path.nameraw"]
