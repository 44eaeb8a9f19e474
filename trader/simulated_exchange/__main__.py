"""python -m trader.simulated_exchange: options in, one exchange out."""

import argparse
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from trader.simulated_exchange.config import ExchangeConfig, ExchangeStartError
from trader.simulated_exchange.server import serve


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trader.simulated_exchange", description=serve.__doc__)
    parser.add_argument("--state", type=Path, required=True, help="directory of the exchange's memory")
    parser.add_argument("--at", type=datetime.fromisoformat, required=True, help="simulated time, with offset")
    parser.add_argument("--bars", type=Path, help="Parquet: symbol, date, open, high, low, close, volume")
    parser.add_argument("--symbols", type=int, default=0, help="number of synthetic symbols")
    parser.add_argument("--history-start", type=date.fromisoformat, help="first synthetic day")
    parser.add_argument("--history-end", type=date.fromisoformat, help="last synthetic day")
    parser.add_argument("--cash", type=Decimal, default=Decimal(1_000_000), dest="cash_usd", help="opening cash, USD")
    parser.add_argument("--clock", choices=("lockstep", "speed"), default="lockstep")
    parser.add_argument("--speed", type=float, default=60.0, help="simulated seconds per second, for --clock speed")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate-limit", type=int, default=200, help="requests per simulated minute and key, 0 for none")
    parser.add_argument("--partial-fills", type=float, default=0.1, help="probability of a fill in two parts")
    parser.add_argument("--with-parent", action="store_true", help="end when the starting process does")
    parser.add_argument("--shorting", action="store_true", help="a new account may sell short")
    parser.add_argument("--margin-multiplier", type=int, default=1, choices=(1, 2, 4), help="of a new account")
    parser.add_argument("--subscription", choices=("basic", "plus"), default="plus", help="basic: no recent SIP data")
    return parser


def main() -> int:
    """Serve; 0 after a clean end, 2 when it cannot start."""
    try:
        serve(ExchangeConfig(**vars(_options().parse_args())))
    except ExchangeStartError as error:
        sys.stderr.write(f"simulated exchange: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
