"""What the day has bound so far: nothing held is left out, and no fill looks cheaper than it can have been."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import DAY, entries, intended, intent, key, observed, plan
from trader.domain.journal import Event, OrderDenied, OrderIntended, OrderObserved, OrderRefused
from trader.domain.orders import OrderStatus, Side
from trader.domain.plan import Denial, Plan, Trait
from trader.domain.portfolio import Book, Holding, Lot
from trader.execution.commitments import Commitment, Sums
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import apply, fold
from trader.modes.standing import Standing

KEPT = Holding("ZZZ", (Lot(DAY, Decimal(40), Decimal(1_000)),))
MORNING = replace(
    plan(intent(0, 10), intent(1, 20, Side.SELL, "ZZZ")),
    equity_usd=Decimal(12_000),
    book=Book(Decimal(10_000), (KEPT,)),
)
SELL = key(1, side=Side.SELL, symbol="ZZZ")


def standing(*events: Event, of: Plan = MORNING) -> Standing:
    found = Standing(of)
    found.look(fold(entries(*events)))
    return found


def after(*events: Event, of: Plan = MORNING, symbol: str = "AAA") -> Commitment:
    return standing(*events, of=of).of(symbol)


def test_a_holding_counts_at_its_close_and_only_without_one_at_its_cost() -> None:
    bare = replace(MORNING, intents=())
    known = replace(bare, traits=(Trait("ZZZ", "Energy", Decimal(50), Decimal(1)),))
    assert [after(of=p, symbol="ZZZ").price for p in (bare, known)] == [Decimal(25), Decimal(50)]


def test_a_working_opener_binds_its_worst_price_and_a_reducer_nothing() -> None:
    day = standing(
        intended(key(), 10, limit="100.50"), observed(key(), OrderStatus.WORKING), intended(SELL, 20, limit="99")
    )
    buy, sell = day.of("AAA"), day.of("ZZZ")
    assert (buy.buying, buy.selling, sell.buying, sell.selling) == (Decimal(10), 0, 0, Decimal(20))
    assert (buy.opened_usd, buy.price) == (Decimal(1005), Decimal("100.50"))
    assert (sell.opened_usd, sell.price) == (0, Decimal(100))
    assert day.sums() == Sums(Decimal(1005), Decimal(1005), Decimal(1005), orders=2, ended=0)
    assert [one.working_lines for one in (buy, sell)] == [
        {client_order_id(of).rpartition(".")[0]} for of in (key(), SELL)
    ]


def test_a_short_binds_what_it_may_be_filled_at() -> None:
    short = replace(intent(0, 10, Side.SELL), reduces=False)
    sold = after(intended(key(side=Side.SELL), 10, "98"), of=replace(MORNING, intents=(short,)))
    assert sold.opened_usd == Decimal(10) * 101  # the ask


def test_what_is_filled_is_held_and_what_has_ended_binds_no_more() -> None:
    now = after(
        intended(key(), 10, limit="100.50"),
        observed(key(), OrderStatus.PARTIALLY_FILLED, filled=4),
        observed(key(), OrderStatus.CANCELED, filled=4),
    )
    assert (now.held, now.buying, now.traded) == (Decimal(4), Decimal(0), Decimal(4))
    assert (now.opened_usd, now.price) == (Decimal(402), Decimal("100.50"))
    assert (now.working_lines, now.ended) == (set(), 1)


def test_what_was_never_sent_counts_nowhere_and_what_was_refused_was_sent() -> None:
    denial = Denial("AAA", "max_spread_bps", "wide")
    never = after(OrderDenied(DAY, client_order_id(key()), Side.BUY, Decimal(10), denial))
    assert never == after()
    refused = after(intended(key()), OrderRefused(DAY, client_order_id(key()), 403, None, "no"))
    assert (refused.orders, refused.buying, refused.asked_usd - refused.answered_usd) == (1, 0, 0)


def test_an_order_of_unknown_outcome_binds_and_the_broker_has_not_answered_for_it() -> None:
    now = after(intended(key(), 10, limit="100.50"))
    assert (now.buying, now.asked_usd, now.answered_usd) == (Decimal(10), Decimal(1005), Decimal(0))


def test_generations_of_an_order_add_up() -> None:
    first, second = key(), key(generation=1)
    day = standing(
        intended(first, 10, limit="101"),
        observed(first, OrderStatus.CANCELED, filled=4),
        intended(second, 6, limit="102"),
        observed(second, OrderStatus.PARTIALLY_FILLED, filled=1, quantity=6),
        intended(SELL, 20, limit="99"),
        observed(SELL, OrderStatus.PARTIALLY_FILLED, filled=5, quantity=20),
    )
    buy, sell = day.of("AAA"), day.of("ZZZ")
    assert (buy.held, buy.buying, buy.traded, buy.orders) == (5, 5, 10, 2)
    assert (sell.held, sell.selling, sell.traded, sell.orders) == (35, 15, 20, 1)
    assert (buy.opened_usd, buy.price) == (Decimal(4 * 101 + 6 * 102), Decimal(102))
    asked_usd = Decimal(10 * 101 + 6 * 102)
    assert day.sums() == Sums(buy.opened_usd, asked_usd, asked_usd, orders=3, ended=1)
    assert buy.known_ids == {client_order_id(of) for of in (first, second)}


def test_two_orders_work_in_one_symbol_together() -> None:
    now = after(intended(key(part=0), 10, limit="101"), intended(key(part=1), 7, limit="101"))
    assert (now.buying, now.asked_usd, now.answered_usd) == (Decimal(17), Decimal(17 * 101), Decimal(0))


def test_an_order_found_at_the_broker_without_our_record_counts_at_the_close() -> None:
    now = after(observed(key(), OrderStatus.WORKING))
    assert (now.buying, now.opened_usd) == (Decimal(10), Decimal(10) * 100)


KEYS = [
    key(line, generation, side, symbol)
    for line, side, symbol in ((0, Side.BUY, "AAA"), (1, Side.SELL, "ZZZ"), (2, Side.BUY, "BBB"))
    for generation in (0, 1)
]
of_an_order = st.one_of(
    st.builds(intended, st.sampled_from(KEYS), st.integers(1, 50), st.sampled_from(["99", "100.50", "102.25"])),
    st.builds(observed, st.sampled_from(KEYS), st.sampled_from(OrderStatus), st.integers(0, 10)),
)


@given(st.lists(of_an_order, max_size=12))
def test_a_day_that_is_followed_stands_where_one_that_is_counted_stands(
    events: list[OrderIntended | OrderObserved],
) -> None:
    followed, views = Standing(MORNING), fold(())
    for entry in entries(*events):
        apply(views, entry)
        followed.look(views)
    counted = Standing(MORNING)
    counted.look(views)
    assert (followed.exposure, followed.sums()) == (counted.exposure, counted.sums())
    assert all(followed.of(of.symbol) == counted.of(of.symbol) for of in KEYS)
