"""The bpf(2) commands that tuimon issues itself: maps, and loading and attaching programs that bcc has compiled.

bcc knows raw tracepoints but not typed ones (``BPF_PROG_TYPE_TRACING`` with ``BPF_TRACE_RAW_TP``), whose programs read
kernel memory with plain loads. Layouts follow ``union bpf_attr`` in the kernel's include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Any, Final

from numpy.typing import NDArray

_NR_BPF: Final = {"x86_64": 321, "aarch64": 280}.get(platform.machine(), 280)
_MAP_CREATE, _MAP_LOOKUP_ELEM, _MAP_UPDATE_ELEM, _MAP_DELETE_ELEM, _MAP_GET_NEXT_KEY = 0, 1, 2, 3, 4
_PROG_LOAD, _OBJ_GET_INFO_BY_FD, _RAW_TRACEPOINT_OPEN = 5, 15, 17
_TYPE_RAW_TRACEPOINT: Final = 17
_TYPE_TRACING: Final = 26
_TRACE_RAW_TP: Final = 23
_LOG_BYTES: Final = 1 << 20

_PSEUDO_MAP_FD: Final = 1
_PSEUDO_MAP_VALUE: Final = 2
_PSEUDO_KFUNC_CALL: Final = 2
_LD_IMM64: Final = 0x18
_CALL: Final = 0x85
_INSN = struct.Struct("<BBhi")

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attr: bytes) -> int:
    """Issue one bpf(2) command and return its result; raises OSError."""
    buffer = ctypes.create_string_buffer(attr, max(len(attr), 144))
    result = int(_libc.syscall(_NR_BPF, command, buffer, len(buffer)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class VerifierError(OSError):
    """The kernel refused a program; ``log`` is the end of the verifier's reasons, maybe empty."""

    def __init__(self, number: int, log: str) -> None:
        super().__init__(number, os.strerror(number))
        self.log = log


def load_program(code: bytes, name: str, btf_id: int) -> int:
    """Load a program and return its fd.

    Args:
        code: Its instructions, map fds in place.
        name: Shown by bpftool, 15 characters.
        btf_id: Type id of the tracepoint's ``btf_trace_`` typedef for a typed program, 0 for a plain one.

    Raises:
        VerifierError: The kernel refused it.
    """
    try:
        return _load(code, name, btf_id, b"")
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EINVAL, errno.E2BIG, errno.ENOSPC):
            raise VerifierError(error.errno or errno.EPERM, "") from None
    log = ctypes.create_string_buffer(_LOG_BYTES)
    try:
        return _load(code, name, btf_id, log)
    except OSError as error:
        text = log.value.decode(errors="replace")
        raise VerifierError(error.errno or errno.EPERM, text[-4000:]) from None


def _load(code: bytes, name: str, btf_id: int, log: bytes | ctypes.Array[ctypes.c_char]) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    # Helpers that read kernel memory are offered to programs under a GPL-compatible licence only.
    licence = ctypes.create_string_buffer(b"GPL")
    log_at = ctypes.addressof(log) if isinstance(log, ctypes.Array) else 0
    attr = struct.pack(
        "<IIQQIIQII16sIIIIQIIQII",
        _TYPE_TRACING if btf_id else _TYPE_RAW_TRACEPOINT,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        1 if log_at else 0,
        _LOG_BYTES if log_at else 0,
        log_at,
        0,  # kern_version
        0,  # prog_flags
        name.encode()[:15],
        0,  # prog_ifindex
        _TRACE_RAW_TP if btf_id else 0,
        0,  # prog_btf_fd
        0,  # func_info_rec_size
        0,  # func_info
        0,  # func_info_cnt
        0,  # line_info_rec_size
        0,  # line_info
        0,  # line_info_cnt
        btf_id,
    )
    return _bpf(_PROG_LOAD, attr)


def attach(program_fd: int, tracepoint: str, *, typed: bool) -> int:
    """Attach a program to a raw tracepoint and return the fd that keeps it attached; raises OSError."""
    name = ctypes.create_string_buffer(tracepoint.encode())
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("<QI", 0 if typed else ctypes.addressof(name), program_fd))


def create_map(map_type: int, key_size: int, value_size: int, max_entries: int, flags: int, name: str) -> int:
    """Create a map and return its fd; raises OSError. For a ring buffer ``max_entries`` is its bytes."""
    attr = struct.pack("<IIIIIII16s", map_type, key_size, value_size, max_entries, flags, 0, 0, name.encode()[:15])
    return _bpf(_MAP_CREATE, attr)


def map_info(map_fd: int) -> tuple[int, int, int, int, int]:
    """Return type, key size, value size, entries and flags of a map; raises OSError."""
    info = ctypes.create_string_buffer(64)
    _bpf(_OBJ_GET_INFO_BY_FD, struct.pack("<IIQ", map_fd, len(info), ctypes.addressof(info)))
    map_type, _, key_size, value_size, max_entries, flags = struct.unpack_from("<IIIIII", info)
    return map_type, key_size, value_size, max_entries, flags


def _element(command: int, map_fd: int, key: bytes | None, value: int) -> None:
    """Issue a command on one element of a map; ``value`` is an address."""
    buffer = ctypes.create_string_buffer(key, len(key)) if key is not None else None
    key_at = ctypes.addressof(buffer) if buffer is not None else 0
    _bpf(command, struct.pack("<IIQQQ", map_fd, 0, key_at, value, 0))


def update(map_fd: int, key: bytes | None, value: bytes) -> None:
    """Set one element of a map, or push onto a queue (no key); raises OSError."""
    buffer = ctypes.create_string_buffer(value, len(value))
    _element(_MAP_UPDATE_ELEM, map_fd, key, ctypes.addressof(buffer))


def delete(map_fd: int, key: bytes) -> None:
    """Remove one element of a map; raises OSError."""
    _element(_MAP_DELETE_ELEM, map_fd, key, 0)


def lookup(map_fd: int, key: bytes, into: NDArray[Any]) -> None:
    """Read one element of a map; raises OSError.

    ``into`` must be as large as the value; that of a per-CPU map is one value per possible CPU, each rounded up to 8.
    """
    _element(_MAP_LOOKUP_ELEM, map_fd, key, into.ctypes.data)


def keys(map_fd: int, key_size: int) -> list[bytes]:
    """Return the keys of a hash; one that is removed meanwhile may end the list early; raises OSError."""
    found: list[bytes] = []
    after = ctypes.create_string_buffer(key_size)
    last: bytes | None = None
    while True:
        try:
            _element(_MAP_GET_NEXT_KEY, map_fd, last, ctypes.addressof(after))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return found
            raise
        last = after.raw
        found.append(last)


def patched(code: bytes, *, calls: dict[int, int], maps: dict[int, int]) -> bytes:
    """Return a program with some of its calls and maps replaced.

    Args:
        code: The instructions.
        calls: Helper number to the BTF id of the kernel function (kfunc) to call in its place.
        maps: Map fd, or a number that stands for one, to the fd of the map to use in its place.
    """
    out = bytearray(code)
    for at in range(0, len(out), 8):
        op, registers, off, imm = _INSN.unpack_from(out, at)
        if op == _CALL and registers >> 4 == 0 and imm in calls:
            _INSN.pack_into(out, at, op, registers & 15 | _PSEUDO_KFUNC_CALL << 4, off, calls[imm])
        elif op == _LD_IMM64 and registers >> 4 in (_PSEUDO_MAP_FD, _PSEUDO_MAP_VALUE) and imm in maps:
            _INSN.pack_into(out, at, op, registers, off, maps[imm])
    return bytes(out)
