"""Hosts under every fault: `python -m tests.campaigns.fleet [power] [kills] [random]`; all of it takes an hour or so.

Numbers beside a part, `kills 9 10`, run these of its jobs alone.

power   the host loses its power at every step of an upgrade, of a rollback, and of an upgrade that is undone
kills   the controller is killed at every task that changes something in install, upgrade, migrate and rollback
random  300 random operations on hosts against a model, and 20 more by the playbooks
"""

import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.fleet.hand_made import MOVABLE, USER, Old
from tests.fleet.killing_runs import changing_tasks, converges, kill_at, settle
from tests.fleet.lab import Host, Lab
from tests.fleet.losing_power import STEPS, lose_power, require_whole
from tests.fleet.random_operations import Player
from tests.fleet.rollout import Rollout, roll_out
from tests.fleet.stand import RESTIC, Stand, tool
from tests.fleet.variants import Variants, that_fails_its_preflight

_ATTEMPTS = 8
LANES, ON_HOSTS, BY_PLAYBOOKS = 3, 300, 20
THIRD = {"position_sizing": {"max_positions": 6}}
Job = Callable[[Stand, str], None]


class Campaign:
    """A lab, the disk of an installed host, and lanes in which jobs run side by side."""

    def __init__(self, lab: Lab, folder: Path, chosen: set[int]) -> None:
        self._lab, self._folder, self._chosen = lab, folder, chosen
        self.stand = Stand(lab, folder / "origin")
        self.stand.folder.mkdir()
        (host,) = self.stand.add("origin")
        self.rollout: Rollout = roll_out(self.stand, host)
        self.stand.forget("origin")
        self.variants = Variants(self.stand, self.stand.folder / "build" / "requests" / "origin.json")
        self._print = threading.Lock()

    def clone(self, stand: Stand, name: str, **variables: object) -> Host:
        """A host that is where the first one ended."""
        return stand.add(name, base=self.rollout.snapshot, **variables)[0]

    def run(self, title: str, jobs: list[Job]) -> int:
        """Run the jobs in lanes; how many failed."""
        waiting: SimpleQueue[tuple[int, Job]] = SimpleQueue()
        numbered = [each for each in enumerate(jobs) if not self._chosen or each[0] in self._chosen]
        for each in numbered:
            waiting.put(each)
        began = time.monotonic()
        stands = [Stand(self._lab, self._folder / f"{title}-{lane}") for lane in range(LANES)]
        for stand in stands:
            stand.folder.mkdir()
            stand.exchange("main")
        with ThreadPoolExecutor(LANES) as pool:
            failed = sum(pool.map(lambda stand: self._lane(title, stand, waiting), stands))
        self._say(f"{title}: {len(numbered) - failed} of {len(numbered)} well, {time.monotonic() - began:.0f} s")
        return failed

    def _lane(self, title: str, stand: Stand, waiting: "SimpleQueue[tuple[int, Job]]") -> int:
        failed = 0
        while True:
            try:
                number, job = waiting.get_nowait()
            except Empty:
                return failed
            name = f"{title[:4]}{number}"
            try:
                job(stand, name)
            except (AssertionError, OSError, RuntimeError) as error:
                failed += 1
                self._say(f"{title} {number} FAILED: {str(error)[-4000:]}")
            else:
                self._say(f"{title} {number} well")
            for left in list(stand.hostvars):
                stand.forget(left)

    def _say(self, what: str) -> None:
        with self._print:
            sys.stdout.write(f"{what}\n")
            sys.stdout.flush()


def power(campaign: Campaign) -> int:
    """Every step, forward and back."""
    first, second = campaign.rollout.first, campaign.rollout.second

    lame = campaign.variants.made("lame", that_fails_its_preflight)
    sixth = campaign.variants.made("sixth", **THIRD)

    def job(built: dict[str, str] | None, phase: str, step: str) -> Job:
        def lose(stand: Stand, name: str) -> None:
            for attempt in range(_ATTEMPTS):
                host = campaign.clone(stand, f"{name}-{attempt}")
                other = campaign.variants.staged(host, built) if built else first
                chosen = ["--release", other] if built else ["--kind", "rollback"]
                cut = lose_power(host, step, *chosen, phase=phase, after_s=random.random() / 100)
                found = require_whole(host, second, other)
                assert phase == "doing" or found == second
                if cut == step:
                    return
            raise AssertionError(f"{step} passed unseen")

        return lose

    jobs = [job(None, "doing", step) for step in STEPS]
    jobs += [job(sixth, "doing", step) for step in STEPS]
    jobs += [job(lame, "undoing", step) for step in STEPS if step != "arm"]
    return campaign.run("power", jobs)


Prepare = Callable[[Stand, str], Host]


def virgin(stand: Stand, name: str) -> Host:
    """A host that has nothing."""
    return stand.add(name)[0]


def by_hand(stand: Stand, name: str) -> Host:
    """A host with a hand-made set-up."""
    shutil.rmtree(stand.folder / "host_vars", ignore_errors=True)  # which a migration makes
    (host,) = stand.add(name, trader_legacy_user=USER, trader_credentials_files={"restic": RESTIC})
    Old(host).settle(MOVABLE)
    return host


def kills(campaign: Campaign) -> int:
    """Every changing task of four playbooks."""

    def installed(stand: Stand, name: str) -> Host:
        return campaign.clone(stand, name)

    runs: list[tuple[str, Prepare, dict[str, object]]] = [
        ("install", virgin, {}),
        ("install", installed, {"trader_config_overrides": THIRD}),
        ("rollback", installed, {}),
        ("migrate", by_hand, {}),
    ]
    jobs: list[Job] = []
    for number, (playbook, prepare, extra) in enumerate(runs):
        name = f"counted-{number}"
        prepare(campaign.stand, name)
        changes = len(changing_tasks(campaign.stand, playbook, **extra, **_building_anew(campaign.stand, name)))
        campaign.stand.forget(name)
        jobs += [_killing(campaign, playbook, prepare, at, extra) for at in range(1, changes + 1)]
    return campaign.run("kills", jobs)


def _building_anew(stand: Stand, name: str) -> dict[str, object]:
    """Every run builds its release, for that is a change as well."""
    return {"trader_release_out": str(stand.folder / f"build-{name}")}


def _killing(campaign: Campaign, playbook: str, prepare: Prepare, at: int, given: dict[str, object]) -> Job:
    first = campaign.rollout.first

    def kill(stand: Stand, name: str) -> None:
        host = prepare(stand, name)
        extra = {**given, **_building_anew(stand, name)}
        kill_at(stand, playbook, at, **extra)
        settle(host)
        installed = host.files.exists("/etc/paper-trading/host.json") and tool(host, "facts")["active"]
        if installed and installed != "legacy":
            require_whole(host, installed)
        if playbook == "rollback":
            stand.play("rollback", trader_release=first, **extra)
            require_whole(host, first)
        else:
            converges(stand, host, playbook, **extra)

    return kill


def random_operations(campaign: Campaign) -> int:
    """Hundreds on hosts, and some by the playbooks."""

    wanted = [{"position_sizing": {"max_positions": positions}} for positions in (5, 6, 9, 10)]
    built = [campaign.variants.made(f"random-{number}", **settings) for number, settings in enumerate(wanted)]

    def on_host(seed: int, count: int) -> Job:
        def play(stand: Stand, name: str) -> None:
            host = campaign.clone(stand, name)
            for release in built:
                campaign.variants.staged(host, release)
            Player(host, seed).play(count)

        return play

    def by_playbook(stand: Stand, name: str) -> None:
        draw, host = random.Random(7), campaign.clone(stand, name)
        for _ in range(BY_PLAYBOOKS):
            if draw.random() < 0.4 and tool(host, "facts")["former"]:
                stand.play("rollback")
            else:
                overrides = {"position_sizing": {"max_positions": draw.choice((5, 6, 7, 9))}}
                stand.play("install", trader_config_overrides=overrides, trader_reason="played")
            require_whole(host, str(tool(host, "facts")["active"]))

    each = ON_HOSTS // (2 * LANES)
    jobs = [by_playbook, *(on_host(seed, each) for seed in range(2 * LANES))]
    return campaign.run("random", jobs)


PARTS = {"power": power, "kills": kills, "random": random_operations}


def main() -> int:
    """Run the parts that are named, or all."""
    parts = [word for word in sys.argv[1:] if not word.isdigit()] or list(PARTS)
    numbers = {int(word) for word in sys.argv[1:] if word.isdigit()}
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(lab, Path(folder), numbers)
        return min(1, sum(PARTS[name](campaign) for name in parts))


if __name__ == "__main__":
    sys.exit(main())
