"""The hash locks in requirements/, read for another machine than this one."""

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trader.domain.errors import ConfigurationError

_REMEDY = "`make lock` writes it, and pins every package with its hashes."


@dataclass(frozen=True, slots=True)
class Target:
    """The machines that a wheelhouse is for: CPython on Linux with glibc 2.28 or newer."""

    python: str
    arch: str

    @property
    def name(self) -> str:
        """Python and machine, as file names say it."""
        return f"{self.abi}-{self.arch}"

    @property
    def abi(self) -> str:
        """The tag of the interpreter, for example cp311."""
        return f"cp{self.python.replace('.', '')}"

    @property
    def platforms(self) -> list[str]:
        """The tags of wheels that run there, newest first."""
        oldest, former = (5, ["2014", "2010", "1"]) if self.arch == "x86_64" else (17, ["2014"])
        versions = [*(f"_2_{minor}" for minor in range(28, oldest - 1, -1)), *former]
        return [f"manylinux{version}_{self.arch}" for version in versions]

    def environment(self) -> dict[str, str]:
        """What markers are judged by."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.arch,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version, with the SHA-256 of each file it may be."""

    package: str
    version: str
    hashes: frozenset[str]

    @property
    def line(self) -> str:
        """The requirement without a marker."""
        return " ".join([f"{self.package}=={self.version}", *(f"--hash=sha256:{each}" for each in sorted(self.hashes))])


def pins(lock: bytes, target: Target, name: str) -> list[Pin]:
    """What of a lock that is called `name` the target needs. Raises ConfigurationError."""
    found = []
    for head, *hashes in _entries(lock):
        try:
            requirement = Requirement(head)
        except InvalidRequirement:
            raise ConfigurationError(name, f"{head!r} is no requirement", _REMEDY) from None
        pinned = [each.version for each in requirement.specifier if each.operator == "=="]
        if len(pinned) != 1 or not hashes:
            raise ConfigurationError(name, f"{head!r} is not pinned with a hash", _REMEDY)
        if requirement.marker is None or requirement.marker.evaluate(target.environment()):
            found.append(Pin(canonicalize_name(requirement.name), pinned[0], frozenset(hashes)))
    return found


def _entries(lock: bytes) -> Iterator[list[str]]:
    """The requirement and the hashes of each entry."""
    for line in lock.decode().replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            head, *hashes = line.split("--hash=sha256:")
            yield [head.strip(), *(each.strip() for each in hashes)]
