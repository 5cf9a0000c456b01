"""The prefilter in the kernel: compiled from the rules in force, put between two stages of the running programs.

It is a program for each question that is asked of system calls, and one before them that chooses; they share the
running programs' maps. One store into the table of stages puts it in force, replaces it or takes it away, while they
run: an event meets the old one, the new one or none, and is counted either way.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuimon.capture.bpf_calls import VerifierError, create_map, delete, load_program, patched, update
from tuimon.capture.compiled import MAP_NUMBER, Compiled, MapSpec, compiled
from tuimon.capture.program import Programs
from tuimon.capture.sources import DIRECT_MAPS, judged_calls, prefilter_text
from tuimon.errors import CaptureError

STAGE_PROGRAM: Final = "tm_prefilter_stage"
PLACES: Final = "places"
"""Cgroup id to 1 (the host's) or 2 (a container's). Made with the first prefilter, shared by all."""
JUDGES: Final = "judges"
"""System call number to the program that judges it; every prefilter has its own."""
MAPS: Final = ("works", "counts", "chain", PLACES, JUDGES)
"""What a prefilter uses, beside DIRECT_MAPS."""
STAGE: Final = (3).to_bytes(4, "little")
"""TM_STAGE_PREFILTER in maps.h."""


@dataclass(slots=True)
class Prefilter:
    """A loaded prefilter. It judges as long as ``judges`` is open, and passes everything afterwards."""

    stage: int
    """Fd of its first program."""
    judges: int
    """Fd of the table of its other programs."""
    refused: tuple[int, ...] = ()
    """System calls that are not judged: their program is too much for the kernel's verifier."""

    def close(self) -> None:
        """Free what is open."""
        for fd in (self.stage, self.judges):
            if fd >= 0:
                os.close(fd)
        self.stage = self.judges = -1


def load_prefilter(programs: Programs, c_text: str, cache: Path | None) -> Prefilter:
    """Compile (a second or two, unless it is kept) and load a prefilter. It is not in force yet.

    Args:
        programs: What it joins; they must not be closed meanwhile, or their maps are gone and it is refused.
        c_text: ``tm_prefilter`` as tuimon.rules.prefilter_c prints it.
        cache: Where the programs' compilations are kept; prefilters come and go, so theirs get a folder of their own.

    Raises:
        CaptureError: It does not compile, or the kernel refuses all of it.
    """
    calls = judged_calls(c_text)
    functions = (STAGE_PROGRAM, *(f"tm_judge_{number}" for number in sorted(set(calls.values()))))
    text = prefilter_text(programs.preamble, c_text)
    made = compiled(text, MAPS, functions, None if cache is None else cache / "prefilters")
    specs = {spec.name: spec for spec in made.maps}
    judges = _create(specs[JUDGES])
    try:
        if PLACES not in programs.maps and programs.maps:
            programs.maps[PLACES] = _create(specs[PLACES])
        fds = {**programs.maps, JUDGES: judges}
        maps = {MAP_NUMBER + at: fds[spec.name] for at, spec in enumerate(made.maps)}
        maps |= {number: programs.maps[name] for number, name in DIRECT_MAPS.items()}
        btf_id = programs.sys_exit_type if programs.kind != "plain" else 0
        return _load_all(made, maps, calls, judges, btf_id)
    except KeyError:
        os.close(judges)
        raise CaptureError("the programs were closed meanwhile") from None
    except VerifierError as error:
        os.close(judges)
        lines = [error.strerror or "", *error.log.strip().splitlines()[-2:]]
        raise CaptureError(f"the kernel refuses the rules' prefilter: {' / '.join(lines)}") from None


def _create(spec: MapSpec) -> int:
    return create_map(spec.type, spec.key_size, spec.value_size, spec.max_entries, spec.flags, spec.name)


def _load_all(made: Compiled, maps: dict[int, int], calls: Mapping[int, int], judges: int, btf_id: int) -> Prefilter:
    """Load every program; one that the verifier refuses is left out, and its calls are not judged."""

    def load(name: str) -> int:
        return load_program(patched(made.code[name], calls={}, maps=maps), name, btf_id)

    refused: list[int] = []
    first: VerifierError | None = None
    for number in sorted(set(calls.values())):
        mine = [call for call, each in calls.items() if each == number]
        try:
            fd = load(f"tm_judge_{number}")
        except VerifierError as error:
            refused += mine
            first = first or error
            continue
        for call in mine:
            update(judges, call.to_bytes(4, "little"), fd.to_bytes(4, "little"))
        os.close(fd)
    if first is not None and len(refused) == len(calls):
        raise first
    return Prefilter(load(STAGE_PROGRAM), judges, tuple(refused))


def put_places(programs: Programs, places: Mapping[int, int]) -> None:
    """Say of cgroups where they are: 1 the host's, 2 a container's, 0 not known any more.

    What finds no room in the table stays unknown, and is not filtered by its place. Raises OSError.
    """
    fd = programs.maps.get(PLACES)
    if fd is None:
        return
    for cgroup_id, place in sorted(places.items(), key=lambda item: item[1]):
        key = cgroup_id.to_bytes(8, "little")
        try:
            if place:
                update(fd, key, place.to_bytes(4, "little"))
            else:
                delete(fd, key)
        except OSError as error:
            if error.errno not in (errno.E2BIG, errno.ENOENT):
                raise


def put_in_force(programs: Programs, prefilter: Prefilter | None) -> None:
    """Put a loaded prefilter in force, or none. Raises OSError."""
    if prefilter is None:
        with contextlib.suppress(FileNotFoundError):
            delete(programs.maps["chain"], STAGE)
        return
    update(programs.maps["chain"], STAGE, prefilter.stage.to_bytes(4, "little"))
