"""Keeps the kernel's prefilter in step with the rules in force, off the event path.

A swap of rules takes the old prefilter away first; the new one is compiled beside the flow of events and put in force
when it is ready. In between the kernel sends everything the rules ask for, so that no event is missing; what the new
prefilter keeps to itself then is what no rule in force can match.
"""

from __future__ import annotations

import threading
from typing import Final

from tuimon.allocator import give_back
from tuimon.capture.source import Source
from tuimon.enrich.containers import Containers
from tuimon.errors import CaptureError
from tuimon.interest import UNFILTERED
from tuimon.priority import wait_one_s_turn
from tuimon.rules.prefilter_c import c_prefilter
from tuimon.rules.prefilter_columns import place_number
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import NAME_TO_NR, NR_TO_NAME

JOIN_S: Final = 10.0


def prefilter_of(ruleset: RuleSet) -> str | None:
    """Return the C text for the kernel, None when there are no rules; what changes a process's state always passes."""
    if not len(ruleset):
        return None
    always = {NAME_TO_NR.get(name) for name in UNFILTERED}
    expressions = {nr: each for nr, each in ruleset.kernel_expressions().items() if nr not in always}
    return c_prefilter(expressions, NR_TO_NAME)


class Pushdown:
    """Compiles and installs prefilters, one after the other, each in a thread that ends with it.

    Args:
        source: Where they go. A source without a kernel ignores them, and none is compiled for it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._turn = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._followed = -1
        self.notice = ""
        """Why the kernel filters nothing for the rules in force; empty while all is well."""

    def lift(self) -> None:
        """Rule nothing out from now on, and forget what is being compiled; quick, any thread."""
        with self._lock:
            self._turn += 1
        self.notice = ""
        self._source.set_prefilter(None)

    def ask(self, ruleset: RuleSet | None) -> None:
        """Have the prefilter of the rules in force compiled and installed; returns at once, any thread."""
        if ruleset is None or not self._source.live:
            return
        with self._lock:
            self._turn += 1
            arguments = (self._turn, ruleset, self._thread)
            self._thread = threading.Thread(target=self._work, args=arguments, name="tuimon-prefilter", daemon=True)
            self._thread.start()

    def follow(self, containers: Containers) -> None:
        """Tell the kernel which cgroups are the host's and which are containers', when that has changed.

        The kernel knows it a drain later than the rules do: an event of that moment is judged as its cgroup was known
        just before.
        """
        put = getattr(self._source, "set_places", None)
        revision = containers.revision
        if put is None or revision == self._followed:
            return
        self._followed = revision
        put({cgroup_id: place_number(owner) for cgroup_id, owner in containers.by_cgroup().items()})

    def wait(self, timeout_s: float = JOIN_S) -> None:
        """Wait until nothing is being compiled."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _tell(self, turn: int) -> None:
        """Say which system calls the kernel cannot filter, because the rules ask too much about them."""
        unjudged = getattr(self._source, "unjudged", ())
        if unjudged and turn == self._turn:
            names = ", ".join(NR_TO_NAME.get(number, str(number)) for number in unjudged)
            self.notice = f"the kernel does not filter {names}: the rules' conditions are too many for it"

    def _work(self, turn: int, ruleset: RuleSet, before: threading.Thread | None) -> None:
        wait_one_s_turn()
        if before is not None:
            before.join()  # one compilation at a time
        if turn != self._turn:
            return
        try:
            text = prefilter_of(ruleset)
            if text is not None:
                self._source.set_prefilter(text, lambda: turn == self._turn)
                self._tell(turn)
        except (CaptureError, OSError, RecursionError) as error:
            if turn == self._turn:
                self.notice = f"the kernel filters nothing for the rules: {error}"
        give_back()  # the compiler needed some 20 MB
