"""bcc is found in the distribution's folder, alone, and missed with a clear sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tuimon.capture import bcc_finder
from tuimon.errors import CaptureError


def package(folder: Path, *, ours: bool = True) -> Path:
    made = folder / "bcc"
    made.mkdir(parents=True)
    (made / "__init__.py").write_text("import bcc.version\nBPF = object\n")
    (made / "version.py").write_text("__version__ = '0.99'\n")
    if ours:
        (made / "libbcc.py").write_text("")
    return made


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine where bcc is only where the test puts it."""
    for name in [n for n in sys.modules if n == "bcc" or n.startswith("bcc.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not (Path(p) / "bcc").exists()])
    monkeypatch.setattr(bcc_finder, "PLACES", (str(tmp_path / "dist*"),))
    return tmp_path


def test_the_distribution_s_package_is_found(nowhere: Path) -> None:
    made = package(nowhere / "dist-packages")
    assert bcc_finder.find_package() == made


def test_another_project_of_that_name_is_not_taken(nowhere: Path) -> None:
    package(nowhere / "dist-packages", ours=False)
    with pytest.raises(CaptureError) as caught:
        bcc_finder.find_package()
    assert "apt-get install python3-bpfcc" in caught.value.hint


def test_only_bcc_is_imported_from_there(nowhere: Path) -> None:
    package(nowhere / "dist-packages")
    (nowhere / "dist-packages/other.py").write_text("raise SystemExit")
    before = list(sys.path)
    module = bcc_finder.import_bcc()
    assert module.BPF is object
    assert sys.modules["bcc.version"].__version__ == "0.99"
    assert sys.path == before
    for name in ("bcc", "bcc.version"):
        del sys.modules[name]


def test_a_broken_package_is_a_clear_sentence_and_leaves_nothing_behind(nowhere: Path) -> None:
    made = package(nowhere / "dist-packages")
    (made / "__init__.py").write_text(
        "import bcc.version\nraise OSError('libbcc.so.0: cannot open shared object file')\n"
    )
    with pytest.raises(CaptureError, match=r"libbcc\.so\.0"):
        bcc_finder.import_bcc()
    assert "bcc" not in sys.modules
    assert "bcc.version" not in sys.modules


def test_the_kernel_source_is_importable_without_bcc() -> None:
    """The command line, the doctor and every test that needs no kernel import it."""
    code = "import sys, tuimon.capture.kernel; sys.exit('bcc' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
