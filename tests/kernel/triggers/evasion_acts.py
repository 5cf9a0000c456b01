"""Acts that try to get past the rules: another way to the same file or program must fire the same rules."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import struct
import threading
import time

from . import kit
from .kit import HOST, PLAIN, act, run
from .ring import Ring

SHADOW = ("Read sensitive file untrusted", "Password File Read By Untrusted Program")
AT_FDCWD = -100
MS_BIND = 4096
ENOUGH = 300


def read_some(path: str, folder: int | None = None) -> None:
    """Open a file by a path, perhaps below a folder's fd, and close it."""
    os.close(os.open(path, os.O_RDONLY, dir_fd=folder))


@act(HOST, *SHADOW)
def shadow_below_the_root_of_proc() -> None:
    read_some("/proc/self/root/etc/shadow")


@act(HOST, *SHADOW)
def shadow_by_a_relative_path() -> None:
    os.chdir("/etc/security")
    os.chdir("..")
    read_some("shadow")


@act(HOST, *SHADOW)
def shadow_below_a_folders_fd() -> None:
    folder = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    read_some("shadow", folder)


@act(HOST, *SHADOW)
def shadow_through_a_magic_link() -> None:
    folder = os.open("/etc", os.O_PATH | os.O_DIRECTORY)
    read_some(f"/proc/self/fd/{folder}/shadow")


@act(HOST, *SHADOW)
def shadow_bound_to_another_place() -> None:
    kit.unshare(kit.CLONE_NEWNS)
    with open("elsewhere", "wb"):
        pass
    if kit.libc().mount(b"/etc/shadow", b"elsewhere", None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), "bind mount")
    read_some("elsewhere")


@act(HOST, *SHADOW)
def shadow_below_a_bound_folder() -> None:
    kit.unshare(kit.CLONE_NEWNS)
    os.mkdir("elsewhere")
    if kit.libc().mount(b"/etc", b"elsewhere", None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), "bind mount")
    read_some("elsewhere/shadow")


@act(HOST, *SHADOW)
def shadow_by_a_long_way() -> None:
    read_some("/" + "./" * 2000 + "etc//shadow")


@act(HOST, *SHADOW)
def shadow_by_openat2() -> None:
    how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
    fd = kit.syscall("openat2", AT_FDCWD, b"/etc/shadow", how, ctypes.sizeof(how))
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd))


@act(HOST, *SHADOW, "Create Symlink Over Sensitive Files")
def shadow_by_a_symlink() -> None:
    os.symlink("/etc/shadow", "harmless")
    read_some("harmless")


@act(HOST, *SHADOW)
def shadow_by_io_uring() -> None:
    ring = Ring()
    os.close(ring.open("/etc/shadow"))
    ring.close()


@act(HOST, *SHADOW)
def shadow_by_the_longest_path() -> None:
    """A path of 4,095 bytes, as long as the kernel takes."""
    read_some("/" + "./" * 2042 + "etc/shadow")


@act(HOST, *SHADOW)
def shadow_by_a_thread() -> None:
    thread = threading.Thread(target=read_some, args=("/etc/shadow",))
    thread.start()
    thread.join()


@act(HOST, *SHADOW)
def shadow_under_another_name() -> None:
    """The thread calls itself as a program that may read the file; it was executed as another."""

    def renamed() -> None:
        kit.libc().prctl(15, b"harmless", 0, 0, 0)
        read_some("/etc/shadow")

    kit.in_child(renamed)


@act(HOST, *SHADOW, "Change thread namespace")
def shadow_in_another_mount_namespace() -> None:
    """Made by unshare in one process and entered by setns in another."""
    ready, tell = os.pipe()
    maker = os.fork()
    if maker == 0:
        kit.unshare(kit.CLONE_NEWNS)
        os.write(tell, b"x")
        signal.pause()
    os.read(ready, 1)
    other = os.open(f"/proc/{maker}/ns/mnt", os.O_RDONLY)

    def entered() -> None:
        if kit.libc().setns(other, kit.CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "setns")
        read_some("/etc/shadow")

    kit.in_child(entered)
    os.kill(maker, signal.SIGKILL)
    os.waitpid(maker, 0)
    for fd in (ready, tell, other):
        os.close(fd)


@act(HOST, "Unexpected UDP Traffic", "Interpreted procs outbound network activity")
def datagrams_by_io_uring() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        ring = Ring()
        address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(24), socket.inet_aton(kit.ADDRESS))
        if ring.connect(s.fileno(), address):
            raise OSError("io_uring connects no socket")
        ring.close()


@act(HOST, *SHADOW)
def shadow_in_a_race() -> int:
    """Open a path that another process keeps writing over, while the kernel and whoever watches read it.

    Returns:
        How often it was the sought file that opened.
    """
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    flipping = os.fork()
    if flipping == 0:
        while True:
            memory[:12] = b"/etc/shadow\0"
            memory[:12] = b"/etc/issue\0\0"
    path = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc, sought, got, other = kit.libc(), os.stat("/etc/shadow").st_ino, 0, 0
    give_up = time.monotonic() + 10
    while min(got, other) < ENOUGH and time.monotonic() < give_up:
        fd = libc.open(ctypes.c_void_p(path), os.O_RDONLY)
        if fd >= 0:
            if os.fstat(fd).st_ino == sought:
                got += 1
            else:
                other += 1
            os.close(fd)
    os.kill(flipping, signal.SIGKILL)
    return got


@act(HOST, "Launch Suspicious Network Tool on Host")
def a_thread_executes() -> None:
    tool = kit.program("zmap")

    def in_thread() -> None:
        thread = threading.Thread(target=os.execv, args=(tool, [tool]))
        thread.start()
        thread.join()

    kit.in_child(in_thread)


@act(HOST, "Fileless execution via memfd_create", "Program Run From Memory")
def memory_by_execveat() -> None:
    fd = os.memfd_create("hidden")
    with open("/bin/true", "rb") as source:
        os.sendfile(fd, source.fileno(), 0, 1 << 24)
    argv = (ctypes.c_char_p * 2)(b"nothing", None)
    kit.in_child(lambda: kit.syscall("execveat", fd, b"", argv, None, 0x1000))


@act(HOST, "Run shell untrusted", "Web Server Spawned Shell", "Shell Started By Server Program")
def shell_of_a_web_server_that_nobody_owns() -> None:
    """Its parent is gone before it executes: whoever adopts it is not who made it."""
    shell = "os.execv('/bin/sh', ['sh', '-c', 'exit 0'])"
    kit.as_python("nginx", f"if os.fork() == 0:\n  if os.fork() == 0:\n    time.sleep(0.1)\n    {shell}\n  os._exit(0)")


@act(HOST, "Detect crypto miners using the Stratum protocol", "Crypto Miner Started")
def late_argument() -> None:
    run("/bin/echo", "x" * 3000, "stratum+tcp://pool.example:3333")


@act(PLAIN, "Drop and execute new binary in container", "New Program Run In Container",
     "Container Drift Detected (chmod)")  # fmt: skip
def new_program_by_fd() -> None:
    fd = os.open(kit.copy("/bin/busybox", "./true"), os.O_RDONLY)
    kit.in_child(lambda: os.execve(fd, ["true"], {}))
