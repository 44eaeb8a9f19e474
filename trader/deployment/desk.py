"""Everything the commands of this tool work with, found once."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from trader.deployment.errors import BadInput
from trader.deployment.history import History, active
from trader.deployment.host import Host, read_host
from trader.deployment.journal import Journal
from trader.deployment.manager import Manager
from trader.deployment.places import Places, system, user
from trader.deployment.releases import Releases
from trader.deployment.sandbox import Sandbox
from trader.deployment.unit_files import UnitFiles


@dataclass(frozen=True, slots=True)
class Desk:
    """A host's places, what it is, and the parts that act on it; `by`: who gives the order."""

    places: Places
    host: Host
    by: str
    manager: Manager
    units: UnitFiles
    releases: Releases
    history: History
    journal: Journal
    sandbox: Sandbox

    @property
    def broker_url(self) -> str:
        """Where the active release trades: host.json may be of a release that was never activated."""
        try:
            return self.releases[active(self.history.records())].manifest.broker_url
        except BadInput:
            return self.host.broker_url


def find_places() -> Places:
    """Root speaks of the whole host, anybody else of their own installation."""
    if os.geteuid() == 0:
        return system()
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    return user(home, Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"))


def open_desk(places: Places, by: str) -> Desk:
    """The desk of these places. Raises BadInput when the host is not installed."""
    host = read_host(places.host_file)
    manager = Manager(host.scope)
    return Desk(
        places=places,
        host=host,
        by=by,
        manager=manager,
        units=UnitFiles(places.units),
        releases=Releases(places.releases),
        history=History(places.history),
        journal=Journal(places.journal),
        sandbox=Sandbox(places, manager),
    )
