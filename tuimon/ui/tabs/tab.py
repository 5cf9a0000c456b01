"""Tab: what all tabs have in common, so that the main screen treats them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.widget import Widget

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.rule_editor import RuleEditor

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp
    from tuimon.ui.ticker import Tick
    from tuimon.view.session import Changes, Session


class Tab(Vertical):
    """A tab that is filled when it has an engine, and costs little while it is not shown."""

    app: TuimonApp

    def __init__(self, name: str) -> None:
        super().__init__(id=name, classes="tab")
        self.session: Session | None = None

    @property
    def first_focus(self) -> Widget:
        """What gets the focus when the tab is shown."""
        raise TypeError(f"{type(self).__name__} does not say what gets the focus")

    @property
    def is_shown(self) -> bool:
        """Whether the tab is the one on the screen."""
        return self.display and self.session is not None

    def on_mount(self) -> None:
        """Draw with ASCII where that is asked for."""
        if self.app.ascii_only:
            for widget in (*self.query(LineList), *self.query(RuleEditor)):
                use_ascii_scrollbars(widget)

    def attach(self, session: Session) -> None:
        """Take up an engine; again when another takes its place."""
        self.session = session
        self.take_up(session)

    def take_up(self, session: Session) -> None:
        """Make the lists of an engine."""

    def fill(self) -> None:
        """Make the rows: the tab is coming to the front, and the next key may be typed already."""

    def pump(self, tick: Tick, changes: Changes) -> None:
        """Take what is new, ten times a second while there is anything; paint only while shown.

        Args:
            tick: Tells the time, in tenths of a second.
            changes: What the session found different.
        """

    @property
    def at_work(self) -> bool:
        """Whether ``pump`` will soon find something that nobody tells of."""
        return False

    def show_fixed(self) -> None:
        """Paint titles, heads and feet afresh; twice a second, and when a choice changed what they say."""

    def shown(self) -> None:
        """Paint everything: the tab has just come to the front, or its size changed."""
        self.show_fixed()

    def on_resize(self) -> None:
        """Widths changed."""
        if self.is_shown:
            self.call_after_refresh(self.shown)
