"""A release from its archive to a directory that can be activated: hash-checked, without any network."""

import os
import platform
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from trader.deployment import clock, durable
from trader.deployment.desk import Desk
from trader.deployment.environment import make_environment
from trader.deployment.errors import BadInput, Refused
from trader.deployment.history import Record
from trader.deployment.locking import held
from trader.deployment.places import Places
from trader.deployment.releases import Manifest, Release, parse_manifest, sha256

_NEEDED_BYTES = 1_500_000_000


def stage(desk: Desk, archive: Path, wheelhouse: Path | None) -> tuple[str, bool]:
    """The release's id, and whether anything was done. A stage that was cut short begins again.

    Raises BadInput or Refused, with nothing left that could be taken for a release.
    """
    with held(desk.places.deploy / "lock", desk.by):
        return _stage(desk, archive, wheelhouse)


def _stage(desk: Desk, archive: Path, wheelhouse: Path | None) -> tuple[str, bool]:
    manifest = _manifest(archive)
    _require_fitting(desk, manifest)
    release = desk.releases[manifest.id]
    if release.finished and not release.changed_files() and release.program.exists():
        return release.id, False
    desk.places.releases.mkdir(parents=True, exist_ok=True)
    durable.remove_leftovers(desk.places.releases)
    _require_room(desk.places)
    wheels = _wheelhouse(desk.places, manifest, wheelhouse)
    durable.remove_tree(release.path)
    release.path.mkdir()
    _unpack(archive, release.path)
    if changed := release.changed_files():
        raise BadInput(f"{archive}: {', '.join(changed)} is not what its manifest says", "Copy the archive again.")
    make_environment(desk.places.opt / "cache", release, wheels, _sibling(desk, manifest))
    os.sync()
    release.finish(clock.stamp())
    desk.history.append(Record(clock.stamp(), "staged", desk.by, after=release.id))
    return release.id, True


def _sibling(desk: Desk, manifest: Manifest) -> Release | None:
    """A release here that is made of the same packages."""
    whole = (each for each in desk.releases if each.finished and each.id != manifest.id)
    return next((each for each in whole if each.manifest.wheelhouse == manifest.wheelhouse), None)


def _manifest(archive: Path) -> Manifest:
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            content = member.read() if member else b""
    except (OSError, KeyError, tarfile.TarError) as error:
        raise BadInput(f"{archive} is no archive of a release ({error})", "Copy it again.") from None
    return parse_manifest(content, str(archive))


def _require_fitting(desk: Desk, manifest: Manifest) -> None:
    here = (desk.host.scope, f"{sys.version_info.major}.{sys.version_info.minor}", platform.machine())
    made_for = (manifest.scope, manifest.python, manifest.arch)
    if here != made_for:
        problem = f"release {manifest.id} is for {' '.join(made_for)}, this host is {' '.join(here)}"
        raise Refused(problem, "Build it for this host: the install playbook does, from the host's own facts.")


def _require_room(places: Places) -> None:
    free = shutil.disk_usage(places.releases).free
    if free < _NEEDED_BYTES:
        problem = f"{places.opt} has {free // 1_000_000} MB free, a release needs {_NEEDED_BYTES // 1_000_000}"
        raise Refused(problem, "Make room, or keep fewer releases (trader_keep_releases).")


def _wheelhouse(places: Places, manifest: Manifest, archive: Path | None) -> Path:
    """The directory of wheels this release is made of, unpacked when it is not here yet."""
    directory = places.opt / "wheelhouse" / manifest.wheelhouse
    if (directory / "READY").exists():
        return directory
    if archive is None:
        raise Refused(f"the wheels {manifest.wheelhouse} are not on this host", "Give --wheelhouse-archive.")
    durable.remove_tree(directory)
    directory.mkdir(parents=True)
    _unpack(archive, directory)
    if changed := [name for name, digest in manifest.wheels.items() if sha256(directory / name) != digest]:
        problem = f"{archive}: {', '.join(changed)} is not the wheel that the release was built with"
        raise BadInput(problem, "Nothing was installed. Delete the wheelhouse on the controller, then run this again.")
    _unpack_uv(directory)
    os.sync()  # before the mark that says it is whole
    durable.write(directory / "READY", b"")
    return directory


def _unpack_uv(directory: Path) -> None:
    wheels = list(directory.glob("uv-*.whl"))
    if not wheels:
        raise BadInput(f"{directory} has no wheel of uv", "Build the wheelhouse again.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        (name,) = [each for each in wheel.namelist() if each.endswith(".data/scripts/uv")]
        durable.write(directory / "uv", wheel.read(name), 0o755)


def _unpack(archive: Path, directory: Path) -> None:
    """Plain files alone, below the directory, whatever the archive says."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                target = directory / _inside(member.name, archive)
                if member.isfile() and (source := tar.extractfile(member)):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise BadInput(f"{archive} cannot be unpacked ({error})", "Copy it again, or make room.") from None


def _inside(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BadInput(f"{archive} holds {name!r}, a path outside of it", "Build the release again.")
    return path
