"""A line to type text into, in which keys typed in one burst act in the order in which they were typed."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Input


class TextLine(Input):
    """Textual's input, but for its keys that move, delete and submit."""

    async def on_key(self, event: Key) -> None:
        """Carry out this line's own keys here, in turn with the letters.

        An input takes letters at once but leaves its other keys to the app's bindings, which come later: of keys typed
        in one burst (a slow link, a busy machine) a backspace would delete the letter typed after it.
        """
        active = None if event.is_printable else self.screen.active_bindings.get(event.key)
        if active is None or active.node is not self or not active.enabled:
            return
        event.stop()
        event.prevent_default()
        await self.app.run_action(active.binding.action, self)
