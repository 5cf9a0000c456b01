"""The fake engine with real rules in force: what the workbench's dialogs ask for."""

from __future__ import annotations

from types import SimpleNamespace

from tests.ui.fake_engine import FakeEngine, RuleFile
from tuimon.capture.source import Interest
from tuimon.engine import EngineOptions
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet


class BenchEngine(FakeEngine):
    """Loads, judges with and swaps real rules; its alerts are those that tests make."""

    host_names = None

    def __init__(self, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.options = EngineOptions()
        self.source = SimpleNamespace(live=True)
        self.memory = Memory()
        self._load()

    def _load(self) -> None:
        self._real = load(self._files)
        self.ruleset = RuleSet.build(self._real, self.revision)

    @property
    def loaded(self) -> LoadResult:
        return self._real

    def check_rules(self, files):
        return load(files).diagnostics

    def apply_rules(self, files):
        outcome = super().apply_rules(files)
        if outcome.accepted:
            self._load()
        return outcome

    def roll_back(self, to=None):
        outcome = super().roll_back(to)
        self._load()
        return outcome

    def interest(self) -> Interest:
        return Interest()


def bench_engine(rounds: int = 3, own: object = None, **more: object) -> BenchEngine:
    """Return an engine with history and alerts that its rules would raise; ``own``: the user's file, on disk."""
    engine = BenchEngine(**more)
    if own is not None:
        engine._files = (engine._files[0], RuleFile(str(own), own.read_text(), "user"))
        engine._load()
    engine.feed(rounds)
    engine.alert("Shell in a container", "Notice", row=0)
    for _ in range(3):
        engine.alert("Read the shadow file", "Warning", row=3)
    return engine
