"""Times, counts and shares as lists show them: local and short."""

from __future__ import annotations

import time
from functools import lru_cache


@lru_cache(maxsize=256)
def _second(epoch_s: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(epoch_s))


def clock(time_ns: int, digits: int = 0) -> str:
    """Return HH:MM:SS with up to nine digits of the second, of a time since the epoch."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    text = _second(seconds)
    return f"{text}.{rest:09d}"[: 9 + digits] if digits else text


def day(time_ns: int) -> str:
    """Return the day of a time since the epoch where this runs, and how far its clock is from UTC: 2026-11-30 +0100."""
    return time.strftime("%Y-%m-%d %z", time.localtime(time_ns // 1_000_000_000))


def span(seconds: float) -> str:
    """Return a length of time as H:MM:SS or M:SS."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def percent(share: float) -> str:
    """Return a share as per cent in at most six characters, never rounded to all or nothing."""
    if 0 < share < 0.0005:
        return "<0.1%"
    digits = 1 if 0.99 < share < 1 or 0 < share < 0.01 else 0
    return "99.9%" if 0.9995 <= share < 1 else f"{share * 100:.{digits}f}%"


def amount(value: float) -> str:
    """Return a count or a rate in at most five characters: 7, 950, 1.2k, 18.4k, 3.1M."""
    for limit, divisor, unit in ((1e3, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if value < limit:
            scaled = value / divisor
            return f"{scaled:.0f}{unit}" if divisor == 1 or scaled >= 100 else f"{scaled:.1f}{unit}"
    return f"{value / 1e9:.1f}G"
