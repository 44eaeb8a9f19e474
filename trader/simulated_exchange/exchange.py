"""The parts of a running exchange, put together from its configuration."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aiohttp import web

from trader.simulated_exchange.account import AccountTerms
from trader.simulated_exchange.clock import SimulatedClock
from trader.simulated_exchange.config import ExchangeConfig, ExchangeStartError
from trader.simulated_exchange.engine import Engine, new_account
from trader.simulated_exchange.faults import Faults
from trader.simulated_exchange.keys import Keys
from trader.simulated_exchange.limiter import Limiter
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.panel import Panel, load_bars
from trader.simulated_exchange.store import Change, Store
from trader.simulated_exchange.stream import Hub
from trader.simulated_exchange.synthetic import synthetic_panel
from trader.simulated_exchange.timestamps import to_ns
from trader.simulated_exchange.wirelog import WireLog


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything a request handler may need."""

    config: ExchangeConfig
    engine: Engine
    clock: SimulatedClock
    faults: Faults
    limiter: Limiter
    log: WireLog
    hub: Hub
    store: Store
    keys: Keys
    drifts: set[str]

    def tick(self) -> None:
        """Let happen what is due by the clock."""
        self.engine.advance(self.clock.now_ns())

    def close(self) -> None:
        """Let the state directory go."""
        self.log.close()
        self.store.close()


EXCHANGE = web.AppKey("exchange", Exchange)


def open_exchange(config: ExchangeConfig) -> Exchange:
    """Take up the state in `config.state`, or begin one; ExchangeStartError when that belongs to another market."""
    store = Store(config.state)
    try:
        _same_market(store, config)
        keys = Keys(json.loads(store.facts().get("revoked", "[]")))
        hub = Hub(keys)
        market = Market(_panel(config), config.seed)
        engine = Engine(market, store, config.seed, config.partial_fills, hub.publish)
    except ExchangeStartError:
        store.close()
        raise
    engine.advance(to_ns(config.at))
    return Exchange(
        config=config,
        engine=engine,
        clock=SimulatedClock(config.clock, engine.now_ns, config.speed),
        faults=Faults(),
        limiter=Limiter(config.rate_limit),
        log=WireLog(config.state / "wire.jsonl"),
        hub=hub,
        store=store,
        keys=keys,
        drifts=set(),
    )


def _panel(config: ExchangeConfig) -> Panel:
    if config.bars is not None:
        return load_bars(config.bars)
    assert config.history_start is not None
    assert config.history_end is not None
    return synthetic_panel(config.seed, config.symbols, config.history_start, config.history_end)


def _fingerprint(config: ExchangeConfig) -> dict[str, Any]:
    """What decides every price and fill; it may not change under an existing state."""
    try:
        digest = sha256(config.bars.read_bytes()).hexdigest() if config.bars else None
    except OSError as error:
        raise ExchangeStartError(f"--bars {config.bars}: {error.strerror}; give a readable Parquet file") from error
    history = [str(config.history_start), str(config.history_end)] if config.bars is None else None
    return {
        "bars_sha256": digest,
        "seed": config.seed,
        "symbols": config.symbols,
        "history": history,
        "partial_fills": config.partial_fills,
    }


def _same_market(store: Store, config: ExchangeConfig) -> None:
    """Begin a new state, or refuse one that was begun with another market."""
    wanted, known = _fingerprint(config), store.facts().get("market")
    if known is None:
        terms = AccountTerms(config.shorting, config.margin_multiplier)
        facts = new_account(to_ns(config.at), config.cash_usd, terms)
        store.save(Change(facts={"market": json.dumps(wanted), **facts}))
        return
    was: dict[str, Any] = json.loads(known)
    differing = [f"{name} was {was.get(name)}, now {value}" for name, value in wanted.items() if was.get(name) != value]
    if differing:
        raise ExchangeStartError(
            f"--state {config.state} belongs to another market ({'; '.join(differing)}): "
            "start with the former options or with an empty directory"
        )
