"""What looks like a refusal and is none: a 408 says nothing, and a refused order that is seen after all is there."""

from decimal import Decimal

import pytest

from tests.support.orders import DAY, entries, intended, key, observed
from trader.adapters.alpaca.errors import Failed, submit_error
from trader.domain.errors import OrderRejected, SubmitOutcomeUnknown
from trader.domain.journal import OrderRefused
from trader.domain.orders import OrderStatus
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import fold

ID = client_order_id(key())


def test_a_request_time_out_is_no_judgement_of_the_order() -> None:
    assert isinstance(submit_error(ID, Failed("", 408)), SubmitOutcomeUnknown)
    assert isinstance(submit_error(ID, Failed("", 409)), OrderRejected)


@pytest.mark.parametrize("seen", [OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED])
def test_the_broker_may_revise_what_we_took_for_its_refusal(seen: OrderStatus) -> None:
    refused = OrderRefused(DAY, ID, 403, 40310000, "misread")
    view = fold(entries(intended(key()), refused, observed(key(), seen, filled=4)))[ID]
    assert (view.status, view.filled_quantity) == (seen, Decimal(4))
