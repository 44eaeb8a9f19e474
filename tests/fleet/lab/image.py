"""The disk that every host begins with: Debian with systemd and sshd, built once for each recipe."""

import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fleet.lab import places
from tests.fleet.lab.cgroups import Group, mounts
from tests.fleet.lab.disk import unmount_below
from tests.fleet.lab.errors import CommandFailed, LabError
from tests.fleet.lab.helper import Helper
from tests.fleet.lab.tools import run

SUITE = "bookworm"
PACKAGES = (
    "acl",
    "ca-certificates",
    "curl",
    "dbus",
    "dbus-user-session",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "restic",
    "sqlite3",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
)
APT = Path("/etc/apt")
_BUILD_S = 1200
INIT = "/usr/local/sbin/lab-init"
_FILES = {
    # The cgroups of the host are its own, but systemd-nspawn mounts them read-only; limits would be void in silence.
    INIT: """#!/bin/sh
        for controller; do mount -o remount,bind,rw "/sys/fs/cgroup/$controller"; done
        exec /lib/systemd/systemd
        """,
    "/etc/ssh/sshd_config.d/lab.conf": """
        HostKey /etc/ssh/ssh_host_ed25519_key
        PermitRootLogin prohibit-password
        PasswordAuthentication no
        """,
    "/etc/sudoers.d/operator": "operator ALL=(ALL:ALL) NOPASSWD: ALL\n",
    "/etc/systemd/journald.conf.d/lab.conf": """
        [Journal]
        Storage=persistent
        SystemMaxUse=64M
        RateLimitBurst=0
        """,
}
_COMMANDS = """
    useradd --create-home --shell /bin/bash --gid operator operator
    useradd --create-home --shell /bin/bash trading
    for user in root operator trading; do chage --lastday 2020-01-01 "$user"; done
    mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/trading
    chmod 0755 /usr/local/sbin/lab-init && chmod 0440 /etc/sudoers.d/operator
    systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
    systemctl mask getty@.service console-getty.service systemd-pstore.service
    rm -rf /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/hostname /etc/resolv.conf
    rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/journal/*
"""


def image() -> Path:
    """The directory of the image; the first call builds it, and others wait for that."""
    built = places.cache() / "images" / _key()
    if not built.is_dir():
        built.parent.mkdir(parents=True, exist_ok=True)
        with _alone(built.parent / f"{built.name}.lock"):
            if not built.is_dir():
                _build(built)
    return built


def _key() -> str:
    recipe = repr((SUITE, PACKAGES, sorted(_FILES.items()), _COMMANDS, os.uname().machine))
    return f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(built: Path) -> None:
    """Built beside its place and renamed at the end, so that half an image is never taken for one."""
    sys.stderr.write("lab: building the image of its hosts, which takes a minute, once\n")
    draft = built.with_name(f"{built.name}.draft")
    group = Group(f"paper-trading-lab/image-{hashlib.sha256(bytes(draft)).hexdigest()[:12]}", mounts())
    _clear(draft, group)  # what a build has left whose process was killed
    try:
        _bootstrap(draft, group, built.with_name(f"{built.name}.log"))
        for path, text in _FILES.items():
            place = draft / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(re.sub(r"^ +", "", text, flags=re.MULTILINE))
        run("chroot", str(draft), "sh", "-ec", _COMMANDS, timeout_s=60)
        draft.rename(built)
    finally:
        _clear(draft, group)


def _bootstrap(draft: Path, group: Group, log: Path) -> None:
    log.unlink(missing_ok=True)
    packages = f"--include={','.join(PACKAGES)}"
    command = ["debootstrap", "--variant=minbase", packages, SUITE, str(draft), mirror(APT)]
    code = Helper(command, group, log).finish(_BUILD_S)
    if code != 0:
        raise CommandFailed("this machine", command, code, log.read_text(errors="replace"))


def _clear(draft: Path, group: Group) -> None:
    group.kill()
    group.remove()
    unmount_below(draft)
    shutil.rmtree(draft, ignore_errors=True)


def mirror(apt: Path) -> str:
    """The address from which this machine's own apt gets the suite; TRADER_LAB_MIRROR names another."""
    if chosen := os.environ.get("TRADER_LAB_MIRROR"):
        return chosen
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        text = path.read_text() if path.is_file() else ""
        if found := _stanza(text) if path.suffix == ".sources" else _one_line(text):
            return found
    raise LabError(f"no file in {apt} names a mirror of Debian {SUITE}: set TRADER_LAB_MIRROR to one")


def _stanza(text: str) -> str | None:
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(\w[\w-]*):[ \t]*(.+)$", stanza, re.MULTILINE))
        if "deb" in fields.get("Types", "").split() and SUITE in fields.get("Suites", "").split():
            return str(fields["URIs"].split()[0])
    return None


def _one_line(text: str) -> str | None:
    for line in text.splitlines():
        words = re.sub(r"\[.*?\]", "", line).split()
        if words[:1] == ["deb"] and words[2:3] == [SUITE]:
            return words[1]
    return None
