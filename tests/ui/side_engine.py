"""The fake engine with what the board, tree, replay and health tabs show: rules with counters, drift, figures."""

from __future__ import annotations

from types import SimpleNamespace

from tests.ui.fake_engine import FakeEngine
from tuimon.records import ExeFlag
from tuimon.rules.matching import Counter, Rule
from tuimon.stages import STAGES
from tuimon.view.health import Health, StageCost


def _rule(name: str, priority: str, tag: str, evaluated: int, matched: int, mean_ns: int) -> Rule:
    counter = Counter(evaluated, matched, 0, 10 if mean_ns else 0, mean_ns * 10)
    template = SimpleNamespace(fields=())
    tags = (tag,) if tag else ()
    return Rule(name, priority, tags, "syscall", "local.yaml", 1, None, template, lambda _: False, (name,), counter)


RULES = (
    _rule("Read the shadow file", "Warning", "mitre_credential_access", 4100, 3, 2100),
    _rule("Shell in a container", "Notice", "mitre_execution", 900, 1, 800),
    _rule("Contact the API server", "Informational", "mitre_discovery", 12, 1, 0),
    _rule("Never seen", "Critical", "", 0, 0, 0),
)


def side_engine(**more: object) -> FakeEngine:
    """Return an engine whose batch holds two executions that no image brought, alerts, rules and figures."""
    engine = FakeEngine(**more)  # type: ignore[arg-type]
    engine.batch.proc["exe_flags"][0] = int(ExeFlag.UPPER_LAYER | ExeFlag.BORN_UPPER)
    engine.batch.proc["exe_flags"][1] = int(ExeFlag.MEMFD)
    engine.feed(3)
    engine.alert("Terminal shell in container", "Notice", row=0, tags=("mitre_execution",))
    engine.alert("Drop and execute new binary in container", "Critical", row=7, tags=("mitre_persistence",))
    for _ in range(3):
        engine.alert("Read the shadow file", "Warning", row=3)
    engine.alert("Contact the API server", "Informational", row=11, tags=("mitre_discovery", "mitre_lateral_movement"))
    engine.alert("Odd", "Notice", row=9, tags=())
    engine.rules = RULES
    engine.own_health = Health(
        stages=tuple(StageCost(name, what, 0.02 * at, 1.5 * at) for at, (name, what) in enumerate(STAGES.items())),
        last_event_s=0.1,
        memory_bytes=187 << 20,
        processes=412,
        rings=(("slim", 4096, 1 << 24), ("short", 20 << 20, 1 << 25)),
        facts=(("programs", "typed+cast raw tracepoints"), ("processors", "2")),
    )
    return engine
