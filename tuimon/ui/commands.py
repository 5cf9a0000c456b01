"""The command palette's entries: everything that has a key, by name, made from the bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from tuimon.ui.keys import keys_of, own_bindings, owners, title_of
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from textual.binding import Binding

    from tuimon.ui.app import TuimonApp

_LEFT_OUT = ("command_palette", "keys")
"""The palette itself, and what help does too."""


def commands(app: TuimonApp, screen: Screen[object]) -> Iterator[SystemCommand]:
    """Yield every command that can be given on a screen; on the main screen those of all tabs.

    Args:
        app: The application.
        screen: What lies under the palette.
    """
    seen: set[str] = set()
    for owner in owners():
        if owner is LineList or (node := _found(app, screen, owner)) is None:
            continue
        for binding in own_bindings(owner):
            if binding.action in _LEFT_OUT or (binding.id or "") in seen:
                continue
            seen.add(binding.id or "")
            yield _command(app, node, owner, binding)


def _found(app: TuimonApp, screen: Screen[object], owner: type[DOMNode]) -> DOMNode | None:
    """Return what has the keys of a class on a screen: in the tab that is shown if there are several."""
    if isinstance(app, owner):
        return app
    if isinstance(screen, owner):
        return screen
    found = [node for node in screen.query(Widget) if type(node) is owner]
    return min(found, key=lambda node: not node.is_on_screen, default=None)


def _command(app: TuimonApp, node: DOMNode, owner: type[DOMNode], binding: Binding) -> SystemCommand:
    title = title_of(owner).removesuffix(" (dialog)")
    name = binding.description if node is app or node is app.main else f"{title}: {binding.description}"
    if binding.action.startswith("tab("):
        name = f"Go to {binding.description}"
    keys = ", ".join(keys_of(binding, app.keys))
    return SystemCommand(name, f"{binding.tooltip or binding.description}  ({keys})", _run(app, node, binding.action))


def _run(app: TuimonApp, node: DOMNode, action: str) -> Callable[[], None]:
    """Return what goes to the place of a command and gives it."""

    def run() -> None:
        tab = next((each for each in node.ancestors_with_self if isinstance(each, Tab)), None)
        if tab is not None:
            if app.main.shown_tab is not tab:
                app.main.action_tab(tab.id or "")
            if isinstance(node, Widget) and (focus := _focusable(node)) is not None:
                app.main.set_focus(focus)
        app.call_next(app.run_action, action, node)

    return run


def _focusable(node: Widget) -> Widget | None:
    if node.focusable:
        return node
    return next((each for each in node.query(Widget) if each.focusable), None)
