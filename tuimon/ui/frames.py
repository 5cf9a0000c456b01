"""Frames: which are painted at once, and which wait until the terminal has shown the one before.

A frame that waits is not kept. Only where the screen has changed is; those places are painted in one go when the
terminal is ready, as they are by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from textual.geometry import Region, Size

from tuimon.ui.pace import Pace
from tuimon.ui.widgets.painter import CellPainter

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tuimon.ui.app import TuimonApp

_QUEUE_SKIP: Final = 1
"""Frames the terminal has not taken yet from which on the next is skipped: it is slower than we are."""
_MOST_SKIPPED: Final = 9
"""Once a second lists take what is new whatever the terminal does."""
_SMALL_LINES: Final = 10
_MOST_UNASKED: Final = 4
"""So many frames in a row, of so many lines each, are written to a quick terminal without a question."""


class Frames:
    """Holds the application's frames back from a terminal that is slower than they are.

    Args:
        app: The application.
    """

    def __init__(self, app: TuimonApp) -> None:
        self.pace = Pace()
        self._app = app
        self._missed: set[Region] = set()
        """Where the screen has changed since the frame painted last."""
        self._skipped = 0
        self._unasked = 0
        """Frames since the last question."""
        self._paints = False
        """What is painted is ours, after a calm."""
        self._size: Size | None = None

    def resized(self, size: Size) -> None:
        """Paint at once in another size: what was asked before may have been asked of another terminal."""
        if self._size not in (None, size):
            self.pace.forget()
        self._size = size

    def skip_tick(self) -> bool:
        """Return whether this tick's frame is left out: a slow terminal must cost frames, not keys."""
        skip = (self.pace.resting or self._queue_is_long()) and self._skipped < _MOST_SKIPPED
        self._skipped = self._skipped + 1 if skip else 0
        return skip

    def hold(self, frame: RenderableType) -> bool:
        """Return whether a frame has to wait; then remember where it differs from what is shown."""
        if not self._waits:
            return False
        spans = getattr(frame, "spans", None)
        whole = self._app.size.region
        self._missed |= {whole} if spans is None else {Region(x1, y, x2 - x1, 1) for y, x1, x2 in spans}
        return True

    def ask(self, frame: RenderableType | None = None) -> None:
        """Ask the terminal to tell when it has shown what was written so far.

        Args:
            frame: What was written last.
        """
        if self._needs_no_question(frame):
            self._unasked += 1
            return
        self._unasked = 0
        if self._app._driver is not None and (question := self.pace.question(self._app.size.width)):
            self._app._driver.write(question)

    def _needs_no_question(self, frame: RenderableType | None) -> bool:
        """Return whether a frame is too small to be asked about, as those of a calm machine are: answers wake us."""
        spans = getattr(frame, "spans", None)
        small = self._paints and spans is not None and len(spans) <= _SMALL_LINES
        return small and self._unasked < _MOST_UNASKED and not self.pace.slow and not self.pace.waiting

    @contextmanager
    def painted(self) -> Iterator[None]:
        """Paint at the end what our widgets want painted: after a calm, when no key waits for it.

        Textual's way, with messages of each widget to itself and to its screen, and a timer, costs as much again.
        """
        CellPainter.gathered = wanted = set[CellPainter]()
        try:
            yield
        finally:
            CellPainter.gathered = None
            self._paint(wanted)

    def _paint(self, wanted: set[CellPainter]) -> None:
        screen, busy = self._app.screen, self._app._batch_count > 0
        busy |= screen._layout_required or screen._scroll_required or screen._repaint_required
        ours = {one for one in wanted if not busy and one.wants_paint_only and one.screen is screen}
        for widget in wanted - ours:
            widget.check_idle()
        for widget in ours:
            widget.painted_by()
        if not ours:
            return
        screen._dirty_widgets |= ours & screen._compositor.visible_widgets.keys()
        screen._compositor.update_widgets(screen._dirty_widgets)
        self._paints = True
        try:
            screen._compositor_refresh()
        finally:
            self._paints = False

    def answered(self, column: int) -> None:
        """Take the terminal's answer, and paint what had to wait for it."""
        self.pace.answer(column)
        self.catch_up()

    @property
    def owed(self) -> bool:
        """Whether something has not been painted that the screen has shown since."""
        return bool(self._missed)

    def catch_up(self) -> None:
        """Paint what had to wait, if it need not wait any longer, and what the screen was about to paint.

        The screen takes all that it was about to paint for painted once it has painted anything.
        """
        if not self._missed or self._waits:
            return
        screen = self._app.screen
        screen._compositor.update_widgets(screen._dirty_widgets)
        whole = screen.size.region
        fits = all(whole.contains_region(region) for region in self._missed)
        screen._compositor._dirty_regions.update(self._missed if fits else {whole})
        self._missed.clear()
        screen._compositor_refresh()

    @property
    def _waits(self) -> bool:
        """Whether no frame is to be written: Textual throws away those of a batch, which is not whole yet."""
        return self._app._batch_count > 0 or self.pace.behind

    def _queue_is_long(self) -> bool:
        writer = getattr(self._app._driver, "_writer_thread", None)
        return writer is not None and writer._queue.qsize() > _QUEUE_SKIP
