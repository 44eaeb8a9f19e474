"""A lab for the tests of one worker. Where there can be none, tests are skipped; in CI that is a failure."""

import os
from collections.abc import Iterator

import pytest

from tests.fleet.lab import Lab, missing_tools


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Hosts of its own for every worker; a test gives its hosts names that no other test uses."""
    if missing := missing_tools():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with Lab() as made:
        yield made
