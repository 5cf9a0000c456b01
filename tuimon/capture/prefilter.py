"""The prefilter in the kernel: compiled from the rules in force, put between two stages of the running programs.

It is a program of its own that shares their maps. One store into their table of stages puts it in force, replaces it or
takes it away, while they run: an event meets the old one, the new one or none, and is counted either way.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from tuimon.capture.bpf_calls import VerifierError, delete, load_program, patched, update
from tuimon.capture.compiled import MAP_NUMBER, compiled
from tuimon.capture.program import Programs
from tuimon.capture.sources import DIRECT_MAPS, prefilter_text
from tuimon.errors import CaptureError

FUNCTION: Final = "tm_prefilter_stage"
MAPS: Final = ("works", "counts", "chain")
"""What it shares with the programs, beside DIRECT_MAPS."""
STAGE: Final = (3).to_bytes(4, "little")
"""TM_STAGE_PREFILTER in maps.h."""


def load_prefilter(programs: Programs, c_text: str, cache: Path | None) -> int:
    """Compile (about a second, unless it is kept) and load a prefilter; return its fd. It is not in force yet.

    Args:
        programs: What it joins; they must not be closed meanwhile, or their maps are gone and it is refused.
        c_text: ``tm_prefilter`` as tuimon.rules.prefilter_c prints it.
        cache: Where the programs' compilations are kept; prefilters come and go, so theirs get a folder of their own.

    Raises:
        CaptureError: It does not compile, or the kernel refuses it.
    """
    text = prefilter_text(programs.preamble, c_text)
    made = compiled(text, MAPS, (FUNCTION,), None if cache is None else cache / "prefilters")
    try:
        maps = {MAP_NUMBER + at: programs.maps[spec.name] for at, spec in enumerate(made.maps)}
        maps |= {number: programs.maps[name] for number, name in DIRECT_MAPS.items()}
        btf_id = programs.sys_exit_type if programs.kind != "plain" else 0
        return load_program(patched(made.code[FUNCTION], calls={}, maps=maps), "tm_prefilter", btf_id)
    except KeyError:
        raise CaptureError("the programs were closed meanwhile") from None
    except VerifierError as error:
        lines = [error.strerror or "", *error.log.strip().splitlines()[-2:]]
        raise CaptureError(f"the kernel refuses the rules' prefilter: {' / '.join(lines)}") from None


def put_in_force(programs: Programs, fd: int | None) -> None:
    """Put a loaded prefilter in force, or none; the fd can be closed afterwards. Raises OSError."""
    if fd is None:
        with contextlib.suppress(FileNotFoundError):
            delete(programs.maps["chain"], STAGE)
        return
    try:
        update(programs.maps["chain"], STAGE, fd.to_bytes(4, "little"))
    finally:
        os.close(fd)
