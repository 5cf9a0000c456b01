"""Keys as a terminal sends them, where Textual cannot tell esc and a key behind it from one key.

``esc 5`` has the bytes of alt and 5, and so has every key that follows an esc within a tenth of a second, on a slow
line or a busy machine later too. Textual (8.2) makes ``∞`` of it, as a Mac's keyboard does, control and an arrow of
``esc b``, and of ``esc /`` the slash alone. Here each is told as alt and the key, with the character behind it; the app
knows whether that means something, and takes it as esc and the key otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser

_ESC: Final = "\x1b"
_IN_TEXT: Final = {"alt+b": "ctrl+left", "alt+f": "ctrl+right", "alt+backspace": "ctrl+w"}
"""What alt and a key do in a text field, as in a shell: a word to the left, to the right, deleted."""


class KeyParser(XTermParser):
    """Textual's reader of a terminal's bytes, which keeps the esc before a key."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        """Return the keys of a sequence; ``alt``: it is one character, and an esc came before it."""
        if len(sequence) == 2 and sequence[0] == _ESC and sequence[1] != _ESC and sequence in ANSI_SEQUENCES_KEYS:
            sequence, alt = sequence[1], True
        for key in super()._sequence_to_key_events(sequence):
            yield events.Key(_with_alt(key.key), sequence) if alt else key


def behind_escape(key: events.Key) -> events.Key | None:
    """Return the key that came right behind an esc; None: this is no such key, or a real alt that says no character."""
    name = key.key.removeprefix("alt+")
    if name == key.key or key.character is None or len(key.character) != 1:
        return None
    shifted = name.removeprefix("shift+")
    return events.Key(shifted.upper() if shifted != name and len(shifted) == 1 else name, key.character)


def in_text(key: str) -> str:
    """Return what a key means while one types, the key itself where it is nothing of its own."""
    return _IN_TEXT.get(key, key)


def _with_alt(name: str) -> str:
    return "alt+shift+" + name.lower() if len(name) == 1 and name.isupper() else "alt+" + name
