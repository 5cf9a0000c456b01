"""Sizes: panes grow, shrink, hide and come back by key or mouse, and are so again in the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from textual.geometry import Offset, Region

from tuimon.ui.panes.pane import Pane

if TYPE_CHECKING:
    from textual.widget import Widget

    from tuimon.ui.screens.main import MainScreen

STEP: Final = {"width": 4, "height": 2}
_KINDS: Final = {"width": ("narrow", "wide", "huge"), "height": ("low", "high")}
"""Classes of the screen by how large it is."""
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
    "all-alerts-pane": (Share("height", "alert-pane", -1),),
    "alert-pane": (Share("height", "alert-pane", 1),),
    "rules-pane": (Share("width", "rules-pane", 1),),
    "editor-pane": (Share("width", "rules-pane", -1),),
    "board-pane": (Share("height", "drift-pane", -1),),
    "drift-pane": (Share("height", "drift-pane", 1),),
    "replay-pane": (Share("height", "replay-pane", 1),),
    "marks-pane": (Share("height", "replay-pane", -1),),
    "health-pane": (Share("width", "costs-pane", -1),),
    "costs-pane": (Share("width", "costs-pane", 1),),
}
"""By id of the pane with the focus; the first neighbour that is shown is the one that changes."""
EDGES: Final[dict[str, Literal["left", "right", "top", "bottom"]]] = {
    "containers-pane": "right",
    "alerts-pane": "top",
    "alert-pane": "top",
    "rules-pane": "right",
    "drift-pane": "top",
    "replay-pane": "bottom",
    "costs-pane": "left",
}
"""Every pane that has a size, and its edge that the mouse moves."""
HIDEABLE: Final = tuple(name for name in EDGES if name != "replay-pane")
"""The timeline stays: it is never where the focus is, and what the keys of its tab move."""
_STACKED: Final = ("containers-pane", "costs-pane")
"""Panes that in a narrow terminal stand over or in the place of others: they have all its width."""


class Sizes:
    """The sizes of the panes of a screen that were chosen, and those that are hidden.

    Args:
        screen: Whose panes.
    """

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._sizes: dict[str, int] = {}
        self._hidden: set[str] = set()
        self._grabbed: Widget | None = None

    def recall(self) -> None:
        """Take up what was chosen in the run before."""
        memory = self._screen.memory
        self._sizes = {name: size for name, size in memory.numbers("sizes").items() if size > 0}
        self._hidden = {name for name in memory.texts("hidden") if name in HIDEABLE}
        self.apply()

    def apply(self) -> None:
        """Give every pane its size, as far as there is room; where a pane stands alone it has all there is."""
        screen = self._screen
        for name in EDGES:
            pane, axis, size = self._pane(name), _axis(name), self._sizes.get(self._key(name), 0)
            if pane is None:
                continue
            room = screen.size.width if axis == "width" else screen.size.height
            usual = self._is_stacked(name) or not room or not size
            setattr(pane.styles, axis, None if usual else max(min(size, room * 2 // 3), _LEAST[axis]))
        for name in HIDEABLE:
            if (pane := self._pane(name)) is not None:
                pane.set_class(name in self._hidden, "-hidden")

    def _key(self, name: str) -> str:
        """Return what a pane's size is remembered by: that of a large terminal is not meant for a small one."""
        kinds = _KINDS[_axis(name)]
        return f"{name} {next((kind for kind in kinds if self._screen.has_class(f'-{kind}')), kinds[0])}"

    # By key.

    def grow(self, focused: Widget | None, by: int) -> bool:
        """Make the pane with the focus larger (1) or smaller (-1); return whether there was a way to."""
        pane = self._around(focused)
        for share in SHARES.get(pane.id or "", ()) if pane is not None else ():
            target = self._pane(share.pane)
            if target is not None and target.display and target.size.area and not self._is_stacked(share.pane):
                now = target.outer_size.width if share.axis == "width" else target.outer_size.height
                self._resize(share.pane, now + by * share.sign * STEP[share.axis])
                self.keep()
                return True
        return False

    def _is_stacked(self, name: str) -> bool:
        return name in _STACKED and self._screen.has_class("-narrow")

    def _resize(self, name: str, size: int) -> None:
        self._sizes[self._key(name)] = max(size, _LEAST[_axis(name)])
        self.apply()

    def keep(self) -> None:
        """Remember the sizes for the next run."""
        self._screen.memory.keep("sizes", self._sizes)

    # By mouse.

    def grab(self, at: Offset) -> bool:
        """Take hold of the edge between two panes at a place of the screen; return whether there is one."""
        self._grabbed = next(
            (pane for pane in map(self._pane, EDGES) if pane is not None and self._holds(pane, at)), None
        )
        return self._grabbed is not None

    def _holds(self, pane: Widget, at: Offset) -> bool:
        """Return whether a place is on a pane's movable edge: its own frame's, or its neighbour's beside it."""
        name = pane.id or ""
        if not (pane.is_on_screen and pane.display and pane.size.area) or self._is_stacked(name):
            return False
        region = pane.region
        x, y, right, bottom = region.x, region.y, region.right, region.bottom
        places = {
            "left": Region(x - 1, y, 2, region.height),
            "right": Region(right - 1, y, 2, region.height),
            "top": Region(x, y - 1, region.width, 2),
            "bottom": Region(x, bottom - 1, region.width, 2),
        }
        return places[EDGES[name]].contains_point(at)

    def pull(self, to: Offset) -> bool:
        """Move the edge that is held; return whether one is."""
        pane = self._grabbed
        if pane is None or pane.id is None:
            return False
        region = pane.region
        sizes = {
            "left": region.right - to.x,
            "right": to.x - region.x + 1,
            "top": region.bottom - to.y,
            "bottom": to.y - region.y + 1,
        }
        self._resize(pane.id, sizes[EDGES[pane.id]])
        return True

    # Hiding.

    def hide(self, focused: Widget | None) -> bool:
        """Hide the pane with the focus, or show what is hidden beside it; return whether there was anything to do."""
        pane = self._around(focused)
        if pane is not None and pane.id in HIDEABLE:
            self._hidden.add(pane.id)
        elif beside := {name for name in self._hidden if self._is_beside(name)}:
            self._hidden -= beside
        else:
            return False
        self._screen.memory.keep("hidden", sorted(self._hidden))
        self.apply()
        return True

    def _is_beside(self, name: str) -> bool:
        pane = self._pane(name)
        return pane is not None and self._screen.shown_tab in pane.ancestors

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
        return self._screen.query_one_optional(f"#{name}")


def _axis(name: str) -> Literal["width", "height"]:
    return "width" if EDGES[name] in ("left", "right") else "height"
