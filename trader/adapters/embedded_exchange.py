"""The simulated exchange as a child process, for one command; what happened on it stays in its directory."""

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO

from trader.adapters import durable
from trader.adapters.exchange_control import ExchangeControl
from trader.domain.errors import BrokerUnavailable, ConfigurationError
from trader.domain.policy import SimulationPolicy

_START_S = 90.0
_END_S = 10.0
_DAYS_AHEAD = timedelta(days=366)
EARLIEST = date(2000, 1, 1)
"""The exchange knows no session before it."""


@dataclass(frozen=True, slots=True)
class Market:
    """What the exchange deals in; it may not change under its state, so it is remembered beside it.

    Either a Parquet file `bars`, or synthetic symbols between two ISO dates.
    """

    bars: str | None
    history_start: str | None
    history_end: str | None


class EmbeddedExchange:
    """Context manager: starts the exchange over `state_dir`, gives its URL, ends it with the block.

    The first start fixes the market: the Parquet file `bars`, or a synthetic one of `simulation`'s size from
    `history_sessions` before `start_at` to a year after it; later ones need not name it. `start_at` never moves time
    back. Raises ConfigurationError when the exchange refuses its options, BrokerUnavailable when it does not start.
    """

    def __init__(
        self,
        state_dir: Path,
        simulation: SimulationPolicy,
        start_at: datetime,
        *,
        bars: Path | None = None,
        requests_per_minute: int = 200,
        speed: float | None = None,
    ) -> None:
        self._state_dir = state_dir
        self._simulation = simulation
        self._start_at = start_at
        self._bars = bars
        self._requests_per_minute = requests_per_minute
        self._speed = speed
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        remembered = remembered_market(self._state_dir)
        market = chosen_market(remembered, self._start_at.date(), self._simulation, self._bars)
        self._state_dir.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("wb") as log:
            # a group of its own: Ctrl-C shall reach the trader alone, which may still need its exchange
            self._process = subprocess.Popen(
                self._command(market), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, process_group=0
            )
        try:
            url = self._address(self._process)
            durable.replace(_memory(self._state_dir), json.dumps(asdict(market)).encode())
        except BaseException:
            self._end()
            raise
        return url

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    @property
    def _log_path(self) -> Path:
        return self._state_dir / "exchange.log"

    def _command(self, market: Market) -> list[str]:
        simulation = self._simulation
        options = {
            "--state": self._state_dir,
            "--at": self._start_at.isoformat(),
            "--cash": simulation.cash_usd,
            "--seed": simulation.seed,
            "--partial-fills": simulation.partial_fills,
            "--rate-limit": self._requests_per_minute,
            **({"--clock": "lockstep"} if self._speed is None else {"--clock": "speed", "--speed": self._speed}),
            **self._market_options(market),
        }
        words = [str(word) for option in options.items() for word in option]
        return [sys.executable, "-m", "trader.simulated_exchange", "--with-parent", *words]

    def _market_options(self, market: Market) -> dict[str, object]:
        if market.bars is not None:
            return {"--bars": market.bars}
        return {
            "--symbols": self._simulation.symbols,
            "--history-start": market.history_start,
            "--history-end": market.history_end,
        }

    def _address(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        line = _first_line(process.stdout, _START_S)
        if line:
            return str(json.loads(line)["url"])
        ended = process.poll() if line is None else process.wait(_END_S)
        said = self._log_path.read_text(errors="replace").strip()[-1000:] or "it said nothing"
        if ended == 2:
            raise ConfigurationError("simulated exchange", said, "Mend that, or use a state directory of its own.")
        cause = f"no address within {_START_S:.0f} s" if line is None else f"it ended with {ended}: {said}"
        raise BrokerUnavailable("the start of the simulated exchange", cause, f"Its own words: {self._log_path}.")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def fetch_sectors(url: str) -> dict[str, str]:
    """The sector of each symbol of a synthetic market; empty when its bars are from a file."""
    return dict(ExchangeControl(url).get("/sim/sectors"))


def remembered_market(state_dir: Path) -> Market | None:
    """The market of an exchange that has been started over `state_dir`, else None."""
    memory = _memory(state_dir)
    return Market(**json.loads(memory.read_text())) if memory.exists() else None


def chosen_market(
    remembered: Market | None, first: date, simulation: SimulationPolicy, bars: Path | None = None
) -> Market:
    """The one named now, else the remembered one, else a synthetic one around the `first` day."""
    if bars is not None:
        return Market(bars=str(bars.resolve()), history_start=None, history_end=None)
    if remembered is not None:
        return remembered
    return Market(None, (first - history_span(simulation)).isoformat(), (first + _DAYS_AHEAD).isoformat())


def history_span(simulation: SimulationPolicy) -> timedelta:
    """How long before its first day a synthetic market begins."""
    return timedelta(days=int(simulation.history_sessions * 1.45) + 14)  # 252 sessions in 365.25 days, and margin


def _memory(state_dir: Path) -> Path:
    return state_dir / "market.json"


def _first_line(stream: IO[bytes], within_s: float) -> bytes | None:
    """The first line, empty when the stream ended before it was whole, None when time ran out."""
    until_s, text = time.monotonic() + within_s, b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, until_s - time.monotonic()))
        if not ready:
            return None
        chunk = os.read(stream.fileno(), 4096)
        if not chunk:
            return b""
        text += chunk
    return text
