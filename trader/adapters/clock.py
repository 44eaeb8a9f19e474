"""Time: the wall's, or that of the simulated exchange."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import Any

from trader.ports.clock import StopSignal

_SLICE_S = 0.2
_SIMULATED_SLICE_S = 0.02


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


def _nobody() -> bool:
    return False


class ExchangeClock:
    """The simulated exchange's time: moved by waiting when it runs in lockstep, read when it runs by itself.

    `led`: whether another process moves the time at present; waiting moves nothing then.
    """

    def __init__(self, url: str, stop: StopSignal, led: Callable[[], bool] = _nobody) -> None:
        from trader.adapters.exchange_control import ExchangeControl  # costs http.client, which `status` can do without

        self._control = ExchangeControl(url)
        self._stop = stop
        self._led = led
        self._lockstep = self._control.get("/sim/clock")["mode"] == "lockstep"

    def now(self) -> datetime:
        """The exchange's instant, UTC."""
        return _instant(self._control.get("/sim/clock"))

    def wait_until(self, instant: datetime) -> None:
        """Move the exchange to `instant`, or wait until it is there."""
        while not self._stop.requested():
            if self._lockstep and not self._led():
                self._control.post("/sim/clock/advance", {"to": instant.isoformat()})
                return
            if self.now() >= instant:
                return
            time.sleep(_SIMULATED_SLICE_S)


def _instant(answer: Any) -> datetime:
    return datetime.fromisoformat(answer["now"]).astimezone(UTC)
