"""Ordinary acts, on which tuimon's own rules must be silent."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from . import kit
from .kit import HOST, PLAIN, act, run


def if_there(*words: str, **more: Any) -> None:
    """Run a program where it is installed; it must succeed."""
    if shutil.which(words[0]):
        run(*words, check=True, **more)


@act(HOST)
def look_at_files() -> None:
    run("/bin/ls", "-la", "/", "/etc", "/usr/bin", check=True)
    run("/bin/cat", "/etc/passwd", "/etc/hostname", check=True)
    run("/usr/bin/find", "/etc/systemd", "-name", "*.service", check=True)
    run("/usr/bin/grep", "-r", "root", "/etc/passwd", check=True)


@act(HOST)
def ask_package_managers() -> None:
    if_there("apt-get", "--version")
    if_there("dpkg", "-l")
    if_there("pip3", "--version")


@act(HOST)
def install_with_dpkg() -> None:
    if not shutil.which("dpkg-deb"):
        return
    kit.write(
        "p/DEBIAN/control", "Package: tuimon-test\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
    )
    script = kit.write("p/DEBIAN/postinst", "#!/bin/sh\nset -e\necho x > /etc/tuimon-from-script\nexit 0\n")
    os.chmod(script, 0o755)
    kit.in_child(lambda: kit.write("p/usr/bin/tuimon-test-program", "#!/bin/sh\n"))
    kit.in_child(lambda: kit.write("p/etc/cron.d/tuimon-package", "# nothing\n"))
    run("dpkg-deb", "-b", "p", "p.deb", check=True)
    run("dpkg", "--force-all", "-i", "p.deb", check=True)


@act(HOST)
def add_and_change_users() -> None:
    if_there("useradd", "-m", "tuimon-user")
    if_there("passwd", "-S", "tuimon-user")
    if_there("usermod", "-s", "/bin/bash", "tuimon-user")
    if_there("userdel", "-r", "tuimon-user")


@act(HOST)
def become_somebody_else() -> None:
    if_there("su", "nobody", "-s", "/bin/sh", "-c", "exit 0")
    if_there("sudo", "-n", "-u", "nobody", "true")


@act(HOST)
def make_and_use_ssh_keys() -> None:
    os.makedirs("/root/.ssh", exist_ok=True)
    if_there("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_test")
    if_there("ssh-keygen", "-y", "-f", "/root/.ssh/id_test")


@act(HOST)
def develop() -> None:
    kit.write("hello.c", "int main(void) { return 0; }\n")
    if_there("cc", "-o", "hello", "hello.c")
    if os.path.exists("hello"):
        run("./hello", check=True)
    run(sys.executable, "-c", "import json, socket, subprocess; subprocess.run(['true'])", check=True)
    if_there("git", "init", "-q", "repository")
    if_there("tar", "czf", "all.tgz", "hello.c")
    run(
        "/bin/sh", "-c", "for i in 1 2 3; do echo $i > file; done; mv file other; chmod 755 other; rm other", check=True
    )


@act(HOST)
def look_at_the_machine() -> None:
    if_there("ps", "auxe")
    if_there("uname", "-a")
    if_there("id")
    if_there("df", "-h")
    if_there("mount")
    if_there("ip", "address")
    if_there("ss", "-tlnp")


@act(HOST)
def administer() -> None:
    if_there("ldconfig")
    if_there("crontab", "-u", "root", kit.write("table", "# nothing\n"))
    if_there("update-ca-certificates")
    if_there("visudo", "-c")


@act(HOST)
def talk_on_loopback() -> None:
    with kit.connection("127.0.0.1") as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    kit.connect_udp("127.0.0.1", 8125)


@act(HOST)
def debug() -> None:
    if_there("strace", "-f", "-o", os.devnull, "true")


@act(PLAIN)
def work_in_a_container() -> None:
    run(
        "/bin/sh",
        "-c",
        "ls / && cat /etc/passwd && id && mkdir -p /srv/x && echo x > /srv/x/y && rm -r /srv/x",
        check=True,
    )
    run("/bin/ps", check=True)
    with kit.connection("127.0.0.1") as s:
        s.sendall(b"x")
