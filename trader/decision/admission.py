"""The gate an order passes at the moment it is sent: the only maker of ApprovedOrder."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.domain.journal import TradingState
from trader.domain.market import Quote
from trader.domain.orders import OrderRequest, Side
from trader.domain.plan import Denial


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """An order that may go to the wire. Prices in USD; `arrival_price` is the mid it will be measured against."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    arrival_price: Decimal
    quote: Quote
    checks: tuple[str, ...]
