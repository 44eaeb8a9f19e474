"""Which configuration file is meant. Imports nothing heavy: a halt must not wait for it."""

from collections.abc import Mapping
from pathlib import Path

DEFAULT_PATH = Path("config/execution.yaml")


def locate(path: Path | None, environ: Mapping[str, str]) -> Path:
    """`path`, else EXECUTION_CONFIG_PATH, else config/execution.yaml."""
    return path or Path(environ.get("EXECUTION_CONFIG_PATH") or DEFAULT_PATH)
