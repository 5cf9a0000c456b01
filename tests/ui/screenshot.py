"""Pictures of the screen, to be looked at: ``python -m tests.ui.screenshot --help``.

Textual writes SVG for a web font; here it becomes a PNG through rsvg-convert with a font that is installed. rsvg drops
leading spaces of a text, so they are turned into an offset.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
from pathlib import Path

from tests.ui.fake_engine import fed_engine
from tuimon.ui.app import TuimonApp

FONT = "DejaVu Sans Mono"
_TEXT = re.compile(r'(<text [^>]*?x=")([\d.]+)("[^>]*? textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)([^<]*)(</text>)')


def svg_to_png(svg: str, target: Path) -> None:
    """Write an SVG of Textual's as a PNG."""

    def shift(found: re.Match[str]) -> str:
        before, x, middle, length, after, spaces, text, end = found.groups()
        count = len(spaces) // len("&#160;")
        total = count + len(re.sub(r"&[^;]+;", "_", text))
        step = float(length) / total
        if count == total:
            return ""
        return f"{before}{float(x) + count * step:.1f}{middle}{float(length) - count * step:.1f}{after}{text}{end}"

    source = target.with_suffix(".svg")
    source.write_text(_TEXT.sub(shift, svg.replace("Fira Code", FONT)))
    subprocess.run(["rsvg-convert", str(source), "-o", str(target)], check=True)
    source.unlink()


async def picture(target: Path, size: tuple[int, int], keys: list[str], theme: str | None) -> None:
    """Press some keys on a screen with a fake engine and take its picture."""
    app = TuimonApp(fed_engine(), theme=theme)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        await pilot.pause(0.3)
        svg_to_png(app.export_screenshot(), target)


def main() -> None:
    """Read the arguments and take the picture."""
    parser = argparse.ArgumentParser(description="Take a picture of the screen with a fake engine behind it.")
    parser.add_argument("target", type=Path, help="PNG file to write")
    parser.add_argument("--size", default="120x40", help="columns x rows")
    parser.add_argument("--theme", help="theme name")
    parser.add_argument("keys", nargs="*", help="keys to press, Textual's names")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    asyncio.run(picture(args.target, (width, height), args.keys, args.theme))


if __name__ == "__main__":
    main()
