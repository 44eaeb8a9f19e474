"""A sample of random operations on a host; `make campaign` plays hundreds."""

from tests.fleet.conftest import Clones
from tests.fleet.random_operations import Player
from tests.fleet.rollout import Rollout
from tests.fleet.stand import Stand
from tests.fleet.variants import Variants


def test_random_operations_lead_where_the_model_says(stand: Stand, clones: Clones, rollout: Rollout) -> None:
    assert rollout.second
    stand.fresh_exchange("main")
    (host,) = clones("played")
    variants = Variants(stand, stand.folder / "build" / "requests" / "origin.json")
    for count in (5, 6):
        variants.staged(host, variants.made(f"positions-{count}", position_sizing={"max_positions": count}))
    player = Player(host, seed=20260316)
    player.play(8)
    assert len(player.played) > 2
