"""What the day has bound so far: nothing held is left out, and no fill looks cheaper than it can have been."""

from dataclasses import replace
from decimal import Decimal

from tests.support.orders import DAY, entries, intended, intent, key, observed, plan
from trader.domain.journal import Event, OrderDenied, OrderRefused
from trader.domain.orders import OrderStatus, Side
from trader.domain.plan import Denial, Trait
from trader.domain.portfolio import Book, Holding, Lot
from trader.execution.commitments import Commitments, commitments
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import fold

KEPT = Holding("ZZZ", (Lot(DAY, Decimal(40), Decimal(1_000)),))
MORNING = replace(
    plan(intent(0, 10), intent(1, 20, Side.SELL, "ZZZ")),
    equity_usd=Decimal(12_000),
    book=Book(Decimal(10_000), (KEPT,)),
)
SELL = key(1, side=Side.SELL, symbol="ZZZ")


def after(*events: Event) -> Commitments:
    return commitments(MORNING, fold(entries(*events)).values())


def test_a_holding_counts_at_its_close_and_only_without_one_at_its_cost() -> None:
    bare = replace(MORNING, intents=())
    known = replace(bare, traits=(Trait("ZZZ", "Energy", Decimal(50), Decimal(1)),))
    assert [commitments(p, ()).price["ZZZ"] for p in (bare, known)] == [Decimal(25), Decimal(50)]


def test_a_working_opener_binds_its_worst_price_and_a_reducer_nothing() -> None:
    now = after(
        intended(key(), 10, limit="100.50"), observed(key(), OrderStatus.WORKING), intended(SELL, 20, limit="99")
    )
    assert (now.buying, now.selling) == ({"AAA": Decimal(10)}, {"ZZZ": Decimal(20)})
    assert (now.opened_usd, now.price["AAA"], now.price["ZZZ"]) == (
        {"AAA": Decimal(1005)},
        Decimal("100.50"),
        Decimal(100),
    )
    assert (now.asked_usd, now.answered_usd) == (Decimal(1005), Decimal(1005))
    assert now.working_lines == {client_order_id(of).rpartition(".")[0] for of in (key(), SELL)}


def test_a_short_binds_what_it_may_be_filled_at() -> None:
    short = replace(intent(0, 10, Side.SELL), reduces=False)
    sold = commitments(
        replace(MORNING, intents=(short,)), fold(entries(intended(key(side=Side.SELL), 10, "98"))).values()
    )
    assert sold.opened_usd == {"AAA": Decimal(10) * 101}  # the ask


def test_what_is_filled_is_held_and_what_has_ended_binds_no_more() -> None:
    now = after(
        intended(key(), 10, limit="100.50"),
        observed(key(), OrderStatus.PARTIALLY_FILLED, filled=4),
        observed(key(), OrderStatus.CANCELED, filled=4),
    )
    assert (now.held["AAA"], now.buying["AAA"], now.traded["AAA"]) == (Decimal(4), Decimal(0), Decimal(4))
    assert (now.opened_usd["AAA"], now.price["AAA"]) == (Decimal(402), Decimal("100.50"))
    assert not now.working_lines


def test_what_was_never_sent_counts_nowhere_and_what_was_refused_was_sent() -> None:
    denial = Denial("AAA", "max_spread_bps", "wide")
    never = after(OrderDenied(DAY, client_order_id(key()), Side.BUY, Decimal(10), denial))
    assert (never.known_ids, sum(never.orders.values()), never.buying["AAA"]) == (set(), 0, Decimal(0))
    refused = after(intended(key()), OrderRefused(DAY, client_order_id(key()), 403, None, "no"))
    assert (refused.orders["AAA"], refused.buying["AAA"], refused.asked_usd - refused.answered_usd) == (1, 0, 0)


def test_an_order_of_unknown_outcome_binds_and_the_broker_has_not_answered_for_it() -> None:
    now = after(intended(key(), 10, limit="100.50"))
    assert (now.buying["AAA"], now.asked_usd, now.answered_usd) == (Decimal(10), Decimal(1005), Decimal(0))


def test_generations_of_an_order_add_up() -> None:
    first, second = key(), key(generation=1)
    now = after(
        intended(first, 10, limit="101"),
        observed(first, OrderStatus.CANCELED, filled=4),
        intended(second, 6, limit="102"),
        observed(second, OrderStatus.PARTIALLY_FILLED, filled=1, quantity=6),
        intended(SELL, 20, limit="99"),
        observed(SELL, OrderStatus.PARTIALLY_FILLED, filled=5, quantity=20),
    )
    assert (now.held["AAA"], now.buying["AAA"], now.traded["AAA"], now.orders["AAA"]) == (5, 5, 10, 2)
    assert (now.held["ZZZ"], now.selling["ZZZ"], now.traded["ZZZ"], now.orders["ZZZ"]) == (35, 15, 20, 1)
    assert now.opened_usd == {"AAA": Decimal(4 * 101 + 6 * 102)}
    assert now.price["AAA"] == Decimal(102)
    assert now.asked_usd == now.answered_usd == Decimal(10 * 101 + 6 * 102)
    assert now.known_ids == {client_order_id(of) for of in (first, second, SELL)}


def test_two_orders_work_in_one_symbol_together() -> None:
    now = after(intended(key(part=0), 10, limit="101"), intended(key(part=1), 7, limit="101"))
    assert (now.buying["AAA"], now.asked_usd, now.answered_usd) == (Decimal(17), Decimal(17 * 101), Decimal(0))


def test_an_order_found_at_the_broker_without_our_record_counts_at_the_close() -> None:
    now = after(observed(key(), OrderStatus.WORKING))
    assert (now.buying["AAA"], now.opened_usd["AAA"]) == (Decimal(10), Decimal(10) * 100)
