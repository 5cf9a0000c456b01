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
from tuimon.syscalls.params import (
    EVENT_NAMES,
    NOT_SYSCALLS,
    PARAM_NAMES,
    PARAMS,
    Param,
    event_name,
    event_params,
    param_types,
    params_of,
)

__all__ = [
    "ALIASES",
    "CALLS",
    "CALL_OF_NR",
    "COMPAT_I386",
    "EVENT_NAMES",
    "KERNEL_NAMES",
    "MACHINE",
    "NAME_TO_NR",
    "NOT_SYSCALLS",
    "NR_TO_NAME",
    "PARAMS",
    "PARAM_NAMES",
    "PSEUDO_FIRST",
    "Call",
    "Param",
    "event_name",
    "event_params",
    "names_of",
    "numbers_of",
    "param_types",
    "params_of",
]
