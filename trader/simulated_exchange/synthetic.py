"""An invented market: market, sector and own returns with mild volatility clustering, in whole cents."""

from datetime import date
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt

from trader.simulated_exchange.calendar import sessions_between
from trader.simulated_exchange.config import ExchangeStartError
from trader.simulated_exchange.panel import E4, Ints, Panel, make_panel

Floats = npt.NDArray[np.float64]
SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
_CENT_E4 = E4 // 100
_LOWEST_USD, _HIGHEST_USD = 2.0, 5_000.0


def ticker(number: int) -> str:
    """SYAAA, SYAAB, ...: five letters that no one takes for a company."""
    letters = [ascii_uppercase[number // 26**power % 26] for power in (2, 1, 0)]
    return "SY" + "".join(letters)


def synthetic_panel(seed: int, symbols: int, start: date, end: date) -> Panel:
    """Bars of `symbols` invented companies for every session from start to end; the same seed, the same market."""
    sessions = tuple(sessions_between(start, end))
    if not sessions:
        raise ExchangeStartError(f"--history-start {start} to --history-end {end} holds no trading session")
    if not 1 <= symbols <= 26**3:
        raise ExchangeStartError(f"--symbols is 1 to {26**3}")
    rng = np.random.Generator(np.random.PCG64(seed))
    names = tuple(ticker(number) for number in range(symbols))
    sector_of = rng.permutation(np.arange(symbols) % len(SECTORS))
    returns, daily_volatility = _returns(rng, sector_of, len(sessions))
    close = _reflected(np.log(rng.uniform(15, 250, (symbols, 1))) + np.cumsum(returns, axis=1))
    prices = _bars(rng, close, returns, daily_volatility)
    turnover_usd = rng.lognormal(17.5, 1.2, (symbols, 1)) * rng.lognormal(0, 0.3, close.shape)
    volume = turnover_usd * (1 + np.abs(returns) / daily_volatility) / close
    sectors = {name: SECTORS[place] for name, place in zip(names, sector_of.tolist(), strict=True)}
    return make_panel(names, sessions, prices, np.rint(volume).astype(np.int64), sectors)


def _returns(rng: np.random.Generator, sector_of: npt.NDArray[np.int64], days: int) -> tuple[Floats, Floats]:
    """Log returns [symbols, days] and each symbol's own volatility [symbols, 1]."""
    symbols = len(sector_of)
    level = np.exp(_persistent(rng, 1, days, 0.97, 0.08))
    market = 0.0003 + 0.009 * level * rng.standard_normal((1, days))
    sector = 0.005 * level * rng.standard_normal((len(SECTORS), days))
    volatility = rng.uniform(0.008, 0.022, (symbols, 1))
    own = volatility * np.exp(_persistent(rng, symbols, days, 0.9, 0.15)) * rng.standard_normal((symbols, days))
    beta = rng.normal(1.0, 0.25, (symbols, 1))
    return beta * market + sector[sector_of] + own, volatility


def _persistent(rng: np.random.Generator, rows: int, days: int, memory: float, shock: float) -> Floats:
    """First-order autoregression around 0: volatility that comes in clusters."""
    steps = shock * rng.standard_normal((rows, days))
    for day in range(1, days):
        steps[:, day] += memory * steps[:, day - 1]
    return steps


def _reflected(log_price: Floats) -> Floats:
    """Prices kept between the lowest and the highest by folding the walk back."""
    low, high = np.log(_LOWEST_USD), np.log(_HIGHEST_USD)
    span = high - low
    folded: Floats = np.exp(low + span - np.abs((log_price - low) % (2 * span) - span))
    return folded


def _bars(rng: np.random.Generator, close: Floats, returns: Floats, volatility: Floats) -> dict[str, Ints]:
    previous = np.concatenate([close[:, :1] * np.exp(-returns[:, :1]), close[:, :-1]], axis=1)
    open_ = previous * np.exp(0.4 * returns + 0.3 * volatility * rng.standard_normal(close.shape))
    reach = volatility * np.abs(rng.standard_normal((2, *close.shape))) * 0.6
    high = np.maximum(open_, close) * np.exp(reach[0])
    low = np.minimum(open_, close) * np.exp(-reach[1])
    panels = {"open": open_, "high": high, "low": low, "close": close}
    return {name: np.rint(values * 100).astype(np.int64) * _CENT_E4 for name, values in panels.items()}
