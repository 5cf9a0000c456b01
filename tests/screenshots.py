"""Make the pictures of docs/ from a real run: the live kernel, two real containers, one of them attacked.

    make screenshots                  (or: sudo .venv/bin/python -m tests.screenshots [FOLDER])

Needs root, podman and rsvg-convert (librsvg2-bin) with the font DejaVu Sans Mono.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.containers import podman_engine
from tests.make_demo import DB, WEB, act
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings
from tuimon.ui.app import TuimonApp

PICTURES = {
    "screenshot": ((140, 42), "tuimon-dark", ["1"]),
    "live-80x24": ((80, 24), "tuimon-dark", ["1"]),
    "live-120x40": ((120, 40), "tuimon-dark", ["1"]),
    "live-200x50-light": ((200, 50), "tuimon-light", ["1"]),
    "story": ((140, 42), "tuimon-dark", ["2", "o", "g", "t"]),
    "alerts-120x40": ((120, 40), "tuimon-dark", ["2"]),
    "before-120x40": ((120, 40), "harbour", ["2", "o", "g", "b"]),
    "noise-80x24": ((80, 24), "high-contrast", ["2", "percent_sign"]),
    "rules-120x40": ((120, 40), "tuimon-dark", ["3"]),
    "board-120x40": ((120, 40), "tuimon-dark", ["4"]),
    "tree-120x40": ((120, 40), "tuimon-dark", ["5"]),
    "health-120x40": ((120, 40), "tuimon-dark", ["7"]),
}
"""Name: size, theme, keys."""


def to_png(svg: str, target: Path) -> None:
    """Write a picture; Textual asks for a web font that a machine does not have, and blanks at the edges are text."""
    svg = svg.replace("Fira Code", "DejaVu Sans Mono").replace("<text ", '<text xml:space="preserve" ')
    with tempfile.NamedTemporaryFile("w", suffix=".svg") as file:
        file.write(svg)
        file.flush()
        subprocess.run(["rsvg-convert", file.name, "-o", str(target)], check=True)


async def picture(engine: Engine, name: str, folder: Path) -> None:
    """Open the screen on a running engine, press keys, keep what it shows."""
    size, theme, keys = PICTURES[name]
    app = TuimonApp(engine, theme=theme)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(1.5)
        if name in ("screenshot", "story") and app.session is not None:
            app.session.choose(next(c.id for c in engine.containers.list() if c.name == "shop-web"))
        await pilot.press(*keys)
        await pilot.pause(1.0)
        to_png(app.export_screenshot(title="tuimon"), folder / f"{name}.png")


def main() -> None:
    """Attack a container, then take the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs")
    names = sys.argv[2:] or ["screenshot", "story"]
    settings = Settings(history_mb=64)
    engine = build_engine(settings, KernelSource())
    assert engine.apply_rules(rule_files(settings)).accepted
    engine.watch(None)
    engine.start()
    assert engine.wait_started(60), engine.error()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tm", dir="/tmp") as work,
            podman_engine(Path(work), (WEB, DB)) as podman,
        ):
            actor = threading.Thread(target=act, args=(podman,))
            actor.start()
            actor.join()
            for name in names:
                asyncio.run(picture(engine, name, folder))
                print(folder / f"{name}.png")
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
