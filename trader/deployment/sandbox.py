"""A command of a release, run confined as its own services are: as their user, with their credentials and limits."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trader.deployment import durable
from trader.deployment.errors import StepFailed
from trader.deployment.manager import Manager
from trader.deployment.places import Places
from trader.deployment.releases import Release
from trader.deployment.running import Ended

_LONGEST_S = 600
_LEFT_OUT = ("ExecStart", "Type", "Restart", "TimeoutStart", "StandardOutput", "StandardError", "WatchdogSec", "Notify")
_LIKE = "paper-trading-preflight.service"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs commands in a unit that a reboot forgets, made of the release's own preflight unit.

    `credentials`: a directory whose files are handed over instead of those in use, to prove them. `purpose` names the
    unit: of one purpose one command runs at a time.
    """

    places: Places
    manager: Manager
    credentials: Path | None = None
    purpose: str = "run"

    def run(self, release: Release, *arguments: str) -> Ended:
        """Run `trader ARGUMENTS` of the release to its end."""
        name = self._unit(release, arguments)
        out, err = self._output("out"), self._output("err")
        out.unlink(missing_ok=True)  # what an earlier command said is not what this one says
        err.unlink(missing_ok=True)
        started = self.manager.start(name, _LONGEST_S)
        status = self.manager.property(name, "ExecMainStatus")
        said = _text(err) or started.err
        (self.places.runtime / name).unlink(missing_ok=True)
        return Ended(int(status or 0) or int(started.code != 0), _text(out), said)

    def run_soon(self, release: Release, *arguments: str) -> None:
        """Start `trader ARGUMENTS` and wait for nothing; its words go to the journal."""
        self.manager.start_soon(self._unit(release, arguments, captured=False))

    def json(self, release: Release, *arguments: str) -> Any:
        """What `trader ARGUMENTS` prints, as JSON. Raises StepFailed when it prints none."""
        ended = self.run(release, *arguments)
        try:
            return json.loads(ended.out)
        except ValueError:
            command = " ".join(("trader", *arguments))
            problem = f"`{command}` of release {release.id} ended with {ended.code}: {ended.said}"
            raise StepFailed(problem, "Mend what it names, or build the release again.") from None

    def _unit(self, release: Release, arguments: tuple[str, ...], captured: bool = True) -> str:
        name = f"paper-trading-{self.purpose}.service"
        text = (release.path / "systemd" / _LIKE).read_text()
        service = text.partition("[Service]")[2].splitlines()
        kept = [self._handed(line) for line in service if not line.startswith(_LEFT_OUT)]
        lines = ["[Unit]", "Description=Paper trading: a command of a deployment", "[Service]", "Type=oneshot"]
        lines += [f"TimeoutStartSec={_LONGEST_S}", f"ExecStart={release.program} {' '.join(map(_quoted, arguments))}"]
        if captured:
            for stream, kind in (("Output", "out"), ("Error", "err")):
                lines.append(f"Standard{stream}=truncate:{self._output(kind)}")
        self.places.runtime.mkdir(parents=True, exist_ok=True)
        durable.write(self.places.runtime / name, "\n".join([*lines, *kept, ""]).encode())
        self.manager.reload()
        return name

    def _handed(self, line: str) -> str:
        """The line of a unit; a credential comes from where it waits to be proved."""
        name = line.removeprefix("LoadCredential=").partition(":")[0]
        waits = line != name and self.credentials is not None and (self.credentials / name).exists()
        return f"LoadCredential={name}:{self.credentials}/{name}" if waits else line

    def _output(self, kind: str) -> Path:
        return self.places.runtime.parents[1] / f"paper-trading-{self.purpose}.{kind}"


def _quoted(argument: str) -> str:
    """The argument as systemd reads it: no expansion, one word on one line."""
    word = " ".join(argument.splitlines()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word.replace("%", "%%").replace("$", "$$")}"'


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
