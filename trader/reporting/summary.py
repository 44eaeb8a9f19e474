"""The day's report, computed from journal entries alone: the same entries give the same report."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from trader.accounting.adjustments import taken_over_usd
from trader.accounting.book import adjustments_of, close_of_day
from trader.accounting.money import notional_usd
from trader.accounting.performance import (
    EquityPoint,
    Profit,
    Slippage,
    equity_curve,
    profit_by_sector,
    profit_by_symbol,
    total_slippage,
)
from trader.accounting.valuation import Exposure, PositionValue, Valuation, exposure_by_sector, value
from trader.domain.errors import InvariantViolated
from trader.domain.journal import (
    AccountOpened,
    Adjusted,
    ConfigRecorded,
    DayClosed,
    Entry,
    Event,
    FillRecorded,
    OrderDenied,
    PlanCommitted,
)
from trader.domain.market import Universe
from trader.domain.orders import OrderStatus, Purpose, Side
from trader.domain.plan import Denial, Plan
from trader.domain.portfolio import Holding
from trader.execution.breaks import BREAK_KINDS, open_breaks
from trader.execution.identifiers import parse
from trader.reporting.checks import checks_of
from trader.reporting.day_report import (
    Adjustment,
    DayReport,
    ExclusionGroup,
    Figures,
    Header,
    OrderLine,
    ProfitLoss,
    SectorLine,
    SymbolLine,
)
from trader.reporting.order_lines import order_lines

PAST_KINDS: tuple[type[Event], ...] = (ConfigRecorded, DayClosed, FillRecorded, Adjusted, *BREAK_KINDS)
"""What a report needs of the days before its own."""


@dataclass(frozen=True, slots=True)
class _Course:
    """From the last closed day, or the account's opening, to the end of this one."""

    start: Valuation
    end: Valuation
    profits: Mapping[str, Profit]


def day_report(day: date, entries: Sequence[Entry], past: Sequence[Entry], universe: Universe, top: int) -> DayReport:
    """The report of `day` from its `entries` and the `past` (PAST_KINDS, the day's own among them).

    Raises InvariantViolated when the day is not closed.
    """
    closing = next((entry for entry in entries if isinstance(entry.event, DayClosed)), None)
    if closing is None:
        raise InvariantViolated(f"{day} is not closed", "Run `trader eod` first.")
    entries, past = _through(closing, entries), _through(closing, past)
    events = [entry.event for entry in entries]
    closed = next(event for event in events if isinstance(event, DayClosed))
    plan = next((event for event in events if isinstance(event, PlanCommitted)), None)
    breaks = open_breaks(entry.event for entry in past)
    fills = [event for event in events if isinstance(event, FillRecorded)]
    course = _course(day, closed, past, plan)
    symbols = _symbols(course, universe)
    orders, costs = order_lines(entries)
    curve = _curve([entry.event for entry in past])
    return DayReport(
        header=_header(day, plan, past),
        figures=_figures(course, plan, orders, costs, fills, curve[-1].drawdown),
        checks=checks_of(closed, breaks, len(fills), len(orders)),
        breaks=breaks,
        curve=curve,
        sectors=_sectors(course, universe),
        symbols=symbols,
        best=_ranked(symbols, top, best=True),
        worst=_ranked(symbols, top, best=False),
        orders=orders,
        denials=_denials(plan, events),
        exclusions=_exclusions(plan.plan if plan else None),
        adjustments=_adjustments(past[:-1]),
    )


def _through(closing: Entry, entries: Iterable[Entry]) -> list[Entry]:
    """What the ledger held when the day was closed: whatever is written later, a day's report stays as it was."""
    return [entry for entry in entries if entry.seq <= closing.seq]


def _course(day: date, closed: DayClosed, past: Sequence[Entry], plan: PlanCommitted | None) -> _Course:
    """Money and shares that only moved into the account count as if they had been there at the start."""
    before = [e for e in past if not (isinstance(e.event, DayClosed) and e.event.session_date >= day)]
    _, realised = close_of_day(before, day)
    adjustments = adjustments_of(before, day)
    start = _renamed(_start(before, day, plan), adjustments)
    start = replace(start, cash_usd=start.cash_usd + taken_over_usd(adjustments))
    end = value(closed.book, dict(closed.marks))
    return _Course(start, end, profit_by_symbol(start, end, realised))


def _renamed(start: Valuation, adjustments: Iterable[Adjusted]) -> Valuation:
    names = {each.symbol: each.new_symbol for each in adjustments if each.new_symbol}
    positions = tuple(replace(p, symbol=names.get(p.symbol, p.symbol)) for p in start.positions)
    return replace(start, positions=positions)


def _adjustments(past: Sequence[Entry]) -> tuple[Adjustment, ...]:
    """Since the last closed day, trades by hand among them."""
    since = max((entry.seq for entry in past if isinstance(entry.event, DayClosed)), default=0)
    found: list[Adjustment] = []
    for entry in past:
        match entry.event:
            case Adjusted(cause=cause, symbol=symbol, quantity=quantity, cash_usd=cash) as event if entry.seq > since:
                symbol = f"{symbol} to {event.new_symbol}" if event.new_symbol else symbol
                found.append(Adjustment(cause, symbol, quantity, cash, event.detail))
            case FillRecorded(client_order_id="", fill=fill) if entry.seq > since:
                signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
                cash = -notional_usd(signed, fill.price)
                found.append(Adjustment("manual_trade", fill.symbol, signed, cash, f"fill {fill.fill_id}"))
            case _:
                pass
    return tuple(found)


def _curve(past: Sequence[Event]) -> tuple[EquityPoint, ...]:
    """The closed days; the account's opening, cash and cost, is the first peak."""
    opened = next((event.book for event in past if isinstance(event, AccountOpened)), None)
    curve = equity_curve(event for event in past if isinstance(event, DayClosed))
    first = opened.cash_usd + sum((held.cost_usd for held in opened.holdings), Decimal(0)) if opened else Decimal(0)
    if first <= 0:
        return curve
    below = [(point.equity_usd / first - 1).quantize(Decimal("0.000001")) for point in curve]
    return tuple(replace(point, drawdown=min(point.drawdown, each)) for point, each in zip(curve, below, strict=True))


def _start(before: Iterable[Entry], day: date, plan: PlanCommitted | None) -> Valuation:
    """Where close_of_day begins; of a book that was opened or adopted what is new counts with its cost.

    One that began again with the plan's file is worth what the plan valued it at.
    """
    start = Valuation(Decimal(0), ())
    traits = plan.plan.traits if plan else ()
    closes = {trait.symbol: trait.reference_price for trait in traits}
    for entry in before:
        match entry.event:
            case AccountOpened(session_date=opened, book=book, source="plan_file") if opened <= day:
                start = Valuation(book.cash_usd, tuple(_at_cost(h, closes.get(h.symbol)) for h in book.holdings))
            case AccountOpened(session_date=opened, book=book) if opened <= day:
                known = {(position.symbol, position.quantity): position for position in start.positions}
                found = tuple(known.get((h.symbol, h.quantity), _at_cost(h)) for h in book.holdings)
                start = Valuation(book.cash_usd, found)
            case DayClosed(book=book, marks=marks):
                start = value(book, dict(marks))
            case _:
                pass
    return start


def _at_cost(held: Holding, mark: Decimal | None = None) -> PositionValue:
    """The holding at its mark, where there is one."""
    value_usd = held.cost_usd if mark is None else notional_usd(held.quantity, mark)
    return PositionValue(held.symbol, held.quantity, mark or Decimal(0), value_usd, held.cost_usd)


def _header(day: date, plan: PlanCommitted | None, past: Sequence[Entry]) -> Header:
    opened = [e.event.account_number for e in past if isinstance(e.event, AccountOpened)]
    config = _config(plan, [e.event for e in past if isinstance(e.event, ConfigRecorded)])
    execution = config.get("execution", {})
    return Header(
        session_date=day,
        account=plan.plan.account if plan else execution.get("account", ""),
        account_number=opened[-1] if opened else "",
        strategy=plan.plan.strategy if plan else execution.get("strategy", ""),
        venue=config.get("broker", {}).get("venue", ""),
        data_as_of=plan.plan.data_as_of if plan else None,
        plan_hash=plan.plan_hash if plan else "",
        provenance=plan.plan.provenance if plan else None,
    )


def _config(plan: PlanCommitted | None, recorded: Sequence[ConfigRecorded]) -> dict[str, Any]:
    """The configuration that made the plan; without a plan the newest before the day's end."""
    wanted = [each for each in recorded if plan is None or each.config == plan.plan.provenance.config]
    return json.loads(wanted[-1].text) if wanted else {}


def _figures(
    course: _Course,
    plan: PlanCommitted | None,
    orders: Sequence[OrderLine],
    costs: Sequence[Slippage],
    fills: Sequence[FillRecorded],
    drawdown: Decimal,
) -> Figures:
    slippage_usd, slippage_bps = total_slippage(costs)
    planned = len(plan.plan.intents) if plan else 0
    return Figures(
        equity_usd=course.end.equity_usd,
        start_equity_usd=course.start.equity_usd,
        cash_usd=course.end.cash_usd,
        profit=_profit_loss(sum(course.profits.values(), Profit())),
        gross_usd=course.end.exposure.gross_usd,
        net_usd=course.end.exposure.net_usd,
        turnover_usd=sum((notional_usd(f.fill.quantity, f.fill.price) for f in fills), Decimal(0)),
        slippage_usd=slippage_usd,
        slippage_bps=slippage_bps,
        drawdown=drawdown,
        planned=planned,
        unsent=planned - len(_planned_and_sent(orders)),
        orders=len(orders),
        filled=sum(order.status is OrderStatus.FILLED for order in orders),
        fills=len(fills),
        holdings=len(course.end.positions),
    )


def _planned_and_sent(orders: Sequence[OrderLine]) -> set[int]:
    keys = (parse(order.client_order_id) for order in orders)
    return {key.sequence for key in keys if key is not None and key.purpose is Purpose.PLAN}


def _symbols(course: _Course, universe: Universe) -> tuple[SymbolLine, ...]:
    held = {position.symbol: position for position in course.end.positions}
    sectors, equity_usd = dict(universe.sectors), course.end.equity_usd
    return tuple(
        _symbol(symbol, sectors.get(symbol, "unclassified"), held.get(symbol), profit, equity_usd)
        for symbol, profit in course.profits.items()
    )


def _symbol(symbol: str, sector: str, held: PositionValue | None, profit: Profit, equity_usd: Decimal) -> SymbolLine:
    value_usd = held.value_usd if held else Decimal(0)
    return SymbolLine(
        symbol=symbol,
        sector=sector,
        quantity=held.quantity if held else Decimal(0),
        mark=held.mark if held else None,
        value_usd=value_usd,
        weight=(value_usd / equity_usd).quantize(Decimal("0.000001")) if equity_usd else Decimal(0),
        profit=_profit_loss(profit),
    )


def _sectors(course: _Course, universe: Universe) -> tuple[SectorLine, ...]:
    exposures = exposure_by_sector(course.end, universe)
    return tuple(
        SectorLine(sector, exposure.gross_usd, exposure.net_usd, _profit_loss(profit))
        for sector, profit in profit_by_sector(course.profits, universe).items()
        for exposure in (exposures.get(sector, Exposure()),)
    )


def _profit_loss(profit: Profit) -> ProfitLoss:
    return ProfitLoss(profit.realised_usd, profit.unrealised_usd, profit.total_usd)


def _ranked(symbols: Sequence[SymbolLine], top: int, best: bool) -> tuple[SymbolLine, ...]:
    sign = 1 if best else -1
    wanted = [line for line in symbols if sign * line.profit.total_usd > 0]
    return tuple(sorted(wanted, key=lambda line: (-sign * line.profit.total_usd, line.symbol))[:top])


def _denials(plan: PlanCommitted | None, events: Iterable[Event]) -> tuple[Denial, ...]:
    planned = plan.plan.denials if plan else ()
    final = (event for event in events if isinstance(event, OrderDenied) and not event.passing)
    return (*planned, *(event.denial for event in final))


def _exclusions(plan: Plan | None) -> tuple[ExclusionGroup, ...]:
    groups: dict[str, list[str]] = {}
    for exclusion in plan.exclusions if plan else ():
        groups.setdefault(exclusion.code, []).append(exclusion.symbol)
    return tuple(ExclusionGroup(code, tuple(sorted(symbols))) for code, symbols in sorted(groups.items()))
