"""The true timers fire at the true times: over both changes of the clock, on holidays, half days, after a late boot."""

from datetime import datetime, timedelta

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.lab import Host
from tests.fleet.stand import CHICAGO, until

pytestmark = pytest.mark.xdist_group("installed")


def fired(host: Host, name: str) -> str:
    """When a timer fired last, in UTC; empty for never."""
    shown = host.run(
        "systemctl", "show", f"paper-trading-{name}.timer", "--value", "--property=LastTriggerUSec", "--timestamp=utc"
    )
    return shown.out.strip()


def jump(host: Host, to: datetime) -> None:
    """Set the host's clock a little before an instant."""
    host.set_clock(to - timedelta(seconds=2))


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        ("2026-03-06", "14:30"),  # Friday before the change to summer time
        ("2026-03-09", "13:30"),  # Monday after it
        ("2026-10-30", "13:30"),  # Friday before the change back
        ("2026-11-02", "14:30"),  # Monday after it
    ],
)
def test_half_past_eight_is_half_past_eight_in_chicago(clones: Clones, day: str, utc: str) -> None:
    (host,) = clones(f"dst-{day}")
    jump(host, datetime.fromisoformat(f"{day}T08:30:00").replace(tzinfo=CHICAGO))
    until(lambda: f"{day} {utc}:00" in fired(host, "session"), within_s=20)
