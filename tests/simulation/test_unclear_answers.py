"""A POST without a clear answer: never resent blindly, one order accepted, the day complete."""

from pathlib import Path

import pytest

from tests.simulation.conftest import Zygote, copied, wire_is_clean

ARRIVED = ["504_after", "hang_after", "drop_after", "502_html_after", "empty_after"]
LOST = ["429", "504_before", "hang_before", "drop_before", "502_html_before"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("action", ARRIVED + LOST)
def test_one_order_is_accepted_whatever_the_answer(
    action: str, times: int, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        rule = {"method": "POST", "path": "/v2/orders", "action": action, "times": times}
        sandbox.control("/sim/faults", rule)
        assert sandbox.session(read_timeout_s="1") == "complete"
        log = [line for line in sandbox.control("/sim/log") if line["path"].startswith("/v2/orders")]
        orders = sandbox.orders()
    wire_is_clean(log)
    faulted = [line for line in log if line["fault"]]
    assert len(faulted) == times, "every fault was met"
    assert len(orders) == 3
    assert all(status == "filled" for _, _, status in orders.values())
    posts = [line["client_order_id"] for line in log if line["method"] == "POST"]
    again = len(posts) - len(set(posts))
    assert again == (times if action in LOST else 0), "what arrived is not sent again, what was lost is"


def test_a_rejected_order_is_final(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sandbox.control("/sim/faults", {"method": "POST", "path": "/v2/orders", "action": "reject_later", "times": 1})
        assert sandbox.session() == "complete"
        assert sandbox.session() == "complete"
        statuses = sorted(status for _, _, status in sandbox.orders().values())
        posts = [line for line in sandbox.control("/sim/log") if line["method"] == "POST"]
    assert statuses.count("rejected") == 1
    assert len(posts) == 3
