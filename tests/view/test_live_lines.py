"""The lines of the live pane."""

import pytest

from tuimon.view.live_lines import fit_path


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("/etc/passwd O_RDONLY = 3", 30, "/etc/passwd O_RDONLY = 3"),
        ("/usr/lib/python3/site-packages/numpy/core.py O_RDONLY", 34, ".../numpy/core.py O_RDONLY"),
        ("/usr/lib/python3/site-packages/numpy/core.py", 20, ".../numpy/core.py"),
        ("/dev/null O_TRUNC|O_CREAT|O_WRONLY", 20, "/dev/null O_TRUNC|O_CREAT|O_WRONLY"),
        ("/usr/lib/a_very_long_name_that_fits_nowhere O_RDONLY", 20, ".../a_very_long_name_that_fits_nowhere O_RDONLY"),
        ("10.0.0.1:4000->10.0.0.2:443 and more", 10, "10.0.0.1:4000->10.0.0.2:443 and more"),
        ("/a", 1, "/a"),
    ],
)
def test_a_long_path_is_shortened_from_its_front(text: str, width: int, shown: str) -> None:
    assert fit_path(text, width) == shown
