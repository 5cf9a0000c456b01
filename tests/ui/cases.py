"""Cases by the id of the key they are about; tests/ui/test_keys.py runs them all."""

from __future__ import annotations

from tests.builders import container
from tests.ui.conftest import settle, until


def registry():
    """Return an empty table of cases, and what puts a function into it under the ids of its keys."""
    cases = {}

    def case(*ids):
        def add(function):
            cases.update(dict.fromkeys(ids, function))
            return function

        return add

    return cases, case


async def end_containers(app, pilot, many=3):
    """Let some containers have ended, of which there is nothing to tell."""
    there = len(app.session.containers.rows)
    for n in range(many):
        gone = container(f"{n:012x}", name=f"job-{n}", ended=True)
        app.session.engine.cgroups[gone.name] = (gone, frozenset({900 + n}))
    await until(lambda: len(app.session.containers.rows) == there + many)
    await settle(app, pilot)
