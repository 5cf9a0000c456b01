"""What io_uring operations stand for, and where their arguments lie in a request, as the running kernel's BTF says.

Each operation has a struct of its own at the start of ``io_kiocb.cmd`` (io_uring/openclose.c, fs.c, net.c, rw.c). They
are private to the kernel and change; what cannot be found is left out, and an operation whose number BTF lacks too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.capture.btf import Btf
from tuimon.syscalls import NAME_TO_NR

OPS: Final = 128
NONE: Final = 255
NO_NR: Final = 0xFFFF
OP: Final = np.dtype(
    [
        ("nr", "<u2"),
        ("path", "u1"),
        ("dir", "u1"),
        ("path2", "u1"),
        ("dir2", "u1"),
        ("fd", "u1"),
        ("pad", "u1"),
        ("arg", "u1", (6,)),
        ("bytes", "u1", (6,)),
        ("pad2", "<u4"),
    ]
)
"""struct tm_uring_op of bpf/maps.h."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation: the system call it stands for, and which members of its struct are that call's arguments."""

    call: str
    struct: str = ""
    args: dict[int, str] = field(default_factory=dict)
    """Argument position to member."""
    path: str = ""
    """Member that points to the ``struct filename`` of the first path."""
    dir: int = NONE
    """Position of the argument with the directory it starts from."""
    path2: str = ""
    dir2: int = NONE
    fd: int = NONE
    """Position of the argument with the request's own fd."""


_OPERATIONS: Final = {
    "OPENAT": _Operation("openat", "io_open", {0: "dfd", 2: "how.flags", 3: "how.mode"}, "filename", 0),
    "OPENAT2": _Operation(
        "openat2", "io_open", {0: "dfd", 2: "how.flags", 3: "how.mode", 4: "how.resolve"}, "filename", 0
    ),
    "STATX": _Operation("statx", "io_statx", {0: "dfd", 2: "flags", 3: "mask"}, "filename", 0),
    "UNLINKAT": _Operation("unlinkat", "io_unlink", {0: "dfd", 2: "flags"}, "filename", 0),
    "MKDIRAT": _Operation("mkdirat", "io_mkdir", {0: "dfd", 2: "mode"}, "filename", 0),
    "RENAMEAT": _Operation(
        "renameat2", "io_rename", {0: "old_dfd", 2: "new_dfd", 4: "flags"}, "oldpath", 0, "newpath", 2
    ),
    "LINKAT": _Operation("linkat", "io_link", {0: "old_dfd", 2: "new_dfd", 4: "flags"}, "oldpath", 0, "newpath", 2),
    "SYMLINKAT": _Operation("symlinkat", "io_link", {1: "new_dfd"}, "oldpath", NONE, "newpath", 1),
    "CONNECT": _Operation("connect", "io_connect", {1: "addr", 2: "addr_len"}, fd=0),
    "ACCEPT": _Operation("accept4", "io_accept", {3: "flags"}, fd=0),
    "SOCKET": _Operation("socket", "io_socket", {0: "domain", 1: "type", 2: "protocol"}),
    "BIND": _Operation("bind", fd=0),
    "LISTEN": _Operation("listen", "io_listen", {1: "backlog"}, fd=0),
    "SHUTDOWN": _Operation("shutdown", "io_shutdown", {1: "how"}, fd=0),
    "SEND": _Operation("sendto", "io_sr_msg", {2: "len"}, fd=0),
    "SEND_ZC": _Operation("sendto", "io_sr_msg", {2: "len"}, fd=0),
    "RECV": _Operation("recvfrom", "io_sr_msg", {2: "len"}, fd=0),
    "SENDMSG": _Operation("sendmsg", fd=0),
    "SENDMSG_ZC": _Operation("sendmsg", fd=0),
    "RECVMSG": _Operation("recvmsg", fd=0),
    "READ": _Operation("read", "io_rw", {1: "addr", 2: "len"}, fd=0),
    "WRITE": _Operation("write", "io_rw", {1: "addr", 2: "len"}, fd=0),
    "READ_FIXED": _Operation("read", "io_rw", {1: "addr", 2: "len"}, fd=0),
    "WRITE_FIXED": _Operation("write", "io_rw", {1: "addr", 2: "len"}, fd=0),
    "READV": _Operation("readv", "io_rw", {1: "addr", 2: "len"}, fd=0),
    "WRITEV": _Operation("writev", "io_rw", {1: "addr", 2: "len"}, fd=0),
    "FALLOCATE": _Operation("fallocate", fd=0),
    "FTRUNCATE": _Operation("ftruncate", fd=0),
    "FSYNC": _Operation("fsync", fd=0),
    "CLOSE": _Operation("close", fd=0),
}


def _carried() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for operation in _OPERATIONS.values():
        places = {*operation.args, operation.fd, operation.dir, operation.dir2} - {NONE}
        found.setdefault(operation.call, set()).update(places)
    return {call: frozenset(places) for call, places in found.items()}


CARRIED: Final = _carried()
"""Call to the positions of the arguments that a request which stands for it carries."""


def uring_ops(btf: Btf) -> NDArray[np.void]:
    """Return the table of operations by number, shape ``(OPS,)`` of OP; ``NO_NR`` where none is known."""
    table = np.zeros(OPS, OP)
    table["nr"] = NO_NR
    for name in ("path", "dir", "path2", "dir2", "fd", "arg"):
        table[name] = NONE
    for name, operation in _OPERATIONS.items():
        opcode = btf.enum_value("io_uring_op", f"IORING_OP_{name}")
        nr = NAME_TO_NR.get(operation.call)
        if opcode is not None and 0 <= opcode < OPS and nr is not None:
            _describe(btf, table[opcode : opcode + 1], operation, nr)
    return table


def _describe(btf: Btf, row: NDArray[np.void], operation: _Operation, nr: int) -> None:
    """Fill one row of the table, in place."""
    struct_id = btf.struct_ids([operation.struct]).get(operation.struct) if operation.struct else None

    def place(member: str) -> tuple[int, int]:
        found = btf.member(struct_id, member) if struct_id is not None and member else None
        return found if found is not None and found[0] < NONE else (NONE, 0)

    row["nr"] = nr
    row["path"], row["dir"] = place(operation.path)[0], operation.dir
    row["path2"], row["dir2"] = place(operation.path2)[0], operation.dir2
    row["fd"] = operation.fd
    for position, member in operation.args.items():
        row["arg"][0, position], row["bytes"][0, position] = place(member)
