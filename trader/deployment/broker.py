"""What an emergency stop asks of the broker, without any release: bar new orders, cancel the open ones."""

import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from trader.deployment.errors import BadInput, DeploymentError

PAPER = "https://paper-api.alpaca.markets"
_ANSWER_S = 5


class BrokerSilent(DeploymentError):
    """The broker cannot be reached, or refuses."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Broker:
    """The paper account. Raises BadInput when `url` is neither Alpaca's paper host nor a private address."""

    url: str
    key_id: str
    secret: str

    def __post_init__(self) -> None:
        """Refuse a live host before anything is sent."""
        if self.url != PAPER and not _private(self.url):
            raise BadInput(f"{self.url!r} is no paper host", f"It is {PAPER}, or http:// on a private address.")

    def __repr__(self) -> str:
        """Without the keys."""
        return f"Broker({self.url})"

    def account(self) -> str:
        """The number of the account that the keys open. Raises BrokerSilent when they open none."""
        return str(self._ask("GET", "/v2/account")["account_number"])

    def bar(self) -> None:
        """Have the broker refuse new orders until `trader resume`."""
        self._ask("PATCH", "/v2/account/configurations", {"suspend_trade": True})

    def cancel_all(self) -> set[str]:
        """Ask for the end of every open order; the broker's ids of those it took."""
        return {str(order["id"]) for order in self._ask("DELETE", "/v2/orders") or []}

    def open_orders(self) -> list[str]:
        """The client ids of the orders that are open."""
        found = self._ask("GET", "/v2/orders?status=open&limit=500")
        return [str(order["client_order_id"]) for order in found]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer as JSON. Goes nowhere but to `url`: no proxy, no redirect. Raises BrokerSilent."""
        headers = {"APCA-API-KEY-ID": self.key_id, "APCA-API-SECRET-KEY": self.secret}
        if body is not None:
            headers["Content-Type"] = "application/json"
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        try:
            with closing(kind(parts.netloc, timeout=_ANSWER_S)) as connection:
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                text = answer.read()
        except (OSError, HTTPException) as error:
            raise BrokerSilent(f"the broker cannot be reached ({error})", _remedy(0)) from None
        if answer.status >= 300:
            raise BrokerSilent(f"the broker answers {method} with {answer.status}", _remedy(answer.status))
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise BrokerSilent(f"the broker answers {method} with what is no JSON", _remedy(0)) from None


def _remedy(code: int) -> str:
    if code in (401, 403):
        return "Cancel in the broker's own dashboard, then mend the keys."
    return "Run the stop again; meanwhile cancel in the broker's own dashboard."


def _private(url: str) -> bool:
    parts = urlsplit(url)
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return False
    return parts.scheme == "http" and parts.username is None and (address.is_loopback or address.is_private)
