"""Story: what the processes around an alert did, in order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.events import Alert, Event
from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import WHY
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.story import Story, StoryLine, tell
from tuimon.view.story_lines import story_foot, story_line, story_text

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp
    from tuimon.view.session import Session


class StoryLines:
    """The story as a list's source."""

    first = 0

    def __init__(self, story: Story, alert: Alert) -> None:
        self.story = story
        self._alert = alert

    @property
    def end(self) -> int:
        """One past the last line."""
        return len(self.story.lines)

    def line(self, seq: int, width: int) -> Line:
        """Return one line."""
        return story_line(self.story.lines[seq], self._alert, width)


class StoryScreen(Dialog[None]):
    """The dialog.

    Args:
        alert: Whose story it is.
        session: Knows the engine and the other alerts.
    """

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,backspace", "leave", "Back", key_display="esc", id="story.leave"),
        Binding("enter", "details", "Details", id="story.details"),
        Binding("o", "everything", "All", tooltip="Tell everything, or only what tells something", id="story.all"),
        Binding("w", "why", "Why", show=False, tooltip=WHY, id="story.why"),
        Binding("y", "copy", "Copy row", show=False, tooltip="Copy what the event was about", id="story.copy"),
        Binding("Y", "copy_all", "Copy all", tooltip="Copy the story as text", id="story.copy_all"),
        Binding("S", "save", "Save", tooltip="Write the story into a file, as Markdown or text", id="story.save"),
        Binding("E", "evidence", "Evidence", tooltip="Write an evidence bundle", id="story.evidence"),
    ]

    def __init__(self, alert: Alert, session: Session) -> None:
        super().__init__()
        self._alert = alert
        self._session = session
        self._everything = False
        self.story: Story | None = None
        self._pane = Pane(id="details-pane", title="")
        self.list = LineList(id="story-list", empty="the process of this alert is not known")
        self._foot = CellLines(classes="head")

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        with self._pane:
            yield self.list
            yield self._foot
        yield KeyFooter()

    def on_mount(self) -> None:
        """Tell the story, the cursor on the alert."""
        self._pane.set_title(f"Story  {self._alert.priority} {self._alert.rule}", "enter details  o all events")
        self.list.focus()
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self.list)
        self.call_after_refresh(self._tell, self._alert.event.num)

    def _tell(self, num: int) -> None:
        """Make the story afresh, the cursor on an event or on the next that is told."""
        session = self._session
        before = getattr(session.engine, "before", None)
        frozen = before(self._alert) if before is not None else None
        story = tell(self._alert, session.engine, session.alerts.kept, frozen, everything=self._everything)
        if story is None:
            return
        self.story = story
        self.list.show(StoryLines(story, self._alert))
        at = next((n for n, line in enumerate(story.lines) if line.event.num >= num), len(story.lines) - 1)
        self.list.put_cursor(at)
        self._foot.set_lines((Cell(f" {story_foot(story, everything=self._everything)}", "muted", REST),))

    def _line(self) -> StoryLine | None:
        at = self.list.cursor
        return self.story.lines[at] if self.story is not None and at is not None else None

    def _event(self) -> Event | None:
        line = self._line()
        return None if line is None else line.event

    @on(LineList.Opened)
    def action_details(self) -> None:
        """Show everything about the event under the cursor."""
        from tuimon.ui.screens.event_details import EventDetails

        if (event := self._event()) is not None:
            self.app.push_screen(EventDetails(event))

    def action_everything(self) -> None:
        """Tell everything, or only what tells something."""
        self._everything = not self._everything
        event = self._event()
        self._tell(event.num if event is not None else 0)

    def action_why(self) -> None:
        """Say why rules fired or did not for the event under the cursor."""
        if (line := self._line()) is not None:
            self.app.open_why(line.event, line.alerts[0].rule if line.alerts else None)

    def action_copy(self) -> None:
        """Copy what the event under the cursor was about."""
        from tuimon.view.columns import detail

        if (event := self._event()) is not None:
            self.app.copy(detail(event), "what the event was about")

    def action_copy_all(self) -> None:
        """Copy the story as text."""
        if self.story is not None:
            self.app.copy("\n".join(story_text(self.story, self._alert)), "the story as text")

    def action_save(self) -> None:
        """Ask for a name and write the story, as it is told here, into a file of that name."""
        from tuimon.ui.evidence import ask_for_story

        if self.story is not None:
            ask_for_story(self.app, self.story, self._alert)

    def action_evidence(self) -> None:
        """Write an evidence bundle of the alert."""
        self.app.write_evidence(self._alert)

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
