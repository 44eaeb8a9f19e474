"""Where a host's backups are kept, and that one process at a time is at them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from trader.deployment import clock
from trader.deployment.backup.restic import Repository
from trader.deployment.backup.restic_keys import Keys, read_keys
from trader.deployment.errors import BadInput, Refused
from trader.deployment.host import Host
from trader.deployment.locking import held
from trader.deployment.places import Places

_PATIENCE_S = 120.0
_PAUSE_S = 0.2


def open_repository(places: Places, host: Host, environ: Mapping[str, str]) -> Repository:
    """This host's repository: the one of host.json or of restic.env, else the one among the host's own backups."""
    keys = read_keys(places.credentials, environ)
    named = {host.backup.repository, keys.repository} - {""}
    if len(named) > 1:
        problem = f"{places.host_file} and {keys.source} name different repositories"
        raise BadInput(
            problem, "Name it in one of the two: in the file of credentials when its address holds a secret."
        )
    place = named.pop() if named else str(places.backups / "repository")
    return repository_at(place, keys, places)


def repository_at(place: str, keys: Keys, places: Places, shared: bool = True) -> Repository:
    """The repository at this path or address. Raises BadInput for a relative path."""
    if not place.startswith("/") and ":" not in place:
        raise BadInput(
            f"{place} is no repository", "Give an absolute path, or an address as restic writes it (s3:...)."
        )
    return Repository(place, keys, places.deploy / "restic-cache", shared)


@contextmanager
def alone(places: Places, what: str, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Be the only one at this host's backups for the block; raises Refused when another is for too long."""
    places.deploy.mkdir(parents=True, exist_ok=True, mode=0o700)
    until = clock.ticking_s() + patience_s
    with ExitStack() as stack:
        while not _entered(stack, places.deploy / "backup.lock", what, last=clock.ticking_s() >= until):
            clock.pause(_PAUSE_S)
        yield


def _entered(stack: ExitStack, lock: Path, what: str, last: bool) -> bool:
    try:
        stack.enter_context(held(lock, what))
    except Refused:
        if last:
            raise
        return False
    return True


def stamp(at: datetime) -> str:
    """The instant as text, to the second."""
    return at.isoformat(timespec="seconds")
