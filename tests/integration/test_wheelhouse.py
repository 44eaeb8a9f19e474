"""The wheelhouse: real downloads of small packages, judged by the locks, for this and other machines."""

import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from trader.adapters.lock_files import Pin, Target, pins
from trader.adapters.wheelhouse import Wheelhouse, wheelhouse
from trader.domain.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements" / "runtime.lock").read_bytes()
HERE = Target("3.11", "x86_64")
SMALL = {"idna", "markupsafe"}


def small(target: Target = HERE) -> list[Pin]:
    """Two small packages of the lock, one of them compiled."""
    return [pin for pin in pins(LOCK, target, "runtime.lock") if pin.package in SMALL]


def made(archive: Path, wanted: list[Pin], target: Target = HERE) -> tuple[Wheelhouse, list[str]]:
    """A wheelhouse and what was said on the way."""
    said: list[str] = []
    return wheelhouse(archive, wanted, target, said.append), said


def names(archive: Path) -> set[str]:
    """What is packed."""
    with tarfile.open(archive) as tar:
        return set(tar.getnames())


def test_a_wheelhouse_is_made_once(tmp_path: Path) -> None:
    first, said = made(tmp_path / "a.tar", small())
    assert len(said) == 1
    assert {name.partition("-")[0] for name in names(first.archive)} == SMALL
    assert made(tmp_path / "a.tar", small()) == (first, [])
    assert made(tmp_path / "b.tar", small())[0].sha256 == first.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a.json", "a.tar", "b.json", "b.tar"]


@pytest.mark.parametrize("target", [Target("3.13", "aarch64"), Target("3.12", "x86_64")], ids=lambda each: each.name)
def test_another_machine_gets_its_own_wheels(tmp_path: Path, target: Target) -> None:
    found, _ = made(tmp_path / "a.tar", small(target), target)
    (compiled,) = [name for name in found.wheels if name.startswith("markupsafe")]
    assert f"-{target.abi}-{target.abi}-" in compiled
    assert target.arch in compiled


def test_markers_are_judged_for_the_target() -> None:
    lock = b"""
a==1 ; python_full_version < '3.12' \\
    --hash=sha256:01
a==2 ; python_full_version >= '3.12' \\
    --hash=sha256:02
b==1 ; sys_platform == 'win32' \\
    --hash=sha256:03
c==1 ; platform_machine == 'aarch64' \\
    --hash=sha256:04 \\
    --hash=sha256:05
    # via a
"""
    assert pins(lock, Target("3.11", "x86_64"), "l") == [Pin("a", "1", frozenset({"01"}))]
    assert pins(lock, Target("3.12", "aarch64"), "l") == [
        Pin("a", "2", frozenset({"02"})),
        Pin("c", "1", frozenset({"04", "05"})),
    ]


@pytest.mark.parametrize("line", ["a==1", "a>=1 --hash=sha256:01", "-e . --hash=sha256:01"])
def test_a_lock_without_pins_and_hashes_is_refused(line: str) -> None:
    with pytest.raises(ConfigurationError, match=r"x\.lock"):
        pins(line.encode(), HERE, "x.lock")


def test_a_tampered_archive_is_made_again(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    first, _ = made(archive, small())
    whole = archive.read_bytes()
    archive.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    again, said = made(archive, small())
    assert again == first
    assert "is not what was written there" in said[0]
    assert archive.read_bytes() == whole


def test_what_the_lock_no_longer_names_is_made_again(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    made(archive, small())
    fewer = [pin for pin in small() if pin.package == "idna"]
    found, said = made(archive, fewer)
    assert (len(said), len(found.wheels)) == (1, 1)
    archive.with_suffix(".json").write_text("{")
    assert made(archive, fewer)[0] == found


def test_a_file_whose_hash_is_not_in_the_lock_is_refused(tmp_path: Path) -> None:
    forged = [Pin(pin.package, pin.version, frozenset({"0" * 64})) for pin in small()]
    with pytest.raises(ConfigurationError, match=r"the download failed \(THESE PACKAGES DO NOT MATCH THE HASHES"):
        made(tmp_path / "a.tar", forged)
    with pytest.raises(ConfigurationError, match="the download failed"):
        made(tmp_path / "a.tar", [Pin("idna", "0.0.0.1", small()[0].hashes)])
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_killed_download_leaves_nothing_that_counts(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.integration.test_wheelhouse import *;"
        "made(Path(sys.argv[1]), pins(LOCK, HERE, 'runtime.lock'))"
    )
    archive = tmp_path / "a.tar"
    with subprocess.Popen([sys.executable, "-c", script, str(archive)], cwd=ROOT, start_new_session=True) as killed:
        while not list(tmp_path.glob(".a.tar.part/requirements.txt")):
            assert killed.poll() is None
            time.sleep(0.01)
        os.killpg(killed.pid, signal.SIGKILL)
    assert not archive.exists()
    assert not archive.with_suffix(".json").exists()
    found, _ = made(archive, small())
    assert {name.partition("-")[0] for name in names(archive)} == SMALL
    assert len(found.wheels) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a.json", "a.tar"]


def test_two_at_once_download_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.integration.test_wheelhouse import *;"
        "print(made(Path(sys.argv[1]), small())[1])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.tar")]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(each.communicate()[0] for each in both)
    assert said.count("Downloading") == 1
