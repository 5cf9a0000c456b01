"""Wall-clock times as lists show them: local, short, made once a second."""

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


def span(seconds: float) -> str:
    """Return a length of time as H:MM:SS or M:SS."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def amount(value: float) -> str:
    """Return a count or a rate in at most five characters: 7, 950, 1.2k, 18.4k, 3.1M."""
    for limit, divisor, unit in ((1e3, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if value < limit:
            scaled = value / divisor
            return f"{scaled:.0f}{unit}" if divisor == 1 or scaled >= 100 else f"{scaled:.1f}{unit}"
    return f"{value / 1e9:.1f}G"
