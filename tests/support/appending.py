"""Processes that append to a ledger, for tests that kill them."""

from multiprocessing.connection import Connection
from pathlib import Path

from tests.support.clocks import ManualClock
from tests.support.days import filled, intended, key, observed
from trader.adapters.ledger import open_ledger
from trader.domain.orders import OrderStatus

BATCH = 3


def append(path: Path, acknowledged: Connection, start: int, count: int) -> None:
    """Append batches of an order, its fill and its end; tell the last number of each once its append has returned."""
    ledger = open_ledger(path, ManualClock())
    for number in range(start, start + count):
        k = key("KO", sequence=number)
        ledger.verify(whole=False)
        entries = ledger.append(intended(k), filled(k, f"fill-{number}"), observed(k, OrderStatus.FILLED, 20))
        acknowledged.send((number, entries[-1].seq, entries[-1].hash))
    ledger.close()
