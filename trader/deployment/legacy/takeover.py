"""A user's hand-made set-up: found, archived, disarmed, and put back exactly."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trader.deployment import durable
from trader.deployment.errors import BadInput, Refused
from trader.deployment.legacy.account import Account, account_of, this_account
from trader.deployment.legacy.archive import Archive, is_archive, load, write
from trader.deployment.legacy.keys import Keys, file_reader, find_keys
from trader.deployment.legacy.manager import UserManager, manager_of
from trader.deployment.legacy.moves import Moves
from trader.deployment.legacy.plan import plan_text
from trader.deployment.legacy.scan import Scan
from trader.deployment.legacy.setup import LegacySetup
from trader.deployment.places import Places

CREDENTIAL = "alpaca.env"


@dataclass(frozen=True, slots=True)
class Legacy:
    """One user's set-up. Every operation may be repeated after a power loss at any point of it."""

    account: Account
    manager: UserManager
    looking: Scan

    def scan(self, directory: str = "") -> LegacySetup:
        """What there is; nothing is changed. `directory` is believed as the working directory rather than the units."""
        return self.looking.look(directory)

    def require(self, setup: LegacySetup, credentials: Path) -> None:
        """Raises Refused, all reasons in one, when the set-up cannot be taken over."""
        require(setup)
        with self.account.acting():
            keys = find_keys([(source.path, source.reader) for source in setup.credentials], file_reader).keys
        self._refuse_other_keys(keys, credentials / CREDENTIAL)

    def archive(self, setup: LegacySetup, directory: Path, at: str) -> Archive:
        """Archive everything in this directory. Raises Refused when something stands in the way.

        What is archived there already is left alone: the set-up may be gone by now.
        """
        if is_archive(directory):
            return load(directory)
        require(setup)
        return write(setup, self.account, directory, at)

    def disarm(self, directory: Path) -> list[str]:
        """Stop what is archived there and take its units away; the paths that were taken."""
        return self._moves(directory).disarm()

    def restore(self, directory: Path) -> list[str]:
        """Put back what is archived there; the paths that were written. Ours must be disarmed before."""
        return self._moves(directory).restore()

    def carry_credentials(self, directory: Path, credentials: Path) -> bool:
        """Write the archived keys to alpaca.env in `credentials`, for this tool's user alone; whether it was changed.

        Raises Refused when other keys are there already.
        """
        keys = archived_keys(load(directory))
        path = credentials / CREDENTIAL
        content = f"ALPACA_API_KEY={keys.key_id}\nALPACA_SECRET_KEY={keys.secret}\n".encode()
        self._refuse_other_keys(keys, path)
        if path.exists():
            return False
        credentials.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(path, content, 0o600)
        return True

    def _refuse_other_keys(self, keys: Keys | None, path: Path) -> None:
        if path.exists() and find_keys([(str(path), "environment file")], file_reader).keys != keys:
            remedy = "Keep one of the two: remove that file (and its lines in the vault), or the old keys."
            raise Refused(f"the keys in {path} and those of {self.account.name}'s set-up differ", remedy)

    def _moves(self, directory: Path) -> Moves:
        archive = load(directory)
        if archive.setup.user != self.account.name:
            problem = f"{directory} is the set-up of {archive.setup.user}, not of {self.account.name}"
            raise Refused(problem, "Name the user whose set-up it is.")
        return Moves(self.account, self.manager, archive)


def legacy_of(user: str = "") -> Legacy:
    """The set-up of this user; of whoever runs this without a name. Raises BadInput."""
    account = account_of(user) if user else this_account()
    if os.geteuid() not in (0, account.uid):
        raise BadInput(f"only root and {account.name} may look at {account.name}'s set-up", "Run it as one of them.")
    manager = manager_of(account)
    return Legacy(account, manager, Scan(account, manager))


def require(setup: LegacySetup) -> None:
    """Raises Refused, all reasons in one, when something stands in the way."""
    if refusals := setup.refusals:
        problem = "; ".join(each.what for each in refusals)
        raise Refused(problem, " ".join(dict.fromkeys(each.remedy for each in refusals)))


def archived_keys(archive: Archive) -> Keys:
    """The broker's keys in an archive. Raises Refused when there is not one pair of them."""
    files = {entry.path: entry for entry in archive.of("file", "link")}

    def read(path: str) -> bytes:
        entry = files.get(path)
        while entry is not None and entry.kind == "link":
            entry = files.get(os.path.normpath(entry.place.parent / entry.target))
        if entry is None:
            raise FileNotFoundError(path)
        return content(entry)

    with archive.contents() as content:
        found = find_keys([(source.path, source.reader) for source in archive.setup.credentials], read)
    if found.keys is None or any(each.severity == "refused" for each in found.findings):
        problem = f"the archive {archive.directory} has no one pair of keys"
        raise Refused(problem, "Put the keys into the vault instead.")
    return found.keys


def scan_command(user: str = "", directory: str = "") -> dict[str, Any]:
    """`legacy scan`: the set-up as JSON types; paths that are only archived are counted."""
    setup = legacy_of(user).scan(directory)
    document = setup.document()
    taken = [each["path"] for each in document.pop("held") if each["part"] == "unit"]
    refusals = [f"{each.what}. {each.remedy}" for each in setup.refusals]
    return {**document, "archived": len(setup.held), "taken": taken, "refusals": refusals}


def plan_command(places: Places, user: str = "", directory: str = "", settings: str = "") -> dict[str, Any]:
    """`legacy plan`: the plan as text; `settings` is what `trader config translate --json` printed."""
    try:
        translated = json.loads(settings) if settings else {}
    except ValueError:
        raise BadInput(
            "the translated settings are no JSON", "Pass on what `trader config translate` prints."
        ) from None
    legacy = legacy_of(user)
    setup = legacy.scan(directory)
    refusals = []
    try:
        legacy.require(setup, places.credentials)
    except Refused as refused:
        refusals = [str(refused)]
    return {"plan": plan_text(setup, translated, str(places.credentials / CREDENTIAL)), "refusals": refusals}
