"""Cases by the id of the key they are about; tests/ui/test_keys.py runs them all."""

from __future__ import annotations


def registry():
    """Return an empty table of cases, and what puts a function into it under the ids of its keys."""
    cases = {}

    def case(*ids):
        def add(function):
            cases.update(dict.fromkeys(ids, function))
            return function

        return add

    return cases, case
