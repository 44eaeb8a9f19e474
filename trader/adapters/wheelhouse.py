"""Every wheel that a host needs, downloaded once for each lock and kind of host, and packed as one file."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from trader.adapters import durable, packing
from trader.adapters.lock_files import Pin, Target
from trader.domain.errors import ConfigurationError

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """A packed wheelhouse, and the SHA-256 of each wheel in it."""

    archive: Path
    sha256: str
    wheels: dict[str, str]


def wheelhouse(archive: Path, pins: list[Pin], target: Target, say: Say) -> Wheelhouse:
    """The wheelhouse at `archive` when it is whole, else downloaded and put there. Raises ConfigurationError."""
    with _alone(archive.parent, say):
        return _kept(archive, pins, say) or _made(archive, pins, target, say)


def _kept(archive: Path, pins: list[Pin], say: Say) -> Wheelhouse | None:
    """The wheelhouse that is there; None when it is not, or no longer what the locks say."""
    try:
        written = json.loads(_record(archive).read_bytes())
        found = Wheelhouse(archive, str(written["sha256"]), dict(written["wheels"]))
        _judge(found.wheels, pins)
    except (OSError, ValueError, LookupError, TypeError, ConfigurationError):
        return None
    if packing.sha256(archive) != found.sha256:
        say(f"{archive} is not what was written there; it is made again.")
        return None
    return found


def _made(archive: Path, pins: list[Pin], target: Target, say: Say) -> Wheelhouse:
    say(f"Downloading {len(pins)} wheels for {target.name}; this is done once for each lock.")
    scratch = archive.with_name(f".{archive.name}.part")  # a killed run's own is in the way, and is removed
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        wheels = _downloaded(scratch, pins, target)
        packing.tar_files(archive, scratch.glob("*.whl"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    found = Wheelhouse(archive, packing.sha256(archive), wheels)
    written = json.dumps({"sha256": found.sha256, "wheels": wheels}, indent=1, sort_keys=True)
    durable.replace(_record(archive), written.encode())  # last: without it the archive counts for nothing
    return found


def _record(archive: Path) -> Path:
    return archive.with_suffix(".json")


def _downloaded(scratch: Path, pins: list[Pin], target: Target) -> dict[str, str]:
    wheels = scratch / "requirements.txt"
    durable.replace(wheels, "".join(f"{pin.line}\n" for pin in pins).encode())
    _run_pip(wheels, scratch, target)
    found = {path.name: packing.sha256(path) for path in scratch.glob("*.whl")}
    _judge(found, pins)
    return dict(sorted(found.items()))


def _run_pip(requirements: Path, out: Path, target: Target) -> None:
    if find_spec("pip") is None:
        raise ConfigurationError("pip", "is not installed, and downloads the wheels", "`make setup` installs it.")
    platforms = [word for platform in target.platforms for word in ("--platform", platform)]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--dest", str(out), "-r", str(requirements)),
        *("--python-version", target.python, "--implementation", "cp", "--abi", target.abi, *platforms),
    ]
    ended = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR:")]
        said = (errors or ended.stderr.splitlines() or ["pip said nothing"])[0].removeprefix("ERROR: ")
        remedy = f"Every pinned package needs a wheel for {target.name}, and the package registry must be reached."
        raise ConfigurationError("requirements/runtime.lock", f"the download failed ({said[:300]})", remedy)


def _judge(wheels: dict[str, str], pins: list[Pin]) -> None:
    """Raise ConfigurationError unless there is one wheel for each pin, and each is a file the lock names."""
    wanted = {pin.package: pin for pin in pins}
    for name, digest in wheels.items():
        pin = wanted.pop(_package(name), None)
        if pin is None or digest not in pin.hashes:
            raise ConfigurationError(name, "its SHA-256 is not in the lock", "It is not used; download it again.")
    if wanted:
        missing = ", ".join(sorted(wanted))
        raise ConfigurationError("requirements/runtime.lock", f"no wheel came of {missing}", "Run the command again.")


def _package(name: str) -> str:
    try:
        return canonicalize_name(parse_wheel_filename(name)[0])
    except InvalidWheelFilename:
        return ""


@contextmanager
def _alone(directory: Path, say: Say) -> Iterator[None]:
    """Hold the directory for the block: two operators download one after the other, and the second nothing."""
    with durable.explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another build uses {directory}; waiting for it.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
