"""Finds the distribution's bcc from any Python.

bcc is pure Python over ``libbcc.so.0`` and comes as a system package (``python3-bpfcc``, ``python3-bcc``) in a folder
that a virtual environment, or another Python, does not look into. Only that one package is imported from there: the
whole folder on ``sys.path`` would bring in the distribution's versions of everything else.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from tuimon.errors import CaptureError

HINT: Final = "sudo apt-get install python3-bpfcc (Debian, Ubuntu) or sudo dnf install python3-bcc (Fedora, RHEL)"
PLACES: Final = (
    "/usr/lib/python3/dist-packages",
    "/usr/lib/python3*/site-packages",
    "/usr/lib64/python3*/site-packages",
    "/usr/local/lib/python3*/dist-packages",
    "/usr/local/lib/python3*/site-packages",
)
"""Where distributions and bcc's own ``make install`` put it; patterns, tried in order."""


def _folders() -> Iterator[Path]:
    for pattern in PLACES:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


def _is_bcc(package: Path) -> bool:
    # Another project of that name is on PyPI: ours has the binding to libbcc.
    return (package / "__init__.py").is_file() and (package / "libbcc.py").is_file()


def find_package() -> Path:
    """Return the folder of the bcc package.

    Raises:
        CaptureError: It is nowhere.
    """
    spec = importlib.util.find_spec("bcc") if "bcc" not in sys.modules else sys.modules["bcc"].__spec__
    if spec is not None and spec.origin is not None and _is_bcc(Path(spec.origin).parent):
        return Path(spec.origin).parent
    for folder in _folders():
        if _is_bcc(folder / "bcc"):
            return folder / "bcc"
    raise CaptureError("bcc, which compiles and loads the kernel programs, is not installed", HINT)


def locate() -> tuple[str, str]:
    """Return bcc's version and the folder it lies in, without importing it.

    Raises:
        CaptureError: It is not installed, or its library is not.
    """
    package = find_package()
    try:
        ctypes.CDLL("libbcc.so.0")
    except OSError as error:
        raise CaptureError(f"bcc's library cannot be loaded: {error}", HINT) from None
    try:
        found = re.search(r"__version__\s*=\s*['\"]([^'\"]+)", (package / "version.py").read_text())
    except OSError:
        found = None
    return found[1] if found else "of unknown version", str(package.parent)


def import_bcc() -> ModuleType:
    """Import bcc and return it.

    Raises:
        CaptureError: It is not installed or cannot be loaded.
    """
    if "bcc" in sys.modules:
        return sys.modules["bcc"]
    package = find_package()
    spec = importlib.util.spec_from_file_location(
        "bcc", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    if spec is None or spec.loader is None:
        raise CaptureError(f"bcc cannot be imported from {package}", HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        with warnings.catch_warnings():
            # Older bcc has escapes in plain strings that newer Pythons warn about.
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
    except (ImportError, OSError, SyntaxError, AttributeError) as error:
        for name in [n for n in sys.modules if n == "bcc" or n.startswith("bcc.")]:
            del sys.modules[name]
        raise CaptureError(f"bcc cannot be loaded: {error}", HINT) from None
    return module
