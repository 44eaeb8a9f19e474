"""The ledger under SIGKILL and under two writers: what was acknowledged is there, and nothing is half there."""

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest

from tests.support.appending import BATCH, append
from tests.support.clocks import ManualClock
from trader.adapters.ledger import open_ledger
from trader.domain.journal import OrderIntended

KILLS = 15
ENDLESS = 1_000_000


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.appending"])
    return context


def start(context: ForkServerContext, path: Path, number: int, count: int) -> tuple[ForkServerProcess, Connection]:
    reading, writing = context.Pipe(duplex=False)
    child = context.Process(target=append, args=(path, writing, number, count))
    child.start()
    writing.close()
    return child, reading


def acknowledged(reading: Connection) -> Iterator[tuple[int, int, str]]:
    with suppress(EOFError):
        while True:
            yield reading.recv()


def test_a_killed_writer_leaves_every_acknowledged_append_and_no_half_one(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    moments, path, number = random.Random(7), tmp_path / "ledger.db", 0
    open_ledger(path, ManualClock()).close()
    told: dict[int, str] = {}
    for _ in range(KILLS):
        child, reading = start(processes, path, number, ENDLESS)
        for _ in range(moments.randrange(6)):
            _, seq, digest = reading.recv()
            told[seq] = digest
        time.sleep(moments.uniform(0, 0.006))
        child.kill()
        child.join()
        told |= {seq: digest for _, seq, digest in acknowledged(reading)}
        reading.close()
        ledger = open_ledger(path, ManualClock())
        head = ledger.head().seq
        assert ledger.verify() == head
        assert head % BATCH == 0
        assert head - max(told, default=0) in (0, BATCH)
        assert told.items() <= {entry.seq: entry.hash for entry in ledger.entries()}.items()
        number = sum(1 for _ in ledger.entries(kinds=(OrderIntended,)))
        told[head] = ledger.head().hash
        ledger.close()
    assert number > KILLS


def test_two_writers_at_once_lose_nothing_and_wait_for_each_other(processes: ForkServerContext, tmp_path: Path) -> None:
    path, count = tmp_path / "ledger.db", 60
    writers = [start(processes, path, number, count) for number in (0, count)]
    told = [list(acknowledged(reading)) for _, reading in writers]
    for child, reading in writers:
        child.join()
        reading.close()
        assert child.exitcode == 0
    ledger = open_ledger(path, ManualClock())
    assert sorted(number for each in told for number, _, _ in each) == list(range(2 * count))
    assert ledger.verify() == 2 * count * BATCH
    firsts = [entry.event for entry in ledger.entries(kinds=(OrderIntended,))]
    assert len({event.client_order_id for event in firsts if isinstance(event, OrderIntended)}) == 2 * count
    ledger.close()
