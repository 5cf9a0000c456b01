"""Where tuimon's own files lie: kernel sources, rules, themes, recordings. The one module that knows.

``bpf/``, ``rules/`` and ``themes/`` stand beside the package in a checkout, where people edit them; in a wheel they are
mapped to ``tuimon/_data/`` (see ``[tool.setuptools.package-dir]`` in pyproject.toml). The checkout wins when both
exist, so that an editable install always runs what is being edited. Recordings live in the package itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tuimon.errors import TuimonError

_PACKAGE: Final = Path(__file__).resolve().parent
DEMO: Final = "demo"
"""The name that stands for the recording tuimon ships."""
RULES: Final = "tuimon:rules"
"""The name that stands for the rules tuimon ships, wherever they lie."""


def _data_dir(name: str, marker: str, package: Path = _PACKAGE) -> Path:
    """Return the folder ``name``: beside the package (checkout), else inside it (wheel).

    Args:
        name: ``bpf``, ``rules`` or ``themes``.
        marker: A glob that a right folder has a match for. A ``rules`` folder that merely happens to lie beside an
            installed package (in site-packages) must not be taken for ours.
        package: Folder of the package; given in tests only.

    Raises:
        TuimonError: Neither place has it, which means a broken installation.
    """
    checkout = package.parent / name
    if (package.parent / "pyproject.toml").is_file() and next(checkout.glob(marker), None) is not None:
        return checkout
    installed = package / "_data" / name
    if next(installed.glob(marker), None) is not None:
        return installed
    raise TuimonError(
        f"tuimon's own {name} folder is missing: looked for {checkout} and {installed}",
        "install tuimon again: the package is incomplete",
    )


def bpf_dir() -> Path:
    """Return the folder of the kernel programs' C sources; its ``include/`` stands in for kernel headers."""
    return _data_dir("bpf", "events.h")


def rules_dir() -> Path:
    """Return the folder of the rules tuimon ships."""
    return _data_dir("rules", "*.yaml")


def themes_dir() -> Path:
    """Return the folder of the themes tuimon ships, one palette a file."""
    return _data_dir("themes", "*.*")


def recordings_dir() -> Path:
    """Return the folder of the recordings tuimon ships."""
    return _PACKAGE / "recordings"


def find_recording(name: str) -> Path:
    """Return the file a user means by ``name``: a path, or the bare name of a shipped recording such as ``demo``.

    A file of that name in the current folder comes first. The file need not exist when ``name`` is a path: whoever
    opens it says so better.

    Raises:
        TuimonError: ``name`` is the shipped recording's and it is not there.
    """
    path = Path(name)
    if os.path.exists(path) or "/" in name or path.suffix:
        return path
    shipped = sorted(recordings_dir().glob(f"{name}.*")) if name.isidentifier() else []
    if shipped:
        return shipped[0]
    if name == DEMO:
        raise TuimonError("the built-in recording is missing", "install tuimon again: the package is incomplete")
    return path
