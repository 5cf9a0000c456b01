"""KeyFooter: the keys in force on the last line, each whole: where there is no room for all, the general ones stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuimon.ui.app import TuimonApp


_NOWHERE: Final = (1 << 30, 0)


class KeyFooter(Footer):
    """The line of keys."""

    app: TuimonApp

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._composed_for = 0
        """Columns that there were when the keys were last chosen anew."""

    def compose(self) -> ComposeResult:
        """Show the keys that there is room for."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        for key in keys:
            key.add_class("-compact", update=False)  # known now, its style need not be worked out twice
        if self.app.keys:
            places = self._places()
            keys.sort(key=lambda key: places.get(key.action, _NOWHERE))
        yield from fitting(keys, self._last(), self.size.width or self.app.size.width)

    def _places(self) -> dict[str, tuple[int, int]]:
        """Return where each action stands on the line: by its node from the focus on, and in that as we list them.

        Textual puts a key of the user's own behind all others of its node.
        """
        places: dict[str, tuple[int, int]] = {}
        for outer, (node, _) in enumerate(self.screen._modal_binding_chain):
            ours = type(node)._merged_bindings
            for inner, (_, binding) in enumerate(ours or ()):
                places.setdefault(binding.action, (outer, inner))
        return places

    def _last(self) -> set[str]:
        """Return the keys of everywhere: how to get out and how to get help is always said."""
        active = self.screen.active_bindings.values()
        return {one.binding.key for one in active if isinstance(one.node, App)}

    def on_resize(self, event: events.Resize) -> None:
        """There is room for more keys, or for fewer."""
        if event.size.width != self._composed_for:
            self._composed_for = event.size.width
            self.call_after_refresh(self.recompose)


def fitting(keys: Sequence[FooterKey], last: set[str], width: int) -> list[FooterKey]:
    """Return the keys to show in their order: those of ``last``, then as many from the first on as fit whole."""
    room = width + 1 - sum(_columns(key) for key in keys if key.key in last)  # the last one needs no blank
    shown = []
    for key in keys:
        if key.key not in last:
            room -= _columns(key)
        if key.key in last or room >= 0:
            shown.append(key)
    return shown


def _columns(key: FooterKey) -> int:
    """Return what a key takes on the line, with the blank behind it."""
    return cell_len(key.key_display) + 1 + cell_len(key.description) + 1
