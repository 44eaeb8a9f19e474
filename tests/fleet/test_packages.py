"""Packages that a host lacks: refused by name, or brought by the controller; the host needs no internet."""

import shutil
import subprocess
from pathlib import Path

from tests.fleet.conftest import Clones
from tests.fleet.stand import Stand, trader

_CONTROL = """\
Package: restic
Version: 0.99
Architecture: all
Maintainer: nobody
Description: the restic of this machine
"""


def debs_with_restic(folder: Path) -> Path:
    """A directory with a package that holds this machine's restic."""
    program = shutil.which("restic")
    assert program
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr" / "bin").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(_CONTROL)
    shutil.copy(program, tree / "usr" / "bin" / "restic")
    (folder / "debs").mkdir()
    subprocess.run(["dpkg-deb", "--build", "-Znone", tree, folder / "debs"], check=True, capture_output=True)
    return folder / "debs"


def test_a_missing_package_is_refused_by_name_or_comes_from_the_controller(
    stand: Stand, clones: Clones, tmp_path: Path
) -> None:
    (host,) = clones("lacking")
    host.shell("dpkg --purge restic")
    debs = {"trader_packages_from": "debs", "trader_debs": str(tmp_path)}
    for extra, words in (
        ({}, "Install them on the host: sudo apt-get install restic"),
        (debs, "has no .deb of them: restic"),
    ):
        told = stand.play("install", check=False, **extra)
        assert (told.code != 0, told.total("changed"), words in told.out) == (True, 0, True), told.out
    debs["trader_debs"] = str(debs_with_restic(tmp_path))
    assert "changed: [lacking]" in stand.play("install", **debs).out
    assert stand.play("install", **debs).total("changed") == 0
    assert trader(host, "run-now", "backup").code == 0
    host.shell("dpkg --purge --force-depends tzdata")
    told = stand.play("install", check=False)
    assert "sudo apt-get install tzdata" in told.out


def test_a_python_that_is_too_old_is_refused_before_anything_needs_it(stand: Stand, clones: Clones) -> None:
    (host,) = clones("aged")
    host.files.write("/opt/python3", "#!/bin/sh\necho 3.9\n", mode=0o755)
    host.shell("mount --bind /opt/python3 $(readlink -f /usr/bin/python3)")
    told = stand.play("install", check=False)
    assert (told.code != 0, told.total("changed")) == (True, 0)
    assert "/usr/bin/python3 is 3.9; Python 3.11 or newer is needed" in told.out
