"""Our own wheel: built of copied sources alone, once for each state of them."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trader.adapters import durable
from trader.adapters.checkout import digest
from trader.domain.errors import ConfigurationError

_EPOCH = "1580601600"
"""The time every file in the wheel bears."""
_REMEDY = "`make setup` installs what builds it; a defect in pyproject.toml has to be mended there."


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel's file name and content."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The content's SHA-256 in hex."""
        return sha256(self.content).hexdigest()

    @property
    def version(self) -> str:
        """The version in its name."""
        return self.name.split("-")[1]


def own_wheel(sources: dict[str, bytes], cache: Path) -> Wheel:
    """The wheel of these sources: the one in `cache` when it is whole, else built and kept there."""
    directory = cache / digest({**sources, "builder": _builder().encode()})[:32]
    return _kept(directory) or _built(sources, directory)


def _builder() -> str:
    try:
        return version("hatchling")
    except PackageNotFoundError:
        raise ConfigurationError("hatchling", "is not installed, and builds the wheel", _REMEDY) from None


def _kept(directory: Path) -> Wheel | None:
    """The wheel in the cache; None when there is none, or not as it was built."""
    for path in directory.glob("*.whl"):
        wheel = Wheel(path.name, path.read_bytes())
        if (directory / wheel.sha256).exists():
            return wheel
    return None


def _built(sources: dict[str, bytes], directory: Path) -> Wheel:
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        for name, content in sources.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        path = _run_builder(project, Path(scratch) / "out")
        wheel = Wheel(path.name, path.read_bytes())
    with durable.explained(directory):
        durable.replace(directory / wheel.name, wheel.content)
        durable.replace(directory / wheel.sha256, b"")  # vouches for it, and is written last
    return wheel


def _run_builder(project: Path, out: Path) -> Path:
    """Without network, and with nothing of this process's environment that would change a byte."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "SOURCE_DATE_EPOCH": _EPOCH}
    command = [sys.executable, "-I", "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    ended = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)
    built = list(out.glob("*.whl"))
    if ended.returncode != 0 or len(built) != 1:
        said = (ended.stderr.strip() or "no wheel came of it").splitlines()[-1]
        raise ConfigurationError("pyproject.toml", f"our wheel cannot be built ({said})", _REMEDY)
    return built[0]
