"""A host's disk: an overlay of its own writes over snapshots over the image."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.fleet.lab.errors import LabError
from tests.fleet.lab.tools import run, wait_for


class Disk:
    """A directory with the mount `root`, and beside it what the host has written.

    What is below it, the layers, must never change: the image, and what stopped hosts have left.
    """

    def __init__(self, folder: Path, layers: Sequence[Path]) -> None:
        self.root, self.layers = folder / "root", tuple(layers)
        self._folder, self._upper, self._work = folder, folder / "upper", folder / "work"

    @property
    def mounted(self) -> bool:
        """Whether it can be read at `root`."""
        return self.root.is_mount()

    def mount(self) -> None:
        """Make `root` readable and writable."""
        if self.mounted:
            return
        for place in (self.root, self._upper, self._work):
            place.mkdir(parents=True, exist_ok=True)
        lower = ":".join(str(layer) for layer in self.layers)
        options = f"lowerdir={lower},upperdir={self._upper},workdir={self._work}"
        if len(options) > 4000:
            raise LabError(f"{self._folder}: too many snapshots of snapshots: take them of hosts made from fewer")
        run("mount", "-t", "overlay", "overlay", "-o", options, str(self.root))

    def unmount(self) -> None:
        """Let go of `root`; what was written stays."""
        if self.mounted:
            run("umount", str(self.root))

    def wipe(self) -> None:
        """Forget all that was written."""
        self.unmount()
        shutil.rmtree(self._folder, ignore_errors=True)

    def keep_as(self, place: Path) -> None:
        """Move what was written to `place`, as the first layer from now on."""
        self.unmount()
        place.parent.mkdir(parents=True, exist_ok=True)
        self._upper.rename(place)
        shutil.rmtree(self._work)
        self.layers = (place, *self.layers)


def unmount_below(folder: Path) -> None:
    """Unmount every disk below a directory, whoever has mounted it."""

    def none_left() -> bool:
        for point in _mount_points(folder):
            try:
                run("umount", str(point))
            except LabError:  # a process that has just been killed still holds it
                return False
        return True

    wait_for(f"everything below {folder} is unmounted", none_left, 10, pause_s=0.05)


def _mount_points(folder: Path) -> list[Path]:
    points = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in reversed(points) if point.is_relative_to(folder)]
