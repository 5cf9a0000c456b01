"""Settings: files over defaults, the command line over files, and every mistake named."""

from __future__ import annotations

import os
import pwd
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from tuimon import settings
from tuimon.errors import SettingsError
from tuimon.places import Placed
from tuimon.settings import Settings, config_paths, load, with_rules


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_no_file_gives_the_defaults(tmp_path: Path) -> None:
    """A machine where nobody configured anything starts."""
    assert load((tmp_path / "none.toml",)) == Settings()


def test_a_later_file_overrides_key_by_key_and_the_command_line_overrides_both(tmp_path: Path) -> None:
    """The user's file must not reset what it does not name."""
    system = _file(tmp_path / "etc.toml", 'theme = "a"\nhistory_mb = 64\nascii = true\n')
    user = _file(tmp_path / "user.toml", "history_mb = 128\n")
    got = load((system, user), {"theme": "b", "plain_falco": None})
    assert (got.theme, got.history_mb, got.ascii, got.plain_falco) == ("b", 128, True, False)


def test_rule_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    """A config file works from wherever tuimon is started."""
    path = _file(tmp_path / "sub/c.toml", 'rules = ["mine.yaml", "/abs/r.yaml"]\n')
    assert load((path,)).rules == (tmp_path / "sub/mine.yaml", Path("/abs/r.yaml"))


def test_r_adds_to_the_rules_of_the_config_file(tmp_path: Path) -> None:
    """-r means "these too"."""
    path = _file(tmp_path / "c.toml", 'rules = ["/a.yaml"]\n')
    assert with_rules(load((path,)), [Path("b.yaml")]).rules == (Path("/a.yaml"), Path("b.yaml"))


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("histroy_mb = 3", 'there is no setting "histroy_mb"', '"history_mb"'),
        ("zzz = 3", 'there is no setting "zzz"', "known settings"),
        ('history_mb = "3"', "history_mb is '3'", "whole number"),
        ("history_mb = true", "history_mb is True", "whole number"),
        ("history_mb = 1", "history_mb is 1", "from 8"),
        ("theme = 3", "theme is 3", "text"),
        ("ascii = 1", "ascii is 1", "true or false"),
        ('rule_matching = "both"', "rule_matching is 'both'", '"first" or "all"'),
        ('rules = "a.yaml"', "rules is 'a.yaml'", "list"),
        ("rules = [1]", "rules is [1]", "list"),
        ("theme = ", "not valid TOML", "toml.io"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_what_would_be_right(
    tmp_path: Path, text: str, says: str, hint: str
) -> None:
    """Nobody should have to read the source to mend a config file."""
    path = _file(tmp_path / "c.toml", text)
    with pytest.raises(SettingsError) as caught:
        load((path,))
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert hint in caught.value.hint


def test_bytes_that_are_no_text_are_a_clear_error(tmp_path: Path) -> None:
    """A binary file given the config's name must not end in a traceback."""
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load((path,))


def test_a_folder_in_the_files_place_is_a_clear_error(tmp_path: Path) -> None:
    """Unreadable is said, not ignored: the user believes the file is in force."""
    with pytest.raises(SettingsError, match="cannot read"):
        load((tmp_path,))


def test_the_users_file_follows_xdg_and_home() -> None:
    """The XDG base directory specification, version 0.8."""
    assert config_paths({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, uid=1000)[1] == Path("/x/tuimon/config.toml")
    assert config_paths({"HOME": "/h"}, uid=1000)[1] == Path("/h/.config/tuimon/config.toml")
    assert config_paths({}, uid=1000) == (settings.SYSTEM_CONFIG,)


def test_under_sudo_the_users_own_file_counts() -> None:
    """`sudo tuimon` must look like `tuimon` looked before."""
    me = pwd.getpwuid(os.getuid())
    env = {"SUDO_USER": me.pw_name, "HOME": "/elsewhere"}
    assert config_paths(env, uid=0)[1] == Path(me.pw_dir) / ".config/tuimon/config.toml"
    assert config_paths(env, uid=1000)[1] == Path("/elsewhere/.config/tuimon/config.toml")
    assert config_paths({"SUDO_USER": "no-such-user"}, uid=0) == (settings.SYSTEM_CONFIG,)


def test_the_page_about_settings_names_every_one_with_its_default():
    """What docs/settings.md says is what there is."""
    page = (Path(__file__).resolve().parents[1] / "docs/settings.md").read_text()
    told = dict(re.findall(r"^\| `\[?(\w+)\]?` \| .* \| (?:`(.*?)`.*)?\|$", page, re.MULTILINE))
    assert set(told) == {f.name for f in fields(Settings)}
    for name, default in told.items():
        if default:
            shown = {"true": True, "false": False, "[]": ()}.get(default, default.strip('"'))
            value = getattr(Settings(), name)
            assert (int(shown) if isinstance(value, int) and not isinstance(value, bool) else shown) == value
    for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        assert tomllib.loads(block)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ('\nhistroy_mb = "3"', ':2: there is no setting "histroy_mb"', "history_mb"),
        ('theme = "x"\nhistory_mb = "3"', ":2: history_mb is '3'", "whole number"),
        ('[key]\nalerts.ack = "K"', ':1: there is no setting "key"', '"keys"'),
        ("keys = 3", ":1: keys is 3", "table [keys]"),
        ("[keys]\n\nalerts.ack = 3", ":3: keys.alerts.ack is 3", "key in quotes"),
        ('[keys]\nalerts.ack = " "', ":2: keys.alerts.ack is ' '", "key in quotes"),
        ('[keys]\nalerts.ack = "K"\nhistory_mb = 3', ":3: history_mb stands below [keys]", "above the line [keys]"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_comes_of_it(tmp_path: Path, text: str, says: str, hint: str) -> None:
    """The line is where one goes to mend it."""
    path = _file(tmp_path / "c.toml", text)
    with pytest.raises(SettingsError) as caught:
        load((path,))
    assert f"{path}{says}" in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.hint.endswith("\nnothing was started")


def test_keys_of_both_files_are_in_force_and_each_knows_where_it_stands(tmp_path: Path) -> None:
    """The user's file must not drop the keys of the machine's that it does not name."""
    system = _file(tmp_path / "etc.toml", 'theme = "a"\n[keys]\nalerts.ack = "K"\nalerts.mute = "M"\n')
    user = _file(tmp_path / "user.toml", '[keys]\nalerts.mute = "U"\n')
    got = load((system, user))
    assert got.keys == {"alerts.ack": "K", "alerts.mute": "U"}
    places = {name: text.place for name, text in got.keys.items() if isinstance(text, Placed)}
    assert places == {"alerts.ack": f"{system}:3", "alerts.mute": f"{user}:2"}
    assert isinstance(got.theme, Placed)
    assert got.theme.place == f"{system}:1"
    assert not isinstance(load((system,), {"theme": "b"}).theme, Placed)
