"""The wire under alpaca-py: which host, how long, how often. The SDK itself cares for none of these."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import requests
from alpaca.common.rest import RESTClient

from trader.adapters.alpaca.hosts import Venue


class RequestBudget(Protocol):
    """The account's requests per minute, shared by all processes."""

    def take(self, priority: bool) -> None:
        """Return when one request may be sent; `priority` for those that change something."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Patience with one request, in seconds of wall time."""

    connect_s: Decimal
    read_s: Decimal


class GuardedSession(requests.Session):
    """A requests session that stays with its venue, never follows a redirect and never waits for ever."""

    def __init__(self, venue: Venue, timeouts: Timeouts, budget: RequestBudget) -> None:
        super().__init__()
        self.trust_env = not venue.simulated  # a proxy from the environment is no way to a loopback address
        self._venue = venue
        self._timeout_s = (float(timeouts.connect_s), float(timeouts.read_s))
        self._budget = budget

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send once. Raises NotPaper, with nothing sent, when the request leaves the venue."""
        self._venue.require_own(request.url or "")
        self._budget.take(priority=request.method != "GET")
        response = super().send(request, **{**kwargs, "timeout": self._timeout_s, "allow_redirects": False})
        if 300 <= response.status_code < 400:  # the SDK would take it for a success
            raise requests.TooManyRedirects
        return response


def guard(client: RESTClient, venue: Venue, timeouts: Timeouts, budget: RequestBudget) -> None:
    """Put `client` on a guarded session and switch the SDK's own resending off.

    alpaca-py sends an order up to four times on 429 and 504 and has no time-out; its constructor offers neither switch.
    """
    client._session = GuardedSession(venue, timeouts, budget)
    client._retry = 0
    client._retry_codes = []
