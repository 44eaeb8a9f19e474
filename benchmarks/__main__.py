"""`make bench`: prints the table of docs/benchmarks.md, measured here and now."""

import argparse
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import time
from itertools import chain
from pathlib import Path

import numpy as np
import structlog

from benchmarks import loop
from benchmarks.market import POSITIONS, SIMULATION, Market, prepared
from benchmarks.orders import by_client, by_session
from benchmarks.timing import Row, timed
from trader.adapters.embedded_exchange import EmbeddedExchange
from trader.decision.decide import decide
from trader.decision.features import BARS_NEEDED, FEATURES, features
from trader.modes.planning import gather, open_account

HEAD = "| what | instead | takes | ours takes | ratio |\n|---|---|---|---|---|"


def _features(market: Market) -> Iterator[Row]:
    """Both ways give the same numbers, or the comparison is worth nothing."""
    bars, panel = market.bars, market.panel
    sectors = [market.sectors[symbol] for symbol in panel.symbols]
    recent = bars[bars["date"] >= np.datetime64(panel.dates[-BARS_NEEDED])]
    theirs, ours = loop.features(recent), features(panel, sectors, last_only=True)[0]
    last = theirs[theirs["date"] == theirs["date"].max()].set_index("symbol")[list(FEATURES)]
    assert np.allclose(last.reindex(panel.symbols).to_numpy(), ours, atol=1e-9, equal_nan=True)
    yield Row(
        "features, last session",
        "pandas loop over symbols",
        timed(lambda: loop.features(recent), 1),
        timed(lambda: features(panel, sectors, last_only=True), 7),
    )
    yield Row(
        f"features, {len(panel.dates)} sessions",
        "pandas loop over symbols",
        timed(lambda: loop.features(bars), 1),
        timed(lambda: features(panel, sectors), 3),
    )


def _deciding(market: Market) -> Row:
    desk = market.desk
    session = desk.calendar.session(market.day)
    assert session is not None
    snapshot = gather(desk, session, open_account(desk, market.day))
    bars = market.bars
    recent = bars[bars["date"] >= np.datetime64(market.panel.dates[-BARS_NEEDED])]
    cash = float(SIMULATION.cash_usd)
    return Row(
        f"decide(), {len(market.panel.symbols)} symbols",
        "loop, predict, best in equal weights; no limits",
        timed(lambda: loop.decision(recent, snapshot.ranker.predict, cash, POSITIONS), 1),
        timed(lambda: decide(snapshot), 7),
    )


def _ordering(market: Market, folder: Path, bars: Path | None) -> Iterator[Row]:
    ours, orders = by_session(market)
    with EmbeddedExchange(folder, SIMULATION, market.at(time(8, 31)), bars=bars, requests_per_minute=0) as url:
        theirs_s = by_client(url, orders) / len(orders)
    way = "alpaca-py submit_order"
    yield Row(f"one of {ours.orders} orders, all told", way, theirs_s, ours.whole_s)
    yield Row("its POST", way, theirs_s, ours.post_s)
    yield Row("its commits in the ledger", way, theirs_s, ours.ledger_s)


def main() -> int:
    """Measure, and print each row as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--bars", type=Path, help="Parquet or CSV of daily bars instead of a synthetic market")
    bars = parser.parse_args().bars
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder) / "state", bars) as market:
        shape = f"{len(market.panel.symbols)} symbols, {len(market.panel.dates)} sessions"
        _say(f"{shape}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n\n{HEAD}")
        for row in chain(_features(market), [_deciding(market)], _ordering(market, Path(folder) / "second", bars)):
            _say(row.text())
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
