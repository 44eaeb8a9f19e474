"""No sequence of orders, fills, cancels and prices takes an order or a holding beyond a limit.

The machine keeps its own account of what was sent and filled, at the prices paid, and adds it up in its own way.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.orders import DAY, OPEN, PROVENANCE, gate_state, plan
from trader.decision.admission import ApprovedOrder, admit
from trader.decision.admission import intended as record_of
from trader.decision.gate_state import GateState
from trader.domain.journal import Entry, Event, OrderObserved
from trader.domain.market import Asset, Quote
from trader.domain.orders import BrokerOrder, OrderIntent, OrderKey, OrderRequest, OrderStatus, Purpose, Side
from trader.domain.plan import Denial, Trait
from trader.domain.policy import ExecutionPolicy, RiskPolicy
from trader.domain.portfolio import Book, Holding, Lot
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import Views, apply
from trader.modes.standing import Standing, day_in_symbol

D = Decimal
NONE = D(0)
EQUITY_USD = D(100_000)
STOP_LOSS = D("0.2")
Sum = tuple[str, str]
CLOSE = {"AAA": D(100), "BBB": D(50), "CCC": D(20), "DDD": D(10)}
SECTOR = {"AAA": "Energy", "BBB": "Energy", "CCC": "Utilities", "DDD": "Utilities"}
TOGETHER = {"AAA": ("CCC",), "BBB": (), "CCC": ("AAA", "DDD"), "DDD": ("CCC",)}
ADV = D(4000)

share = st.sampled_from([D("0.05"), D("0.2"), D("0.5"), D("0.9")])
limits = st.builds(
    RiskPolicy,
    max_position_size=share,
    max_total_exposure=share,
    max_gross_exposure=share,
    max_net_exposure=share,
    max_sector_exposure=share,
    max_correlation_exposure=share,
    portfolio_heat=st.sampled_from([D("0.01"), D("0.1"), D("0.2")]),
    order_notional_cap_usd=st.sampled_from([D(2_000), D(20_000)]),
    max_trade_size_usd=st.sampled_from([D(5_000), D(50_000)]),
    max_orders_per_day=st.sampled_from([4, 50]),
    max_orders_per_symbol=st.sampled_from([2, 50]),
    max_adv_participation=st.sampled_from([D("0.05"), D("0.5")]),
    max_spread_bps=st.just(D(5000)),
    allow_shorts=st.booleans(),
)
symbols = st.sampled_from(sorted(CLOSE))
tenths = st.integers(0, 10)


@dataclass
class Sent:
    """One order as the machine knows it; `worst` and `paid` are prices a share."""

    key: OrderKey
    quantity: Decimal
    worst: Decimal
    opens: bool
    filled: Decimal = NONE
    paid: Decimal = NONE
    works: bool = True

    @property
    def left(self) -> Decimal:
        return self.quantity - self.filled if self.works else NONE


class Day(RuleBasedStateMachine):
    """A day of orders in four symbols."""

    @initialize(
        risk=limits,
        held=st.fixed_dictionaries({s: st.sampled_from([0, 0, 20, 100, -30]) for s in CLOSE}),
        power=st.sampled_from([5_000, 50_000, 400_000]),
    )
    def begin(self, risk: RiskPolicy, held: dict[str, int], power: int) -> None:
        self.risk, self.power_usd = risk, D(power)
        self.morning = {symbol: D(quantity) for symbol, quantity in held.items()}
        holdings = tuple(
            Holding(s, (Lot(DAY, quantity, quantity * CLOSE[s]),)) for s, quantity in self.morning.items() if quantity
        )
        traits = tuple(Trait(s, SECTOR[s], CLOSE[s], ADV, TOGETHER[s]) for s in CLOSE)
        self.plan = replace(plan(), book=Book(D(50_000), holdings), traits=traits)
        self.views: Views = {}
        self.sent: list[Sent] = []
        self.at_first = self.sums()

    # what may happen

    @rule(symbol=symbols, side=st.sampled_from(Side), quantity=st.integers(1, 400), tilt=st.integers(-9, 9))
    def send(self, symbol: str, side: Side, quantity: int, tilt: int) -> None:
        held = self.held(symbol)
        reduces = held > 0 if side is Side.SELL else held < 0
        number = len(self.plan.intents)
        intent = OrderIntent(number, symbol, side, D(quantity), CLOSE[symbol], reduces)
        self.plan = replace(self.plan, intents=(*self.plan.intents, intent))
        self.offer(OrderKey("main", "xgb", DAY, symbol, side, Purpose.PLAN, number, 0, 0), D(quantity), reduces, tilt)

    @precondition(lambda self: any(not order.works and order.filled < order.quantity for order in self.sent))
    @rule(pick=tenths, tilt=st.integers(-9, 9))
    def send_the_rest(self, pick: int, tilt: int) -> None:
        ended = [order for order in self.sent if not order.works and order.filled < order.quantity]
        order = ended[pick % len(ended)]
        again = replace(order.key, generation=order.key.generation + 1)
        self.offer(again, order.quantity - order.filled, not order.opens, tilt)

    @precondition(lambda self: any(order.works for order in self.sent))
    @rule(pick=tenths, part=tenths, price=tenths)
    def fill(self, pick: int, part: int, price: int) -> None:
        order = self.working(pick)
        shares = (order.left * part / 10).to_integral_value()
        order.filled += shares
        if shares:
            order.paid = max(order.paid, order.worst * (1 - D(price) / 500))
        order.works = order.filled < order.quantity
        self.observe(order, OrderStatus.PARTIALLY_FILLED if order.works else OrderStatus.FILLED)

    @precondition(lambda self: any(order.works for order in self.sent))
    @rule(pick=tenths)
    def cancel(self, pick: int) -> None:
        order = self.working(pick)
        order.works = False
        self.observe(order, OrderStatus.CANCELED)

    @precondition(lambda self: self.sent)
    @rule(pick=tenths)
    def send_again(self, pick: int) -> None:
        order = self.sent[pick % len(self.sent)]
        verdict = self.judge(order.key, order.quantity, not order.opens, 0)
        assert isinstance(verdict, Denial)

    # what must hold

    @invariant()
    def no_sum_grows_beyond_its_limit(self) -> None:
        for (key, over), value_usd in self.sums().items():
            if key != "max_net_exposure":  # what closes one side may tilt the net
                assert value_usd <= max(self.cap(key), self.at_first[key, over]), key

    @invariant()
    def no_two_sides_work_in_a_symbol(self) -> None:
        works = {(order.key.symbol, order.key.side) for order in self.sent if order.works}
        assert len(works) == len({symbol for symbol, _ in works})

    @invariant()
    def buying_power_is_not_overdrawn(self) -> None:
        assert self.power_left() >= 0

    # the gate

    def offer(self, key: OrderKey, quantity: Decimal, reduces: bool, tilt: int) -> None:
        before = len(self.sent)
        verdict = self.judge(key, quantity, reduces, tilt)
        if isinstance(verdict, Denial):
            return
        self.record(record_of(DAY, key, verdict, PROVENANCE))
        worst = verdict.limit_price if key.side is Side.BUY else verdict.ask
        order = Sent(key, quantity, worst, opens=not reduces)
        self.sent.append(order)
        self.observe(order, OrderStatus.WORKING)
        if order.opens:
            self.check_opener(order, before)
        else:
            held = self.held(key.symbol)
            left = sum((other.left for other in self.sent if other.key.symbol == key.symbol), NONE)
            assert left <= abs(held)
            assert (key.side is Side.SELL) == (held > 0)

    def check_opener(self, order: Sent, before: int) -> None:
        risk, symbol = self.risk, order.key.symbol
        same = [other for other in self.sent if other.key.symbol == symbol]
        sums = self.sums()
        assert all(sums[key, over] <= self.cap(key) for key, over in concerned(symbol, order.key.side))
        assert before < risk.max_orders_per_day
        assert len(same) <= risk.max_orders_per_symbol
        assert order.quantity * order.worst <= risk.order_notional_cap_usd
        opened = (other.filled * other.paid + other.left * other.worst for other in same if other.opens)
        assert sum(opened) <= risk.max_trade_size_usd
        assert sum(other.filled + other.left for other in same) <= risk.max_adv_participation * ADV
        assert risk.allow_shorts or order.key.side is Side.BUY
        assert self.held(symbol) * (1 if order.key.side is Side.BUY else -1) >= 0

    def judge(self, key: OrderKey, quantity: Decimal, reduces: bool, tilt: int) -> ApprovedOrder | Denial:
        mid = CLOSE[key.symbol] * (1 + D(tilt) / 100)
        quote = Quote(key.symbol, (mid * D("0.999")).quantize(D("0.01")), (mid * D("1.001")).quantize(D("0.01")), OPEN)
        return admit(
            OrderRequest(client_order_id(key), key.symbol, key.side, quantity, reduces), quote, self.state(key.symbol)
        )

    def state(self, symbol: str) -> GateState:
        standing = Standing(self.plan)
        standing.look(self.views)
        now, sums = standing.of(symbol), standing.sums()
        changes: dict[str, Any] = {
            "now": OPEN,
            "risk": self.risk,
            "execution": ExecutionPolicy(),
            "equity_usd": EQUITY_USD,
            "stop_loss": STOP_LOSS,
            "reference_price": CLOSE[symbol],
            "held_quantity": now.held,
            "exposure": standing.exposure,
            "buying_power_usd": self.power_left(),
            "opened_usd": sums.opened_usd,
            "asset": Asset(symbol, tradable=True, shortable=True, fractionable=True),
            "symbol_day": day_in_symbol(now),
            "orders_today": sums.orders,
            "known_ids": now.known_ids,
            "working_lines": now.working_lines,
        }
        return gate_state(**changes)

    def observe(self, order: Sent, status: OrderStatus) -> None:
        name = client_order_id(order.key)
        report = BrokerOrder(
            name,
            name,
            order.key.symbol,
            order.key.side,
            order.quantity,
            None,
            status,
            order.filled,
            None,
            OPEN,
            OPEN,
            "",
        )
        self.record(OrderObserved(DAY, name, report))

    def record(self, event: Event) -> None:
        apply(self.views, Entry(1, OPEN, event, ""))

    # the machine's own account

    def working(self, pick: int) -> Sent:
        working = [order for order in self.sent if order.works]
        return working[pick % len(working)]

    def held(self, symbol: str) -> Decimal:
        signed = ((1 if o.key.side is Side.BUY else -1) * o.filled for o in self.sent if o.key.symbol == symbol)
        return self.morning[symbol] + sum(signed, NONE)

    def power_left(self) -> Decimal:
        bound = (
            (o.filled + o.left) * o.worst * (1 if o.key.side is Side.BUY else D("1.03")) for o in self.sent if o.opens
        )
        return self.power_usd - sum(bound, NONE)

    def ends(self, symbol: str) -> tuple[Decimal, Decimal]:
        """The least and the most it may come to, in USD at the highest price paid or still to be paid."""
        of_it = [order for order in self.sent if order.key.symbol == symbol]
        left = {side: sum((o.left for o in of_it if o.key.side is side), NONE) for side in Side}
        paid = (max(o.paid, o.worst if o.works else NONE) for o in of_it if o.opens)
        price = max([CLOSE[symbol], *paid])
        held = self.held(symbol)
        return (held - left[Side.SELL]) * price, (held + left[Side.BUY]) * price

    def sums(self) -> dict[Sum, Decimal]:
        """Everything a limit is about, by the limit's key and what it is a sum over."""
        ends = {s: self.ends(s) for s in CLOSE}
        gross = {s: max(high, -low, NONE) for s, (low, high) in ends.items()}
        whole = sum(gross.values(), NONE)
        groups = {s: (s, *TOGETHER[s]) for s in CLOSE}
        return {
            ("max_total_exposure", ""): sum((max(high, NONE) for _, high in ends.values()), NONE),
            ("max_gross_exposure", ""): whole,
            ("portfolio_heat", ""): whole * STOP_LOSS,
            ("max_net_exposure", "buy"): sum((high for _, high in ends.values()), NONE),
            ("max_net_exposure", "sell"): -sum((low for low, _ in ends.values()), NONE),
            **{("max_position_size", s): gross[s] for s in CLOSE},
            **{
                ("max_sector_exposure", n): sum((gross[s] for s in CLOSE if SECTOR[s] == n), NONE)
                for n in SECTOR.values()
            },
            **{("max_correlation_exposure", s): sum((gross[m] for m in group), NONE) for s, group in groups.items()},
        }

    def cap(self, name: str) -> Decimal:
        limit: Decimal = getattr(self.risk, name)
        return limit * EQUITY_USD


def concerned(symbol: str, side: Side) -> set[Sum]:
    """The sums an opener adds to."""
    return {
        ("max_gross_exposure", ""),
        ("portfolio_heat", ""),
        ("max_net_exposure", side.value),
        ("max_position_size", symbol),
        ("max_sector_exposure", SECTOR[symbol]),
        *(("max_correlation_exposure", member) for member in (symbol, *TOGETHER[symbol])),
        *([("max_total_exposure", "")] if side is Side.BUY else []),
    }


TestDay = Day.TestCase
TestDay.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
