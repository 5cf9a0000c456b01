"""The wheel holds all that tuimon needs, and what is in it is found once installed."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tuimon import __version__

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "tuimon", "bpf", "rules", "themes")
LOOK = """
import json, sys
from tuimon import resources
places = [resources.bpf_dir(), resources.rules_dir(), resources.themes_dir()]
found = {str(p): sorted(str(f.relative_to(p)) for f in p.rglob("*") if f.is_file()) for p in places}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from a copy, so that the checkout stays clean."""
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools is older than 77 and does not know license expressions")
    folder = tmp_path_factory.mktemp("wheel")
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / "src").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / "src" / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    done = subprocess.run([*command, "./src"], cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def _files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts)


def test_installed_every_folder_is_found_whole(wheel: Path, tmp_path: Path) -> None:
    """Kernel sources, rules and themes are outside the package and mapped into it."""
    site = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        str(site / "tuimon/_data" / name): _files(ROOT / name) for name in ("bpf", "rules", "themes")
    }


def test_the_wheel_holds_every_module_its_data_and_the_licence(wheel: Path) -> None:
    """And no test, cache or checkout file."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {f"tuimon/{name}" for name in _files(ROOT / "tuimon")}
    info = f"tuimon-{__version__}.dist-info"
    assert {n for n in names if not n.startswith((info, "tuimon/_data/"))} == modules
    assert f"{info}/licenses/LICENSE" in names
