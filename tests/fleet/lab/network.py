"""A bridge with static addresses: hosts reach each other and this machine's address on it, and nothing else.

Their default route leads here, where nothing is forwarded: an attempt to get out is seen (sniffer.py) and fails.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.lab.errors import CommandFailed, LabError
from tests.fleet.lab.tools import run

_FIRST, _LAST = 10, 250
INTERFACE = "host0"
"""What a host calls its end of the cable."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A packet that a host sent to somewhere else than the lab; `asks` is the name in a question to a name server."""

    host: str
    destination: str
    protocol: str
    port: int = 0
    asks: str = ""


class Network:
    """The bridge of the lab of that number; every name on this machine that it makes begins with `ptlab<number>`."""

    def __init__(self, number: int) -> None:
        self.bridge, self._subnet, self._number = f"ptlab{number}", f"10.231.{number}", number
        self.controller = f"{self._subnet}.1"
        self.addresses: dict[str, str] = {}
        self._next = _FIRST

    def create(self) -> None:
        """Make the bridge; IPv6 is off, so that no host sends what nobody asked for.

        Its address on the wire is given: otherwise it is that of one of its cables, changes with them, and hosts go on
        sending to the old one for half a minute.
        """
        run("ip", "link", "add", self.bridge, "address", self._wire(1), "type", "bridge", "forward_delay", "0")
        for family, name, value in (("ipv4", "forwarding", "0"), ("ipv6", "disable_ipv6", "1")):
            setting = Path(f"/proc/sys/net/{family}/conf/{self.bridge}/{name}")
            if setting.exists():
                setting.write_text(value)
        _ip(f"addr add {self.controller}/24 dev {self.bridge}", f"link set {self.bridge} up")

    def assign(self, host: str) -> str:
        """An address for a host; numbers go round, so that a new host is not taken for one that has gone."""
        used = set(self.addresses.values())
        for _ in range(_FIRST, _LAST + 1):
            address = f"{self._subnet}.{self._next}"
            self._next = _FIRST if self._next == _LAST else self._next + 1
            if address not in used:
                self.addresses[host] = address
                return address
        raise LabError(f"a lab has room for {_LAST - _FIRST + 1} hosts: destroy one")

    def forget(self, host: str) -> None:
        """Give the host's address back."""
        self.addresses.pop(host, None)

    def plug(self, host: str) -> Path:
        """A new network card with the host's address in a namespace of its own: the namespace's file."""
        self.unplug(host)
        space, cable = self._space(host), self._cable(host)
        run("ip", "netns", "add", space)
        wire = self._wire(int(self.addresses[host].rsplit(".", 1)[1]))  # the same after a reboot, as a real card's
        peer = ("name", INTERFACE, "address", wire, "netns", space)
        run("ip", "link", "add", cable, "type", "veth", "peer", *peer)
        address = f"addr add {self.addresses[host]}/24 dev {INTERFACE}"
        switch_off = f"/proc/sys/net/ipv6/conf/{INTERFACE}/disable_ipv6"
        run("ip", "netns", "exec", space, "sh", "-c", f"test ! -e {switch_off} || echo 1 > {switch_off}")
        _ip("link set lo up", address, f"link set {INTERFACE} up", space=space)
        _ip(f"link set {cable} master {self.bridge} up")
        _ip(f"route add default via {self.controller}", space=space)
        return Path("/run/netns") / space

    def unplug(self, host: str) -> None:
        """Take the card away with all its connections: nothing is said to the other end, as in a power loss."""
        with suppress(CommandFailed):
            run("ip", "link", "del", self._cable(host))
        if (Path("/run/netns") / self._space(host)).exists():
            run("ip", "netns", "del", self._space(host))

    def cut(self, host: str, silently: bool = False) -> None:
        """Pull the cable, which the host notices; silently: its packets, and those to it, are lost on the way."""
        cable = self._cable(host)
        _ip(f"link set {cable} nomaster" if silently else f"link set {cable} down")

    def heal(self, host: str) -> None:
        """Undo a cut; the route goes with the cable's signal and is set again."""
        cable = self._cable(host)
        _ip(f"link set {cable} master {self.bridge}", f"link set {cable} up")
        _ip(f"route replace default via {self.controller}", space=self._space(host))

    def destroy(self) -> None:
        """Remove every cable, namespace and bridge of this lab's number."""
        listed = json.loads(run("ip", "-json", "link", "show") or "[]")
        mine = [link["ifname"] for link in listed if _belongs(link["ifname"], self.bridge)]
        for name in sorted(mine, key=lambda name: name == self.bridge):
            run("ip", "link", "del", name)
        for space in Path("/run/netns").glob(f"{self.bridge}-*"):
            run("ip", "netns", "del", space.name)

    def _wire(self, place: int) -> str:
        return f"02:74:72:64:{self._number:02x}:{place:02x}"

    def _space(self, host: str) -> str:
        return f"{self.bridge}-{host}"

    def _cable(self, host: str) -> str:
        return f"{self.bridge}h{self.addresses[host].rsplit('.', 1)[1]}"


def _belongs(name: str, bridge: str) -> bool:
    return name == bridge or name.startswith(f"{bridge}h")


def in_use(number: int) -> bool:
    """Whether something on this machine has an address of that lab's network, or its name."""
    listed = json.loads(run("ip", "-json", "addr", "show") or "[]")
    addresses = [info.get("local", "") for link in listed for info in link.get("addr_info", ())]
    routes = [route["dst"] for route in json.loads(run("ip", "-json", "route", "show") or "[]")]
    return any(place.startswith(f"10.231.{number}.") for place in (*addresses, *routes))


def _ip(*lines: str, space: str = "") -> None:
    where = ["-n", space] if space else []
    run("ip", *where, "-batch", "-", stdin="\n".join(lines).encode())
