"""The power fails in the middle of an activation: the host finishes or undoes it by itself, and trades.

A sample of the steps; `make campaign` takes them all.
"""

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.losing_power import lose_power, require_whole
from tests.fleet.rollout import Rollout
from tests.fleet.stand import Stand, tool
from tests.fleet.variants import Variants, that_fails_its_preflight


@pytest.mark.parametrize("step", ["stop", "link", "verify"])
def test_a_rollback_that_loses_power_is_finished_at_boot(clones: Clones, rollout: Rollout, step: str) -> None:
    (host,) = clones(f"back-{step}")
    assert lose_power(host, step, "--kind", "rollback")
    assert require_whole(host, rollout.first, rollout.second) == rollout.first
    assert not tool(host, "activate", "--kind", "rollback", "--release", rollout.first)["changed"]


@pytest.mark.parametrize("step", ["link"])
def test_an_undoing_that_loses_power_is_finished_at_boot(
    stand: Stand, clones: Clones, rollout: Rollout, step: str
) -> None:
    (host,) = clones(f"undo-{step}")
    variants = Variants(stand, stand.folder / "build" / "requests" / "origin.json")
    lame = variants.staged(host, variants.made("lame", that_fails_its_preflight))
    assert lose_power(host, step, "--release", lame, phase="undoing")
    assert require_whole(host, rollout.second) == rollout.second
