"""Hand-made set-ups as people have them: units of `systemctl --user`, keys in the wrong places, edits by hand."""

import os
import pwd
import shutil
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trader.deployment.legacy.account import Account
from trader.deployment.legacy.manager import UserManager
from trader.deployment.legacy.scan import Scan
from trader.deployment.legacy.takeover import Legacy

KEY_ID = "PK" + "LEGACY0123456789AB"
SECRET = "legacy-planted-" + "secret-0123456789abcdefghij"
UNITS = ".config/systemd/user"
ENVIRONMENT = ".config/paper-trading.env"
_AT_UTC = {"preflight": "14:00:00", "session": "14:30:00", "eod": "21:10:00", "execution-monitor": "14:30:00"}
_BORN_NS = 1_725_000_000_123_456_789

CONFIG = """\
# Execution
execution:
  enabled: true
  mode: "paper"  # paper, live
  max_orders_per_execution: 10
position_sizing:
  max_position_size: 0.1  # 10% of portfolio per position
  max_total_exposure: 0.8
  min_trade_size: 100.0
risk_management:
  max_daily_loss: 0.02
  max_orders_per_day: 200
  allow_shorts: false
sector_mapping:
  AAPL: "Technology"
  JPM: "Financial"
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one set-up differs from the next; `more` are further files below the home."""

    working: str = "trader"
    jobs: tuple[str, ...] = ("preflight", "session", "eod")
    enabled: tuple[str, ...] = ("preflight", "session", "eod")
    environment: str = f"ALPACA_API_KEY={KEY_ID}\nALPACA_SECRET_KEY={SECRET}\n"
    environment_line: str = "EnvironmentFile=%h/.config/paper-trading.env"
    working_line: str = "WorkingDirectory={working}"
    inline: bool = False
    requires: bool = False
    user_line: bool = False
    credentials: str = ""
    config: str = CONFIG
    more: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


_BOTH = (
    f"ALPACA_API_KEY={KEY_ID}\nALPACA_SECRET_KEY={SECRET}\n"
    f"APCA_API_KEY_ID='{KEY_ID}'\nAPCA_API_SECRET_KEY=\"{SECRET}\"\n"
    "APCA_API_BASE_URL=https://paper-api.alpaca.markets\n"
)
_YAML = f"""\
# Alpaca API Credentials
alpaca:
  api_key: "{KEY_ID}"
  secret_key: "{SECRET}"
  paper: true  # Always use paper trading for safety
  base_url: "https://paper-api.alpaca.markets"
"""
_BY_HAND = {
    f"{UNITS}/paper-trading-session.service.d/10-limits.conf": "[Service]\nMemoryMax=3G\n",
    f"{UNITS}/paper-trading-session.service.d/override.conf": "# mine\n[Service]\nEnvironment=LOG_LEVEL=debug\n",
    f"{UNITS}/paper-trading-.service.d/nice.conf": "[Service]\nNice=5\n",
    f"{UNITS}/something-else.service": "[Service]\nExecStart=/bin/true\n",
    "trader/reports/2025-09-10.html": "<html>a day</html>\n",
    "trader/results/paper/reports/day.json": "{}\n",
    "trader/logs/trading.log": "EXECUTION done\n",
}
_MASKED = {f"{UNITS}/paper-trading-eod.timer": "/dev/null"}
_ELSEWHERE = {f"{UNITS}/paper-trading-session.service": "../../../trader/systemd/session.service"}

KINDS: dict[str, Kind] = {
    "plain": Kind(credentials=_YAML),
    "as the generator in circulation": Kind(
        jobs=("preflight", "session", "eod", "execution-monitor"),
        enabled=("preflight", "session", "eod", "execution-monitor"),
        requires=True,
        user_line=True,
        environment_line="EnvironmentFile={home}/.config/paper-trading.env",
    ),
    "requires": Kind(requires=True),
    "user line": Kind(user_line=True),
    "both kinds of key names": Kind(environment=_BOTH, credentials=_YAML),
    "APCA names for a shell": Kind(
        environment=f"# keys\nexport APCA_API_KEY_ID={KEY_ID}\nexport APCA_API_SECRET_KEY='{SECRET}' # mine\n",
        environment_line="EnvironmentFile=-%h/.config/paper-trading.env",
    ),
    "spaces in paths": Kind(working="my secure/paper trader's"),
    "quoted path": Kind(working="my trader", working_line='WorkingDirectory="{working}"'),
    "partial": Kind(jobs=("preflight", "session"), enabled=("session",)),
    "nothing enabled": Kind(enabled=()),
    "secrets in units": Kind(inline=True, environment="", environment_line=""),
    "by hand": Kind(more=_BY_HAND),
    "masked": Kind(links=_MASKED, enabled=("preflight", "session")),
    "unit elsewhere": Kind(
        links=_ELSEWHERE,
        more={
            "trader/systemd/session.service": (
                "[Service]\nWorkingDirectory=%h/trader\nExecStart=/bin/sh %h/trader/ops/run.sh session\n"
            )
        },
    ),
}
"""Set-ups that can be migrated, by name."""


@dataclass(frozen=True, slots=True)
class Built:
    """Where it lies."""

    home: Path
    working: Path

    @property
    def units(self) -> Path:
        """The directory of its units."""
        return self.home / UNITS


def build(kind: Kind, home: Path, uid: int = -1, gid: int = -1, live_at: Path | None = None) -> Built:
    """Write a set-up below `home`, of that owner; `live_at` is where the tree will be moved to before it is used."""
    seen = live_at or home
    working = seen / kind.working
    for job in kind.jobs:
        for suffix, text in (("service", _service(kind, job, seen, working)), ("timer", _timer(kind, job))):
            _write(home / UNITS / f"paper-trading-{job}.{suffix}", text)
    for job in kind.enabled:
        name = f"paper-trading-{job}.timer"
        _link(home / UNITS / "timers.target.wants" / name, str(seen / UNITS / name))
    if kind.environment:
        _write(home / ENVIRONMENT, kind.environment)
    place = home / kind.working
    _write(place / "config/execution.yaml", kind.config)
    if kind.credentials:
        _write(place / "config/alpaca_credentials.yaml", kind.credentials)
    _write(place / "ops/run.sh", 'echo "$1 $ALPACA_API_KEY$APCA_API_KEY_ID" >> "$XDG_RUNTIME_DIR/legacy-ran"\n')
    for name, text in kind.more.items():
        _write(home / name, text)
    for name, target in kind.links.items():
        (home / name).unlink(missing_ok=True)
        _link(home / name, target)
    _age(home, uid, gid)
    return Built(home, working)


def _service(kind: Kind, job: str, home: Path, working: Path) -> str:
    keys = f"Environment=ALPACA_API_KEY={KEY_ID} 'ALPACA_SECRET_KEY={SECRET}'" if kind.inline else ""
    lines = [
        "[Unit]",
        f"Description=Paper Trading {job}",
        "After=network.target",
        "",
        "[Service]",
        "Type=oneshot",
        kind.working_line.format(working=working),
        f'Environment="PYTHONPATH={working}"',
        "Environment=EXECUTION_MODE=paper",
        kind.environment_line.format(home=home),
        keys,
        f'ExecStart=/bin/sh "{working}/ops/run.sh" {job}',
        "User=trading" if kind.user_line else "",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _timer(kind: Kind, job: str) -> str:
    requires = f"Requires=paper-trading-{job}.service\n" if kind.requires else ""
    return textwrap.dedent(f"""\
        [Unit]
        Description=Run Paper Trading {job}
        @[Timer]
        OnCalendar=Mon-Fri {_AT_UTC[job]}
        Persistent=true
        RandomizedDelaySec=60

        [Install]
        WantedBy=timers.target
        """).replace("@", requires)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def _age(home: Path, uid: int, gid: int) -> None:
    """Give everything its owner, and times of long ago, each its own."""
    paths = sorted(home.rglob("*"), key=lambda path: -len(path.parts))
    for at, path in enumerate([*paths, home]):
        os.chown(path, uid, gid, follow_symlinks=False)
        born = _BORN_NS + at * 1_000_000_007
        os.utime(path, ns=(born, born), follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Rig:
    """A set-up in a temporary home, whose user is not logged in, and a place for its archive."""

    place: Path
    built: Built
    legacy: Legacy

    @property
    def home(self) -> Path:
        """The home."""
        return self.built.home

    @property
    def archive(self) -> Path:
        """Where the archive goes."""
        return self.place / "deploy" / "legacy" / "one"

    @property
    def everyone(self) -> Path:
        """Where units of every user would lie."""
        return self.place / "everyone"

    @property
    def crontab(self) -> Path:
        """The user's jobs of cron."""
        return self.place / "crontabs" / self.legacy.account.name

    def archived(self) -> "Rig":
        """The same, with its archive made."""
        self.legacy.archive(self.legacy.scan(), self.archive, "2026-11-23T12:00:00+00:00")
        return self


@contextmanager
def rigged(kind: Kind) -> Iterator[Rig]:
    """Such a set-up; its owner is another user when this one is root."""
    place = Path(tempfile.mkdtemp(prefix="legacy-"))
    place.chmod(0o755)
    account = _account(place / "home")
    try:
        account.home.mkdir()
        built = build(kind, account.home, account.uid, account.gid)
        manager = UserManager(account, place / "runtime", place / "linger")
        yield Rig(
            place, built, Legacy(account, manager, Scan(account, manager, place / "everyone", place / "crontabs"))
        )
    finally:
        shutil.rmtree(place)


def _account(home: Path) -> Account:
    me = pwd.getpwuid(os.geteuid())
    return Account("nobody", 54321, 54321, home) if me.pw_uid == 0 else Account(me.pw_name, me.pw_uid, me.pw_gid, home)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a path is, in all that a rollback must bring back."""

    kind: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    content: bytes | str


def listing(home: Path) -> dict[str, Listed]:
    """Everything below a home."""
    return {str(path.relative_to(home)): _listed(path) for path in sorted(home.rglob("*"))}


def _listed(path: Path) -> Listed:
    found = path.lstat()
    values = (found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns)
    if path.is_symlink():
        return Listed("link", *values, str(path.readlink()))
    return Listed("directory", *values, "") if path.is_dir() else Listed("file", *values, path.read_bytes())
