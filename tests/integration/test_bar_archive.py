"""Bars on disk: what goes in comes out, whole, whatever happens meanwhile."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.markets import as_frame, random_panel
from trader.adapters.bar_archive import ParquetBarArchive
from trader.adapters.calendar import ExchangeCalendar
from trader.domain.errors import BadData, ConfigurationError

END = date(2026, 3, 31)


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> ExchangeCalendar:
    return ExchangeCalendar(tmp_path_factory.mktemp("calendar"))


@pytest.fixture
def archive(tmp_path: Path, calendar: ExchangeCalendar) -> ParquetBarArchive:
    return ParquetBarArchive(tmp_path / "bars", calendar)


def bar(symbol: str, day: str, price: float = 10.0, volume: float = 100.0) -> dict[str, object]:
    return {"symbol": symbol, "date": day, "open": price, "high": price, "low": price, "close": price, "volume": volume}


def test_a_panel_comes_back_to_the_last_bit(archive: ParquetBarArchive) -> None:
    panel = random_panel(seed=1, symbols=5, sessions=120, end=END)
    assert archive.merge(as_frame(panel)) == 600
    assert archive.panel(panel.symbols, END, 120).digest() == panel.digest()
    assert archive.panel(panel.symbols, END, 30).digest() == panel.last(30).digest()
    assert archive.panel(panel.symbols, panel.dates[80], 30).digest() == panel.until(panel.dates[80]).last(30).digest()
    assert archive.symbols() == panel.symbols
    assert archive.last_dates() == dict.fromkeys(panel.symbols, END)
    pd.testing.assert_frame_equal(archive.frame(), as_frame(panel))


def test_rows_are_the_exchanges_sessions_and_columns_what_was_asked(archive: ParquetBarArchive) -> None:
    archive.merge(pd.DataFrame([bar("B", "2022-06-16", 5), bar("B", "2022-06-20", 6), bar("B", "2022-06-21", 7)]))
    panel = archive.panel(["C", "B"], date(2022, 6, 21), 3)
    assert panel.dates == (date(2022, 6, 16), date(2022, 6, 17), date(2022, 6, 21))
    assert panel.symbols == ("B", "C")
    np.testing.assert_array_equal(panel.close[:, 0], [5, np.nan, 7])
    assert np.isnan(panel.volume[:, 1]).all()
    assert archive.panel(["B"], date(2022, 6, 19), 1).dates == (date(2022, 6, 17),)


def test_an_empty_archive_knows_nothing(archive: ParquetBarArchive) -> None:
    assert archive.symbols() == ()
    assert archive.last_dates() == {}
    assert np.isnan(archive.panel(["A"], END, 4).close).all()


def test_only_what_differs_counts_and_is_written(archive: ParquetBarArchive) -> None:
    first = pd.DataFrame([bar("A", "2026-03-30"), bar("A", "2026-03-31"), bar("B", "2026-03-31")])
    assert archive.merge(first) == 3
    before = archive.path.stat().st_ino
    assert archive.merge(first) == 0
    assert archive.path.stat().st_ino == before
    assert (
        archive.merge(pd.DataFrame([bar("A", "2026-03-31", 11), bar("AA", "2026-03-31"), bar("B", "2026-03-31")])) == 2
    )
    assert archive.panel(["A", "AA", "B"], END, 2).close.tolist()[1] == [11, 10, 10]


KEYS = st.tuples(st.sampled_from(["A", "B", "BB", "Z"]), st.sampled_from(["2026-03-25", "2026-03-26", "2026-03-31"]))
BATCHES = st.lists(st.dictionaries(KEYS, st.sampled_from([1.0, 2.5, 4.0]), min_size=1), max_size=5)


@settings(max_examples=20, deadline=None)
@given(BATCHES)
def test_the_newest_of_many_merges_is_kept(
    calendar: ExchangeCalendar, tmp_path_factory: pytest.TempPathFactory, batches: list[dict[tuple[str, str], float]]
) -> None:
    archive, known = ParquetBarArchive(tmp_path_factory.mktemp("bars"), calendar), dict[tuple[str, str], float]()
    for batch in batches:
        rows = pd.DataFrame([bar(symbol, day, price) for (symbol, day), price in sorted(batch.items())])
        assert archive.merge(rows) == sum(known.get(key) != price for key, price in batch.items())
        known |= batch
    stored = archive.frame()
    days = stored["date"].dt.strftime("%Y-%m-%d")
    assert dict(zip(zip(stored["symbol"], days, strict=True), stored["close"], strict=True)) == known
    assert archive.symbols() == tuple(sorted({symbol for symbol, _ in known}))


def test_a_malformed_row_keeps_everything_out(archive: ParquetBarArchive) -> None:
    archive.merge(pd.DataFrame([bar("A", "2026-03-30")]))
    before = archive.path.read_bytes()
    with pytest.raises(BadData, match="row 2: open is no number"):
        archive.merge(pd.DataFrame([bar("A", "2026-03-31"), bar("B", "2026-03-31", float("nan"))]))
    assert archive.path.read_bytes() == before


def test_a_damaged_file_is_named_with_the_way_out(archive: ParquetBarArchive) -> None:
    archive.merge(pd.DataFrame([bar("A", "2026-03-31")]))
    whole = archive.path.read_bytes()
    for content in (whole[:-20], b"", b"symbol,date\n"):
        archive.path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"bars\.parquet: cannot be read as bars.*backup"):
            archive.panel(["A"], END, 1)


def test_writers_wait_for_one_another(tmp_path: Path, calendar: ExchangeCalendar) -> None:
    names = [f"T{n}" for n in range(12)]

    def write(name: str) -> int:
        return ParquetBarArchive(tmp_path, calendar).merge(pd.DataFrame([bar(name, "2026-03-31")]))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, names)) == [1] * 12
    assert ParquetBarArchive(tmp_path, calendar).symbols() == tuple(sorted(names))


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 4 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_costs_nothing_that_was_stored(
    archive: ParquetBarArchive, request: pytest.FixtureRequest
) -> None:
    archive.merge(pd.DataFrame([bar("A", "2026-03-31")]))
    before = archive.path.read_bytes()
    request.getfixturevalue("small_disk")
    with pytest.raises(ConfigurationError, match="too large"):
        archive.merge(as_frame(random_panel(seed=2, symbols=5, sessions=60, end=END)))
    assert archive.path.read_bytes() == before
    assert {path.name for path in archive.path.parent.iterdir()} == {".lock", "bars.parquet"}


WRITER = """
import sys
from pathlib import Path
import pandas as pd
from trader.adapters.bar_archive import ParquetBarArchive
from trader.adapters.calendar import ExchangeCalendar
archive, day = ParquetBarArchive(Path(sys.argv[1]), ExchangeCalendar()), pd.Timestamp("2026-03-31")
names = [f"S{n}" for n in range(3000)]
for price in range(1, 10_000):
    prices = dict.fromkeys(["open", "high", "low", "close"], price)
    archive.merge(pd.DataFrame({"symbol": names, "date": day, "volume": 1.0} | prices))
    print(price, flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_a_writer_killed_at_any_time_leaves_one_whole_state(
    writer: subprocess.Popen[str], tmp_path: Path, calendar: ExchangeCalendar
) -> None:
    assert writer.stdout is not None
    for _ in range(3):
        done = int(writer.stdout.readline())
    writer.kill()
    writer.wait()
    archive = ParquetBarArchive(tmp_path, calendar)
    (price,) = set(archive.panel(archive.symbols(), END, 1).close[0].tolist())
    assert len(archive.symbols()) == 3000
    assert price >= done
    assert archive.merge(pd.DataFrame([bar("A", "2026-03-31")])) == 1


def test_reading_needs_neither_pandas_nor_the_calendars_library(archive: ParquetBarArchive, tmp_path: Path) -> None:
    """A session that was killed must be back within a second or two."""
    archive.merge(pd.DataFrame([bar("A", "2026-03-31")]))
    code = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from trader.adapters.bar_archive import ParquetBarArchive as Archive\n"
        "from trader.adapters.calendar import ExchangeCalendar as Calendar\n"
        "archive = Archive(Path(sys.argv[1]), Calendar(Path(sys.argv[2])))\n"
        "assert archive.panel(['A'], date(2026, 3, 31), 1).close[0, 0] == 10\n"
        "assert archive.symbols() == ('A',)\n"
        "print(sorted({'pandas', 'exchange_calendars'} & set(sys.modules)))\n"
    )
    run = [sys.executable, "-c", code, str(archive.path.parent), str(tmp_path / "cache")]
    ExchangeCalendar(tmp_path / "cache").session(END)
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"
