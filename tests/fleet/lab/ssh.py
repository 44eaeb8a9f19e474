"""Keys of the lab, who its hosts are, and the inventory that Ansible reads."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from tests.fleet.lab.disk import Disk
from tests.fleet.lab.errors import CommandFailed
from tests.fleet.lab.tools import run

LOGINS = ("root", "operator", "trading")
"""Who may log in with the lab's key: root, one who may sudo, and one who owns a lingering user manager."""


class Ssh:
    """The client's side: one key, one file of known hosts, one directory of open connections."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.key, self.known_hosts, self._sockets = folder / "id_ed25519", folder / "known_hosts", sockets

    def create(self) -> None:
        """Make the key."""
        self.key.parent.mkdir(parents=True, exist_ok=True)
        self._sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keygen(self.key)
        self.known_hosts.touch()

    def introduce(self, name: str, address: str, disk: Disk) -> None:
        """Give the host a key of its own, know it by that, and let our key in."""
        host_key = disk.root / "etc/ssh/ssh_host_ed25519_key"
        for old in (host_key, host_key.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        _keygen(host_key)
        kind, public, *_ = host_key.with_suffix(".pub").read_text().split()
        self._forget(address)
        with self.known_hosts.open("a") as known:
            known.write(f"{address},{name} {kind} {public}\n")
        for user, (uid, gid) in _logins(disk).items():
            folder = disk.root / ("root/.ssh" if user == "root" else f"home/{user}/.ssh")
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
            for path in (folder, folder / "authorized_keys"):
                os.chown(path, uid, gid, follow_symlinks=False)

    def _forget(self, address: str) -> None:
        lines = self.known_hosts.read_text().splitlines(keepends=True)
        self.known_hosts.write_text("".join(line for line in lines if not line.startswith(f"{address},")))

    def hang_up(self, address: str = "*") -> None:
        """End connections that Ansible keeps open to a host, or to all."""
        for socket in self._sockets.glob(f"{address}-*"):
            with suppress(CommandFailed):
                run("ssh", "-o", f"ControlPath={socket}", "-O", "exit", "lab", timeout_s=5)
            socket.unlink(missing_ok=True)

    def options(self) -> list[str]:
        """Options for ssh: this key and these hosts alone, connections kept open, and no wait without an end."""
        wanted = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": 5,
            "ServerAliveInterval": 5,
            "ServerAliveCountMax": 2,
            "ControlMaster": "auto",
            "ControlPersist": "60s",
            "ControlPath": self._sockets / "%h-%r",
        }
        return ["-F", "/dev/null", *(word for name, value in wanted.items() for word in ("-o", f"{name}={value}"))]

    def write_inventory(
        self,
        path: Path,
        addresses: Mapping[str, str],
        hosts: Mapping[str, Mapping[str, object]],
        user: str,
        groups: Mapping[str, Sequence[str]],
        variables: Mapping[str, object],
    ) -> None:
        """The hosts with their variables, as YAML."""
        connection = {
            "ansible_user": user,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_args": " ".join(self.options()),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        known = {name: {"ansible_host": addresses[name], **own_vars} for name, own_vars in hosts.items()}
        members = {group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()}
        everything = {"hosts": known, "vars": {**connection, **variables}, "children": members}
        path.write_text(yaml.safe_dump({"all": everything}, sort_keys=False))


def _keygen(path: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(path))


def _logins(disk: Disk) -> dict[str, tuple[int, int]]:
    lines = [line.split(":") for line in (disk.root / "etc/passwd").read_text().splitlines()]
    return {fields[0]: (int(fields[2]), int(fields[3])) for fields in lines if fields[0] in LOGINS}
