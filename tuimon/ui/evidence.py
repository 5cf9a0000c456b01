"""Writing an evidence bundle from the screen: asks for a name, works in a thread, says where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from tuimon.errors import TuimonError
from tuimon.ui.screens.ask import Ask
from tuimon.ui.text import safe

if TYPE_CHECKING:
    from tuimon.engine import Engine
    from tuimon.events import Alert
    from tuimon.ui.app import TuimonApp
    from tuimon.view.story import Story


def ask(app: TuimonApp, alert: Alert) -> None:
    """Ask for a name; esc writes nothing."""
    from tuimon.headless.evidence import check_new, default_name
    from tuimon.headless.new_file import path_of

    default = default_name(alert)

    def named(name: str | None) -> None:
        if name is not None:
            app.notify("collecting evidence...", timeout=2, markup=False)
            path = path_of(name, default)
            app.run_worker(lambda: _write(app, alert, path), thread=True, exit_on_error=False)

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


def _write(app: TuimonApp, alert: Alert, path: Path) -> None:
    from tuimon.headless.evidence import write_bundle

    session = app.session
    if session is None:
        return
    try:
        made = write_bundle(cast("Engine", session.engine), alert, path)
    except (TuimonError, OSError) as error:
        app.call_later(_tell, app, str(error), True)
        return
    app.call_later(_tell, app, f"{made.path}: {made.events:,} events, {made.bytes:,} bytes", False)


def _tell(app: TuimonApp, text: str, wrong: bool) -> None:
    app.notify(safe(text), severity="error" if wrong else "information", timeout=8, markup=False)
