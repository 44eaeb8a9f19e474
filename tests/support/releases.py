"""Real releases, from a copy of the checkout that a test may change; the wheels are downloaded once for all runs."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
WHEELHOUSES = Path(os.environ.get("TRADER_WHEELHOUSE_CACHE") or _CACHES / "paper-trading" / "wheelhouse")
"""Outside of the checkout, so that `make clean` and a fresh clone keep it."""
_RUN = "from trader.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a build ended."""

    code: int
    out: str
    err: str

    @property
    def built(self) -> dict[str, str]:
        """The line of JSON."""
        (line,) = self.out.splitlines()
        return dict(json.loads(line))


def copy_checkout(to: Path) -> Path:
    """A checkout of its own, with what a release is built of."""
    to.mkdir()
    for name in ("trader", "templates", "requirements"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, to / name)
    return to


def request(to: Path, **changes: object) -> Path:
    """A file of variables for hosts like this machine, with some of its keys changed."""
    values = {"units": {}, "config": {}, "files": {}, "python": PYTHON, "arch": platform.machine(), **changes}
    to.write_text(json.dumps(values, default=str))
    return to


def build(
    checkout: Path, variables: Path, out: Path, *, python: str = sys.executable, wheelhouses: Path = WHEELHOUSES
) -> Ended:
    """`trader release build` of a checkout's own program."""
    environ = {**os.environ, "TRADER_WHEELHOUSE_CACHE": str(wheelhouses), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["release", "build", "--variables", str(variables), "--out", str(out)]
    return run([python, "-c", _RUN, *words], checkout, environ)


def run(command: list[str], directory: Path, environ: Mapping[str, str] | None = None) -> Ended:
    """Any command, to its end."""
    ended = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def unpack(archive: str, to: Path) -> Path:
    """The files of an archive."""
    with tarfile.open(archive) as tar:
        tar.extractall(to, filter="data")
    return to


def manifest(directory: Path) -> dict[str, Any]:
    """The manifest of an unpacked release."""
    return dict(json.loads((directory / "manifest.json").read_bytes()))
