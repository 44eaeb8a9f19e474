"""A lab for the tests of one worker. Where there can be none, tests are skipped; in CI that is a failure."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.fleet.lab import Host, Lab, missing_tools
from tests.fleet.rollout import Rollout, roll_out
from tests.fleet.stand import Stand

Clones = Callable[..., list[Host]]


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Hosts of its own for every worker; a test gives its hosts names that no other test uses."""
    if missing := missing_tools():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with Lab() as made:
        yield made


@pytest.fixture(scope="session")
def stand(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    """The worker's lab with its inventory."""
    return Stand(lab, tmp_path_factory.mktemp("stand"))


@pytest.fixture(scope="session")
def rollout(stand: Stand) -> Rollout:
    """A host that was installed and upgraded, and how that went; tests begin from its disk."""
    (host,) = stand.add("origin")
    done = roll_out(stand, host)
    stand.forget("origin")
    return done


@pytest.fixture
def clones(stand: Stand, rollout: Rollout) -> Iterator[Clones]:
    """Makes hosts that are where the first one ended; they are gone after the test."""
    made: list[str] = []

    def clone(*names: str, **variables: object) -> list[Host]:
        made.extend(names)
        return stand.add(*names, base=rollout.snapshot, **variables)

    yield clone
    stand.forget(*made)
