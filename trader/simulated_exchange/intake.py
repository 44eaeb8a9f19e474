"""Reading an order request: what is wrong with it by itself, before the account is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from trader.simulated_exchange.market import Side
from trader.simulated_exchange.money import shares
from trader.simulated_exchange.orders import Order
from trader.simulated_exchange.panel import E4
from trader.simulated_exchange.refusals import invalid, unprocessable

_LONGEST_CLIENT_ID = 128
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed wish; the client order id is empty when the client gave none."""

    symbol: str
    side: Side
    type: str
    time_in_force: str
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    client_order_id: str
    stop_price: Decimal | None = None
    extended_hours: bool = False

    @property
    def is_fractional(self) -> bool:
        """Whether it is for dollars or for a part of a share."""
        return self.qty is None or self.qty != int(self.qty)


def read_order(body: Mapping[str, Any]) -> OrderRequest:
    """The request in a JSON body whose numbers are text or Decimal; RefusalError (422) for what is wrong."""
    client_order_id = _client_order_id(body)
    kind = _one_of(body, "type", ("market", "limit", "stop", "stop_limit", "trailing_stop"))
    side = _one_of(body, "side", ("buy", "sell"))
    time_in_force = _one_of(body, "time_in_force", TIMES_IN_FORCE)
    qty, notional = _amount(body, "qty"), _amount(body, "notional")
    _sized(qty, notional)
    wish = OrderRequest(
        symbol=_symbol(body),
        side=cast("Side", side),
        type=kind,
        time_in_force=time_in_force,
        qty=qty,
        notional=notional,
        limit_price=read_price(body, "limit_price"),
        client_order_id=client_order_id,
        stop_price=read_price(body, "stop_price"),
        extended_hours=body.get("extended_hours") in {True, "true", "True"},
    )
    if body.get("order_class") not in {None, "", "simple"}:
        raise unprocessable(f"order class {body['order_class']} is not supported by this exchange")
    check_terms(wish)
    return wish


def read_replacement(body: Mapping[str, Any], order: Order) -> OrderRequest:
    """What an open order is to become; RefusalError (422) when it cannot, or would stay as it is."""
    if order.replaced_by is not None:
        raise unprocessable("order already replaced")
    if order.status not in {"new", "partially_filled"}:
        raise unprocessable(f"cannot replace order in {order.status} status")
    if order.notional is not None:
        raise unprocessable("notional orders cannot be replaced")
    qty = _amount(body, "qty")
    if qty is not None and (qty != int(qty) or order.qty != int(order.qty or 0)):
        raise invalid("qty must be integer")
    kept = OrderRequest(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        qty=order.qty,
        notional=None,
        limit_price=order.limit_price,
        client_order_id=_client_order_id(body),
        stop_price=order.stop_price,
        extended_hours=order.extended_hours,
    )
    wish = replace(
        kept,
        qty=qty or kept.qty,
        limit_price=read_price(body, "limit_price") or kept.limit_price,
        stop_price=read_price(body, "stop_price") or kept.stop_price,
        time_in_force=_one_of(body, "time_in_force", TIMES_IN_FORCE) if "time_in_force" in body else kept.time_in_force,
    )
    if wish == kept:
        raise unprocessable("order parameters are not changed")
    if wish.qty is not None and wish.qty <= order.filled_qty:
        raise unprocessable("qty must be greater than filled_qty")
    check_terms(wish)
    return wish


def _client_order_id(body: Mapping[str, Any]) -> str:
    client_order_id = str(body.get("client_order_id") or "")
    if len(client_order_id) > _LONGEST_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {_LONGEST_CLIENT_ID} characters")
    return client_order_id


def _symbol(body: Mapping[str, Any]) -> str:
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise invalid("symbol is required")
    return symbol.upper()


def _one_of(body: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    value = body.get(key)
    if value not in known:
        raise invalid(f"invalid {key}: {value}" if value else f"{key} is required")
    return str(value)


def check_terms(wish: OrderRequest) -> None:
    """Whether type, time in force, size and prices go together; RefusalError (422) when not."""
    if wish.type == "trailing_stop":
        raise unprocessable("order type trailing_stop is not supported by this exchange")
    _priced(wish)
    if wish.extended_hours and (wish.type != "limit" or wish.time_in_force not in {"day", "gtc"}):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if wish.is_fractional and wish.time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    if wish.stop_price is not None and wish.time_in_force not in {"day", "gtc"}:
        raise unprocessable(f"{wish.time_in_force} orders must be market or limit orders")


def _priced(wish: OrderRequest) -> None:
    """Each type has its prices and no other."""
    limit, stop = wish.limit_price is not None, wish.stop_price is not None
    if wish.type == "market" and (limit or stop):
        raise invalid("market orders require no stop or limit price")
    if wish.type == "limit" and not limit:
        raise invalid("limit orders require a limit price")
    if wish.type == "limit" and stop:
        raise invalid("limit orders require only limit price")
    if wish.type == "stop" and not stop:
        raise invalid("stop orders require a stop price")
    if wish.type == "stop" and limit:
        raise invalid("stop orders require only stop price")
    if wish.type == "stop_limit" and not (limit and stop):
        raise invalid("stop limit orders require both stop and limit price")


def _amount(body: Mapping[str, Any], key: str) -> Decimal | None:
    given = body.get(key)
    if given is None:
        return None
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        raise invalid(f"{key} is not a number: {given}") from None
    if not value.is_finite() or value <= 0 or value >= 10**12:
        raise invalid(f"{key} must be > 0")
    return value


def _sized(qty: Decimal | None, notional: Decimal | None) -> None:
    if qty is None and notional is None:
        raise invalid("qty or notional is required")
    if qty is not None and notional is not None:
        raise invalid("only one of qty or notional is accepted")
    if qty is not None and qty != shares(qty):
        raise invalid("qty can have at most 9 decimals")
    if notional is not None and notional != round(notional, 2):
        raise invalid("notional value must be limited to 2 decimal places")


def read_price(body: Mapping[str, Any], key: str) -> Decimal | None:
    """A price on the tick: a cent from a dollar up, else a hundredth of one."""
    price = _amount(body, key)
    if price is not None and price % (Decimal("0.01") if price >= 1 else Decimal(1) / E4):
        raise unprocessable(f"invalid {key} {price}. sub-penny increment does not fulfill minimum pricing criteria")
    return price
