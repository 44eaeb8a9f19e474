"""A desk of real parts against a real simulated exchange, put together for tests that must reach between them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from trader.adapters.alpaca.factory import connect
from trader.adapters.alpaca.transport import Timeouts
from trader.adapters.bar_archive import ParquetBarArchive
from trader.adapters.calendar import ExchangeCalendar
from trader.adapters.clock import ExchangeClock
from trader.adapters.host import LocalHost
from trader.adapters.ledger import open_ledger
from trader.adapters.locks import Lease
from trader.adapters.model_store import ModelStore
from trader.adapters.plan_files import PlanFiles
from trader.adapters.rate_limit import TokenBucket
from trader.adapters.state_file import StateFile
from trader.domain.canonical import digest, dumps
from trader.domain.market import Universe
from trader.domain.policy import (
    CalendarPolicy,
    DataPolicy,
    ExecutionPolicy,
    ModelPolicy,
    ReportingPolicy,
    RiskPolicy,
    SizingPolicy,
    WatchPolicy,
)
from trader.modes.desk import Desk, Policies
from trader.ports.clock import StopSignal

POLICIES = Policies(
    execution=ExecutionPolicy(unknown_grace_s=10, integration="monitored"),  # the session ends with its plan
    sizing=SizingPolicy(max_positions=2, weighting="equal", signal_threshold=Decimal(0)),
    risk=RiskPolicy(
        max_position_size=Decimal("0.5"),
        max_sector_exposure=Decimal(1),
        max_correlation_exposure=Decimal(1),
        order_notional_cap_usd=Decimal(600_000),
        max_trade_size_usd=Decimal(600_000),
        max_adv_participation=Decimal(1),
    ),
    watch=WatchPolicy(interval_s=1800),
    model=ModelPolicy(train_sessions=120, rounds=8, max_depth=2),
    data=DataPolicy(lookback_sessions=275, min_history_sessions=260),
    calendar=CalendarPolicy(),
    reporting=ReportingPolicy(plots=False),
)

Wrap = Callable[[str, Any], Any]


def policies(**sections: dict[str, Any]) -> Policies:
    """POLICIES with other values in some sections, as in `execution={"integration": "split"}`."""
    changed = {}
    for name, values in sections.items():
        section = getattr(POLICIES, name)
        changed[name] = type(section).model_validate(section.model_dump() | values)
    return replace(POLICIES, **changed)


class NeverStopped:
    """Nobody asks the process to end."""

    def requested(self) -> bool:
        """False."""
        return False


def plain(_name: str, part: Any) -> Any:
    """The part as it is."""
    return part


def open_desk(
    state: Path,
    url: str,
    policies: Policies = POLICIES,
    wrap: Wrap = plain,
    read_timeout_s: str = "15",
    stop: StopSignal | None = None,
    follows: bool = False,
) -> Desk:
    """The desk over the files in `state` and the exchange at `url`; `wrap(name, part)` may put itself around a part.

    `follows`: while another process holds the orders lease that one moves the time, not this one.
    """
    stop = stop or NeverStopped()
    clock = ExchangeClock(url, stop)
    lease = Lease(state, policies.execution.account, clock)
    if follows:
        clock = ExchangeClock(url, stop, lambda: lease.seen()[0])
    account, strategy = policies.execution.account, policies.execution.strategy
    broker, market = connect(
        SecretStr("SIMULATED"),
        SecretStr("SIMULATED"),
        clock=clock,
        budget=TokenBucket(state / "requests.json", 190, clock),
        timeouts=Timeouts(Decimal(5), Decimal(read_timeout_s)),
        simulated_url=url,
    )
    calendar = ExchangeCalendar(state / "calendar")
    sectors: dict[str, str] = json.loads((state / "sectors.json").read_text())
    return Desk(
        policies=policies,
        release="0.1.0",
        config_text=dumps(POLICIES.execution),
        config_hash=digest(POLICIES.execution),  # of all the policies that a test may choose: one preflight is enough
        universe=Universe(tuple(sorted(sectors.items()))),
        clock=clock,
        stop=stop,
        calendar=calendar,
        broker=wrap("broker", broker),
        market=wrap("market", market),
        ledger=wrap("ledger", open_ledger(state / "ledger.db", clock)),
        plans=wrap("plans", PlanFiles(state / "plans", account, strategy)),
        state=StateFile(state / "STATE"),
        lease=lease,
        bars=ParquetBarArchive(state / "bars", calendar),
        models=ModelStore(state / "models"),
        host=LocalHost(state),
        progress=lambda _what, _done, _total: None,
    )


def prepare(state: Path, url: str, day: date, policies: Policies = POLICIES) -> None:
    """Everything before a first session: bars over the wire, a trained and promoted model, a passed preflight."""
    from trader.adapters.embedded_exchange import fetch_sectors
    from trader.modes.preflight import preflight
    from trader.modes.update import update_bars
    from trader.training.train import train

    state.mkdir(parents=True, exist_ok=True)
    (state / "sectors.json").write_text(json.dumps(fetch_sectors(url)))
    desk = open_desk(state, url, policies)
    before = desk.calendar.previous(day).date
    update_bars(desk, before, 420)
    panel = desk.bars.panel(desk.universe.symbols, before, 420)
    trained = train(panel, [desk.universe.sector_of(symbol) for symbol in panel.symbols], policies.model)
    store = ModelStore(state / "models")
    store.promote(store.save(trained), desk.clock.now())
    report = preflight(desk, day)
    assert report.ok, report.checks
