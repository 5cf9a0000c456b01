"""The application: starts the engine behind a painted screen, pumps it when there is news, holds themes and commands.

``run`` is what the command line calls. Nothing that costs time to import (numpy, the engine, tree-sitter) is imported
before the first paint.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.widgets import Input, TextArea

from tuimon import invoker, statefile
from tuimon.resources import themes_dir
from tuimon.settings import SYSTEM_RULES
from tuimon.ui import typed
from tuimon.ui.bench import Bench
from tuimon.ui.copying import Copying
from tuimon.ui.driver import KeyDriver
from tuimon.ui.frames import Frames
from tuimon.ui.recording import Recording
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.main import MainScreen
from tuimon.ui.signals import leaving_on_signals
from tuimon.ui.start import in_background, left_at_once
from tuimon.ui.stylesheet import NearStylesheet
from tuimon.ui.terminal import check_terminal, speaks_utf8
from tuimon.ui.text import safe
from tuimon.ui.themes import choose, left_out, load_themes, role_defaults
from tuimon.ui.ticker import Ticker
from tuimon.ui.tuning import tune
from tuimon.ui.widgets.palette import Palette

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.notifications import Notify

    from tuimon.errors import SettingsError
    from tuimon.events import Alert, Event
    from tuimon.settings import Settings
    from tuimon.view.mutes import Mutes
    from tuimon.view.session import EngineFacade, Session
    from tuimon.workbench.desk import Engine as DeskEngine

PUMP_S: Final = 0.1
"""Ten frames a second: each full one costs some 10 ms and 23 kB of output, and more would help nobody read."""
CALM_S: Final = 1.2
"""Without news the clock goes on so; the engine of a calm machine tells once a second, and what else is looked at
now and then is looked at together with that: on such a machine it is the number of wakings that costs."""
_FILES_TENTHS: Final = 10
FROZEN_S: Final = 0.1
"""About what an event takes from the alert it raises into the history."""
LEAVE_S: Final = 3.0
"""The terminal's last answer is waited for this long before the screen is left: the shell would take it as typed."""


class TuimonApp(Copying):
    """The screen.

    Args:
        engine: The engine, started or not; or what makes one, called in a thread once the screen is painted.
        theme: Name of a theme; None: tuimon's own.
        rules_path: The file or folder given with ``-r``: where the user's own rules are written.
        themes_path: A folder with more themes; it need not exist.
        ascii_only: Draw without any character beyond ASCII.
        remember: Whether mutes and the theme chosen are kept between runs.
        keys: The user's own keys, by the binding's id; see tuimon.ui.keys.
        rule_folders: Folders watched for new rule files, in load order.
        journal_path: The folder that unsaved rule texts are kept in; None: they are not.
    """

    TITLE = "tuimon"
    CSS_PATH = "tuimon.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit", id="app.quit"),
        Binding("question_mark", "keys", "Help", key_display="?", id="app.keys"),
        Binding("f1", "help", "Help", show=False, tooltip="Help, also while typing", id="app.help"),
        Binding("colon", "command_palette", "Commands", show=False, id="app.commands"),
        Binding("ctrl+p", "command_palette", "Commands", show=False, priority=True, id="app.commands_anywhere"),
        Binding("T", "theme", "Theme", show=False, tooltip="Choose other colours", id="app.theme"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="app.quit_anywhere"),
        Binding("ctrl+c", "interrupt", "Quit", show=False, id="app.interrupt"),
    ]

    def __init__(
        self,
        engine: EngineFacade | Callable[[], EngineFacade],
        *,
        theme: str | None = None,
        rules_path: Path | None = None,
        themes_path: Path | None = None,
        ascii_only: bool = False,
        remember: bool = False,
        keys: Mapping[str, str] = MappingProxyType({}),
        rule_folders: Sequence[Path] = (),
        journal_path: Path | None = None,
        opening: str = "",
    ) -> None:
        super().__init__()
        self.ascii_only = ascii_only
        self.remember = remember
        self.keys, wrong_keys = _usable_keys(keys)
        """The user's own keys, by the binding's id."""
        self.failure: BaseException | None = None
        """What ended the engine, when something did."""
        self.session: Session | None = None
        self.palette = Palette()
        self.recording = Recording(self)
        self.bench = Bench(self)
        self._engine = engine
        self._rules_path = rules_path
        self._rule_folders = tuple(rule_folders)
        self._journal_path = journal_path
        self._opening = opening
        self.frames = Frames(self)
        self._ticker = Ticker(PUMP_S, CALM_S, self._pump, self._handle_exception)
        self._files_in = 0
        """Tenths of a second until files are looked at."""
        self._leaving = False
        self._status = 0
        """Exit status, once the screen is being left."""
        self.animation_level = "none"
        folders = (themes_dir(),) if themes_path is None else (themes_dir(), themes_path)
        ours, wrong = load_themes(*folders)
        # Without colours Textual turns the terminal's own into black on black; the greys of the others can be read.
        unseen = {name for name, one in ours.items() if one.ansi} if "NO_COLOR" in os.environ else set()
        for name in unseen:
            del ours[name]
        for name in [name for name in self.available_themes if name not in ours]:
            self.unregister_theme(name)
        for one in ours.values():
            self.register_theme(one)
        self._configured_theme = theme or ""
        wanted, unworn = choose(None if theme in unseen else theme, ours, wrong)
        self._left_out = left_out(wrong_keys, unworn, wrong)
        remembered = self._remembered_theme(self._configured_theme)
        self.theme = remembered if remembered in ours else wanted
        self.stylesheet = NearStylesheet(variables=self.get_css_variables())
        self.set_keymap(self.keys)

    def get_driver_class(self) -> type[Driver]:
        """Return Textual's driver, with our way of reading keys where it is that of Linux."""
        driver = super().get_driver_class()
        return KeyDriver if driver is LinuxDriver else driver

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give every role a colour that the theme does not give itself."""
        return role_defaults(self.current_theme)

    def get_default_screen(self) -> MainScreen:
        """Return the main screen."""
        return MainScreen()

    async def on_event(self, event: events.Event) -> None:
        """Take a key that is bound to something at once, unless a text field takes it as text.

        Textual puts a key into the queue of the widget with the focus, and looks what it is bound to when it has come
        back up from there. Of keys that arrive in one go (a slow line, a busy machine, a paste) the later ones would
        then go to where the focus was, not to where the first one moves it.
        """
        if isinstance(event, events.InputEvent | events.Paste):
            self._ticker.stir()
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._is_broken_escape(event.key):
                event = events.Key("escape", "\x1b")
            elif self.is_typing and typed.in_text(event.key) != event.key:
                event = events.Key(typed.in_text(event.key), None)
            if await self._key_at_once(event.key):
                return
            if behind := self._behind_escape(event):
                await self.on_event(events.Key("escape", "\x1b"))
                await self.on_event(behind)
                return
        await super().on_event(event)

    def _behind_escape(self, key: events.Key) -> events.Key | None:
        """Return the key of alt and a key that are bound to nothing; None for any other.

        A terminal sends the same bytes for it as for esc and that key, and they are often read at once.
        """
        if not self.screen_stack or key.key in self.screen.active_bindings:
            return None
        return typed.behind_escape(key)

    def _is_broken_escape(self, key: str) -> bool:
        """Return whether a key is an esc that Textual gives out as ``^``.

        It does so when esc, a letter and a key that sends an escape sequence, such as an arrow, are read together.
        """
        if key != "circumflex_accent" or not self.screen_stack or self.is_typing:
            return False
        return key not in self.screen.active_bindings

    async def _key_at_once(self, key: str) -> bool:
        if not self.screen_stack or (self.is_typing and key != "escape"):
            return False
        self.main.count_key()
        return await self._check_bindings(key, priority=True) or await self._check_bindings(key)

    def get_key_display(self, binding: Binding) -> str:
        """Name keys as usual, without symbols in ASCII mode."""
        shown = super().get_key_display(binding)
        return shown if shown.isascii() or not self.ascii_only else binding.key.split(",")[0]

    @property
    def main(self) -> MainScreen:
        """The main screen, whatever dialog lies over it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    # Life.

    def on_mount(self) -> None:
        """Start the engine once the screen is painted."""
        self.set_class(self.ascii_only, "-ascii")
        if not self.is_headless:
            self.frames.ask()
        for text in self._left_out:  # no reason not to watch
            self.notify(safe(text), title="Settings", severity="warning", timeout=20, markup=False)
        self._ticker.start()
        self.call_after_refresh(in_background, self._begin)

    def _begin(self) -> None:
        """Make and start the engine; in a thread, so that the painted screen answers to keys meanwhile."""
        try:
            engine = self._engine() if callable(self._engine) else self._engine
            from tuimon.view.journal import Journal
            from tuimon.view.session import Session

            session = Session(engine, self._rules_path, self._rule_folders, Journal(self._journal_path))
            session.alerts.mutes = self._saved_mutes()
            engine.start()
        except BaseException as error:
            self._tell(self._fail, error)
            return
        self._tell(self._take_up, session)

    def _tell(self, callback: Callable[..., None], *what: object) -> None:
        """Have the screen's thread do something, unless the screen has been left."""
        with suppress(RuntimeError):  # its loop is closed
            self.call_later(callback, *what)

    def _take_up(self, session: Session) -> None:
        self._show(session)
        tune()
        self.bench.offer_recovery()

    def _show(self, session: Session) -> None:
        """Show a session from now on."""
        self.session = session
        session.listen(self._ticker.news)
        session.start()
        self.main.attach(session)
        self._ticker.stir()

    @property
    def is_starting(self) -> bool:
        """Whether the capture is not up yet, or the recording not open."""
        return self.failure is None and (self.session is None or self.session.engine.snapshot() is None)

    @property
    def recording_name(self) -> str:
        """Name of the recording that is played or is being opened; empty: the live kernel."""
        if self.session is None:
            return self._opening
        source = getattr(self.session.engine, "source", None)
        return "" if getattr(source, "live", True) else str(getattr(source, "name", ""))

    @property
    def replay_paused(self) -> bool:
        """Whether a recording is played and stands still."""
        return self.session is not None and bool(getattr(getattr(self.session.engine, "source", None), "paused", False))

    def change_engine(self, engine: EngineFacade) -> None:
        """Show another engine in the place of the one there is; whoever asks for it stops the old one."""
        old = self.session
        if old is None:
            return
        self._show(old.successor(engine))
        old.close()

    def _pump(self, tenths: int = 1) -> bool:
        """Show what is new; return whether there may be more in a tenth of a second that nobody tells of.

        Args:
            tenths: Tenths of a second since the last time.
        """
        if self._exit or not self.screen_stack:  # the last tick may come when the screens are gone
            return False
        self.frames.catch_up()
        if self.session is None:
            return self.frames.owed
        if (error := self.session.engine.error()) is not None:
            self._fail(error)
            return False
        self._poll_files(tenths)
        if self.frames.skip_tick():
            return True
        if tenths > 1:
            with self.frames.painted():
                self.main.pump(tenths)
        else:
            self.main.pump(tenths)
        return self.frames.owed or self.main.at_work

    def _poll_files(self, tenths: int) -> None:
        """Look at the files of the disk, once a second."""
        self._files_in -= tenths
        if self._files_in <= 0:
            self._files_in = _FILES_TENTHS
            self.main.poll_files()

    # Frames.

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Write a frame to the terminal, unless it has not shown the one before."""
        if renderable is None or self.is_headless:
            super()._display(screen, renderable)
        elif not self._leaving and not self.frames.hold(renderable):
            super()._display(screen, renderable)
            self.frames.ask(renderable)

    def on_resize(self, event: events.Resize) -> None:
        """Wait for no answer that a terminal of another size owes."""
        self.frames.resized(event.size)

    @on(Driver.SignalResume)
    def _resumed(self) -> None:
        """Paint everything: the terminal was somebody else's meanwhile, and shows nothing of ours."""
        self.frames.pace.forget()
        self.screen.refresh()

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Take the terminal's answer: it has shown a frame."""
        self.frames.answered(event.x + 1)
        if self._leaving and not self.frames.pace.waiting:
            self._end()

    def leave(self, status: int = 0) -> None:
        """End with an exit status, once the terminal owes no answer."""
        self._leaving, self._status = True, status
        if self.frames.pace.waiting:
            self.set_timer(LEAVE_S, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self.exit(return_code=self._status)

    def _fail(self, error: BaseException) -> None:
        """End: whoever called ``run`` says why."""
        self.failure = error
        self.exit(return_code=1)

    def on_unmount(self) -> None:
        """End the scan, and a recording that runs."""
        self._ticker.stop()
        self.recording.stop()
        if self.session is not None:
            self.session.close()
            self.session.journal.close()

    # Commands.

    async def action_quit(self) -> None:
        """Quit; ask first when something is being recorded or there is unsaved text."""
        if self.recording.running and not isinstance(self.screen, Choice):
            asked = Choice([f"A recording is running: {self.recording.path}"], [("s", "end it and quit")])
            self.push_screen(asked, self._quit_recording)
            return
        unsaved = self.main.unsaved
        if not unsaved or isinstance(self.screen, Choice):
            self.leave()
            return
        question = [f"Unsaved text in {', '.join(Path(path).name for path in unsaved)}."]
        answers = [("r", "go to the Rules tab"), ("d", "quit and drop the text")]
        self.push_screen(Choice(question, answers), self._quit_answered)

    async def _quit_recording(self, answer: str | None) -> None:
        if answer == "s":
            self.recording.stop()
            await self.action_quit()

    def _quit_answered(self, answer: str | None) -> None:
        if answer == "d":
            if self.session is not None:
                self.session.journal.keep(())
            self.leave()
        elif answer == "r":
            self.main.action_tab("rules")

    async def action_interrupt(self) -> None:
        """Ctrl+c quits like everywhere, unless a text field takes it for copying."""
        await self.action_quit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take keys that are letters out of the footer while a text field takes them as text."""
        return not (action == "keys" and self.is_typing) and super().check_action(action, parameters)

    @property
    def is_typing(self) -> bool:
        """Whether a text field has the focus."""
        return isinstance(self.focused, Input | TextArea)

    def action_keys(self) -> None:
        """Show the keys."""
        self.action_help()

    def action_help(self) -> None:
        """Show the keys."""
        from tuimon.ui.screens.help import Help

        if not isinstance(self.screen, Help):
            self.push_screen(Help(self.keys))

    # The theme.

    def action_theme(self) -> None:
        """Choose other colours; the screen wears each as the cursor passes it."""
        from tuimon.ui.screens.theme import ThemePick

        names = sorted(self.available_themes)

        def picked(number: int | None) -> None:
            if number is not None:
                self.theme = names[number]
                if self.remember:
                    statefile.write("theme", {"theme": self.theme, "instead_of": self._configured_theme})

        self.push_screen(ThemePick(names, self.theme), picked)

    def _remembered_theme(self, configured: str) -> str:
        """Return the theme chosen last, unless the configuration names another one since."""
        saved = statefile.read("theme") if self.remember else {}
        theme = saved.get("theme")
        return theme if isinstance(theme, str) and saved.get("instead_of") == configured else ""

    # Alerts.

    def open_before(self, alert: Alert, *, tries: int = 50) -> None:
        """Show the events of its container that were frozen with an alert, as soon as they are."""
        from tuimon.ui.screens.before import BeforeScreen

        if self.session is None:
            return
        engine = self.session.engine
        pending = engine.before_is_pending(alert)  # asked first: they may be frozen between the two questions
        if (frozen := engine.before(alert)) is not None:
            self.push_screen(BeforeScreen(alert, frozen, self.session.marks))
        elif pending and tries:
            asked_on = self.screen
            again = partial(self.open_before, alert, tries=tries - 1)
            self.set_timer(FROZEN_S, lambda: again() if self.screen is asked_on else None)
        else:
            self.notify("the events before this alert are no longer kept", timeout=4, markup=False)

    def open_story(self, alert: Alert) -> None:
        """Tell what the processes around an alert did."""
        from tuimon.ui.screens.story import StoryScreen

        if self.session is not None:
            self.push_screen(StoryScreen(alert, self.session))

    def write_evidence(self, alert: Alert) -> None:
        """Ask for a name and write everything about an alert into an archive of that name."""
        from tuimon.ui.evidence import ask

        ask(self, alert)

    def on_notify(self, event: Notify) -> None:
        """What is said already is said anew, not twice over what lies below."""
        for shown in [one for one in self._notifications if one.message == event.notification.message]:
            self._unnotify(shown)

    # Dialogs.

    def _saved_mutes(self) -> Mutes:
        """Return the mutes of earlier runs that still last."""
        from tuimon.view.mutes import Mutes

        if not self.remember:
            return Mutes()
        saved = statefile.read("mutes").get("mutes")
        return Mutes(saved, lambda mutes: statefile.write("mutes", {"mutes": mutes}))

    def open_why(self, event: Event, rule: str | None = None) -> None:
        """Show why rules fired or did not for an event; ``rule`` is the one asked about."""
        from tuimon.ui.screens.why import WhyScreen

        def left(rule: str | None) -> None:
            if rule:
                self.pop_to_main()
                self.main.edit_rule(rule)

        if self.session is not None:
            self.push_screen(WhyScreen(event, cast("DeskEngine", self.session.engine), rule), left)

    def open_exception(self, alert: Alert | Sequence[Alert]) -> None:
        """Draft an exception for an alert, or for a group of one rule's."""
        self.bench.exception([alert] if not isinstance(alert, Sequence) else alert)

    def pop_to_main(self) -> None:
        """Close the dialogs that are open."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_command_palette(self) -> None:
        """Open the command palette."""
        from tuimon.ui.screens.dialog import Commands

        if not isinstance(self.screen, Commands):
            self.push_screen(Commands())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the palette what the keys do, by name."""
        from tuimon.ui.commands import commands

        yield from commands(self, screen)
        yield SystemCommand("Screenshot", "Save the screen as an SVG file", lambda: self.deliver_screenshot())


def run(
    engine: EngineFacade | Callable[[], EngineFacade],
    settings: Settings | None = None,
    *,
    theme: str | None = None,
    rules_path: Path | None = None,
    ascii_only: bool = False,
    opening: str = "",
    mouse: bool = True,
) -> int:
    """Open the screen, and return the exit status when it is left.

    Args:
        engine: The engine, started or not (it is started if need be; whoever made it stops it). Or a function that
            makes one: it runs in a thread behind the painted screen, and then the engine is stopped here too.
        settings: Where what is not given by name is taken from.
        theme: Name of a theme.
        rules_path: The file or folder given with ``-r``.
        ascii_only: Draw without any character beyond ASCII; on its own when the terminal's encoding is not UTF-8.
        opening: Name of the recording that the function opens, to be told meanwhile; empty: the live kernel.
        mouse: Let the mouse control the screen (the terminal's own selection then needs shift).

    Raises:
        TuimonError: The terminal cannot show a screen, the theme is unknown, or the engine could not start or ended.
    """
    check_terminal()
    # Exported (by hand, or by readline in a parent), they would hold against every resize: the terminal knows better.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    rule_folders: tuple[Path, ...] = ()
    if settings is not None:
        theme = theme or settings.theme or None
        rules_path = rules_path or (settings.rules[-1] if settings.rules else None)
        rule_folders = (SYSTEM_RULES, *(path for path in settings.rules if os.path.isdir(path)))
        ascii_only = ascii_only or settings.ascii
    app = TuimonApp(
        engine,
        theme=theme,
        rules_path=rules_path,
        themes_path=_user_themes(),
        ascii_only=ascii_only or not speaks_utf8(),
        remember=settings is not None and settings.remember,
        keys=settings.keys if settings is not None else {},
        rule_folders=rule_folders,
        journal_path=invoker.folder("XDG_STATE_HOME", ".local/state"),
        opening=opening,
    )
    try:
        with left_at_once(app, lambda: callable(engine) and app.is_starting), leaving_on_signals(app.leave):
            app.run(mouse=mouse)
    finally:
        if callable(engine) and app.session is not None:
            app.session.engine.stop()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def _usable_keys(keys: Mapping[str, str]) -> tuple[dict[str, str], list[SettingsError]]:
    """Return the user's keys as Textual takes them; only who has any pays for looking at every binding."""
    if not keys:
        return {}, []
    from tuimon.ui.keys import usable_keys

    return usable_keys(keys)


def _user_themes() -> Path | None:
    folder = invoker.folder("XDG_CONFIG_HOME", ".config")
    return None if folder is None else folder / "themes"
