"""Whether the account may place an order: buying power, shares at hand or to borrow, and no trade with itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.simulated_exchange.account import Position, Worth, held_for_orders
from trader.simulated_exchange.intake import OrderRequest
from trader.simulated_exchange.market import Quote
from trader.simulated_exchange.money import ZERO, cents, plain, usd
from trader.simulated_exchange.orders import Intent, Order
from trader.simulated_exchange.refusals import forbidden, unprocessable

_BUY_COLLAR, _SHORT_COLLAR = Decimal("1.025"), Decimal("1.03")
_SMALLEST_USD = 1
_LEAST_EQUITY_TO_SHORT_USD = 2000


@dataclass(frozen=True, slots=True)
class Account:
    """What admission looks at; `may_borrow` is about the symbol in question."""

    worth: Worth
    multiplier: int
    suspended: bool
    may_short: bool
    may_borrow: bool
    open_orders: Sequence[Order]
    position: Position | None


@dataclass(frozen=True, slots=True)
class Admission:
    """The price in USD at which a share of the order is reserved, and what it does to the position."""

    reserve: Decimal
    intent: Intent


def admit(request: OrderRequest, quote: Quote | None, account: Account) -> Admission:
    """Let an order in; RefusalError (403, 422) when it may not be placed.

    A buy without a limit is reserved 2.5 % above its stop or the ask, a short sale at its limit or 3 % above the ask,
    whichever is more.
    """
    if account.suspended:
        raise forbidden("new orders are rejected by user request")
    if quote is None:
        raise unprocessable(f'asset "{request.symbol}" is not tradable')
    position, ask = account.position, usd(quote.ask)
    reserve = request.limit_price or (request.stop_price or ask) * _BUY_COLLAR
    intent: Intent = "buy_to_open"
    if position is not None and (position.qty > 0) == (request.side == "sell"):
        _check_shares(request, account, position)
        intent = "sell_to_close" if request.side == "sell" else "buy_to_close"
    elif request.side == "sell":
        reserve, intent = max(request.limit_price or ZERO, ask * _SHORT_COLLAR), "sell_to_open"
        _check_short(request, reserve, account)
    else:
        cost = request.notional or cents((request.qty or ZERO) * reserve)
        _check_cost(cost, account, smallest=_SMALLEST_USD if request.is_fractional else 0)
    _check_wash(request, account.open_orders)
    return Admission(reserve, intent)


def _check_cost(cost: Decimal, account: Account, *, smallest: int = 0) -> None:
    if cost < smallest:
        raise forbidden(f"cost basis must be >= minimal amount of order {smallest}")
    power = account.worth.buying_power(account.multiplier, account.open_orders)
    if cost > power:
        raise forbidden("insufficient buying power", buying_power=plain(power), cost_basis=plain(cost))


def _check_shares(request: OrderRequest, account: Account, position: Position) -> None:
    """What closes a position may not turn it over."""
    if request.qty is None:
        raise unprocessable("notional orders that close a position are not supported by this exchange")
    held = held_for_orders(position, account.open_orders)
    available = abs(position.qty) - held
    if request.qty > available:
        raise forbidden(
            f"insufficient qty available for order (requested: {plain(request.qty)}, available: {plain(available)})",
            available=plain(available),
            existing_qty=plain(position.qty),
            held_for_orders=plain(held),
            symbol=request.symbol,
        )


def _check_short(request: OrderRequest, reserve: Decimal, account: Account) -> None:
    if not account.may_short or account.worth.equity < _LEAST_EQUITY_TO_SHORT_USD:
        raise forbidden("account is not allowed to short")
    if not account.may_borrow:
        raise forbidden(f'asset "{request.symbol}" cannot be sold short')
    if request.qty is None or request.is_fractional:
        raise unprocessable("fractional orders cannot be sold short")
    _check_cost(cents(request.qty * reserve), account)


def _check_wash(request: OrderRequest, open_orders: Sequence[Order]) -> None:
    """Orders of one account must not be able to meet each other."""
    for order in open_orders:
        if order.symbol == request.symbol and order.side != request.side and _could_meet(request, order):
            kind = "limit" if order.type == "limit" else "market/stop"
            raise forbidden(
                "potential wash trade detected. use complex orders",
                existing_order_id=str(order.id),
                reject_reason=f"opposite side {kind} order exists",
            )


def _could_meet(request: OrderRequest, order: Order) -> bool:
    """Anything but two limits that do not reach each other."""
    if request.limit_price is None or order.limit_price is None or {request.type, order.type} != {"limit"}:
        return True
    bought, sold = (request, order) if request.side == "buy" else (order, request)
    assert bought.limit_price is not None
    assert sold.limit_price is not None
    return bought.limit_price >= sold.limit_price
