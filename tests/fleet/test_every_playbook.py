"""What holds for every playbook: it can look at a host that has nothing, and once its work is done it changes nothing.

Exempt from the second are those whose every run is an act of its own: a backup, and a restore of one. What a second run
of install, migrate, rotate_credentials and failover does is asked where these are tried.
"""

from collections.abc import Iterator

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.rollout import Rollout
from tests.fleet.stand import ROOT, Stand

_PARTS = ("install_check", "install_stage", "install_activate")
PLAYBOOKS = sorted({path.stem for path in (ROOT / "ansible" / "playbooks").glob("*.yml")} - set(_PARTS))


@pytest.fixture
def untouched(stand: Stand) -> Iterator[None]:
    stand.add("untouched")
    yield
    stand.forget("untouched")


@pytest.mark.usefixtures("untouched")
def test_it_can_look_at_a_virgin_host(stand: Stand) -> None:
    assert {"install", "uninstall"} < set(PLAYBOOKS)
    told = {name: stand.play(name, "--check", "--diff", check=False) for name in PLAYBOOKS}
    nothing_to_migrate = told.pop("migrate")
    assert {name: ran.code for name, ran in told.items() if ran.code} == {}, [each.out for each in told.values()]
    assert nothing_to_migrate.total("failed") == 1
    assert "trader_legacy_user of untouched is empty" in nothing_to_migrate.out


def test_what_is_done_is_not_done_again(stand: Stand, clones: Clones, rollout: Rollout) -> None:
    stand.fresh_exchange("main")
    clones("done")
    stand.play("backup")
    for name in ("drill", "status", "rollback", "emergency_stop", "uninstall"):
        extra = {"trader_release": rollout.first} if name == "rollback" else {}
        stand.play(name, **extra)
        again = stand.play(name, **extra)
        assert again.total("changed") == 0, again.out
        look = stand.play(name, "--check", "--diff", **extra)
        assert (look.total("changed"), "\n+++ " in look.out) == (0, False), look.out
