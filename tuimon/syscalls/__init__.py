"""System calls: their numbers, names, arguments, and the events Falco makes of them."""

from tuimon.syscalls.calls import CALL_OF_NR, CALLS, Call
from tuimon.syscalls.numbers import (
    ALIASES,
    COMPAT_I386,
    KERNEL_NAMES,
    MACHINE,
    NAME_TO_NR,
    NR_TO_NAME,
    PSEUDO_FIRST,
    names_of,
    numbers_of,
)

__all__ = [
    "ALIASES",
    "CALLS",
    "CALL_OF_NR",
    "COMPAT_I386",
    "KERNEL_NAMES",
    "MACHINE",
    "NAME_TO_NR",
    "NR_TO_NAME",
    "PSEUDO_FIRST",
    "Call",
    "names_of",
    "numbers_of",
]
