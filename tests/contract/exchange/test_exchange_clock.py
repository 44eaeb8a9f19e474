"""Simulated time from wall time, without waiting for either."""

from trader.simulated_exchange.clock import SimulatedClock
from trader.simulated_exchange.timestamps import SECOND_NS, new_york_text, parse_instant, zulu


def test_at_speed_time_runs_from_where_it_was_put() -> None:
    wall = iter([100.0, 101.5, 102.0, 103.0])
    clock = SimulatedClock("speed", 1_000 * SECOND_NS, 60.0, lambda: next(wall))
    assert clock.now_ns() == 1_090 * SECOND_NS
    clock.move_to(5_000 * SECOND_NS)
    assert clock.now_ns() == 5_060 * SECOND_NS


def test_in_lockstep_it_stands_still() -> None:
    wall = iter([100.0, 200.0])
    assert SimulatedClock("lockstep", 7, 60.0, lambda: next(wall)).now_ns() == 7


def test_instants_survive_their_text() -> None:
    ns = parse_instant("2022-03-16T09:30:00.25-04:00")
    assert zulu(ns) == "2022-03-16T13:30:00.250000000Z"
    assert new_york_text(ns) == "2022-03-16T09:30:00.250000000-04:00"
    assert parse_instant("2022-03-16T13:30:00.250000000Z") == ns == parse_instant("2022-03-16T13:30:00.25 00:00")
    assert parse_instant("2022-03-16") == parse_instant("2022-03-16T00:00:00+00:00")
