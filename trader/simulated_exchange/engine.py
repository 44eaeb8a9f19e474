"""The exchange itself: orders in, time forward, every change on disk before it is told."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from trader.simulated_exchange.account import AccountTerms, Position, Worth, after_trade, cash_effect
from trader.simulated_exchange.admission import Account, Admission, admit
from trader.simulated_exchange.book import Book
from trader.simulated_exchange.borrow import can_borrow
from trader.simulated_exchange.calendar import Calendar, Session
from trader.simulated_exchange.corporate import CorporateAction
from trader.simulated_exchange.draws import identity
from trader.simulated_exchange.entitlements import outcome
from trader.simulated_exchange.fills import Fill, fill_of
from trader.simulated_exchange.intake import OrderRequest
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.matching import fill_at, next_step
from trader.simulated_exchange.money import ZERO, cents, usd
from trader.simulated_exchange.orders import CANCEL_FATES, QUIET, Order, Step, apply, expiry_ns
from trader.simulated_exchange.past import Past
from trader.simulated_exchange.refusals import forbidden, invalid, unprocessable
from trader.simulated_exchange.scenario import Scenario, dump, load
from trader.simulated_exchange.store import Change, Store
from trader.simulated_exchange.windows import check_window

DEFAULT_CONFIGURATIONS: dict[str, Any] = {
    "disable_overnight_trading": False,
    "fractional_trading": True,
    "max_margin_multiplier": "1",
    "max_options_trading_level": None,
    "no_shorting": True,
    "ptp_no_exception_entry": False,
    "suspend_trade": False,
    "trade_confirm_email": "all",
}


@dataclass(frozen=True, slots=True)
class TradeUpdate:
    """One message for the stream: what happened to an order; `position_qty` after a fill."""

    kind: str
    order: Order
    at_ns: int
    fill: Fill | None = None
    position_qty: Decimal = ZERO


class Engine:
    """State in memory, mirrored on disk; `publish` is told of each update after it is on disk."""

    def __init__(
        self, market: Market, store: Store, seed: int, partial_fills: float, publish: Callable[[TradeUpdate], None]
    ) -> None:
        """Take up the state that the store holds; its facts `now_ns` and `cash` must be there."""
        self._store = store
        self._publish = publish
        facts = store.facts()
        self.market = market.staged(load(facts["scenario"])) if "scenario" in facts else market
        self.now_ns = int(facts["now_ns"])
        self.cash = Decimal(facts["cash"])
        self.opening_cash = Decimal(facts["opening_cash"])
        self.configurations: dict[str, Any] = json.loads(facts["configurations"])
        self.terms = AccountTerms(**json.loads(facts.get("terms", "{}")))
        self.positions = store.positions()
        self.fills = store.fills()
        self.activities = store.activities()
        self.closes = store.closes()
        self.account_number = int(facts.get("account_number", "1"))
        self._next_step = lambda order: next_step(order, self.market, seed, partial_fills)
        self.book = Book(self._next_step, store.orders())
        self.past = Past(self.book.all, self.positions)
        self._closing = _next_close(self.market.calendar, self.now_ns, self.closes)
        self._change = Change()
        self._updates: list[TradeUpdate] = []

    def advance(self, to_ns: int) -> None:
        """Let time pass up to and including `to_ns`; an earlier instant moves nothing."""
        if to_ns <= self.now_ns:
            return
        while self._closing.close_ns <= to_ns:
            self._settle_until(self._closing.close_ns)
            day = self._closing.day.isoformat()
            self.closes[day] = self._change.closes[day] = self.worth.equity
            self._closing = self.market.calendar.next_open(self._closing.open_ns)
        self._settle_until(to_ns)
        self._commit()

    def _settle_until(self, to_ns: int) -> None:
        """Take every step and every corporate action due, each at its own time, then be at `to_ns`."""
        for action in self.market.actions.between(self.now_ns, to_ns):
            self._work_until(action.at_ns)
            self._enact(action)
        self._work_until(to_ns)

    def _work_until(self, to_ns: int) -> None:
        while (due := self.book.next_due()) and due[1].at_ns <= to_ns:
            self.now_ns = due[1].at_ns
            self._take(*due)
        self.now_ns = to_ns

    def submit(self, request: OrderRequest, *, doomed: bool = False) -> Order:
        """Accept an order, or raise RefusalError; a `doomed` order will be rejected shortly after it arrives."""
        order = self._new_order(request, self._admit(request, self.book.open), doomed=doomed)
        self._accept(order)
        return order

    def replace(self, order: Order, request: OrderRequest) -> Order:
        """Accept an order in the place of an open one; RefusalError when it may not be.

        The new one waits until the old one is out of the way, and is for what that has left unfilled. Should the old
        one fill or end first, the new one is rejected.
        """
        others = [each for each in self.book.open if each is not order]
        left = dataclasses.replace(request, qty=request.qty and request.qty - order.filled_qty)
        heir = self._new_order(request, self._admit(left, others), doomed=False)
        heir = dataclasses.replace(heir, replaces=order.client_order_id, waits=True)
        order = dataclasses.replace(order, replaced_by=heir.client_order_id)
        self._take(order, Step(self.now_ns, "pending_replace"))
        self._accept(heir)
        return heir

    def _admit(self, request: OrderRequest, others: Sequence[Order]) -> Admission:
        """Whether it may be placed, `others` being the open orders; RefusalError."""
        if request.client_order_id and self.book.by_client_id(request.client_order_id):
            raise invalid("client_order_id must be unique")
        if not self.knows(request.symbol):
            raise unprocessable(f'asset "{request.symbol}" not found')
        if request.is_fractional and not self.configurations["fractional_trading"]:
            raise forbidden(f'asset "{request.symbol}" is not fractionable')
        check_window(self.market.calendar, request.time_in_force, self.now_ns)
        account = Account(
            worth=self.worth,
            multiplier=self.terms.multiplier_under(self.configurations),
            suspended=bool(self.configurations["suspend_trade"]),
            may_short=self.terms.may_short(self.configurations),
            may_borrow=can_borrow(self.market, request.symbol, self.market.calendar.trading_session(self.now_ns).day),
            open_orders=others,
            position=self.positions.get(request.symbol),
        )
        tradable = self.market.tradable(request.symbol, self.now_ns)
        return admit(request, self.market.quote(request.symbol, self.now_ns) if tradable else None, account)

    def _accept(self, order: Order) -> None:
        self._put(order)
        self._updates.append(TradeUpdate(order.status, order, self.now_ns))
        self._commit()

    def _new_order(self, request: OrderRequest, admission: Admission, *, doomed: bool) -> Order:
        number = len(self.book) + 1
        session = self.market.calendar.trading_session(self.now_ns)
        queued = session.open_ns > self.now_ns
        return Order(
            number=number,
            client_order_id=request.client_order_id or str(identity("unnamed", number)),
            symbol=request.symbol,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            qty=request.qty,
            notional=request.notional,
            limit_price=request.limit_price,
            reserve_price=admission.reserve,
            intent=admission.intent,
            status="accepted" if queued else "pending_new",
            submitted_ns=self.now_ns,
            day=session.day.isoformat(),
            updated_ns=self.now_ns,
            expires_ns=expiry_ns(self.market.calendar, request.time_in_force, self.now_ns, session.day),
            doomed=doomed,
            stop_price=request.stop_price,
            extended_hours=request.extended_hours,
        )

    def cancel(self, order: Order, fate: str | None = None) -> None:
        """Ask for a cancel, which takes effect shortly; RefusalError (422) when there is nothing to cancel.

        Or it never takes effect (`stuck_cancel`), or the order fills instead, after the answer (`fill_after_cancel`)
        or before it (`fill_before_cancel`, 422).
        """
        if not order.is_open or order.status in {"pending_cancel", "pending_replace"}:
            raise unprocessable(f'order is already in "{order.status}" state')
        filled = fill_at(order, self.market, self.now_ns) if fate == "fill_before_cancel" else None
        if filled is not None:
            self._take(order, filled)
            self._commit()
            raise unprocessable('order is already in "filled" state')
        order = dataclasses.replace(order, cancel_fate=CANCEL_FATES.get(fate or ""))
        self._take(order, Step(self.now_ns, "pending_cancel"))
        self._commit()

    def cancel_at_once(self, order: Order) -> None:
        """Cancel an open order without the usual delay."""
        self._take(order, Step(self.now_ns, "canceled"))
        self._commit()

    def configure(self, wanted: dict[str, Any]) -> None:
        """Change account configurations; unknown keys are ignored."""
        self.configurations |= {key: value for key, value in wanted.items() if key in self.configurations}
        self._change.facts["configurations"] = json.dumps(self.configurations)
        self._commit()

    def stage(self, scenario: Scenario) -> None:
        """Lay another scenario over the market; it may differ from the one before in what is still to come alone."""
        self.market = self.market.staged(scenario)
        calendar = self.market.calendar
        self._closing = _next_close(calendar, self.now_ns, self.closes)
        self._change.facts["scenario"] = dump(scenario)
        for order in self.book.open:
            day = date.fromisoformat(order.day)
            if calendar.session_on(day) is None:
                day = calendar.trading_session(self.now_ns).day
            expires_ns = expiry_ns(calendar, order.time_in_force, order.submitted_ns, day)
            self._put(dataclasses.replace(order, day=day.isoformat(), expires_ns=expires_ns))
        self._commit()

    def announce(self, action: CorporateAction) -> None:
        """Have an action happen at its time, or at once when that is now."""
        actions = (*self.market.scenario.actions, action)
        self.stage(dataclasses.replace(self.market.scenario, actions=actions))
        if action.at_ns <= self.now_ns:
            self._enact(action)
            self._commit()

    def _enact(self, action: CorporateAction) -> None:
        """What it does to the account; after a split or under a new symbol open orders make no sense."""
        if action.kind in {"split", "symbol_change"}:
            for order in self.book.open:
                if order.symbol == action.symbol and order.is_open:
                    self._take(order, Step(self.now_ns, "canceled"))
        done = outcome(action, self.positions.get(action.symbol))
        for symbol, position in done.positions.items():
            self._hold(symbol, position)
        self.cash += done.cash
        self.activities += done.activities
        self._change.activities += done.activities

    def knows(self, symbol: str) -> bool:
        """Whether there is such a symbol at present."""
        return symbol in self.market.row and self.market.actions.listed(symbol, self.now_ns)

    def reset(self, cash: Decimal, revoked: Iterable[str]) -> None:
        """Forget the account and open another with this much cash; `revoked` key ids are remembered."""
        self.cash = self.opening_cash = cents(cash)
        self.account_number += 1
        facts = new_account(self.now_ns, cash, self.terms)
        facts |= {"account_number": str(self.account_number), "revoked": json.dumps(sorted(revoked))}
        self.configurations = json.loads(facts["configurations"])
        self.positions, self.fills, self.activities, self.closes = {}, [], [], {}
        self.book = Book(self._next_step, [])
        self.past = Past([], {})
        self._change = Change(facts=facts, afresh=True)
        self._commit()

    def add_cash(self, amount_usd: Decimal) -> None:
        """A deposit or, below zero, a withdrawal."""
        self.cash += cents(amount_usd)
        self._commit()

    def add_position(self, symbol: str, qty: Decimal, price: Decimal) -> None:
        """Shares that come (or, below zero, go) without an order and without touching cash."""
        held = self.positions.get(symbol)
        if qty < 0 and -qty > (held.qty if held else ZERO):
            raise unprocessable(f"{symbol}: there are not {-qty} shares to take away")
        self._hold(symbol, after_trade(held, symbol, qty, price))
        self._commit()

    @property
    def worth(self) -> Worth:
        """Cash and the positions' market values, each to the cent."""
        values = [self.market_value(each) for each in self.positions.values()]
        return Worth(
            self.cash,
            sum((each for each in values if each > 0), ZERO),
            sum((each for each in values if each < 0), ZERO),
        )

    def mark(self, symbol: str) -> Decimal:
        """What a share is worth now, in USD; 0 if it never had a price."""
        return usd(self.market.mark(symbol, self.now_ns) or 0)

    def market_value(self, position: Position) -> Decimal:
        """A position's worth now, to the cent."""
        return cents(position.qty * self.mark(position.symbol))

    def _take(self, order: Order, step: Step) -> None:
        after = apply(order, step)
        fill = None
        if step.kind in {"partial_fill", "fill"}:
            fill = self._settle(after, step)
        self._put(after)
        if step.kind in QUIET:
            return
        held = self.positions.get(order.symbol)
        self._updates.append(TradeUpdate(step.kind, after, step.at_ns, fill, held.qty if held else ZERO))
        if after.replaced_by is not None and not after.is_open:
            self._succeed(after, after.replaced_by)

    def _succeed(self, order: Order, heir_id: str) -> None:
        """An order with a successor has ended: let that go ahead, or reject it."""
        heir, at_ns = self.book.by_client_id(heir_id), order.updated_ns
        if heir is None or heir.qty is None or not heir.is_open:
            return
        if order.status == "replaced" and heir.qty > order.filled_qty:
            left = heir.qty - order.filled_qty
            self._put(dataclasses.replace(heir, waits=False, qty=left, not_before_ns=at_ns))
            return
        self._updates.append(TradeUpdate("order_replace_rejected", order, at_ns))
        self._take(heir, Step(at_ns, "rejected"))

    def _settle(self, order: Order, step: Step) -> Fill:
        self.cash += cash_effect(order.side, step.qty, step.price)
        signed = step.qty if order.side == "buy" else -step.qty
        self._hold(order.symbol, after_trade(self.positions.get(order.symbol), order.symbol, signed, step.price))
        fill = fill_of(order, step)
        self.fills.append(fill)
        self._change.fills.append(fill)
        return fill

    def _hold(self, symbol: str, position: Position | None) -> None:
        self._change.positions[symbol] = position
        self.past.note_position(self.now_ns, symbol, position)
        if position is None:
            self.positions.pop(symbol, None)
        else:
            self.positions[symbol] = position

    def _put(self, order: Order) -> None:
        self.book.put(order)
        self._change.orders[order.number] = order
        self.past.note_order(self.now_ns, order)

    def _commit(self) -> None:
        """Everything changed since the last commit goes to disk, then to the stream."""
        self._change.facts |= {"now_ns": str(self.now_ns), "cash": str(self.cash)}
        change, self._change = self._change, Change()
        updates, self._updates = self._updates, []
        self._store.save(change)
        for update in updates:
            self._publish(update)


def _next_close(calendar: Calendar, now_ns: int, closes: Mapping[str, Decimal]) -> Session:
    """The first session whose close is not on record yet."""
    if not closes:
        return calendar.trading_session(now_ns)
    recorded = calendar.session_on(date.fromisoformat(max(closes)))
    assert recorded is not None
    return calendar.next_open(recorded.open_ns)


def new_account(now_ns: int, cash: Decimal, terms: AccountTerms) -> dict[str, str]:
    """The facts an engine starts from."""
    wanted = {"no_shorting": not terms.shorting, "max_margin_multiplier": str(terms.multiplier)}
    return {
        "now_ns": str(now_ns),
        "cash": str(cents(cash)),
        "opening_cash": str(cents(cash)),
        "terms": json.dumps(dataclasses.asdict(terms)),
        "configurations": json.dumps(DEFAULT_CONFIGURATIONS | wanted),
    }
