"""Recording what is live from within the screen: one key begins and ends it, a mark says that it runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tuimon.errors import RecordingError, TuimonError
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

    @property
    def running(self) -> bool:
        """Whether something is being recorded."""
        return self._recorder is not None

    @property
    def mark(self) -> str:
        """What the screen says while it runs, empty while it does not."""
        return "" if self._recorder is None else f"REC {amount(self._recorder.bytes)}B"

    @property
    def path(self) -> Path | None:
        """The file being written."""
        return None if self._recorder is None else self._recorder.path

    def facts(self) -> list[tuple[str, str]]:
        """Return what is known of the running recording, as names and values."""
        recorder = self._recorder
        if recorder is None:
            return []
        left_out = f", {recorder.left_out:,} left out because the disk is too slow" if recorder.left_out else ""
        return [
            ("file", str(recorder.path)),
            ("written", f"{recorder.bytes:,} bytes, {recorder.events:,} events{left_out}"),
        ]

    def toggle(self) -> None:
        """Ask for a name and begin, or end."""
        from tuimon.ui.screens.ask import Ask

        session = self._app.session
        if self._recorder is not None:
            self.stop()
            self._app.main.show_fixed()
        elif session is None or session.snapshot is None:
            self._app.notify("the capture has not started yet", markup=False)
        elif not session.snapshot.live:
            self._app.notify("a recording is playing: there is nothing live to record", markup=False)
        else:
            name = time.strftime("tuimon-%Y%m%d-%H%M%S.tmon")
            hint = "a new file; enter begins, r ends it, esc goes back"
            self._app.push_screen(Ask("Record what is live into", hint, name, _check_name), self._named)

    def _named(self, name: str | None) -> None:
        from tuimon.engine import Engine
        from tuimon.headless.record import Recorder
        from tuimon.invoker import give_to_invoker

        session = self._app.session
        if name is None or session is None or not isinstance(session.engine, Engine):
            return
        path = Path(name.strip()).expanduser()
        try:
            self._recorder = Recorder(session.engine, path)
            give_to_invoker(path)
        except (TuimonError, OSError) as error:
            self._tell(str(error), wrong=True)
            return
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
            self._tell(f"the recording ended early: {error}", wrong=True)
            return
        left_out = f", {recorder.left_out:,} left out because the disk was too slow" if recorder.left_out else ""
        self._tell(f"{recorder.path}: {recorder.events:,} events, {recorder.bytes:,} bytes{left_out}")

    def _tell(self, text: str, *, wrong: bool = False) -> None:
        self._app.notify(safe(text), severity="error" if wrong else "information", timeout=6, markup=False)


def _check_name(name: str) -> None:
    """Refuse a name that cannot become a new file.

    Raises:
        RecordingError: Empty, exists already, or its folder does not.
    """
    path = Path(name.strip()).expanduser()
    if not name.strip() or path.is_dir():
        raise RecordingError("that is not the name of a file")
    if path.exists() or path.is_symlink():
        raise RecordingError(f"{path} exists already; recordings are not overwritten")
    if not path.parent.is_dir():
        raise RecordingError(f"there is no folder {path.parent}")
