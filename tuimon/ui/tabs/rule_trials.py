"""The Rules tab's trials: what the text in the editor would have caught, its tests, two revisions over a recording."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType

from tuimon.errors import TuimonError
from tuimon.ui.tabs.rule_editing import RuleEditing
from tuimon.wording import some

if TYPE_CHECKING:
    from tuimon.ui.screens.backtest import Rules

_RECORDINGS: Final = ("*.tmon", "*.tuimon")
_LISTED: Final = 50
"""Recordings and revisions to choose from, the newest."""


class RuleTrials(RuleEditing):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "preview", "Rows", tooltip="The preview in full: each row, added or removed", id="rules.preview"),
        Binding(
            "ctrl+t",
            "test",
            "Tests",
            show=False,
            tooltip="Run the tests beside the rules, on the text here",
            id="rules.test",
        ),
        Binding(
            "ctrl+g",
            "backtest",
            "Backtest",
            show=False,
            tooltip="Compare two revisions over a recording",
            id="rules.backtest",
        ),
        Binding(
            "ctrl+l",
            "filter",
            "Filter",
            show=False,
            tooltip="Keep in the live list what the rule under the cursor matches",
            id="rules.filter",
        ),
    ]

    # The preview.

    def action_preview(self) -> None:
        """Show the preview in full."""
        from tuimon.ui.screens.preview_rows import PreviewRows

        session = self.session
        if self.seen is not None and session is not None:
            self.app.push_screen(PreviewRows(self.seen, session.besides), self._preview_answered)
            return
        if session is not None and session.book.dirty():
            self.say_no_preview()
        else:
            self.tell("nothing differs from what is in force: change a rule first", "attention")

    def _preview_answered(self, answer: tuple[str, int] | None) -> None:
        session = self.session
        if answer is None or session is None:
            return
        what, num = answer
        if what == "live":
            self.app.main.show_event(num)
            return
        if session.besides:
            session.capture(frozenset())
            text = "only what rules and views ask for is captured again"
        elif self.seen is not None:
            self.app.main.choose(None)
            session.capture(frozenset((*self.seen.not_captured, *self.seen.thinned)))
            text = f"captured from now on, in all containers: {some(sorted(session.besides))}; f3, c ends it"
        else:
            return
        self.app.notify(text, markup=False, timeout=6)
        self.check_soon()

    # Tests.

    def action_test(self) -> None:
        """Run the test files beside the user's own rule files."""
        from tuimon.rulefiles import TEST_SUFFIXES

        session = self.session
        if session is None:
            return
        folders = dict.fromkeys(Path(file.path).parent for file in session.book.files if not file.read_only)
        paths = [path for folder in folders for path in _listed(folder) if path.name.endswith(TEST_SUFFIXES)]
        if not paths:
            where = ", ".join(map(str, folders)) or "the rule folders"
            self.tell(f"no tests yet: ctrl+t on an event or an alert saves one (looked in {where})", "attention")
            return
        self.tell("running the tests...", "attention")
        self._test(paths)

    @work(thread=True, exclusive=True, group="test")
    def _test(self, paths: list[Path]) -> None:
        from tuimon.workbench.outside import Outside, write_rules

        assert self.session is not None
        typed = [file for file in self.session.book.as_loaded() if self._is_typed(file.path)]
        with tempfile.TemporaryDirectory(prefix="tuimon-") as folder:
            try:
                copies = write_rules(typed, Path(folder, "typed"))
                instead = [
                    word for file, copy in zip(typed, copies, strict=True) for word in ("--instead", file.path, copy)
                ]
                answer = Outside(["test", *map(str, paths), "--json", *instead]).run()
            except (TuimonError, OSError) as error:
                self.call_later(self.tell, f"the tests cannot be run: {error}", "bad")
                return
        self.call_later(self._tested, answer)

    def _is_typed(self, path: str) -> bool:
        file = self.session.book.find(path) if self.session is not None else None
        return file is not None and file.dirty

    def _tested(self, answer: dict[str, Any]) -> None:
        from tuimon.ui.screens.tests import RuleTests

        failed = int(answer.get("failed", 0))
        self.tell(f"{answer.get('passed', 0)} tests passed, {failed} failed", "bad" if failed else "good")
        self.app.push_screen(RuleTests(answer))

    # Backtests.

    def action_backtest(self) -> None:
        """Compare two revisions, or the text in the editor, over a recording."""
        from tuimon.resources import DEMO, find_recording
        from tuimon.ui.screens.backtest import BacktestScreen

        session, desk = self.session, self.app.bench.desk
        if session is None:
            return
        revisions = session.engine.revisions()
        if not revisions:
            self.tell("no rules are in force", "attention")
            return
        now = revisions[-1]
        rules: list[Rules] = [(f"in force (revision {now.number})", now.files)]
        typed = ("the text in the editor", session.book.as_loaded())
        earlier = [(f"revision {each.number}", each.files) for each in reversed(revisions[:-1][-_LISTED:])]
        rules += [typed, *earlier] if session.book.dirty() or not earlier else [*earlier, typed]
        if not session.book.dirty() and earlier:
            rules[0], rules[1] = rules[1], rules[0]
        options: list[str] = []
        if desk is not None:
            options += ["--rule-matching", "first"] if desk.options.first_match_only else []
            options += ["--plain-falco"] if desk.options.plain_falco else []
        try:
            shipped = [find_recording(DEMO)]
        except TuimonError:
            shipped = []
        source = getattr(getattr(session.engine, "source", None), "path", None)
        opened = [source] if isinstance(source, Path) else []
        recordings = [*opened, *_recordings(Path.cwd()), *shipped]
        if recordings:
            self.app.push_screen(BacktestScreen(recordings, rules, options))
        else:
            self.tell("there is no recording: r in the live tab makes one", "attention")

    # Filters.

    def action_filter(self) -> None:
        """Keep in the live list what the rule under the cursor matches."""
        from tuimon.view.rule_book import item_at
        from tuimon.workbench.new_rule import filter_from_rule

        file, desk = self._file, self.app.bench.desk
        item = item_at(file.buffer, self._editor.file_line) if file is not None else None
        rule = desk.loaded.rule(item.name) if item is not None and desk is not None else None
        if rule is None:
            self.tell("put the cursor on a rule that is in force to filter the live list by it", "attention")
            return
        self.app.main.show_filtered(filter_from_rule(rule))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _recordings(folder: Path) -> list[Path]:
    """Return the recordings in a folder, the newest first."""
    try:
        found = [path for pattern in _RECORDINGS for path in folder.glob(pattern) if path.is_file()]
        return sorted(found, key=lambda path: -path.stat().st_mtime)[:_LISTED]
    except OSError:
        return []
