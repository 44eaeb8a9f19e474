"""Where the lab keeps things: what is expensive in a cache, what belongs to a running lab below /run."""

import os
from pathlib import Path

RUN = Path("/run/paper-trading-lab")


def cache() -> Path:
    """The directory of images, compiled libraries and disks of hosts: outside the checkout and outside any backup."""
    if chosen := os.environ.get("TRADER_LAB_CACHE"):
        return Path(chosen).absolute()
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "paper-trading-lab"
    return Path("/var/cache/paper-trading-lab")
