"""Whose set-up it is. Root reads and writes a user's files as that user: a link laid there leads root nowhere."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trader.deployment.errors import BadInput


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this host."""

    name: str
    uid: int
    gid: int
    home: Path

    @property
    def foreign(self) -> bool:
        """Whether this process is root and the account is not."""
        return os.getuid() == 0 and self.uid != 0

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Do the block's file operations with this user's rights."""
        if not self.foreign:
            yield
            return
        groups, gid = os.getgroups(), os.getegid()
        os.setgroups(os.getgrouplist(self.name, self.gid))
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(gid)
            os.setgroups(groups)

    def expanded(self, text: str, unit: str) -> str:
        """A unit's text with its % specifiers filled in. Raises KeyError for one that is not known here."""
        stem = unit.rpartition(".")[0]
        known = {
            "h": str(self.home),
            "u": self.name,
            "U": str(self.uid),
            "E": str(self.home / ".config"),
            "S": str(self.home / ".config"),
            "C": str(self.home / ".cache"),
            "t": f"/run/user/{self.uid}",
            "n": unit,
            "N": stem,
            "p": stem.partition("@")[0],
            "%": "%",
        }
        first, *rest = text.replace("%%", "%\0").split("%")
        return first + "".join("%" + part[1:] if part[:1] == "\0" else known[part[:1]] + part[1:] for part in rest)


def account_of(name: str) -> Account:
    """The user of this name. Raises BadInput."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise BadInput(f"there is no user {name!r} on this host", "Name the one whose set-up it is.") from None
    return Account(name, found.pw_uid, found.pw_gid, Path(found.pw_dir))


def this_account() -> Account:
    """The user who runs this."""
    return account_of(pwd.getpwuid(os.geteuid()).pw_name)
