"""Whose turn it is: what execution-monitor does next, for everything it may see."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest

from trader.domain.journal import TradingState
from trader.domain.market import SessionDay
from trader.domain.policy import ExecutionPolicy
from trader.execution.monitoring import Duty, Sight, duty

OPEN, CLOSE = datetime(2026, 3, 16, 13, 30, tzinfo=UTC), datetime(2026, 3, 16, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SEEN = Sight(
    now=OPEN + timedelta(minutes=10),
    session=SessionDay(date(2026, 3, 16), OPEN, CLOSE),
    state=TradingState.ACTIVE,
    held=False,
    free_since=OPEN + timedelta(minutes=10) - timedelta(seconds=90),
    planned=True,
    ended=False,
)
Integration = Literal["integrated", "monitored", "split"]


def due(sight: Sight, integration: Integration) -> Duty:
    return duty(sight, ExecutionPolicy(integration=integration, takeover_after_s=90))


@pytest.mark.parametrize("integration", ["integrated", "monitored", "split"])
def test_what_holds_in_every_mode(integration: Integration) -> None:
    assert due(replace(SEEN, now=CLOSE), integration) is Duty.END
    assert due(replace(SEEN, now=CLOSE - SECOND), integration) is not Duty.END
    assert due(replace(SEEN, held=True), integration) is Duty.OBSERVE
    halted = replace(SEEN, state=TradingState.HALT)
    assert due(halted, integration) is Duty.CANCEL
    assert due(replace(halted, planned=False), integration) is Duty.WAIT, "there is nothing of ours to cancel"
    assert due(replace(halted, held=True), integration) is Duty.OBSERVE, "the holder cancels"


def test_integrated_never_takes_the_lease() -> None:
    assert due(SEEN, "integrated") is Duty.OBSERVE
    assert due(replace(SEEN, ended=True), "integrated") is Duty.OBSERVE


def test_split_takes_it_at_once_and_waits_for_the_plan_with_it() -> None:
    early = replace(SEEN, now=OPEN - timedelta(hours=1), free_since=OPEN - timedelta(hours=1), planned=False)
    assert due(early, "split") is Duty.TAKE


def test_monitored_takes_it_when_it_has_been_free_for_long_enough_in_an_unfinished_session() -> None:
    assert due(SEEN, "monitored") is Duty.TAKE
    assert due(replace(SEEN, free_since=SEEN.free_since + SECOND), "monitored") is Duty.WAIT
    assert due(replace(SEEN, planned=False), "monitored") is Duty.WAIT, "it never decides"
    at_the_open = replace(SEEN, now=OPEN, free_since=OPEN - timedelta(hours=1))
    assert due(at_the_open, "monitored") is Duty.TAKE
    assert due(replace(at_the_open, now=OPEN - SECOND), "monitored") is Duty.WAIT
    assert due(replace(SEEN, state=TradingState.REDUCE), "monitored") is Duty.TAKE


def test_monitored_watches_over_a_session_that_has_ended_without_waiting() -> None:
    assert due(replace(SEEN, ended=True, free_since=SEEN.now), "monitored") is Duty.TAKE
