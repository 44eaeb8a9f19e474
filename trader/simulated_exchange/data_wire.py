"""Bars, quotes and trades in the broker's JSON: here amounts are numbers."""

from datetime import date
from functools import lru_cache
from typing import Any

from trader.simulated_exchange.draws import whole
from trader.simulated_exchange.market import Bar, Quote
from trader.simulated_exchange.panel import E4, Ints, Panel
from trader.simulated_exchange.timestamps import midnight_new_york, to_ns, zulu

Json = dict[str, Any]
_SHARES_PER_TRADE = 100


@lru_cache(maxsize=4096)
def midnight_ns(day: date) -> int:
    """Where a daily bar stands in time."""
    return to_ns(midnight_new_york(day))


@lru_cache(maxsize=4096)
def _stamp(day: date) -> str:
    return zulu(midnight_ns(day))[:19] + "Z"


def daily_bars_json(panel: Panel, row: int, columns: Ints) -> str:
    """The bars of one symbol at these columns as JSON text, comma-separated.

    Text is put together here, not by json: a page holds 10,000 bars.
    """
    sessions = panel.sessions
    fields = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    table = zip(columns.tolist(), *(field[row, columns].tolist() for field in fields), strict=True)
    return ",".join(
        f'{{"t":"{_stamp(sessions[column].day)}","o":{o / E4},"h":{h / E4},"l":{low / E4},"c":{c / E4},"v":{v},'
        f'"n":{v // _SHARES_PER_TRADE + 1},"vw":{(h + low + c) // 3 / E4}}}'
        for column, o, h, low, c, v in table
    )


def bar_json(bar: Bar, stamp_ns: int) -> Json:
    """One bar; the trade count and the volume-weighted price are guesses from the rest."""
    return {
        "t": zulu(stamp_ns)[:19] + "Z",
        "o": bar.open / E4,
        "h": bar.high / E4,
        "l": bar.low / E4,
        "c": bar.close / E4,
        "v": bar.volume,
        "n": bar.volume // _SHARES_PER_TRADE + 1,
        "vw": (bar.high + bar.low + bar.close) // 3 / E4,
    }


def _round_lot(*labels: object) -> int:
    return 100 * (1 + whole(*labels) % 20)


def quote_json(symbol: str, quote: Quote) -> Json:
    """The best bid and ask."""
    return {
        "t": zulu(quote.since_ns),
        "ax": "V",
        "ap": quote.ask / E4,
        "as": _round_lot(symbol, quote.since_ns, "ask"),
        "bx": "V",
        "bp": quote.bid / E4,
        "bs": _round_lot(symbol, quote.since_ns, "bid"),
        "c": ["R"],
        "z": "C",
    }


def trade_json(symbol: str, quote: Quote) -> Json:
    """The last trade: at the mid, when the quote came up."""
    return {
        "t": zulu(quote.since_ns),
        "x": "V",
        "p": quote.mid / E4,
        "s": _round_lot(symbol, quote.since_ns, "trade"),
        "c": ["@"],
        "i": whole(symbol, quote.since_ns) >> 32,
        "z": "C",
    }
