"""Every row of the sending table, on the wire: what was posted, what came of it, what the caller is told."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.contract.alpaca.rig import Answer, Rig, StandingClock, approved, connected, scripted
from trader.domain.errors import (
    BrokerUnavailable,
    CancelRefused,
    DuplicateOrder,
    OrderRejected,
    SubmitOutcomeUnknown,
)
from trader.domain.orders import OrderStatus, OrderType


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        ("429", False),
        ("504_before", False),
        ("504_after", True),
        ("502_html_before", False),
        ("502_html_after", True),
        ("drop_before", False),
        ("drop_after", True),
        ("hang_before", False),
        ("hang_after", True),
        ("empty_after", True),
    ],
)
def test_an_unclear_answer_is_reported_as_unknown_and_never_sent_again(rig: Rig, fault: str, arrived: bool) -> None:
    order_id = rig.order_id()
    rig.fault(fault)
    broker = rig.hasty if fault.startswith("hang") else rig.broker
    with pytest.raises(SubmitOutcomeUnknown) as caught:
        broker.submit(approved(order_id))
    assert caught.value.client_order_id == order_id
    assert rig.posts(order_id) == 1
    assert (rig.broker.order_by_client_id(order_id) is not None) == arrived


def test_an_accepted_order_comes_back_as_the_broker_has_it(rig: Rig) -> None:
    order_id = rig.order_id()
    placed = rig.broker.submit(approved(order_id, quantity=3, limit="1.25"))
    assert placed == rig.broker.order_by_client_id(order_id)
    assert (placed.client_order_id, str(placed.quantity), str(placed.limit_price)) == (order_id, "3", "1.25")
    assert not placed.status.terminal
    assert rig.posts(order_id) == 1


@pytest.mark.parametrize(
    ("kind", "stop", "prices"),
    [
        (OrderType.MARKET, None, {"limit_price": None, "stop_price": None}),
        (OrderType.LIMIT, None, {"limit_price": "900.1", "stop_price": None}),
        (OrderType.STOP, Decimal("899.50"), {"limit_price": None, "stop_price": "899.5"}),
        (OrderType.STOP_LIMIT, Decimal("899.50"), {"limit_price": "900.1", "stop_price": "899.5"}),
    ],
)
def test_each_type_goes_out_with_its_own_prices_and_an_exact_fraction(
    rig: Rig, kind: OrderType, stop: Decimal | None, prices: dict[str, str | None]
) -> None:
    order = replace(approved(rig.order_id(), limit="900.10"), order_type=kind, stop_price=stop)
    order = replace(order, quantity=Decimal("1.000000001"))
    rig.broker.submit(order)
    row = rig.order(order.client_order_id)
    assert (row["type"], row["time_in_force"], row["qty"]) == (kind.value, "day", "1.000000001")
    assert {name: row[name] for name in prices} == prices


def test_a_second_order_of_one_id_is_a_duplicate(rig: Rig) -> None:
    order_id = rig.order_id()
    rig.broker.submit(approved(order_id))
    with pytest.raises(DuplicateOrder):
        rig.broker.submit(approved(order_id))
    assert rig.posts(order_id) == 2


def test_a_refusal_is_final_and_says_why(rig: Rig) -> None:
    order_id = rig.order_id()
    with pytest.raises(OrderRejected) as caught:
        rig.broker.submit(approved(order_id, quantity=100_000, limit="1000"))
    assert (caught.value.status_code, caught.value.code) == (403, 40310000)
    assert "buying_power" in caught.value.reason
    assert rig.posts(order_id) == 1
    assert rig.broker.order_by_client_id(order_id) is None


def test_an_order_may_be_accepted_and_rejected_later(rig: Rig) -> None:
    order_id = rig.order_id()
    rig.fault("reject_later")
    assert not rig.broker.submit(approved(order_id)).status.terminal
    rig.wait(minutes=1)
    found = rig.broker.order_by_client_id(order_id)
    assert found is not None
    assert found.status is OrderStatus.REJECTED


def _order_json(**changes: object) -> str:
    return json.dumps(
        {
            "id": "5c1e5d5e-0000-4000-8000-000000000000",
            "client_order_id": "ours",
            "symbol": "SYAAA",
            "side": "buy",
            "qty": "1",
            "filled_qty": "0",
            "status": "new",
            "submitted_at": "2026-03-16T13:31:00.123456789Z",
            "updated_at": "2026-03-16T13:31:00.123456789Z",
            **changes,
        }
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, _order_json(client_order_id="another")),
        Answer(200, _order_json(submitted_at="yesterday")),
        Answer(200, _order_json(qty="one")),
        Answer(200, _order_json(filled_qty="NaN")),
        Answer(200, "[]"),
        Answer(200, "null"),
        Answer(200, "{}"),
        Answer(200, "<html>all is well</html>"),
        Answer(204),
        Answer(302, "", {"Location": "/elsewhere"}),
        Answer(500, '{"code": 50010000, "message": "internal server error occurred"}'),
        Answer(503),
        Answer(599, '{"message": 7}'),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:40]}",
)
def test_an_answer_that_does_not_show_our_order_is_unknown(answer: Answer) -> None:
    with scripted(answer) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(SubmitOutcomeUnknown):
            broker.submit(approved("ours"))
    assert server.asked == ["POST /v2/orders"]


@pytest.mark.parametrize("status", [400, 403, 404, 418, 422])
@pytest.mark.parametrize("body", ["", "<html>", '{"code": 40010001, "message": "qty is required"}', '{"code": "?"}'])
def test_any_other_4xx_is_a_rejection_whatever_its_body(status: int, body: str) -> None:
    with scripted(Answer(status, body)) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(OrderRejected):
            broker.submit(approved("ours"))
    assert server.asked == ["POST /v2/orders"]


def test_revoked_keys_reject_no_order() -> None:
    with scripted(Answer(401, '{"message": "unauthorized."}')) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(BrokerUnavailable, match="paper keys"):
            broker.submit(approved("ours"))
    assert server.asked == ["POST /v2/orders"]


def test_an_order_that_reaches_nobody_is_unknown() -> None:
    with scripted(Answer(200)) as server:
        url = server.url
    broker, _ = connected(url, StandingClock())
    with pytest.raises(SubmitOutcomeUnknown, match="ConnectionError"):
        broker.submit(approved("ours"))


def test_a_cancel_is_asked_for_once_and_seen_later(rig: Rig) -> None:
    placed = rig.broker.submit(approved(rig.order_id()))
    rig.broker.cancel(placed.broker_order_id)
    rig.wait(seconds=30)
    found = rig.broker.order_by_client_id(placed.client_order_id)
    assert found is not None
    assert found.status is OrderStatus.CANCELED
    with pytest.raises(CancelRefused, match="canceled"):
        rig.broker.cancel(placed.broker_order_id)
    with pytest.raises(CancelRefused, match="404"):
        rig.broker.cancel("5c1e5d5e-0000-4000-8000-000000000000")


@pytest.mark.parametrize("fault", ["504_before", "504_after", "hang_after", "drop_before", "429"])
def test_a_cancel_without_a_clear_answer_may_be_asked_for_again(rig: Rig, fault: str) -> None:
    placed = rig.broker.submit(approved(rig.order_id()))
    path = f"/v2/orders/{placed.broker_order_id}"
    rig.fault(fault, "DELETE", path)
    broker = rig.hasty if fault.startswith("hang") else rig.broker
    with pytest.raises(BrokerUnavailable, match="Repeating it does no harm"):
        broker.cancel(placed.broker_order_id)
    assert len(rig.requests("DELETE", path)) == 1


def test_the_brokers_own_stop_is_set_seen_and_lifted(rig: Rig) -> None:
    rig.broker.suspend(True)
    assert rig.broker.account().suspended_by_user
    with pytest.raises(OrderRejected, match="403"):
        rig.broker.submit(approved(rig.order_id()))
    rig.broker.suspend(False)
    assert not rig.broker.account().suspended_by_user
    rig.broker.submit(approved(rig.order_id()))


def test_a_stop_that_the_broker_does_not_confirm_is_an_error() -> None:
    answer = Answer(200, '{"suspend_trade": false}')
    with scripted(answer) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(BrokerUnavailable, match="suspend_trade to true"):
            broker.suspend(True)
    assert server.asked == ["PATCH /v2/account/configurations"]
