"""A lab: its hosts, its network, and an end that leaves nothing on the machine."""

import atexit
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType

from tests.fleet.lab import registry, watch
from tests.fleet.lab.cgroups import Group
from tests.fleet.lab.errors import LabError
from tests.fleet.lab.exchange import SimulatedExchange, start_exchange
from tests.fleet.lab.helper import Helper
from tests.fleet.lab.host import Host, proper_name
from tests.fleet.lab.image import image
from tests.fleet.lab.network import Network, Stray
from tests.fleet.lab.registry import Record
from tests.fleet.lab.ssh import Ssh
from tests.fleet.lab.tools import missing_tools


class Lab:
    """Hosts on a bridge; `with Lab() as lab` removes them at the end, and so does the end of the process."""

    _watcher: Helper | None = None

    def __init__(self, keep: bool = False) -> None:
        """Take a number and make the network; `keep`: the lab stays until `python -m tests.fleet.lab down`."""
        if missing := missing_tools():
            raise LabError(missing)
        image()
        self._claim: registry.Claim | None = registry.claim(keep)
        self._open(self._claim.record)
        atexit.register(self.close)
        try:
            self.network.create()
            self.ssh.create()
            group = self.record.group("watcher")
            self._watcher = watch.start(self.network, self._sniffer, group, self.record.folder / "watcher.log")
        except BaseException:
            self.close()
            raise

    def _open(self, record: Record) -> None:
        self.record, self.network = record, Network(record.number)
        self.ssh = Ssh(record.folder, record.run / "ssh")
        self._sniffer = record.run / "sniffer"
        self._hosts: dict[str, Host] = {}
        self.exchanges: list[SimulatedExchange] = []

    @classmethod
    @contextmanager
    def of(cls, number: int) -> Iterator["Lab"]:
        """A kept lab, in a later process."""
        with registry.sharing(number) as record:
            lab = cls.__new__(cls)
            lab._claim = None
            lab._open(record)
            for written in sorted((record.folder / "hosts").glob("*/address")):
                name = written.parent.name
                lab.network.addresses[name] = written.read_text()
                lab._hosts[name] = Host(name, record, lab.network, lab.ssh)
            places = sorted((record.folder / "exchanges").glob("*/url"))
            lab.exchanges = [SimulatedExchange(place.parent, lab._exchange_group(place.parent)) for place in places]
            yield lab

    def __enter__(self) -> "Lab":
        self._restore = _end_on_sigterm()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()
        if self.record.kept and error is None and self._claim is not None:
            self._claim.let_go()
            self._claim = None
        self.close()

    def close(self) -> None:
        """Remove everything. A lab that is kept has been let go by then, if all went well."""
        claim, self._claim = self._claim, None
        atexit.unregister(self.close)
        if claim is not None:
            claim.release()
            parts: list[Host | SimulatedExchange] = [*self._hosts.values(), *self.exchanges]
            for part in parts:
                part.removed()
            if self._watcher is not None:
                self._watcher.reap()

    def host(self, name: str, base: Path | None = None) -> Host:
        """A new host, switched off; `base` is a snapshot to begin from."""
        if name in self._hosts:
            raise LabError(f"there is a host {name} already: destroy it first, or choose another name")
        address = self.network.assign(proper_name(name))
        host = Host.create(name, base, self.record, self.network, self.ssh)
        (self.record.folder / "hosts" / name / "address").write_text(address)
        self._hosts[name] = host
        return host

    def hosts(self, *names: str, base: Path | None = None) -> list[Host]:
        """New hosts, booted at the same time."""
        made = [self.host(name, base) for name in names]
        self.together(*(host.start for host in made))
        self.together(*(host.wait_until_running for host in made))
        return made

    def together(self, *acts: Callable[[], object]) -> None:
        """Do several things at the same time; the first error is raised when all have ended."""
        with ThreadPoolExecutor(max(1, len(acts))) as pool:
            for done in [pool.submit(act) for act in acts]:
                done.result()

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    @property
    def names(self) -> list[str]:
        """The hosts that there are."""
        return list(self._hosts)

    def destroy(self, name: str) -> None:
        """Remove a host."""
        self._hosts.pop(name).destroy()

    def inventory(
        self,
        path: Path,
        hosts: Mapping[str, Mapping[str, object]],
        user: str = "operator",
        groups: Mapping[str, Sequence[str]] | None = None,
        variables: Mapping[str, object] | None = None,
    ) -> Path:
        """Write an inventory for Ansible: hosts with their variables, groups of them, and variables of all."""
        self.ssh.write_inventory(path, self.network.addresses, hosts, user, groups or {}, variables or {})
        return path

    def exchange(self, at: datetime, **options: object) -> SimulatedExchange:
        """A simulated exchange that every host reaches; options as those of `python -m trader.simulated_exchange`."""
        place = self.record.folder / "exchanges" / str(len(self.exchanges) + 1)
        made = start_exchange(place, self._exchange_group(place), self.network.controller, at, options)
        self.exchanges.append(made)
        return made

    def _exchange_group(self, place: Path) -> Group:
        return self.record.group("exchanges", place.name)

    def stray_packets(self) -> list[Stray]:
        """What hosts have sent, since the lab began, to anywhere but each other and this machine's address."""
        return watch.strays(self._sniffer, {address: name for name, address in self.network.addresses.items()})


def _end_on_sigterm() -> Callable[[], object]:
    """Have SIGTERM unwind the program as Ctrl-C does, so that `with` blocks end; answers how to undo that."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return lambda: None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL)
