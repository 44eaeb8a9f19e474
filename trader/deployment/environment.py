"""A release's own Python environment: every wheel by its hash, no network, compiled so that it starts fast."""

import os
from collections.abc import Sequence
from pathlib import Path

from trader.deployment.errors import BadInput
from trader.deployment.releases import Release
from trader.deployment.running import run

_PYTHON = "/usr/bin/python3"
_LONGEST_S = 900
_OURS = "trader"
_REMEDY = "Build the release again; a hash that differs means that a wheel was changed."


def make_environment(cache: Path, release: Release, wheels: Path, sibling: Release | None) -> None:
    """Make `venv` in the release out of the directory of wheels. Raises BadInput.

    `sibling` is a release of the same packages: what was compiled for it is the same here, and so is the room it takes.
    """
    os.umask(0o022)  # the service's user reads what root writes here
    uv, environment = str(wheels / "uv"), release.path / "venv"
    python = str(environment / "bin" / "python")
    quiet = {"UV_CACHE_DIR": str(cache), "UV_OFFLINE": "1", "UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1"}
    places = ["--no-index", "--find-links", str(wheels), "--find-links", str(release.path)]
    checked = ["--require-hashes", "--no-deps", "--link-mode", "hardlink"]
    requirements = ["--requirement", str(release.path / "requirements.txt")]
    _must(release, [uv, "venv", "--quiet", "--no-project", "--python", _PYTHON, str(environment)], quiet)
    _must(release, [uv, "pip", "install", "--quiet", "--python", python, *checked, *places, *requirements], quiet)
    _must(release, [uv, "pip", "check", "--quiet", "--python", python], quiet)
    library = _library(release)
    shared = sibling is not None and _take_compiled(_library(sibling), library)
    compiled = library / _OURS if shared else library
    how = ["-q", "-j0", "--invalidation-mode", "unchecked-hash"]
    _must(release, [python, "-m", "compileall", *how, str(compiled)], quiet)


def _library(release: Release) -> Path:
    (found,) = (release.path / "venv" / "lib").glob("python3.*/site-packages")
    return found


def _take_compiled(source: Path, target: Path) -> bool:
    """Link the compiled files of everything but our own package; whether there were any."""
    found = [path for path in source.rglob("__pycache__") if path.relative_to(source).parts[0] != _OURS]
    for directory in found:
        here = target / directory.relative_to(source)
        here.mkdir(exist_ok=True)
        for file in directory.iterdir():
            os.link(file, here / file.name)
    return bool(found)


def _must(release: Release, command: Sequence[str], environ: dict[str, str]) -> None:
    ended = run(command, _LONGEST_S, environ)
    if ended.code:
        raise BadInput(f"the environment of release {release.id} cannot be made: {ended.said}", _REMEDY)
