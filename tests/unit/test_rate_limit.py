"""The request budget: never exceeded in any minute, and never spent on reads alone."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import ManualClock
from trader.adapters.rate_limit import RESERVED_SHARE, WINDOW_US, TokenBucket, ready_at, recent
from trader.domain.errors import BrokerUnavailable


def busiest(taken_us: Sequence[int]) -> int:
    """The most takes in any half-open minute."""
    return max(bisect_left(taken_us, at + WINDOW_US) - index for index, at in enumerate(taken_us))


@given(st.integers(1, 8), st.lists(st.integers(0, 40_000_000), min_size=1, max_size=40))
def test_no_minute_holds_more_than_the_budget_and_nobody_waits_longer_than_needed(budget: int, gaps: list[int]) -> None:
    taken: list[int] = []
    now = 0
    for gap in gaps:
        now += gap
        counting = recent(taken, now)
        now = ready_at(counting, now, budget)
        taken.append(now)
        assert busiest(taken) <= budget
        if now > (taken[-2] if len(taken) > 1 else 0) + gap:
            assert busiest([*taken[:-1], now - 1]) > budget


def test_takes_of_a_clock_that_was_set_back_do_not_block() -> None:
    assert recent([5 * WINDOW_US, 3, 1], now_us=2 * WINDOW_US) == []
    assert recent([WINDOW_US + 9, 5], now_us=10) == [5, WINDOW_US + 9]


def test_processes_share_the_budget_and_orders_find_their_reserve(tmp_path: Path) -> None:
    clock = ManualClock()
    start = clock.now()
    reader, sender = (TokenBucket(tmp_path / "requests.main", 20, clock) for _ in range(2))
    reads = 20 - 20 // RESERVED_SHARE
    for _ in range(reads):
        reader.take(priority=False)
    for _ in range(20 - reads):
        sender.take(priority=True)
    assert clock.now() == start
    sender.take(priority=True)
    assert clock.now() == start + timedelta(seconds=60)


def test_a_read_leaves_the_reserve_alone(tmp_path: Path) -> None:
    clock = ManualClock()
    start, bucket = clock.now(), TokenBucket(tmp_path / "requests.main", 20, clock)
    for _ in range(15):
        bucket.take(priority=True)
    bucket.take(priority=False)
    assert clock.now() == start + timedelta(seconds=60)


def test_a_stop_while_waiting_sends_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    bucket = TokenBucket(tmp_path / "requests.main", 10, clock)
    for _ in range(10):
        bucket.take(priority=True)
    clock.deaf = True
    with pytest.raises(BrokerUnavailable, match="stopped while waiting"):
        bucket.take(priority=True)


def test_a_torn_file_counts_what_is_whole_in_it(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "requests.main"
    for _ in range(10):
        TokenBucket(path, 10, clock).take(priority=True)
    path.write_bytes(path.read_bytes()[:-3])
    start = clock.now()
    TokenBucket(path, 10, clock).take(priority=True)
    TokenBucket(path, 10, clock).take(priority=True)
    assert clock.now() == start + timedelta(seconds=60)
