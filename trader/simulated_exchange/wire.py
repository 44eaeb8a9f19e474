"""Orders, positions, account and the rest in the broker's JSON: amounts as text, instants as RFC 3339."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from trader.simulated_exchange.account import Position, held_for_orders
from trader.simulated_exchange.activities import Activity
from trader.simulated_exchange.borrow import borrow_of
from trader.simulated_exchange.calendar import Calendar, Session
from trader.simulated_exchange.draws import identity
from trader.simulated_exchange.engine import Engine, TradeUpdate
from trader.simulated_exchange.fills import Fill
from trader.simulated_exchange.history import last_equity
from trader.simulated_exchange.money import ZERO, cents, plain, usd
from trader.simulated_exchange.orders import Order, order_id
from trader.simulated_exchange.timestamps import NEW_YORK, new_york_date, new_york_text, to_datetime, zulu

Json = dict[str, Any]
_MAINTENANCE = Decimal("0.3")
_AVERAGE_STEP = Decimal("0.000001")


def asset_id(symbol: str) -> UUID:
    """The exchange's own name for a symbol."""
    return identity("asset", symbol)


def _instant(ns: int | None) -> str | None:
    return None if ns is None else zulu(ns)


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _order_id(client_order_id: str | None) -> str | None:
    return None if client_order_id is None else str(order_id(client_order_id))


def order_json(order: Order) -> Json:
    """An order with every key of the broker's."""
    average = (order.filled_usd / order.filled_qty).quantize(_AVERAGE_STEP) if order.filled_qty else None
    ended = {order.status: _instant(order.ended_ns)}
    return {
        "id": str(order.id),
        "client_order_id": order.client_order_id,
        "created_at": zulu(order.submitted_ns),
        "updated_at": zulu(order.updated_ns),
        "submitted_at": zulu(order.submitted_ns),
        "filled_at": ended.get("filled"),
        "expired_at": ended.get("expired"),
        "canceled_at": ended.get("canceled"),
        "failed_at": ended.get("rejected"),
        "replaced_at": ended.get("replaced"),
        "expires_at": zulu(order.expires_ns),
        "replaced_by": _order_id(order.replaced_by),
        "replaces": _order_id(order.replaces),
        "asset_id": str(asset_id(order.symbol)),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": _amount(order.notional),
        "qty": _amount(order.qty),
        "filled_qty": plain(order.filled_qty),
        "filled_avg_price": _amount(average),
        "order_class": "",
        "order_type": order.type,
        "type": order.type,
        "side": order.side,
        "position_intent": order.position_intent,
        "time_in_force": order.time_in_force,
        "limit_price": _amount(order.limit_price),
        "stop_price": _amount(order.stop_price),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "subtag": None,
        "source": None,
    }


def update_json(update: TradeUpdate) -> Json:
    """What the stream says of one update."""
    data: Json = {"event": update.kind, "timestamp": zulu(update.at_ns), "order": order_json(update.order)}
    if update.fill:
        data |= {
            "execution_id": str(update.fill.execution_id),
            "price": plain(update.fill.price),
            "qty": plain(update.fill.qty),
            "position_qty": plain(update.position_qty),
        }
    return data


def fill_json(fill: Fill, order: Order) -> Json:
    """A FILL row of the account's activities."""
    return {
        "id": fill.activity_id,
        "activity_type": "FILL",
        "transaction_time": f"{to_datetime(fill.at_ns):%Y-%m-%dT%H:%M:%S.%f}Z",
        "type": "partial_fill" if fill.leaves_qty else "fill",
        "price": plain(fill.price),
        "qty": plain(fill.qty),
        "side": "sell_short" if order.intent == "sell_to_open" else fill.side,
        "symbol": fill.symbol,
        "leaves_qty": plain(fill.leaves_qty),
        "order_id": str(order.id),
        "cum_qty": plain(fill.cum_qty),
        "order_status": fill.order_status,
    }


def activity_json(activity: Activity) -> Json:
    """Any other row of the account's activities."""
    return {
        "id": activity.activity_id,
        "activity_type": activity.activity_type,
        "activity_sub_type": activity.sub_type,
        "date": activity.day,
        "net_amount": plain(activity.net_amount),
        "symbol": activity.symbol,
        "qty": _amount(activity.qty),
        "per_share_amount": _amount(activity.per_share_amount),
        "status": "executed",
        "created_at": zulu(activity.created_ns),
        "group_id": activity.group_id,
        "currency": "USD",
        "cusip": None,
        "description": activity.description,
    }


def _previous_close(engine: Engine, symbol: str) -> Decimal:
    """The close before today's date in New York, 0 when there was none."""
    today = new_york_date(engine.now_ns)
    calendar = engine.market.calendar
    session = calendar.session_on(today)
    columns = engine.market.closed_columns((session or calendar.last_open(engine.now_ns)).close_ns - bool(session))
    bar = engine.market.last_bar(symbol, columns, engine.now_ns)
    return usd(bar.close) if bar else ZERO


def _ratio(part: Decimal, whole: Decimal) -> str:
    return plain((part / whole).quantize(_AVERAGE_STEP)) if whole else "0"


def position_json(engine: Engine, position: Position) -> Json:
    """A position at its present mark; amounts of a short one are below zero."""
    held = held_for_orders(position, engine.book.open)
    price, value = engine.mark(position.symbol), engine.market_value(position)
    cost = cents(position.qty * position.avg_entry_price)
    yesterday = _previous_close(engine, position.symbol)
    today = value - cents(position.qty * yesterday)
    return {
        "asset_id": str(asset_id(position.symbol)),
        "symbol": position.symbol,
        "exchange": "NYSE",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "qty": plain(position.qty),
        "qty_available": plain(position.qty - held.copy_sign(position.qty)),
        "avg_entry_price": plain(position.avg_entry_price),
        "side": "long" if position.qty > 0 else "short",
        "market_value": plain(value),
        "cost_basis": plain(cost),
        "unrealized_pl": plain(value - cost),
        "unrealized_plpc": _ratio(value - cost, abs(cost)),
        "unrealized_intraday_pl": plain(today),
        "unrealized_intraday_plpc": _ratio(today, abs(value - today)),
        "current_price": plain(price),
        "lastday_price": plain(yesterday),
        "change_today": _ratio(price - yesterday, yesterday),
    }


def account_json(engine: Engine) -> Json:
    """The account: a cash account unless it was opened with margin."""
    worth, orders = engine.worth, engine.book.open
    multiplier = engine.terms.multiplier_under(engine.configurations)
    powers = {
        "": multiplier,
        "effective_": multiplier,
        "regt_": min(multiplier, 2),
        "non_marginable_": 1,
        "options_": 1,
    }
    zeros = ("last_maintenance_margin", "sma", "accrued_fees", "pending_reg_taf_fees", "intraday_adjustments")
    return {
        "id": str(identity("account", engine.account_number)),
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": f"SIMULATED{engine.account_number}",
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "crypto_tier": 0,
        "currency": "USD",
        "cash": plain(engine.cash),
        "equity": plain(worth.equity),
        "portfolio_value": plain(worth.equity),
        "last_equity": plain(last_equity(engine)),
        "long_market_value": plain(worth.long),
        "short_market_value": plain(worth.short),
        "position_market_value": plain(worth.exposure),
        "initial_margin": plain(cents(worth.exposure / multiplier)),
        "maintenance_margin": plain(cents(worth.exposure * _MAINTENANCE)),
        **{f"{name}buying_power": plain(worth.buying_power(most, orders)) for name, most in powers.items()},
        **dict.fromkeys(zeros, "0"),
        "multiplier": str(multiplier),
        "balance_asof": engine.market.calendar.last_open(engine.now_ns - 1).day.isoformat(),
        "options_approved_level": 0,
        "options_trading_level": 0,
        "account_blocked": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "trade_suspended_by_user": engine.configurations["suspend_trade"],
        "shorting_enabled": engine.terms.may_short(engine.configurations),
        "created_at": "2015-01-02T14:30:00.000000000Z",
    }


def asset_json(engine: Engine, symbol: str) -> Json:
    """An asset; tradable once it has had a price."""
    borrow = borrow_of(engine.market, symbol)
    fractionable = bool(engine.configurations["fractional_trading"])
    return {
        "id": str(asset_id(symbol)),
        "class": "us_equity",
        "exchange": "NYSE",
        "symbol": symbol,
        "name": f"{symbol} (simulated)",
        "status": "inactive" if engine.market.actions.retired(symbol, engine.now_ns) else "active",
        "tradable": engine.market.tradable(symbol, engine.now_ns),
        "marginable": True,
        "shortable": engine.terms.shorting and borrow.shortable,
        "easy_to_borrow": engine.terms.shorting and borrow.easy,
        "borrow_status": "easy_to_borrow" if engine.terms.shorting and borrow.easy else "hard_to_borrow",
        "fractionable": fractionable,
        "maintenance_margin_requirement": 100,
        "margin_requirement_long": "100",
        "margin_requirement_short": "100",
        "attributes": [],
    }


def clock_json(calendar: Calendar, now_ns: int) -> Json:
    """The market clock at an instant, in New York's offset."""
    running, coming = calendar.last_open(now_ns), calendar.next_open(now_ns)
    is_open = now_ns < running.close_ns
    closing = running if is_open else coming
    return {
        "timestamp": new_york_text(now_ns),
        "is_open": is_open,
        "next_open": new_york_text(coming.open_ns),
        "next_close": new_york_text(closing.close_ns),
    }


def session_json(calendar: Calendar, session: Session) -> Json:
    """A calendar row; settlement is a session later (two before 2024-05-28)."""
    lag = 1 if session.day.isoformat() >= "2024-05-28" else 2
    following = calendar.sessions_between(session.day + timedelta(days=1), session.day + timedelta(days=15))
    settled = [each.day.isoformat() for each, _ in zip(following, range(lag), strict=False)]
    times = [to_datetime(ns).astimezone(NEW_YORK).strftime("%H:%M") for ns in (session.open_ns, session.close_ns)]
    return {
        "date": session.day.isoformat(),
        "open": times[0],
        "close": times[1],
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": settled[-1] if settled else session.day.isoformat(),
    }
