"""The releases on this host: directories whose markers say what they are worth."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trader.deployment import durable
from trader.deployment.errors import BadInput, Refused


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release says of itself.

    `broker_url`: where a simulated exchange is; empty for Alpaca's paper service. `files` has the SHA-256 of each of
    its files but the environment's, `wheels` of each wheel it is installed from.
    """

    id: str
    version: str
    scope: str
    python: str
    arch: str
    wheelhouse: str
    wheel: str
    schema_min: str
    schema_max: str
    files: dict[str, str]
    wheels: dict[str, str]
    broker_url: str = ""


def parse_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in this JSON. Raises BadInput."""
    try:
        values: dict[str, Any] = json.loads(content)
        return Manifest(**{name: values[name] for name in Manifest.__dataclass_fields__ if name in values})
    except (ValueError, TypeError) as error:
        raise BadInput(f"{where} is no manifest of a release ({error})", "Build the release again.") from None


@dataclass(frozen=True, slots=True)
class Release:
    """A release in its directory."""

    path: Path

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether it is staged whole."""
        return (self.path / "FINISHED").exists()

    @property
    def void(self) -> str | None:
        """Why it was rolled back from; None when it was not."""
        marker = self.path / "VOID"
        return marker.read_text().strip() if marker.exists() else None

    @property
    def manifest(self) -> Manifest:
        """Its manifest. Raises BadInput."""
        file = self.path / "manifest.json"
        try:
            return parse_manifest(file.read_bytes(), str(file))
        except OSError as error:
            raise BadInput(f"{file} cannot be read ({error.strerror})", "Stage the release again.") from None

    @property
    def program(self) -> Path:
        """The release's `trader`."""
        return self.path / "venv" / "bin" / "trader"

    def units(self) -> dict[str, bytes]:
        """The text of each unit by its name."""
        return {path.name: path.read_bytes() for path in sorted((self.path / "systemd").iterdir())}

    def finish(self, at: str) -> None:
        """Say that it is whole."""
        durable.write(self.path / "FINISHED", f"{at}\n".encode())

    def set_void(self, reason: str) -> None:
        """Say that it was rolled back from."""
        durable.write(self.path / "VOID", f"{reason}\n".encode())

    def unset_void(self) -> None:
        """Say that it may be used again."""
        durable.remove(self.path / "VOID")

    def changed_files(self) -> list[str]:
        """The files that are not as the manifest says."""
        expected = self.manifest.files
        return [name for name, digest in expected.items() if sha256(self.path / name) != digest]


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


class Releases:
    """All releases below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __iter__(self) -> Iterator[Release]:
        """The releases by name, finished or not."""
        found = self._directory.iterdir() if self._directory.is_dir() else ()
        return iter([Release(path) for path in sorted(found) if path.is_dir() and not path.name.startswith(".")])

    def __getitem__(self, name: str) -> Release:
        """The release of this name, there or not."""
        if not name.isalnum():
            raise BadInput(f"{name!r} is no release id", "`facts` and the status playbook list them.")
        return Release(self._directory / name)

    def require(self, name: str) -> Release:
        """The finished release of this name. Raises Refused."""
        release = self[name]
        if not release.finished:
            kept = ", ".join(each.id for each in self if each.finished) or "none"
            problem = f"release {name} is not on this host, or not whole"
            raise Refused(problem, f"Stage it by the install playbook. Whole are here: {kept}.")
        if not release.program.exists():
            raise Refused(f"{release.program} is missing", "Stage the release again by the install playbook.")
        return release

    def remove(self, name: str) -> None:
        """Remove a release; what a crash leaves of it has no name of a release."""
        durable.remove_tree(self._directory / name)
