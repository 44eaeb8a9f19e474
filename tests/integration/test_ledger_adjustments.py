"""Two reconcilers at once: the same activity of the broker is written once, a person's word as often as it is given."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.support.clocks import ManualClock
from trader.adapters.ledger import open_ledger
from trader.domain.journal import Adjusted

DAY = date(2026, 3, 16)


def adjusted(symbol: str, evidence: str) -> Adjusted:
    return Adjusted(DAY, "dividend", symbol, Decimal(0), Decimal("4.60"), evidence, "told")


def test_an_activity_counts_once(tmp_path: Path) -> None:
    first, second = (open_ledger(tmp_path / "ledger.db", ManualClock()) for _ in range(2))
    assert len(first.append(adjusted("KO", "a-1"), adjusted("KO", "a-1"))) == 1
    assert second.append(adjusted("KO", "a-1")) == ()
    assert len(second.append(adjusted("KO", "a-2"), adjusted("PEP", "a-1"), adjusted("KO", ""))) == 3
    assert len(second.append(adjusted("KO", ""))) == 1
    assert first.verify() == 5
