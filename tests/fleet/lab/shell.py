"""Commands inside a host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.lab.errors import CommandFailed, LabError
from tests.fleet.lab.tools import PATH, bounded


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class User:
    """An entry of a host's /etc/passwd."""

    name: str
    uid: int
    gid: int
    home: str


class Shell:
    """Runs programs in a host with the environment that a login there has; in a stopped host, on its disk alone."""

    def __init__(self, host: str, root: Path, leader: Callable[[], int | None]) -> None:
        self._host, self._root, self._leader = host, root, leader

    def run(
        self,
        *argv: str,
        user: str = "root",
        check: bool = True,
        timeout_s: float = 60,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run it to its end; CommandFailed when its code is not 0 and `check`, or when it is late."""
        code, out, err = self.run_bytes(*argv, user=user, timeout_s=timeout_s, stdin=stdin, env=env)
        ran = Ran(code, out.decode(errors="replace"), err.decode(errors="replace"))
        if check and code != 0:
            raise CommandFailed(self._host, argv, code, ran.out + ran.err)
        return ran

    def run_bytes(
        self, *argv: str, user: str, timeout_s: float, stdin: bytes | None, env: Mapping[str, str] | None
    ) -> tuple[int, bytes, bytes]:
        """Exit code, stdout and stderr, unchanged."""
        command = self.entering(*argv, user=user, env=env)
        code, out, err = bounded(command, timeout_s, stdin, {"PATH": PATH})
        if code is None:
            raise CommandFailed(self._host, argv, None, (out + err).decode(errors="replace"))
        return code, out, err

    def entering(self, *argv: str, user: str = "root", env: Mapping[str, str] | None = None) -> list[str]:
        """The command of this machine that runs `argv` in the host."""
        leader, who = self._leader(), self.user(user)
        enter = ["nsenter", "-t", str(leader), "-a", "--"] if leader else ["chroot", str(self._root)]
        become = [] if user == "root" else ["setpriv", f"--reuid={who.uid}", f"--regid={who.gid}", "--init-groups"]
        environ = _environment(who) | dict(env or {})
        return [*enter, *become, "env", "-i", *(f"{name}={value}" for name, value in environ.items()), *argv]

    def user(self, name: str) -> User:
        """Who that is on the host."""
        for line in (self._root / "etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return User(name, int(fields[2]), int(fields[3]), fields[5])
        raise LabError(f"{self._host} has no user {name}")


def _environment(who: User) -> dict[str, str]:
    runtime = f"/run/user/{who.uid}"
    session = {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
    login = {"PATH": PATH, "HOME": who.home, "USER": who.name, "LOGNAME": who.name, "LANG": "C.UTF-8"}
    return login | (session if who.uid else {})
