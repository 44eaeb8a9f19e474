"""Each order's life in a row."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.accounting.money import cents
from trader.accounting.performance import Slippage, slippage
from trader.domain.journal import Entry, FillRecorded, OrderDenied, OrderObserved, OrderRefused
from trader.domain.orders import BrokerOrder, Fill
from trader.execution.order_state import OrderView, arrival_prices, fold
from trader.reporting.day_report import OrderLine


def order_lines(entries: Sequence[Entry]) -> tuple[tuple[OrderLine, ...], tuple[Slippage, ...]]:
    """The day's orders by their place in the plan, and the slippage of those that were filled."""
    views = sorted(fold(entries).values(), key=_place)
    arrivals = arrival_prices(views)
    reports, notes, fills = _reports(entries), _notes(entries), _fills(entries)
    costs = [_slippage(fills.get(view.client_order_id, ()), arrivals.get(view.client_order_id)) for view in views]
    lines = tuple(
        _line(view, arrivals.get(name), cost, reports.get(name), notes.get(name, ""))
        for view, cost in zip(views, costs, strict=True)
        for name in (view.client_order_id,)
    )
    return lines, tuple(cost for cost in costs if cost)


def _line(
    view: OrderView, arrival_price: Decimal | None, cost: Slippage | None, report: BrokerOrder | None, note: str
) -> OrderLine:
    sent = view.intended
    return OrderLine(
        client_order_id=view.client_order_id,
        symbol=view.key.symbol,
        side=view.key.side,
        quantity=view.quantity,
        limit_price=sent.limit_price if sent else report.limit_price if report else None,
        arrival_price=arrival_price,
        filled_quantity=view.filled_quantity,
        average_price=cost.average_price if cost else report.filled_average_price if report else None,
        status=view.status,
        slippage_bps=cost.bps if cost else None,
        slippage_usd=cents(cost.usd) if cost else None,
        note=note or view.cancel_reason or "",
    )


def _place(view: OrderView) -> tuple[str, int, int, int]:
    key = view.key
    return key.purpose, key.sequence, key.slice, key.generation


def _slippage(fills: Sequence[Fill], arrival_price: Decimal | None) -> Slippage | None:
    return slippage(fills, arrival_price) if arrival_price is not None else None


def _reports(entries: Sequence[Entry]) -> Mapping[str, BrokerOrder]:
    return {e.event.client_order_id: e.event.order for e in entries if isinstance(e.event, OrderObserved)}


def _fills(entries: Sequence[Entry]) -> Mapping[str, list[Fill]]:
    found: dict[str, list[Fill]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry.event, FillRecorded):
            found[entry.event.client_order_id].append(entry.event.fill)
    return found


def _notes(entries: Sequence[Entry]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        match entry.event:
            case OrderDenied(client_order_id=identity, denial=denial):
                found[identity] = f"{denial.code}: {denial.detail}"
            case OrderRefused(client_order_id=identity, reason=reason):
                found[identity] = reason
            case _:
                pass
    return found
