"""Hosts with a real systemd on this machine: containers on a bridge of their own, without a way out.

    with Lab() as lab:
        desk, spare = lab.hosts("desk", "spare")        # booted: systemd is done, sshd answers
        desk.run("systemctl", "is-active", "ssh").out   # inside, as root; run(..., user="trading") as another
        desk.shell("journalctl -u ssh | tail -1")
        desk.files.write("/etc/motd", "hello")          # files.read, files.put(tree) and files.get(tree), too
        lab.inventory(folder / "hosts.yml", {"desk": {"role": "primary"}})  # for ansible-playbook -i
        exchange = lab.exchange(at=monday, symbols=20)  # exchange.url is reached from every host

        desk.kill()                                     # the power fails; desk.boot() brings it back
        lab.network.cut("desk", silently=True)          # packets are lost; lab.network.heal("desk")
        desk.set_clock(datetime(2026, 11, 23, 8, 29, 57, tzinfo=chicago))
        lab.stray_packets()                             # what hosts sent anywhere but here or to each other

        installed = desk.snapshot("installed")          # stops the host and keeps its disk
        clone = lab.hosts("clone", base=installed)[0]   # begins where the host was, within a second

Needs root, systemd-container, debootstrap, iproute2, openssh-client and gcc. The first lab builds the image, about a
minute. Whatever ends a lab, the next one, or `python -m tests.fleet.lab down`, removes what it left on the machine.
"""

from tests.fleet.lab.errors import CommandFailed, LabError
from tests.fleet.lab.exchange import SimulatedExchange
from tests.fleet.lab.host import Host
from tests.fleet.lab.lab import Lab
from tests.fleet.lab.network import Stray
from tests.fleet.lab.shell import Ran
from tests.fleet.lab.tools import missing_tools

__all__ = ["CommandFailed", "Host", "Lab", "LabError", "Ran", "SimulatedExchange", "Stray", "missing_tools"]
