"""Whether the account may place an order: buying power, shares at hand, the asset itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.simulated_exchange.account import Position, buying_power, held_for_orders
from trader.simulated_exchange.intake import OrderRequest
from trader.simulated_exchange.market import Quote
from trader.simulated_exchange.money import ZERO, cents, plain, usd
from trader.simulated_exchange.orders import Order
from trader.simulated_exchange.refusals import forbidden, unprocessable

_MARKET_COLLAR = Decimal("1.025")
_SMALLEST_USD = 1


@dataclass(frozen=True, slots=True)
class Account:
    """What admission looks at."""

    cash: Decimal
    suspended: bool
    open_orders: Sequence[Order]
    position: Position | None


def admit(request: OrderRequest, quote: Quote | None, account: Account) -> Decimal:
    """The price in USD at which a share of the order is reserved; RefusalError (403, 422) when it may not be placed.

    Without a limit that is 2.5 % above the stop, or above the ask.
    """
    if account.suspended:
        raise forbidden("new orders are rejected by user request")
    if quote is None:
        raise unprocessable(f'asset "{request.symbol}" is not tradable')
    reserve = request.limit_price or (request.stop_price or usd(quote.ask)) * _MARKET_COLLAR
    if request.side == "sell":
        _check_sale(request, account)
    elif request.qty is None:
        _check_cost(request.notional or ZERO, account, whole=False)
    else:
        _check_cost(cents(request.qty * reserve), account, whole=request.qty == int(request.qty))
    return reserve


def _check_cost(cost: Decimal, account: Account, *, whole: bool) -> None:
    if cost < _SMALLEST_USD and not whole:
        raise forbidden(f"cost basis must be >= minimal amount of order {_SMALLEST_USD}")
    power = buying_power(account.cash, account.open_orders)
    if cost > power:
        raise forbidden("insufficient buying power", buying_power=plain(power), cost_basis=plain(cost))


def _check_sale(request: OrderRequest, account: Account) -> None:
    if request.qty is None:
        raise unprocessable("notional sell orders are not supported by this exchange")
    if account.position is None:
        raise forbidden("account is not allowed to short")
    held = held_for_orders(request.symbol, account.open_orders)
    available = account.position.qty - held
    if request.qty > available:
        raise forbidden(
            f"insufficient qty available for order (requested: {plain(request.qty)}, available: {plain(available)})",
            available=plain(available),
            existing_qty=plain(account.position.qty),
            held_for_orders=plain(held),
            symbol=request.symbol,
        )
