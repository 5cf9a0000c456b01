"""Compiled kernel programs: made by bcc, kept for the next start.

bcc's clang takes about a second for our sources; loading what it made takes a quarter of that. The result depends on
nothing but the text, so it is kept under the text's hash in a folder that only root may write to: what lies there goes
into the kernel. Map fds are replaced by numbers of our own before it is kept.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tuimon.capture.bcc_finder import import_bcc
from tuimon.capture.bpf_calls import map_info, patched
from tuimon.errors import CaptureError
from tuimon.resources import bpf_dir

CACHE: Final = Path("/var/cache/tuimon")
KEPT: Final = 8
"""Compilations kept, the youngest; each is some 40 KB."""
MAP_NUMBER: Final = 0x7FFD0000
"""Stands for the fd of the first map, the next number for the second's, and so on."""
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class MapSpec:
    """What a map is created with; see bpf(2)."""

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """The programs of one translation unit."""

    maps: tuple[MapSpec, ...]
    code: dict[str, bytes]
    """Instructions by function; ``MAP_NUMBER + i`` stands for the fd of ``maps[i]``."""


@contextmanager
def _kernel_source() -> Iterator[None]:
    """Have bcc take our few headers for the kernel's."""
    before = os.environ.get("BCC_KERNEL_SOURCE")
    os.environ["BCC_KERNEL_SOURCE"] = str(bpf_dir())
    try:
        yield
    finally:
        if before is None:
            del os.environ["BCC_KERNEL_SOURCE"]
        else:
            os.environ["BCC_KERNEL_SOURCE"] = before


def compile_module(text: str) -> Any:
    """Compile C text with bcc, its maps created; return bcc's module.

    Raises:
        CaptureError: bcc is missing, or it does not compile here.
    """
    with _kernel_source():
        bcc = import_bcc()
        try:
            return bcc.BPF(text=text.encode(), cflags=["-w"])
        except Exception as error:  # bcc raises plain Exception
            raise CaptureError(
                f"the kernel programs do not compile here: {error}", "see bcc's messages above"
            ) from None


def compile_text(text: str, maps: tuple[str, ...], functions: tuple[str, ...]) -> Compiled:
    """Compile C text and return the named maps and functions.

    Raises:
        CaptureError: bcc is missing, or it does not compile here.
    """
    module = compile_module(text)
    try:
        fds = {name: int(module[name.encode()].map_fd) for name in maps}
        numbers = {fd: MAP_NUMBER + at for at, fd in enumerate(fds.values())}
        specs = tuple(MapSpec(name, *map_info(fd)) for name, fd in fds.items())
        code = {name: patched(module.dump_func(name.encode()), calls={}, maps=numbers) for name in functions}
        return Compiled(specs, code)
    finally:
        module.cleanup()
        _give_memory_back()


def _give_memory_back() -> None:
    """Have the C library return what compiling took and freed: tens of MiB that each compilation would add to.

    malloc_trim(3) is glibc's; another C library keeps no such memory.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def compiled(text: str, maps: tuple[str, ...], functions: tuple[str, ...], cache: Path | None = CACHE) -> Compiled:
    """Return the programs of a C text: kept ones, or newly compiled and then kept.

    Args:
        text: The translation unit.
        maps: Names of its maps.
        functions: Names of its programs.
        cache: Folder to keep compilations in; None keeps none. It is used by root only and only when nobody else can
            write to it; a cache that cannot be used is no error.

    Raises:
        CaptureError: bcc is missing, or it does not compile here.
    """
    folder = _trusted_folder(cache) if cache is not None else None
    if folder is None:
        return compile_text(text, maps, functions)
    path = folder / f"{hashlib.sha256(f'{_FORMAT} {maps} {functions} {text}'.encode()).hexdigest()[:32]}.json"
    kept = _read(path)
    if kept is not None and {m.name for m in kept.maps} == set(maps) and set(kept.code) == set(functions):
        return kept
    made = compile_text(text, maps, functions)
    with contextlib.suppress(OSError):
        _write(path, made)
        _forget_old(folder)
    return made


def _trusted_folder(folder: Path) -> Path | None:
    """Return the cache folder, made if need be; None when it is not root's alone."""
    if os.geteuid() != 0:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError:
        return None
    return folder if stat.S_ISDIR(info.st_mode) and _is_roots(info) else None


def _is_roots(info: os.stat_result) -> bool:
    return info.st_uid == 0 and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(path: Path) -> Compiled | None:
    """Return a kept compilation, None when there is none that can be trusted and read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, encoding="ascii") as file:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or not _is_roots(info):
                return None
            content = json.load(file)
        maps = tuple(MapSpec(**spec) for spec in content["maps"])
        return Compiled(maps, {name: base64.b64decode(code) for name, code in content["code"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(path: Path, made: Compiled) -> None:
    content = {
        "maps": [asdict(spec) for spec in made.maps],
        "code": {name: base64.b64encode(code).decode() for name, code in made.code.items()},
    }
    unfinished = path.with_suffix(f".{os.getpid()}")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="ascii") as file:
        json.dump(content, file)
    unfinished.rename(path)


def _forget_old(folder: Path) -> None:
    """Remove all but the youngest compilations."""
    by_age = sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in by_age[KEPT:]:
        path.unlink()
