"""What a person, a signal or a lost disk does to a session in the middle of its orders."""

from pathlib import Path

import pytest

from tests.simulation.conftest import Sandbox, Zygote, copied, wire_is_clean
from trader.adapters.state_file import StateFile
from trader.domain.journal import TradingState


@pytest.fixture(scope="module")
def post(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Which call of an undisturbed session is its first POST."""
    with copied(zygote, morning, tmp_path_factory.mktemp("probe") / "state") as sandbox:
        assert sandbox.session() == "complete"
        return sandbox.calls().index("broker.submit") + 1


@pytest.fixture(scope="module")
def half_filled(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Which call of an undisturbed session first shows it an opener, filled in part."""
    with copied(zygote, morning, tmp_path_factory.mktemp("probe") / "state") as sandbox:
        assert sandbox.session() == "complete"
        calls = sandbox.calls()
    last_post = len(calls) - calls[::-1].index("broker.submit")
    return last_post + calls[last_post:].index("broker.orders_of") + 1


def test_a_second_run_changes_nothing(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        orders = sandbox.orders()
        assert sandbox.session() == "complete"
        assert sandbox.calls() == [], "no ledger write, no call of the broker"
        assert sandbox.orders() == orders


def resume(sandbox: Sandbox) -> None:
    StateFile(sandbox.state / "STATE").write(TradingState.ACTIVE, "")


@pytest.mark.parametrize("act", ["halt", "cancel"])
def test_a_halt_cancels_and_the_remainder_goes_on_as_the_next_generation(
    act: str, half_filled: int, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(trap=(half_filled, "after", act)) == "halted"
        stopped = sandbox.orders()
        assert {status for _, _, status in stopped.values()} <= {"canceled", "filled"}
        assert sandbox.session() == "halted", "a halt lasts until a person ends it"
        assert sandbox.orders() == stopped
        resume(sandbox)
        assert sandbox.session() == "complete"
        orders = sandbox.orders()
        wire_is_clean(sandbox.control("/sim/log"))
    assert any(name.endswith(".0.1") for name in orders), "the remainder has a generation of its own"
    by_line: dict[str, list[tuple[str, str, str]]] = {}
    for name, order in orders.items():
        by_line.setdefault(name.rsplit(".", 1)[0], []).append(order)
    assert len(by_line) == 3
    for line in by_line.values():
        assert sum(float(filled) for _, filled, _ in line) == max(float(quantity) for quantity, _, _ in line)


def test_sigterm_ends_cleanly_and_the_next_start_goes_on(
    post: int, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(trap=(post, "before", "terminate")) == "stopped"
        assert len(sandbox.orders()) == 1, "the POST in hand is finished and recorded, no other begins"
        assert sandbox.session() == "complete"
        assert {status for _, _, status in sandbox.orders().values()} == {"filled"}


def test_a_lost_ledger_goes_on_from_the_plan_file(post: int, zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=(post, "after", "kill")) == -9
        for file in sandbox.state.glob("ledger.db*"):
            file.unlink()
        result = sandbox.session()
        orders = sandbox.orders()
        wire_is_clean(sandbox.control("/sim/log"))
    assert result == "held_back", "the token went with the ledger: openers wait for a preflight"
    assert len(orders) == 1, "what is at the broker is known by its id and not sent again"


def test_ledger_and_plan_lost_means_nothing_is_decided_again(
    post: int, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=(post, "after", "kill")) == -9
        for file in (*sandbox.state.glob("ledger.db*"), *sandbox.state.glob("plans/*")):
            file.unlink()
        assert sandbox.session() == "plan_lost"
        orders = sandbox.orders()
    assert len(orders) == 1
    assert {status for _, _, status in orders.values()} <= {"canceled", "filled"}
