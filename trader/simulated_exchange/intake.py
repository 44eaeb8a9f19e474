"""Reading an order request: what is wrong with it by itself, before the account is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from trader.simulated_exchange.market import Side
from trader.simulated_exchange.money import shares
from trader.simulated_exchange.panel import E4
from trader.simulated_exchange.refusals import invalid, unprocessable

_LONGEST_CLIENT_ID = 128


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


def read_order(body: Mapping[str, Any]) -> OrderRequest:
    """The request in a JSON body whose numbers are text or Decimal; RefusalError (422) for what is wrong."""
    client_order_id = str(body.get("client_order_id") or "")
    if len(client_order_id) > _LONGEST_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {_LONGEST_CLIENT_ID} characters")
    kind = _one_of(body, "type", ("market", "limit", "stop", "stop_limit", "trailing_stop"))
    side = _one_of(body, "side", ("buy", "sell"))
    time_in_force = _one_of(body, "time_in_force", ("day", "gtc", "opg", "cls", "ioc", "fok"))
    _supported(body, kind, time_in_force)
    qty, notional = _amount(body, "qty"), _amount(body, "notional")
    _sized(qty, notional)
    return OrderRequest(
        symbol=_symbol(body),
        side=cast("Side", side),
        type=kind,
        time_in_force=time_in_force,
        qty=qty,
        notional=notional,
        limit_price=_limit_price(body, kind),
        client_order_id=client_order_id,
    )


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


def _supported(body: Mapping[str, Any], kind: str, time_in_force: str) -> None:
    if kind not in {"market", "limit"}:
        raise unprocessable(f"order type {kind} is not supported by this exchange")
    if time_in_force != "day":
        raise unprocessable(f"time_in_force {time_in_force} is not supported by this exchange")
    if body.get("order_class") not in {None, "", "simple"}:
        raise unprocessable(f"order class {body['order_class']} is not supported by this exchange")
    if body.get("extended_hours") in {True, "true", "True"}:
        raise unprocessable("extended hours orders are not supported by this exchange")


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


def _limit_price(body: Mapping[str, Any], kind: str) -> Decimal | None:
    price = _amount(body, "limit_price")
    if kind == "market":
        if price is not None:
            raise invalid("market orders require no stop or limit price")
        return None
    if price is None:
        raise invalid("limit orders require a limit price")
    step = Decimal("0.01") if price >= 1 else Decimal(1) / E4
    if price % step:
        raise unprocessable(
            f"invalid limit_price {price}. sub-penny increment does not fulfill minimum pricing criteria"
        )
    return price
