"""tuimon's own files are found in a checkout and in a wheel alike."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tuimon import resources
from tuimon.errors import TuimonError

ROOT = Path(__file__).resolve().parents[1]


def test_in_a_checkout_the_folders_beside_the_package_are_used() -> None:
    """What is being edited is what runs."""
    assert resources.bpf_dir() == ROOT / "bpf"
    assert resources.rules_dir() == ROOT / "rules"
    assert resources.themes_dir() == ROOT / "themes"


def test_installed_the_mapped_folders_are_used(tmp_path: Path) -> None:
    """A folder that merely lies beside the package, as in site-packages, is not taken for ours."""
    package = tmp_path / "tuimon"
    (package / "_data/rules").mkdir(parents=True)
    (package / "_data/rules/x.yaml").write_text("")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/foreign.yaml").write_text("")
    assert resources._data_dir("rules", "*.yaml", package) == package / "_data/rules"


def test_a_broken_installation_says_where_it_looked(tmp_path: Path) -> None:
    """Not a FileNotFoundError somewhere later."""
    with pytest.raises(TuimonError, match="rules folder is missing") as caught:
        resources._data_dir("rules", "*.yaml", tmp_path / "tuimon")
    assert "install tuimon again" in caught.value.hint


def test_a_recordings_name_is_a_path_or_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tuimon replay demo` works anywhere, and a file called demo comes first."""
    monkeypatch.setattr(resources, "recordings_dir", lambda: tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TuimonError, match="built-in recording is missing"):
        resources.find_recording("demo")
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped/demo.tmon").write_bytes(b"")
    assert resources.find_recording("demo") == tmp_path / "shipped/demo.tmon"
    assert resources.find_recording("x/demo.tmon") == Path("x/demo.tmon")
    assert resources.find_recording("../demo") == Path("../demo")
    (tmp_path / "demo").write_bytes(b"")
    assert resources.find_recording("demo") == Path("demo")


def test_every_package_of_the_tree_is_in_the_wheel() -> None:
    """The list in pyproject.toml is written by hand; a package that is not on it would be missing once installed."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    listed = {name for name in config["packages"] if not name.startswith("tuimon._data")}
    found = {str(p.parent.relative_to(ROOT)).replace("/", ".") for p in (ROOT / "tuimon").rglob("__init__.py")}
    assert listed == found


def test_every_data_file_is_matched_by_a_pattern() -> None:
    """A kernel source, rule, theme, grammar or style sheet that no pattern matches would be missing once installed."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    places = {"tuimon._data.bpf": "bpf", "tuimon._data.rules": "rules", "tuimon._data.themes": "themes"}
    places |= {"tuimon": "tuimon", "tuimon.rules": "tuimon/rules", "tuimon.ui": "tuimon/ui"}
    shipped: set[Path] = set()
    for package, patterns in config["package-data"].items():
        for pattern in patterns:
            shipped |= set((ROOT / places[package]).glob(pattern))
    wanted = {
        path
        for folder in ("bpf", "rules", "themes", "tuimon")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md") and "__pycache__" not in path.parts
    }
    assert wanted - shipped == set()
