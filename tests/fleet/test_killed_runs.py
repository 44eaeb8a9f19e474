"""The controller dies in the middle of a run: the host trades with a whole release, and one more run ends the work."""

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.killing_runs import converges, kill_at, settle
from tests.fleet.lab import Host
from tests.fleet.losing_power import require_whole
from tests.fleet.rollout import Rollout
from tests.fleet.stand import Stand, tool

THIRD = {"position_sizing": {"max_positions": 6}}


@pytest.mark.parametrize("at", [4])
def test_an_upgrade_that_is_killed_is_ended_by_the_next_run(
    stand: Stand, clones: Clones, rollout: Rollout, at: int
) -> None:
    (host,) = clones(f"killed-{at}", trader_config_overrides=THIRD)
    kill_at(stand, "install", at)
    settle(host)
    require_whole(host, rollout.second, *_staged(host))
    assert converges(stand, host, "install") not in (rollout.first, rollout.second)


def _staged(host: Host) -> list[str]:
    return [each["id"] for each in tool(host, "facts")["releases"] if each["finished"]]
