"""Watches a bridge for packets of hosts to anywhere but the lab; a process of its own, asked through a socket.

`python sniffer.py BRIDGE CONTROLLER SOCKET` prints a line once it watches. A question to a name server counts, too:
none is there, and who asks it wants to get out. What goes to this machine's address otherwise never leaves the kernel.
"""

import ctypes
import json
import select
import socket
import struct
import sys
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

_ALL, _ATTACH_FILTER, _RECEIVE_BUFFER = 3, 26, 33
_IPV4, _IPV6 = 0x0800, 0x86DD
_OUTGOING = 4
_DNS = 53


class Watch:
    """A packet socket on the bridge, and what was seen so far."""

    def __init__(self, bridge: str, controller: str) -> None:
        self.controller, self.subnet = IPv4Address(controller), ip_network(f"{controller}/24", strict=False)
        self.stray: Counter[tuple[str, str, str, int, str]] = Counter()
        self.noise = 0
        self.lost = 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER, 8 << 20)
        _filter(self.socket, self.controller)
        self.socket.bind((bridge, _ALL))
        self.socket.setblocking(False)

    def drain(self) -> None:
        """Take in all that waits."""
        while True:
            try:
                frame, (_, kind, direction, *_) = self.socket.recvfrom(512)
            except BlockingIOError:
                break
            if direction != _OUTGOING:
                self._see(kind, frame[14:])
        _, drops = struct.unpack("II", self.socket.getsockopt(263, 6, 8))
        self.lost += drops

    def _see(self, kind: int, packet: bytes) -> None:
        found = _ipv4(packet) if kind == _IPV4 else _ipv6(packet) if kind == _IPV6 else None
        if found is None:
            self.noise += 1
            return
        source, destination, protocol, port, asks = found
        inside = destination in self.subnet if isinstance(destination, IPv4Address) else destination.is_link_local
        if destination.is_multicast or str(destination).endswith(".255") or (inside and port != _DNS):
            self.noise += 1
        else:
            self.stray[str(source), str(destination), protocol, port, asks] += 1

    def answer(self) -> bytes:
        """All that was seen, as JSON."""
        stray = [[*key, count] for key, count in sorted(self.stray.items())]
        return json.dumps({"stray": stray, "noise": self.noise, "lost": self.lost}).encode()


Found = tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address, str, int, str]


def _ipv4(packet: bytes) -> Found | None:
    if len(packet) < 20:
        return None
    source, destination = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
    return source, destination, *_transport(packet[9], packet[(packet[0] & 15) * 4 :])


def _ipv6(packet: bytes) -> Found | None:
    if len(packet) < 40:
        return None
    return IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), *_transport(packet[6], packet[40:])


def _transport(number: int, segment: bytes) -> tuple[str, int, str]:
    protocol = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}.get(number, str(number))
    port = int.from_bytes(segment[2:4]) if protocol in ("tcp", "udp") else 0
    return protocol, port, _question(segment[20:]) if protocol == "udp" and port == _DNS else ""


def _question(labels: bytes) -> str:
    """The first name in a question to a name server."""
    names = []
    while labels and 0 < labels[0] < 64:
        names.append(labels[1 : 1 + labels[0]].decode(errors="replace"))
        labels = labels[1 + labels[0] :]
    return ".".join(names)


def _filter(packets: socket.socket, controller: IPv4Address) -> None:
    """Have the kernel drop what goes to this machine's address, bulk data among it, unless it asks for a name."""
    accept, drop = 0x40000, 0
    program = [
        (0x28, 0, 0, 12),  # the kind of frame
        (0x15, 0, 5, _IPV4),  # not IPv4: accept
        (0x20, 0, 0, 30),  # the destination
        (0x15, 0, 3, int(controller)),  # not this machine: accept
        (0xB1, 0, 0, 14),  # the length of the header
        (0x48, 0, 0, 16),  # the port
        (0x15, 0, 1, _DNS),
        (0x06, 0, 0, accept),
        (0x06, 0, 0, drop),
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    packets.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


def main() -> None:
    """Watch until killed."""
    bridge, controller, path = sys.argv[1:]
    watch = Watch(bridge, controller)
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as questions:
        questions.bind(path)
        questions.listen()
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([watch.socket, questions], [], [])
            watch.drain()
            if questions in ready:
                with questions.accept()[0] as caller:
                    caller.sendall(watch.answer())


if __name__ == "__main__":
    main()
