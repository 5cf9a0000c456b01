"""Recording what is live from within the screen: one key begins and ends it, a mark says that it runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tuimon.errors import TuimonError
from tuimon.ui.text import safe
from tuimon.view.clock import amount

if TYPE_CHECKING:
    from tuimon.headless.record import Recorder
    from tuimon.ui.app import TuimonApp


class Recording:
    """The recording of a screen; at most one at a time.

    Args:
        app: Whose engine is recorded, and which tells the user.
    """

    def __init__(self, app: TuimonApp) -> None:
        self._app = app
        self._recorder: Recorder | None = None
        self._failure = ""
        """Why the last recording ended early, until the next one begins."""

    @property
    def running(self) -> bool:
        """Whether something is being recorded."""
        return self._recorder is not None

    @property
    def mark(self) -> str:
        """What the screen says while it runs and after it failed, else empty."""
        if self._recorder is None:
            return "REC ENDED" if self._failure else ""
        return f"REC {amount(self._recorder.bytes)}B"

    @property
    def path(self) -> Path | None:
        """The file being written."""
        return None if self._recorder is None else self._recorder.path

    def facts(self) -> list[tuple[str, str]]:
        """Return what is known of the running recording, or why the last one failed, as names and values."""
        recorder = self._recorder
        if recorder is None:
            return [("ended early", self._failure)] if self._failure else []
        left_out = f", {recorder.left_out:,} left out because the disk is too slow" if recorder.left_out else ""
        return [
            ("file", str(recorder.path)),
            ("written", f"{recorder.bytes:,} bytes, {recorder.events:,} events{left_out}"),
        ]

    def toggle(self) -> None:
        """Ask for a name and begin, or end."""
        session = self._app.session
        if self._recorder is not None:
            self.stop()
            self._app.main.show_fixed()
        elif session is None or session.snapshot is None:
            self._app.notify("the capture has not started yet", markup=False)
        elif not session.snapshot.live:
            self._app.notify("a recording is playing: there is nothing live to record", markup=False)
        else:
            self._ask()

    def _ask(self) -> None:
        from tuimon.headless.new_file import check_free, path_of
        from tuimon.ui.screens.ask import Ask

        default = time.strftime("tuimon-%Y%m%d-%H%M%S.tmon")

        def named(name: str | None) -> None:
            if name is not None:
                self._begin(path_of(name, default))

        hint = "a new file, or a folder for it; enter begins, r ends it, esc goes back"

        def check(name: str) -> None:
            check_free(path_of(name, default), "recordings are")

        self._app.push_screen(Ask("Record what is live into", hint, default, check), named)

    def _begin(self, path: Path) -> None:
        from tuimon.engine import Engine
        from tuimon.headless.record import Recorder
        from tuimon.invoker import give_to_invoker

        session = self._app.session
        if session is None or not isinstance(session.engine, Engine):
            return
        try:
            self._recorder = Recorder(session.engine, path)
            give_to_invoker(path)
        except (TuimonError, OSError) as error:
            self._tell(str(error), wrong=True)
            return
        self._failure = ""
        self._tell(f"recording into {path}; r ends it")
        self._app.main.show_fixed()

    def poll(self) -> None:
        """Look whether the disk refused; about once a second."""
        if self._recorder is not None and self._recorder.error is not None:
            self.stop()

    def stop(self) -> None:
        """End: write what waits, close the file, and say what is in it."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            recorder.close()
        except (TuimonError, OSError) as error:
            self._failure = f"{error}"
            self._tell(f"the recording ended early: {error}", wrong=True)
            return
        left_out = f", {recorder.left_out:,} left out because the disk was too slow" if recorder.left_out else ""
        self._tell(f"{recorder.path}: {recorder.events:,} events, {recorder.bytes:,} bytes{left_out}")

    def _tell(self, text: str, *, wrong: bool = False) -> None:
        self._app.notify(safe(text), severity="error" if wrong else "information", timeout=6, markup=False)
