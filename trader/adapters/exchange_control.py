"""The simulated exchange's own namespace, /sim/: its clock, and the levers that tests hold."""

import json
import weakref
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from trader.adapters.alpaca.hosts import require_private
from trader.domain.errors import BrokerUnavailable

_PATIENCE_S = 120.0  # an advance over a whole day computes all its fills before it answers


class ExchangeControl:
    """Requests over one kept connection. Raises NotPaper for a public address."""

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
