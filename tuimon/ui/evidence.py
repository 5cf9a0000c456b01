"""Writing an evidence bundle from the screen: asks for a name, works in a thread, says where it lies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from tuimon.errors import TuimonError
from tuimon.ui.screens.ask import Ask
from tuimon.ui.text import safe

if TYPE_CHECKING:
    from tuimon.engine import Engine
    from tuimon.events import Alert
    from tuimon.ui.app import TuimonApp
    from tuimon.view.story import Story

_SAID_S: Final = 2.0
"""How long a notice says that evidence is being collected, before it is said again."""


def ask(app: TuimonApp, alert: Alert) -> None:
    """Ask for a name; esc writes nothing."""
    from tuimon.headless.evidence import check_new, default_name
    from tuimon.headless.new_file import path_of

    default = default_name(alert)

    def named(name: str | None) -> None:
        if name is not None:
            _collect(app, alert, path_of(name, default))

    hint = "a new .tar.gz: alert, events, story, rules, ...; or a folder; esc goes back"
    question = "Write the evidence of this alert into"
    app.push_screen(Ask(question, hint, default, lambda name: check_new(path_of(name, default))), named)


def ask_for_story(app: TuimonApp, story: Story, alert: Alert) -> None:
    """Ask for a name and write a story; esc writes nothing."""
    from tuimon.headless.evidence import check_new_story, default_name, write_story
    from tuimon.headless.new_file import path_of

    default = default_name(alert, "story", ".md")

    def named(name: str | None) -> None:
        if name is None:
            return
        path = path_of(name, default)
        try:
            write_story(path, story, alert)
        except TuimonError as error:
            _tell(app, str(error), True)
        else:
            _tell(app, f"{path}: {len(story.lines):,} lines", False)

    hint = "a new file (.md is Markdown, .txt is text), or a folder for it; esc goes back"
    question = "Write this story into"
    app.push_screen(Ask(question, hint, default, lambda name: check_new_story(path_of(name, default))), named)


def _collect(app: TuimonApp, alert: Alert, path: Path) -> None:
    """Write it in a thread, and say so until it is done: on a busy machine that takes some seconds."""
    app.notify("collecting evidence...", timeout=_SAID_S, markup=False)
    again = partial(app.notify, "still collecting evidence...", timeout=_SAID_S, markup=False)
    waiting = app.set_interval(_SAID_S, again)

    def done(text: str, wrong: bool) -> None:
        waiting.stop()
        _tell(app, text, wrong)

    app.run_worker(lambda: app.call_later(done, *_written(app, alert, path)), thread=True, exit_on_error=False)


def _written(app: TuimonApp, alert: Alert, path: Path) -> tuple[str, bool]:
    """Write it; return what to say, and whether that is an error."""
    from tuimon.headless.evidence import write_bundle

    assert app.session is not None
    try:
        made = write_bundle(cast("Engine", app.session.engine), alert, path)
    except (TuimonError, OSError) as error:
        return str(error), True
    return f"{made.path}: {made.events:,} events, {made.bytes:,} bytes", False


def _tell(app: TuimonApp, text: str, wrong: bool) -> None:
    app.notify(safe(text), severity="error" if wrong else "information", timeout=8, markup=False)
