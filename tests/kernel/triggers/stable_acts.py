"""Acts for the upstream rules of the stable file, in its order."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time

from . import kit
from .kit import HOST, PATIENT, PLAIN, PRIVILEGED, act, run


@act(
    HOST,
    "Directory traversal monitored file read",
    "Read sensitive file untrusted",
    "Password File Read By Untrusted Program",
)
def directory_traversal() -> None:
    kit.read("/etc/../etc/../etc/shadow")


@act(
    PATIENT,
    "Read sensitive file trusted after startup",
    "Password File Read By Untrusted Program",
    "Read sensitive file untrusted",
)
def sensitive_file_long_after_start() -> None:
    # The rule means 5 seconds of life; the program's name must be a server's.
    kit.as_python("httpd", "import time\ntime.sleep(5.3)\nopen('/etc/shadow').read()")


@act(HOST, "Read sensitive file untrusted", "Password File Read By Untrusted Program")
def sensitive_file() -> None:
    run("/bin/cat", "/etc/shadow")


@act(
    HOST,
    "Read sensitive file untrusted",
    "Create Symlink Over Sensitive Files",
    "Password File Read By Untrusted Program",
)
def sensitive_file_through_a_link() -> None:
    os.symlink("/etc", "somewhere")
    run("/bin/cat", "somewhere/shadow")


@act(HOST, "Run shell untrusted", "Web Server Spawned Shell", "Shell Started By Server Program")
def shell_of_a_web_server() -> None:
    kit.as_python("httpd", "subprocess.run(['/bin/sh', '-c', 'exit 0'])")


@act(HOST, "System user interactive", "User mgmt binaries", "Non sudo setuid")
def system_user_logs_in() -> None:
    login = kit.program("login")
    os.chmod(".", 0o755)
    kit.as_daemon(lambda: run(login))


@act(
    PLAIN,
    "Netcat Remote Code Execution in Container",
    "Launch Suspicious Network Tool in Container",
    "Netcat Hands Out A Shell",
)
def netcat_with_a_shell() -> None:
    run("/bin/nc", "-w1", "127.0.0.1", "1", "-e", "/bin/sh")


@act(HOST, "Search Private Keys or Passwords", "Search For Credentials")
def search_for_private_keys() -> None:
    run("/usr/bin/find", ".", "-name", "id_rsa")


@act(HOST, "Search Private Keys or Passwords")
def search_in_files() -> None:
    run("/usr/bin/grep", "-r", "BEGIN OPENSSH PRIVATE", ".")


@act(HOST, "Clear Log Activities")
def empty_a_log() -> None:
    kit.write("syslog", "")


@act(HOST, "Remove Bulk Data from Disk")
def shred_a_file() -> None:
    run("/usr/bin/shred", "-u", kit.write("data"))


@act(HOST, "Create Symlink Over Sensitive Files")
def symlink_to_etc() -> None:
    os.symlink("/etc", "link")


@act(HOST, "Create Hardlink Over Sensitive Files")
def hardlink_to_shadow() -> None:
    # Fails between file systems; the attempt is what the rule looks at.
    try:
        os.link("/etc/shadow", "link")
    except OSError:
        return


@act(PRIVILEGED, "Packet socket created in container")
def packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


@act(PLAIN, "Redirect STDOUT/STDIN to Network Connection in Container", "Network Socket Became Standard Stream")
def socket_as_standard_output() -> None:
    with kit.connection("127.0.0.1") as s:
        os.dup2(s.fileno(), 1)


@act(
    PLAIN,
    "Redirect STDOUT/STDIN to Network Connection in Container",
    "Interpreted procs outbound network activity",
    "Network Socket Became Standard Stream",
)
def socket_of_version_6_as_standard_input() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.connect(("::1", 9))
        os.dup2(s.fileno(), 0)


@act(PRIVILEGED, "Linux Kernel Module Injection Detected")
def kernel_module() -> None:
    kit.syscall("init_module", b"no module at all", ctypes.c_ulong(16), b"")


@act(PRIVILEGED, "Debugfs Launched in Privileged Container")
def debugfs() -> None:
    run(kit.program("debugfs"), "-V")


@act(PRIVILEGED, "Detect release_agent File Container Escapes", "Breakout File Written From Container")
def release_agent() -> None:
    kit.write("release_agent", "/cmd")


@act(HOST, "PTRACE attached to process", "Process Taken Over With Ptrace")
def attach_to_a_child() -> None:
    child = os.fork()
    if child == 0:
        time.sleep(10)
        os._exit(0)
    kit.libc().ptrace(kit.PTRACE_ATTACH, child, None, None)
    os.kill(child, signal.SIGKILL)


@act(HOST, "PTRACE anti-debug attempt")
def trace_me() -> None:
    kit.in_child(lambda: kit.libc().ptrace(kit.PTRACE_TRACEME, 0, None, None))


@act(HOST, "Find AWS Credentials", "Search For Credentials")
def search_for_aws_credentials() -> None:
    run("/usr/bin/find", ".", "-iname", ".aws/credentials")


@act(HOST, "Execution from /dev/shm")
def execution_from_shared_memory() -> None:
    path = f"/dev/shm/tuimon-{os.getpid()}"
    try:
        kit.write(path, "exit 0\n")
        run("/bin/sh", path)
    finally:
        os.unlink(path)


@act(HOST, "Execution from /dev/shm")
def execution_below_shared_memory_by_relative_path() -> None:
    folder = f"/dev/shm/tuimon-{os.getpid()}"
    os.mkdir(folder)
    try:
        os.symlink("/bin/true", f"{folder}/a")
        run("./a", cwd=folder)
    finally:
        os.unlink(f"{folder}/a")
        os.rmdir(folder)


@act(
    PLAIN,
    "Drop and execute new binary in container",
    "Container Drift Detected (chmod)",
    "New Program Run In Container",
)
def drop_and_execute() -> None:
    run(kit.copy("/bin/busybox", "./true"))


@act(HOST, "Disallowed SSH Connection Non Standard Port", "Unexpected inbound connection source")
def ssh_to_https_port() -> None:
    kit.as_python(
        "ssh",
        "server = socket.create_server((sys.argv[1], 443))\nsocket.create_connection((sys.argv[1], 443))",
        argument=kit.ADDRESS,
    )


@act(HOST, "Fileless execution via memfd_create", "Program Run From Memory")
def run_from_memory() -> None:
    fd = os.memfd_create("hidden")
    with open("/bin/true", "rb") as source:
        os.sendfile(fd, source.fileno(), 0, 1 << 24)
    kit.in_child(lambda: os.execve(fd, ["nothing"], {}))
