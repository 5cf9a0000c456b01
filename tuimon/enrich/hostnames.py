"""Addresses of host names, for rules that compare ``fd.sip.name`` and its like with names; never waiting for a network.

As in Falco the names on the right-hand side are resolved, not the event's address. The first question about a name
starts the look-up; until it is answered the name's addresses are unknown, and after PATIENCE_S it counts as having
none, so that a resolver that does not answer cannot make a rule fire.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 1.5
"""Less than the engine lets a hit wait for a value."""
KEEP_S: Final = 300.0
"""An answer is asked for again when it is older and somebody asks."""
KEEP_FAILED_S: Final = 30.0
MAX_NAMES: Final = 4096
"""Names remembered; further ones have no addresses. Rules name some hundred at most."""
THREADS: Final = 4
"""Look-ups at a time: one name of a dead zone takes the resolver ten seconds and more."""

Resolve = Callable[[str], frozenset[bytes]]


def ask_system(name: str) -> frozenset[bytes]:
    """Return the packed addresses of a name, as /etc/hosts and DNS tell; blocks.

    Raises:
        OSError: No answer, or no such name.
    """
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    hosts = [(family, str(address[0]).partition("%")[0]) for family, _, _, _, address in found]
    return frozenset(socket.inet_pton(family, host) for family, host in hosts)


class _Answer:
    """What is known of one name."""

    __slots__ = ("addresses", "again_s", "asked_s", "asking")

    def __init__(self, now_s: float) -> None:
        self.addresses: frozenset[bytes] | None = None
        self.asked_s = now_s
        self.again_s = 0.0
        self.asking = True


class HostNames:
    """A cache of look-ups that are made in background threads; the threads start with the first question.

    Args:
        resolve: Gives the packed addresses of a name or raises OSError; may block.
        clock: Steady seconds.
    """

    def __init__(self, resolve: Resolve = ask_system, clock: Callable[[], float] = time.monotonic) -> None:
        self._revision = 0
        self._unanswered: deque[_Answer] = deque()
        """Names asked for the first time, oldest first, that PATIENCE_S is not over for yet."""
        self._resolve = resolve
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._questions: deque[str] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._closed = False

    @property
    def revision(self) -> int:
        """Grows whenever ``lookup`` answers something else for a name than it did before."""
        now = self._clock()
        with self._changed:  # whoever sees that it grew is to see the answer, too
            while self._unanswered and now - self._unanswered[0].asked_s >= PATIENCE_S:
                self._revision += self._unanswered.popleft().addresses is None
            return self._revision

    def lookup(self, name: str) -> frozenset[bytes] | None:
        """Return the packed addresses of a name, None while they are not known yet; never blocks.

        An old answer stays in force while it is asked for again.
        """
        now = self._clock()
        answer = self._answers.get(name)
        if answer is None:
            if len(self._answers) >= MAX_NAMES or self._closed:
                return frozenset()
            answer = self._answers[name] = _Answer(now)
            self._unanswered.append(answer)
            self._ask(name)
        elif not answer.asking and now >= answer.again_s and not self._closed:
            answer.asking = True
            self._ask(name)
        if answer.addresses is None and now - answer.asked_s >= PATIENCE_S:
            return frozenset()
        return answer.addresses

    def close(self) -> None:
        """Let the threads end; one that waits for an answer ends when it has it, and holds nobody up."""
        with self._changed:
            self._closed = True
            self._questions.clear()
            self._changed.notify_all()

    def _ask(self, name: str) -> None:
        with self._changed:
            self._questions.append(name)
            if self._threads < min(THREADS, len(self._questions)):
                self._threads += 1
                threading.Thread(target=self._run, name="tuimon-hostnames", daemon=True).start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._questions and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                name = self._questions.popleft()
            try:
                found, keep_s = self._resolve(name), KEEP_S
            except (OSError, UnicodeError):  # a name that cannot be encoded has no address
                found, keep_s = frozenset[bytes](), KEEP_FAILED_S
            self._take(self._answers[name], found, keep_s)

    def _take(self, answer: _Answer, found: frozenset[bytes], keep_s: float) -> None:
        with self._changed:
            answer.again_s = self._clock() + keep_s
            answer.asking = False
            # Last, as who looks takes no lock. A failure of a moment does not make a known name forget its addresses.
            if found or answer.addresses is None:
                self._revision += answer.addresses != found
                answer.addresses = found
