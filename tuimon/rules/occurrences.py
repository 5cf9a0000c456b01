"""Where some bytes begin in a text: one search of megabytes instead of one for each record in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def occurrences(text: bytes, wanted: bytes) -> NDArray[np.intp]:
    """Return where the wanted bytes begin in a text, ascending; of those that overlap the first."""
    # What lies between them is cut out in one go: their lengths tell the places.
    between = text.split(wanted)
    lengths = np.fromiter(map(len, between), np.intp, len(between))
    return np.asarray(np.cumsum(lengths[:-1] + len(wanted)) - len(wanted), np.intp)
