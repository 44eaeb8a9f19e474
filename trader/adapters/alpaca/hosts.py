"""Where requests may go: Alpaca's paper and data hosts, or a simulated exchange on a private address. Nowhere else.

Standard library only: the settings and the clock ask it too, and it asks no setting whether to refuse.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from trader.domain.errors import NotPaper

PAPER_HOSTS = frozenset({"paper-api.alpaca.markets", "data.alpaca.markets"})
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII without blank and backslash, which parsers read differently

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Venue:
    """The base addresses of one venue. Raises NotPaper when any of them is not a paper one."""

    trading: str
    data: str

    def __post_init__(self) -> None:
        """Refuse a live host before any client exists."""
        for url in (self.trading, self.data):
            require_paper(url)

    @property
    def simulated(self) -> bool:
        """Whether this is a simulated exchange."""
        return _origin(self.trading)[1] not in PAPER_HOSTS

    def require_own(self, url: str) -> None:
        """Raise NotPaper unless `url` belongs to this venue."""
        if _origin(url) not in {_origin(self.trading), _origin(self.data)}:
            raise _refused(url)


def simulated(url: str) -> Venue:
    """The venue of a simulated exchange at `url`. Raises NotPaper unless the address is loopback or private."""
    require_private(url)
    return Venue(trading=url.rstrip("/"), data=url.rstrip("/"))


def require_paper(url: str) -> None:
    """Raise NotPaper unless `url` is on a paper host by TLS, or on a loopback or private address."""
    scheme, host, port = _origin(url)
    if not (scheme == "https" and host in PAPER_HOSTS and port == 443):
        require_private(url)


def is_paper(url: str) -> bool:
    """Whether `require_paper` takes it."""
    try:
        require_paper(url)
    except NotPaper:
        return False
    return True


def require_private(url: str) -> None:
    """Raise NotPaper unless `url` is http on a loopback or private IP address, or on localhost."""
    scheme, host, _ = _origin(url)
    if scheme != "http" or not _is_private(host):
        raise _refused(url)


def _is_private(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private


def _origin(url: str) -> Origin:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise _refused(url) from None
    if not _PLAIN.fullmatch(url) or parts.username is not None or not parts.hostname:
        raise _refused(url)
    return parts.scheme, parts.hostname, port


def _refused(url: str) -> NotPaper:
    return NotPaper(
        where="broker address",
        what=f"{_shown(url)} is neither Alpaca's paper service nor a simulated exchange on a private address",
        remedy="Set broker.venue to alpaca, or to simulated with an http:// address such as http://127.0.0.1:8080.",
    )


def _shown(url: str) -> str:
    """Host part alone: user info and query of a wrong address are nobody's business."""
    return repr(re.sub(r"^([a-z]*://)?(.*@)?", r"\1", url.partition("?")[0])[:80])


ALPACA_PAPER = Venue(trading="https://paper-api.alpaca.markets", data="https://data.alpaca.markets")
