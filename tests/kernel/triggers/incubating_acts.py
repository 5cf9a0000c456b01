"""Acts for the upstream rules of the incubating file, in its order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket

from . import kit
from .kit import HOST, PLAIN, PRIVILEGED, act, run


@act(HOST, "Modify Shell Configuration File", "Create Hidden Files or Directories")
def write_bashrc() -> None:
    kit.write(".bashrc")


@act(HOST, "Schedule Cron Jobs")
def list_cron_jobs() -> None:
    run(kit.program("crontab"), "-l")


@act(HOST, "Schedule Cron Jobs", "Write below etc", "Start Up File Changed")
def write_cron_job() -> None:
    kit.write("/etc/cron.d/tuimon-test")


@act(HOST, "Read ssh information", "Create Hidden Files or Directories")
def read_known_hosts() -> None:
    os.makedirs("/home/somebody/.ssh", exist_ok=True)
    fd = os.open("/home/somebody/.ssh/known_hosts", os.O_RDONLY | os.O_CREAT)
    os.close(fd)


@act(HOST, "DB program spawned process")
def database_spawns_a_program() -> None:
    kit.as_python("mysqld", "subprocess.run(['/bin/ls'])")


@act(HOST, "Change thread namespace")
def change_namespace() -> None:
    kit.libc().setns(-1, 0)


@act(PLAIN, "Change namespace privileges via unshare")
def unshare_without_the_right() -> None:
    kit.unshare(kit.CLONE_NEWUTS)


@act(HOST, "System procs network activity", "Unexpected UDP Traffic")
def checksum_program_connects() -> None:
    kit.as_python(
        "sha1sum", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((sys.argv[1], 8192))", argument=kit.ADDRESS
    )


@act(HOST, "Program run with disallowed http proxy env")
def curl_with_proxy() -> None:
    run(kit.program("curl"), env={"HTTP_PROXY": "http://203.0.113.1:3128"})


@act(HOST, "Unexpected UDP Traffic", "Interpreted procs outbound network activity")
def unusual_datagram_port() -> None:
    kit.connect_udp(kit.ADDRESS, 22)


@act(HOST, "Non sudo setuid")
def back_to_root() -> None:
    def root_again() -> None:
        with contextlib.suppress(PermissionError):
            os.setuid(0)

    kit.as_daemon(root_again)


@act(HOST, "User mgmt binaries")
def user_management() -> None:
    run(kit.program("vipw"))


@act(PLAIN, "Create files below dev")
def file_below_dev() -> None:
    kit.write("/dev/tuimon-test")


@act(
    PLAIN,
    "Contact EC2 Instance Metadata Service From Container",
    "Contact cloud metadata service from container",
    "Cloud Metadata Contacted From Container",
    "Interpreted procs outbound network activity",
)
def contact_metadata() -> None:
    kit.connect_udp(kit.METADATA_ADDRESS, 80)


@act(PLAIN, "Launch Package Management Process in Container", "Package Manager Run In Container")
def package_manager() -> None:
    run(kit.program("apk"), "add", "x")


@act(PLAIN, "Launch Suspicious Network Tool in Container")
def network_tool_in_container() -> None:
    run(kit.program("nmap"), "-V")


@act(HOST, "Launch Suspicious Network Tool on Host")
def network_tool_on_host() -> None:
    run(kit.program("nmap"), "-V")


@act(HOST, "Delete or rename shell history")
def remove_history() -> None:
    os.unlink(kit.write("ash_history"))


@act(HOST, "Delete or rename shell history")
def rename_history() -> None:
    os.rename(kit.write("zsh_history"), "b")


@act(HOST, "Delete or rename shell history")
def empty_history() -> None:
    kit.write("fish_history", "")


@act(HOST, "Set Setuid or Setgid bit", "Setuid Bit Set On File")
def set_setuid_bit() -> None:
    os.chmod(kit.write("file"), 0o4755)


@act(HOST, "Set Setuid or Setgid bit")
def set_setgid_bit_by_fd() -> None:
    with open(kit.write("file"), encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o2755)


@act(PLAIN, "Launch Remote File Copy Tools in Container")
def remote_copy() -> None:
    run(kit.program("scp"))


@act(PRIVILEGED, "Mount Launched in Privileged Container")
def mount_program() -> None:
    run("/bin/mount", "-o", "ro", "nothing", "/nowhere")


@act(PLAIN, "Launch Ingress Remote File Copy Tools in Container")
def wget() -> None:
    run("/bin/wget", "--help")


@act(PLAIN, "Launch Ingress Remote File Copy Tools in Container")
def curl_to_a_file() -> None:
    run(kit.program("curl"), "-s", "-o", "x", "http://127.0.0.1/")


@act(PLAIN, "Read environment variable from /proc files", "Environment Of Another Process Read")
def read_environment() -> None:
    kit.read("/proc/1/environ")


@act(
    HOST,
    "Adding ssh keys to authorized_keys",
    "Write below monitored dir",
    "Create Hidden Files or Directories",
    "SSH Authorized Keys Changed",
)
def add_authorized_key() -> None:
    kit.write("/home/somebody/.ssh/authorized_keys", "ssh-ed25519 AAAA test\n")


@act(HOST, "Potential Local Privilege Escalation via Environment Variables Misuse")
def tunables() -> None:
    run("/bin/true", env={"GLIBC_TUNABLES": "glibc.malloc.check=1"})


@act(HOST, "Backdoored library loaded into SSHD (CVE-2024-3094)")
def backdoored_library() -> None:
    kit.write("liblzma.so.5.6.1")
    kit.as_python("sshd", "open('liblzma.so.5.6.1').read()")


@act(HOST, "BPF Program Not Profiled")
def load_bpf_program() -> None:
    # Refused for its size; BPF_PROG_LOAD is 5.
    kit.syscall("bpf", 5, ctypes.create_string_buffer(8), 8)


@act(
    PLAIN,
    "Launch Suspicious Network Tool in Container",
    "Network Tool Executed During NPM Package Install",
    "Launch Package Management Process in Container",
)
def network_tool_of_npm() -> None:
    tool = kit.program("dig")
    kit.as_python("npm", "subprocess.run([sys.argv[1]])", argument=tool)


@act(HOST, "Unexpected UDP Traffic", "Interpreted procs outbound network activity")
def unusual_datagram_port_of_version_6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
        s.connect(("::ffff:" + kit.ADDRESS, 23))
