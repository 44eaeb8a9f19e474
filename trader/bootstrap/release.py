"""A release, built on the controller: the same inputs give the same bytes, wherever they are put together."""

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from trader.adapters.checkout import Checkout, digest, find_checkout
from trader.adapters.ledger.revisions import REVISIONS, SCHEMA_MIN
from trader.adapters.lock_files import pins
from trader.adapters.own_wheel import Wheel, own_wheel
from trader.adapters.packing import keep, tar, zipapp
from trader.adapters.wheelhouse import Say, Wheelhouse, wheelhouse
from trader.bootstrap.release_inputs import CONFIG, Inputs, read_inputs
from trader.bootstrap.units import render
from trader.domain.errors import ConfigurationError

Files = dict[str, bytes]

PLACEHOLDER = "@RELEASE@"
"""The release's directory in units, where its id is not known yet."""
DIRECTORIES = {
    "system": "/opt/paper-trading/releases/{id}",
    "user": "%h/.local/share/paper-trading/releases/{id}",
}
_ENTRY = "import sys\n\nfrom trader.deployment.main import main\n\nsys.exit(main())\n"


@dataclass(frozen=True, slots=True)
class Built:
    """A release on the controller: what is copied to a host, and what it must hash to there."""

    id: str
    archive: Path
    archive_sha256: str
    wheelhouse: str
    wheelhouse_archive: Path
    wheelhouse_sha256: str
    tool: Path
    tool_sha256: str

    def as_json(self) -> str:
        """One line of JSON."""
        values = {name: getattr(self, name) for name in type(self).__dataclass_fields__}
        return json.dumps(values, default=str)


def build(variables: Path, out: Path, wheelhouses: Path, say: Say) -> Built:
    """The release for these variables, in `out`; nothing is written there before they are found sound.

    What is there and right is not touched. Raises ConfigurationError.
    """
    inputs = read_inputs(variables)
    checkout = find_checkout()
    units = _templates(inputs)
    sources = checkout.sources()
    tool = zipapp(_tool(sources))
    wheel = own_wheel(sources, out / "wheels")
    house = _wheelhouse(checkout, inputs, wheelhouses, say)
    name, files = _release(checkout, inputs, units, wheel, house)
    content = tar(files)
    built = Built(
        id=name,
        archive=out / inputs.target.name / f"{name}.tar",
        archive_sha256=_sha256(content),
        wheelhouse=house.archive.stem,
        wheelhouse_archive=house.archive,
        wheelhouse_sha256=house.sha256,
        tool=out / f"deploy-{_sha256(tool)[:12]}.pyz",
        tool_sha256=_sha256(tool),
    )
    keep(built.archive, content)
    keep(built.tool, tool)
    return built


def read_manifest(path: Path) -> dict[str, object]:
    """The manifest in a release's archive or directory. Raises ConfigurationError."""
    try:
        return dict(json.loads(_manifest_of(path)))
    except (OSError, ValueError, TypeError, KeyError, tarfile.TarError) as error:
        remedy = "Name an archive made by `trader release build`, or a release's directory."
        raise ConfigurationError(str(path), f"no manifest can be read ({error})", remedy) from None


def _manifest_of(path: Path) -> bytes:
    if path.is_dir():
        return (path / "manifest.json").read_bytes()
    with tarfile.open(path) as archive:
        member = archive.extractfile("manifest.json")
        return member.read() if member else b""


def _release(checkout: Checkout, inputs: Inputs, units: Files, wheel: Wheel, house: Wheelhouse) -> tuple[str, Files]:
    """The release's id, and its files with the manifest among them."""
    config = {f"config/{name}": content for name, content in inputs.config.items()}
    locks = {f"requirements/{name}.lock": checkout.lock(name) for name in ("runtime", "uv")}
    name = digest({**locks, wheel.name: wheel.content, **units, **config})[:12]
    scope = inputs.units.trader_scope
    directory = DIRECTORIES[scope].format(id=name).encode()
    files = {
        "requirements.txt": locks["requirements/runtime.lock"] + _pinned(wheel),
        wheel.name: wheel.content,
        **{unit: content.replace(PLACEHOLDER.encode(), directory) for unit, content in units.items()},
        **config,
    }
    manifest = {
        "id": name,
        "version": wheel.version,
        "scope": scope,
        "python": inputs.target.python,
        "arch": inputs.target.arch,
        "wheelhouse": house.archive.stem,
        "wheels": house.wheels,
        "lock_sha256": _sha256(locks["requirements/runtime.lock"]),
        "wheel": wheel.name,
        "wheel_sha256": wheel.sha256,
        "units_sha256": digest(units),
        "config_sha256": _sha256(inputs.config[CONFIG]),
        "broker_url": _broker_url(inputs.config[CONFIG]),
        "schema_min": SCHEMA_MIN,
        "schema_max": REVISIONS[-1],
        "files": {path: _sha256(content) for path, content in sorted(files.items())},
    }
    return name, {**files, "manifest.json": json.dumps(manifest, indent=1).encode() + b"\n"}


def _broker_url(config: bytes) -> str:
    """Where a simulated exchange is; empty for Alpaca's paper service. The host's emergency stop goes by it."""
    broker = (yaml.safe_load(config) or {}).get("broker") or {}
    return str(broker.get("url") or "") if isinstance(broker, dict) else ""


def _pinned(wheel: Wheel) -> bytes:
    return f"trader=={wheel.version} \\\n    --hash=sha256:{wheel.sha256}\n".encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _templates(inputs: Inputs) -> Files:
    """The units with the placeholder for the release's directory."""
    filled = inputs.units.model_copy(update={"trader_release_dir": PLACEHOLDER})
    return {f"systemd/{name}": text.encode() for name, text in render(filled).items()}


def _tool(sources: Files) -> Files:
    """What the host tool is made of: its package under its own name, and nothing else of ours."""
    package = {name: content for name, content in sources.items() if name.startswith("trader/deployment/")}
    if "trader/deployment/main.py" not in package:
        raise ConfigurationError("trader/deployment/main.py", "is missing", "Check the repository out whole.")
    return {"__main__.py": _ENTRY.encode(), "trader/__init__.py": b"", **package}


def _wheelhouse(checkout: Checkout, inputs: Inputs, directory: Path, say: Say) -> Wheelhouse:
    """The packages of the lock, and the uv that installs them."""
    locks = {name: checkout.lock(name) for name in ("runtime", "uv")}
    wanted = [pin for name, lock in locks.items() for pin in pins(lock, inputs.target, f"requirements/{name}.lock")]
    name = f"{hashlib.sha256(b''.join(locks.values())).hexdigest()[:12]}-{inputs.target.name}"
    return wheelhouse(directory / f"{name}.tar", wanted, inputs.target, say)
