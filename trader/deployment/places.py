"""Where things lie on a host, by scope."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Scope = Literal["system", "user"]


@dataclass(frozen=True, slots=True)
class Places:
    """The directories of an installation.

    `opt`: releases; `etc`: host.json and credentials; `state`: what trading remembers; `deploy`: what this tool
    remembers; `units`: where the service manager finds units; `runtime`: units that a reboot forgets.
    """

    opt: Path
    etc: Path
    state: Path
    deploy: Path
    backups: Path
    units: Path
    runtime: Path
    tool: Path

    @property
    def releases(self) -> Path:
        """One directory a release."""
        return self.opt / "releases"

    @property
    def current(self) -> Path:
        """The link for people to the active release."""
        return self.opt / "current"

    @property
    def host_file(self) -> Path:
        """What this host is, as the inventory says."""
        return self.etc / "host.json"

    @property
    def credentials(self) -> Path:
        """Credential files."""
        return self.etc / "credentials"

    @property
    def ledger(self) -> Path:
        """The trading ledger."""
        return self.state / "ledger.db"

    @property
    def history(self) -> Path:
        """The deploy ledger."""
        return self.deploy / "ledger.jsonl"

    @property
    def journal(self) -> Path:
        """The activation in flight."""
        return self.deploy / "activation.json"

    def release(self, name: str) -> Path:
        """The directory of a release."""
        return self.releases / name


def system() -> Places:
    """The places of an installation for the whole host."""
    return Places(
        opt=Path("/opt/paper-trading"),
        etc=Path("/etc/paper-trading"),
        state=Path("/var/lib/paper-trading"),
        deploy=Path("/var/lib/paper-trading-deploy"),
        backups=Path("/var/backups/paper-trading"),
        units=Path("/etc/systemd/system"),
        runtime=Path("/run/systemd/system"),
        tool=Path("/usr/local/lib/paper-trading/deploy.pyz"),
    )


def user(home: Path, runtime: Path) -> Places:
    """The places of one user's installation; `runtime` is that user's XDG_RUNTIME_DIR."""
    share = home / ".local" / "share" / "paper-trading"
    state = home / ".local" / "state"
    return Places(
        opt=share,
        etc=home / ".config" / "paper-trading",
        state=state / "paper-trading",
        deploy=state / "paper-trading-deploy",
        backups=state / "paper-trading-backups",
        units=home / ".config" / "systemd" / "user",
        runtime=runtime / "systemd" / "user",
        tool=share / "deploy.pyz",
    )
