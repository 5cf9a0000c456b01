"""Requests of io_uring on the live kernel: seen as the calls they stand for, which are never made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kernel.live import Row, events_of, interest
from tuimon.capture.btf import read_btf
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Want
from tuimon.capture.uring import NO_NR, NONE, uring_ops
from tuimon.records import Kind, Slot, SockFlag
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

URING = (Kind.IO_URING, Kind.IO_URING_DONE)

ATTEMPTS = 5
RING = r"""
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct io_uring_params p;
static char *sq, *cq;
static struct io_uring_sqe *sqes;
static int ring;

static struct io_uring_sqe *next(int opcode, int fd)
{
	unsigned *tail = (unsigned *)(sq + p.sq_off.tail), mask = *(unsigned *)(sq + p.sq_off.ring_mask);
	unsigned *array = (unsigned *)(sq + p.sq_off.array), at = *tail & mask;

	memset(&sqes[at], 0, sizeof(sqes[at]));
	sqes[at].opcode = opcode;
	sqes[at].fd = fd;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return &sqes[at];
}

static int done(void)
{
	unsigned *head = (unsigned *)(cq + p.cq_off.head);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	int result;

	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	result = cqes[*head & *(unsigned *)(cq + p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

int main(int argc, char **argv)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(0x7f000001) };
	struct io_uring_sqe *sqe;
	int fd;

	ring = syscall(SYS_io_uring_setup, 4, &p);
	if (ring < 0)
		return 2;
	sq = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqes = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);

	sqe = next(IORING_OP_OPENAT, AT_FDCWD);
	sqe->addr = (unsigned long)"made-by-ring";
	sqe->open_flags = O_CREAT | O_WRONLY;
	sqe->len = 0640;
	fd = done();
	if (fd < 0)
		return 3;
	sqe = next(IORING_OP_WRITE, fd);
	sqe->addr = (unsigned long)"hello";
	sqe->len = 5;
	if (done() != 5)
		return 4;
	sqe = next(IORING_OP_RENAMEAT, AT_FDCWD);
	sqe->addr = (unsigned long)"made-by-ring";
	sqe->len = AT_FDCWD;
	sqe->addr2 = (unsigned long)argv[1];
	if (done())
		return 5;
	sqe = next(IORING_OP_UNLINKAT, AT_FDCWD);
	sqe->addr = (unsigned long)argv[1];
	if (done())
		return 6;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	sqe = next(IORING_OP_CONNECT, fd);
	sqe->addr = (unsigned long)&where;
	sqe->off = sizeof(where);
	done();
	return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the workload, or skip where io_uring or a compiler is missing."""
    folder = tmp_path_factory.mktemp("ring")
    (folder / "ring.c").write_text(RING)
    built = subprocess.run(["cc", "-o", folder / "ring", folder / "ring.c"], capture_output=True)
    if built.returncode:
        pytest.skip("no compiler, or one whose headers lack io_uring")
    tried = subprocess.run([folder / "ring", folder / "trial"], cwd=folder)
    if tried.returncode == 2:
        pytest.skip("io_uring is off on this machine")
    assert tried.returncode == 0
    if not read_btf().typedef_ids(["btf_trace_io_uring_submit_req"]):
        pytest.skip("this kernel has no io_uring_submit_req tracepoint")
    return folder / "ring"


def test_files_and_sockets_used_through_a_ring_are_seen(source: KernelSource, program: Path, tmp_path: Path) -> None:
    """None of these calls is made as a system call: rules on them would be blind."""
    asked = interest("openat", "write", "renameat2", "unlinkat", "connect", want=Want.RULES | Want.PATHS)
    command = [str(program), str(tmp_path / "moved")]
    found = [r for r in events_of(source, command, asked, cwd=tmp_path) if r.kind in URING]
    seen: dict[str, Row] = {r.name: r for r in found}
    assert [r.name for r in found] == ["openat", "write", "renameat2", "unlinkat", "connect"]
    here = str(tmp_path).encode()
    assert (seen["openat"].given, seen["openat"].base) == (b"made-by-ring", here)
    assert seen["openat"].args[2:4] == (0o101 | 0o100000, 0o640)
    assert seen["write"].real == here + b"/made-by-ring"
    assert seen["write"].args[2] == 5
    assert seen["renameat2"].given == b"made-by-ring"
    assert seen["renameat2"].slots[Slot.GIVEN2] == here + b"/moved"
    assert seen["renameat2"].slots[Slot.BASE2] == b""
    assert (seen["unlinkat"].given, seen["unlinkat"].base) == (here + b"/moved", b"")
    connect = seen["connect"].sock
    assert (int(connect["rport"]), connect["raddr"].tobytes()[:4]) == (1, bytes([127, 0, 0, 1]))
    assert SockFlag.CLIENT in SockFlag(int(connect["flags"]))


def test_requests_have_their_outcomes(source: KernelSource, program: Path, tmp_path: Path) -> None:
    """The program checks what the ring tells it, and ends with another status when that is anything else."""
    asked = interest("openat", "write", "renameat2", "unlinkat", "connect", want=Want.RULES | Want.PATHS)
    before = source.counts()
    for _ in range(ATTEMPTS):
        found = events_of(source, [str(program), str(tmp_path / "moved")], asked, cwd=tmp_path)
        if not any(r.kind is Kind.IO_URING for r in found):
            break  # else a drain fell between a request and its outcome
    told = [(r.name, r.ret) for r in found if r.kind is Kind.IO_URING_DONE]
    assert told[0][1] > 2
    assert told == [("openat", told[0][1]), ("write", 5), ("renameat2", 0), ("unlinkat", 0), ("connect", -111)]
    assert all(r.args[5] == 0 for r in found if r.kind in URING)
    after = source.counts()
    assert after.of_kind[Kind.IO_URING] > before.of_kind[Kind.IO_URING]
    assert after.of_kind[Kind.IO_URING_DONE] == 0, "an outcome is no event of its own"


def test_requests_nobody_asked_for_are_filtered_and_counted(
    source: KernelSource, program: Path, tmp_path: Path
) -> None:
    before = source.counts()
    found = events_of(source, [str(program), str(tmp_path / "moved")], interest("mkdirat"), cwd=tmp_path)
    assert not [r for r in found if r.kind in URING]
    after = source.counts()
    assert after.filtered - before.filtered >= 5


def test_the_running_kernel_says_where_the_arguments_are() -> None:
    btf = read_btf()
    table = uring_ops(btf)
    opcode = btf.enum_value("io_uring_op", "IORING_OP_OPENAT")
    if opcode is None:
        pytest.skip("this kernel has no io_uring")
    row = table[opcode]
    assert int(row["nr"]) == NAME_TO_NR["openat"]
    assert int(row["path"]) != NONE
    assert row["bytes"].tolist()[0] == 4
    assert int(table[-1]["nr"]) == NO_NR
