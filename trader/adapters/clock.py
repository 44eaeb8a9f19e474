"""Time: the wall's, or that of the simulated exchange."""

import json
import signal
import time
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from types import FrameType, TracebackType
from typing import Any
from urllib.parse import urlsplit

from trader.adapters.alpaca.hosts import require_private
from trader.domain.errors import BrokerUnavailable
from trader.ports.clock import StopSignal

_SLICE_S = 0.2
_SIMULATED_SLICE_S = 0.02
_PATIENCE_S = 120.0  # an advance over a whole day computes all its fills before it answers


class SignalStop:
    """StopSignal set by SIGTERM and Ctrl-C inside the `with` block; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self._requested = False
        self._handlers: dict[int, Any] = {}

    def requested(self) -> bool:
        """True from the first signal on."""
        return self._requested

    def __enter__(self) -> "SignalStop":
        self._handlers = {number: signal.signal(number, self._request) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


class SystemClock:
    """The wall's time."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop

    def now(self) -> datetime:
        """This instant, UTC."""
        return datetime.now(UTC)

    def wait_until(self, instant: datetime) -> None:
        """Sleep in slices, so that a stop is heard and a clock that is set right is believed."""
        while not self._stop.requested() and (left_s := (instant - self.now()).total_seconds()) > 0:
            time.sleep(min(left_s, _SLICE_S))


class ExchangeControl:
    """The simulated exchange's own namespace, over one kept connection. Raises NotPaper for a public address."""

    def __init__(self, url: str) -> None:
        require_private(url)
        parts = urlsplit(url)
        self._url = url
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_S)
        weakref.finalize(self, self._connection.close)

    def get(self, path: str) -> Any:
        """The JSON of a GET. Raises BrokerUnavailable."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, object]) -> Any:
        """The JSON of a POST; one that may be repeated, as advancing the clock may. Raises BrokerUnavailable."""
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        with suppress(OSError, HTTPException):  # a kept connection may have been closed meanwhile: once more, anew
            return self._exchange(method, path, body)
        self._connection.close()
        try:
            return self._exchange(method, path, body)
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise self._unavailable(type(error).__name__) from None

    def _exchange(self, method: str, path: str, body: bytes | None) -> Any:
        self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = self._connection.getresponse()
        text = response.read()
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if response.status != 200 or answer is None:
            raise self._unavailable(f"{method} {path} is answered with HTTP {response.status}")
        return answer

    def _unavailable(self, cause: str) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"the simulated exchange at {self._url}", cause, "Check that `trader exchange serve` runs at this address."
        )


class ExchangeClock:
    """The simulated exchange's time: moved by waiting when it runs in lockstep, read when it runs by itself."""

    def __init__(self, url: str, stop: StopSignal) -> None:
        self._control = ExchangeControl(url)
        self._stop = stop
        self._lockstep = self._control.get("/sim/clock")["mode"] == "lockstep"

    def now(self) -> datetime:
        """The exchange's instant, UTC."""
        return _instant(self._control.get("/sim/clock"))

    def wait_until(self, instant: datetime) -> None:
        """Move the exchange to `instant`, or wait until it is there."""
        if self._stop.requested():
            return
        if self._lockstep:
            self._control.post("/sim/clock/advance", {"to": instant.isoformat()})
            return
        while not self._stop.requested() and self.now() < instant:
            time.sleep(_SIMULATED_SLICE_S)


def _instant(answer: Any) -> datetime:
    return datetime.fromisoformat(answer["now"]).astimezone(UTC)
