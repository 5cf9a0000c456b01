"""Sizes: panes grow, shrink, hide and come back by key, and are so again in the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from tuimon.ui.panes.pane import Pane

if TYPE_CHECKING:
    from textual.widget import Widget

    from tuimon.ui.screens.main import MainScreen

STEP: Final = {"width": 4, "height": 2}
_LEAST: Final = {"width": 20, "height": 5}


class Share(NamedTuple):
    """How a pane grows: a size of its own, or (in the place of what is left) the size of its neighbours."""

    axis: Literal["width", "height"]
    pane: str
    """Id of the pane whose size changes."""
    sign: int
    """1: it is the pane itself; -1: a neighbour, which shrinks."""


SHARES: Final[dict[str, tuple[Share, ...]]] = {
    "containers-pane": (Share("width", "containers-pane", 1),),
    "live-pane": (Share("width", "containers-pane", -1), Share("height", "alerts-pane", -1)),
    "top-pane": (Share("width", "containers-pane", -1), Share("height", "alerts-pane", -1)),
    "alerts-pane": (Share("height", "alerts-pane", 1),),
    "rules-pane": (Share("width", "rules-pane", 1),),
    "editor-pane": (Share("width", "rules-pane", -1),),
    "board-pane": (Share("height", "drift-pane", -1),),
    "drift-pane": (Share("height", "drift-pane", 1),),
}
"""By id of the pane with the focus; the first neighbour that is shown is the one that changes."""
HIDEABLE: Final = ("containers-pane", "alerts-pane", "drift-pane")


class Sizes:
    """The sizes of the panes of a screen that were chosen, and those that are hidden.

    Args:
        screen: Whose panes.
    """

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._sizes: dict[str, int] = {}
        self._hidden: set[str] = set()

    def recall(self) -> None:
        """Take up what was chosen in the run before."""
        memory = self._screen.memory
        known = {share.pane for shares in SHARES.values() for share in shares}
        self._sizes = {name: size for name, size in memory.numbers("sizes").items() if name in known and size > 0}
        self._hidden = {name for name in memory.texts("hidden") if name in HIDEABLE}
        self.apply()

    def apply(self) -> None:
        """Give every pane its size, as far as there is room; where a pane stands alone it has all there is."""
        screen = self._screen
        for name, size in self._sizes.items():
            pane, axis = self._pane(name), self._axis(name)
            if pane is None:
                continue
            room = screen.size.width if axis == "width" else screen.size.height
            alone = axis == "width" and screen.has_class("-narrow") and name == "containers-pane"
            fits = None if alone or not room else max(min(size, room * 2 // 3), _LEAST[axis])
            setattr(pane.styles, axis, fits)
        for name in HIDEABLE:
            if (pane := self._pane(name)) is not None:
                pane.set_class(name in self._hidden, "-hidden")

    def grow(self, focused: Widget | None, by: int) -> bool:
        """Make the pane with the focus larger (1) or smaller (-1); return whether there was a way to."""
        pane = self._around(focused)
        for share in SHARES.get(pane.id or "", ()) if pane is not None else ():
            target = self._pane(share.pane)
            if target is not None and target.display and target.size.area:
                now = target.outer_size.width if share.axis == "width" else target.outer_size.height
                size = max(now + by * share.sign * STEP[share.axis], _LEAST[share.axis])
                self._sizes[share.pane] = size
                self._screen.memory.keep("sizes", self._sizes)
                self.apply()
                return True
        return False

    def hide(self, focused: Widget | None) -> bool:
        """Hide the pane with the focus, or show what is hidden; return whether there was anything to do."""
        pane = self._around(focused)
        if pane is not None and pane.id in HIDEABLE:
            self._hidden.add(pane.id)
        elif self._hidden:
            self._hidden.clear()
        else:
            return False
        self._screen.memory.keep("hidden", sorted(self._hidden))
        self.apply()
        return True

    def show(self, name: str) -> None:
        """Show a pane that is hidden."""
        if name in self._hidden:
            self._hidden.discard(name)
            self._screen.memory.keep("hidden", sorted(self._hidden))
            self.apply()

    @staticmethod
    def _around(focused: Widget | None) -> Pane | None:
        if focused is None:
            return None
        return next((widget for widget in focused.ancestors_with_self if isinstance(widget, Pane)), None)

    def _pane(self, name: str) -> Widget | None:
        found = self._screen.query(f"#{name}")
        return found.first() if found else None

    @staticmethod
    def _axis(name: str) -> Literal["width", "height"]:
        return next(share.axis for shares in SHARES.values() for share in shares if share.pane == name)
