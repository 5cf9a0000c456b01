"""Who may capture."""

from pathlib import Path

import pytest

from tuimon.capture import privileges
from tuimon.errors import CaptureError


@pytest.mark.parametrize(
    ("mask", "missing"),
    [
        (0, ("CAP_BPF", "CAP_PERFMON")),
        (1 << 39, ("CAP_PERFMON",)),
        (1 << 39 | 1 << 38, ()),
        (1 << 21, ()),
    ],
)
def test_capabilities_that_are_missing(tmp_path: Path, mask: int, missing: tuple[str, ...]) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapEff:\t{mask:016x}\n")
    assert privileges.missing_capabilities(status) == missing


def test_an_ordinary_user_is_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "missing_capabilities", lambda: ("CAP_BPF",))
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 1000)
    with pytest.raises(CaptureError) as caught:
        privileges.require_privileges()
    assert "sudo" in caught.value.hint


def test_root_without_the_capability_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "missing_capabilities", lambda: ("CAP_PERFMON",))
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 0)
    with pytest.raises(CaptureError, match="CAP_PERFMON"):
        privileges.require_privileges()
