"""What the sniffer of a lab has seen."""

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fleet.lab import sniffer
from tests.fleet.lab.cgroups import Group
from tests.fleet.lab.errors import LabError
from tests.fleet.lab.helper import Helper
from tests.fleet.lab.network import Network, Stray


def start(network: Network, path: Path, group: Group, log: Path) -> Helper:
    """Begin to watch the bridge; answers are had through the socket `path`."""
    script = str(Path(sniffer.__file__))
    helper = Helper([sys.executable, "-I", script, network.bridge, network.controller, str(path)], group, log)
    helper.first_line()
    return helper


def strays(path: Path, names: Mapping[str, str]) -> list[Stray]:
    """Packets to anywhere but the lab, one of each kind; `names` are hosts by their addresses."""
    seen = _ask(path)
    if seen["lost"]:
        raise LabError(f"the watcher of the network has missed {seen['lost']} packets: let hosts send less")
    return [
        Stray(names.get(source, source), destination, protocol, port, asks)
        for source, destination, protocol, port, asks, _ in seen["stray"]
    ]


def _ask(path: Path) -> Any:
    try:
        with socket.socket(socket.AF_UNIX) as questions:
            questions.settimeout(10)
            questions.connect(str(path))
            with questions.makefile("rb") as answer:
                return json.loads(answer.read())
    except OSError as error:
        raise LabError(f"the watcher of the network does not answer at {path}: {error}") from error
