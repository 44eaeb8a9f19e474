"""From a hand-made set-up to ours and back by the playbooks: nothing lost, and never both armed."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fleet.hand_made import MOVABLE, USER, Old
from tests.fleet.stand import RESTIC, Stand, tool
from tests.support.legacy import SECRET

_POLL = f"""
while sleep 0.1; do
  ours=$(systemctl list-units --plain --no-legend --state=active 'paper-trading-*.timer' | wc -l)
  theirs=$(runuser -u {USER} -- env XDG_RUNTIME_DIR=/run/user/$(id -u {USER}) \\
    systemctl --user list-units --plain --no-legend --state=active 'paper-trading-*.timer' | wc -l)
  echo $ours $theirs >> /run/polled
done
"""


@contextmanager
def polled(old: Old) -> Iterator[list[tuple[int, int]]]:
    """How many timers of ours and of theirs were armed at each poll of the block."""
    seen: list[tuple[int, int]] = []
    old.host.files.write("/run/poll.sh", _POLL)
    old.host.run("systemd-run", "--quiet", "--unit=poll", "bash", "/run/poll.sh")
    yield seen
    old.host.run("systemctl", "stop", "poll")
    for line in old.host.files.read("/run/polled").splitlines():
        ours, theirs = map(int, line.split())
        seen.append((ours, theirs))


def test_a_hand_made_set_up_is_taken_over_and_given_back_as_it_was(stand: Stand) -> None:
    (host,) = stand.add("handmade", trader_legacy_user=USER, trader_credentials_files={"restic": RESTIC})
    old = Old(host)
    old.settle(MOVABLE)
    listing, armed = old.listing, old.armed
    looked = stand.play("migrate", "--check", "--diff", "-vvv", "--limit", "handmade")
    assert SECRET not in looked.out
    assert (old.listing, old.armed) == (listing, armed)
    with polled(old) as seen:
        moved = stand.play("migrate", "--diff", "-vvv", "--limit", "handmade")
        assert SECRET not in moved.out
        assert old.armed == []
        facts = tool(host, "facts")
        assert facts["armed"]
        assert facts["former"] == "legacy"
        again = stand.play("install", "--limit", "handmade")
        assert again.total("changed") == 0, again.out[-4000:]
        stand.play("rollback", "--limit", "handmade")
    assert old.listing == listing
    assert old.armed == armed
    assert old.ran == ""
    assert len(seen) > 50
    assert [poll for poll in seen if all(poll)] == []
    stand.play("migrate", "--limit", "handmade", trader_reason="once more")
    assert tool(host, "facts")["armed"]
    assert old.armed == []
    stand.forget("handmade")
