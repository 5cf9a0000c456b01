"""Acts for tuimon's own rules, as far as those for the upstream files do not fire them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct

from . import kit
from .kit import HOST, PLAIN, PRIVILEGED, act, run


@act(HOST, "Program Run From Scratch Folder", "Execution from /dev/shm")
def program_in_shared_memory() -> None:
    path = f"/dev/shm/tuimon-program-{os.getpid()}"
    try:
        run(kit.copy("/bin/true", path))
    finally:
        os.unlink(path)


@act(PLAIN, "Program Run From Scratch Folder", "New Program Run In Container",
     "Drop and execute new binary in container", "Container Drift Detected (chmod)")  # fmt: skip
def program_in_scratch_folder() -> None:
    run(kit.copy("/bin/busybox", "/tmp/true"))


@act(
    HOST,
    "SSH Private Key Read",
    "Read ssh information",
    "Create Hidden Files or Directories",
    "Write below monitored dir",
)
def read_private_key() -> None:
    kit.in_child(lambda: kit.write("/home/somebody/.ssh/id_ed25519"))
    run("/bin/cat", "/home/somebody/.ssh/id_ed25519")


@act(PLAIN, "Kubernetes Token Read By Hand")
def read_token() -> None:
    run("/bin/cat", kit.write("/run/secrets/kubernetes.io/serviceaccount/token"))


@act(HOST, "Environment Of Another Process Read")
def environment_of_another_process() -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        run("/bin/cat", f"/proc/{child}/environ", check=True)
    finally:
        os.kill(child, signal.SIGKILL)


@act(HOST, "Library Preload File Changed", "Write below etc")
def preload_file() -> None:
    kit.write("/etc/ld.so.preload", "")


@act(HOST, "Library Preload File Changed", "File Below Etc Changed", "Write below root")
def preload_file_put_in_place() -> None:
    kit.in_child(lambda: kit.write("/root/preload", ""))
    os.symlink("/root/preload", "/etc/ld.so.preload.new")
    os.rename("/etc/ld.so.preload.new", "/etc/ld.so.preload")


@act(HOST, "Start Up File Changed")
def unit_linked_in_place() -> None:
    os.symlink(kit.write("x.service"), "/etc/systemd/system/tuimon-test.service")


@act(PRIVILEGED, "BPF Program Loaded From Container", "BPF Program Not Profiled")
def bpf_program_in_container() -> None:
    # r0 = 0; exit (include/uapi/linux/bpf.h); a socket filter, not attached to anything.
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attr = struct.pack("<IIQQ", 1, 2, ctypes.addressof(code), ctypes.addressof(licence)).ljust(120, b"\0")
    fd = kit.syscall("bpf", 5, ctypes.create_string_buffer(attr), len(attr))
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd))
    os.close(fd)


@act(HOST, "Root Identity Taken Outside Login Programs")
def root_in_a_session_of_somebody() -> None:
    def session() -> None:
        with open("/proc/self/loginuid", "w", encoding="ascii") as file:
            file.write("1000")
        kit.as_python("exploit", "os.setresuid(1000, 1000, 0)\nos.setresuid(0, 0, 0)")

    kit.in_child(session)


@act(PRIVILEGED, "Mount Made In Container")
def mount_in_container() -> None:
    os.makedirs("here", exist_ok=True)
    kit.libc().unshare(kit.CLONE_NEWNS)
    if kit.libc().mount(b"tmpfs", b"here", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")


@act(PRIVILEGED, "Namespace Changed From Container", "Change thread namespace")
def enter_namespace_from_container() -> None:
    fd = os.open("/proc/self/ns/uts", os.O_RDONLY)
    if kit.libc().setns(fd, kit.CLONE_NEWUTS):
        raise OSError(ctypes.get_errno(), "setns")


@act(PLAIN, "Container Engine Used From Container")
def engine_from_container() -> None:
    with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
        s.connect("/var/run/docker.sock")


@act(
    PLAIN,
    "Shell Connected Out Of Container",
    "Unexpected UDP Traffic",
    "Container Connected To Mining Port",
    "System procs network activity",
)
def shell_connects_out() -> None:
    kit.as_python(
        "bash", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((sys.argv[1], 4444))", argument=kit.ADDRESS
    )


@act(HOST, "Log File Cleared", "Clear Log Activities")
def clear_auth_log() -> None:
    kit.write("/var/log/auth.log", "")


@act(HOST, "Log File Cleared")
def remove_log() -> None:
    kit.in_child(lambda: os.close(os.open("/var/log/wtmp", os.O_RDONLY | os.O_CREAT)))
    os.unlink("/var/log/wtmp")


@act(
    HOST,
    "Shell History Removed",
    "Delete or rename shell history",
    "Create Hidden Files or Directories",
    "Modify Shell Configuration File",
)
def remove_history_of_bash() -> None:
    os.unlink(kit.write("/home/somebody/.bash_history"))


@act(HOST, "Terminal Control Sequence In Name")
def write_a_file_that_clears_the_screen() -> None:
    os.unlink(kit.write("/tmp/\x1b[2Jx"))
