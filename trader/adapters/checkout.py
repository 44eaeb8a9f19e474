"""The checkout that this program runs from: a release is built of its sources, and of nothing else that lies there."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trader.domain.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parents[1]
_BESIDE = ("pyproject.toml", "README.md", "LICENSE")
_SUFFIXES = frozenset({".py", ".j2", ".html", ".css"})
"""What the program is made of; bytecode, notes and what an editor leaves behind are no part of it."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout's root directory."""

    root: Path

    def lock(self, name: str) -> bytes:
        """The text of requirements/NAME.lock."""
        return (self.root / "requirements" / f"{name}.lock").read_bytes()

    def sources(self) -> dict[str, bytes]:
        """All that the wheel is made of, by path from the root, sorted."""
        paths = [self.root / name for name in _BESIDE]
        paths += [*_files(self.root / "trader"), *_files(self.root / "templates" / "systemd")]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in sorted(paths)}


def find_checkout(package: Path = _PACKAGE) -> Checkout:
    """The checkout around this package. Raises ConfigurationError when it was installed from a wheel."""
    root = package.parent
    needed = ("pyproject.toml", "templates/systemd", "requirements/runtime.lock", "requirements/uv.lock")
    missing = [name for name in needed if not (root / name).exists()]
    if missing:
        remedy = "Build releases in a checkout of the repository, by its own .venv/bin/trader (`make setup`)."
        raise ConfigurationError(str(root), f"is no checkout: {missing[0]} is missing", remedy)
    return Checkout(root)


def digest(files: dict[str, bytes]) -> str:
    """SHA-256 (hex) over the names and contents of files, whatever their order."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(directory).parts)
        if path.suffix in _SUFFIXES and not hidden and path.is_file():
            yield path
