"""Bars from a person's file: all of it, or a sentence that says which rows stand in the way."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tests.support.markets import as_frame, random_panel
from trader.adapters.bar_archive import ParquetBarArchive
from trader.adapters.bar_import import ImportReport, check_archive, import_bars
from trader.adapters.calendar import ExchangeCalendar
from trader.domain.errors import BadData, ConfigurationError

PANEL = random_panel(seed=6, symbols=4, sessions=40, end=date(2022, 6, 30))
FRAME = as_frame(PANEL)
HOLIDAY = date(2022, 6, 20)
HEADER = "symbol,date,open,high,low,close,volume"


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> ExchangeCalendar:
    return ExchangeCalendar(tmp_path_factory.mktemp("calendar"))


@pytest.fixture
def archive(tmp_path: Path, calendar: ExchangeCalendar) -> ParquetBarArchive:
    return ParquetBarArchive(tmp_path / "bars", calendar)


@pytest.fixture
def load(
    tmp_path: Path, archive: ParquetBarArchive, calendar: ExchangeCalendar
) -> Callable[[str | pd.DataFrame], ImportReport]:
    """Import a CSV text, or a frame by way of Parquet."""

    def put(content: str | pd.DataFrame) -> ImportReport:
        path = tmp_path / ("bars.csv" if isinstance(content, str) else "bars.parquet")
        if isinstance(content, str):
            path.write_text(content, newline="")
        else:
            content.to_parquet(path, index=False)
        return import_bars(path, archive, calendar)

    return put


Load = Callable[[str | pd.DataFrame], ImportReport]


def rows(*lines: str) -> str:
    return "\n".join((HEADER, *lines)) + "\n"


def test_csv_and_parquet_come_to_the_same_bars(load: Load, archive: ParquetBarArchive) -> None:
    report = load(FRAME)
    assert (report.read, report.stored, report.changed, report.symbols) == (160, 160, 160, 4)
    assert (report.first, report.last, report.dropped) == (PANEL.dates[0], PANEL.dates[-1], ())
    again = load(FRAME.to_csv(index=False))
    assert (again.stored, again.changed) == (160, 0)
    assert archive.panel(PANEL.symbols, PANEL.dates[-1], 40).digest() == PANEL.digest()


def test_what_spreadsheets_do_to_a_file_is_tolerated(load: Load, archive: ParquetBarArchive) -> None:
    text = "\ufeffdate,symbol,volume,close,low,high,open\r\n2022-06-29,NA,1.5E6,1e1,9.5,1.05e1,10\r\n\r\n"
    text += '"2022-06-29","TRUE","0","2.50","2.5","2.5","2.5"\r\n\r\n'
    report = load(text)
    assert (report.read, report.stored, report.zero_volume) == (2, 2, 1)
    panel = archive.panel(["NA", "TRUE"], date(2022, 6, 29), 1)
    assert (panel.close.tolist(), panel.volume.tolist()) == ([[10, 2.5]], [[1_500_000, 0]])


@pytest.mark.parametrize("holiday_type", ["datetime64[us]", "object", "str"])
def test_a_holiday_in_the_file_is_dropped_and_told(
    load: Load, archive: ParquetBarArchive, calendar: ExchangeCalendar, holiday_type: str
) -> None:
    extra = FRAME[FRAME["date"] == pd.Timestamp(2022, 6, 21)].assign(date=pd.Timestamp(HOLIDAY))
    bars = pd.concat([FRAME, extra]).sort_values(["symbol", "date"])
    if holiday_type == "str":
        bars["date"] = bars["date"].dt.strftime("%Y-%m-%d")
    else:
        bars["date"] = bars["date"].dt.date if holiday_type == "object" else bars["date"]
    report = load(bars)
    assert (report.read, report.stored, report.dropped) == (164, 160, ((HOLIDAY, 4),))
    assert check_archive(archive, calendar) == ()


def test_until_cuts_off_what_is_later(archive: ParquetBarArchive, calendar: ExchangeCalendar, tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "bars.parquet")
    report = import_bars(tmp_path / "bars.parquet", archive, calendar, until=PANEL.dates[29])
    assert (report.read, report.stored, report.after_until, report.last) == (160, 120, 40, PANEL.dates[29])
    assert set(archive.last_dates().values()) == {PANEL.dates[29]}


GOOD = "A,2022-06-29,10,11,9,10.5,100"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("A,2022-06-30,10,11,9,,100", "row 3: close '' is no number"),
        ("A,2022-06-30,10,11,9,ten,100", "row 3: close 'ten' is no number"),
        ("A,2022-06-30,10,11,9,nan,100", "row 3: close 'nan' is no number"),
        ("A,2022-06-30,10,11,9,inf,100", "row 3: close is no number"),
        ("A,2022-06-30,0,11,9,10,100", "row 3: open 0.0 is not positive"),
        ("A,2022-06-30,10,11,-9,10,100", "row 3: low -9.0 is not positive"),
        ("A,2022-06-30,10,11,9,10,-1", "row 3: volume -1.0 is negative"),
        ("A,2022-06-30,10,10.2,9,10.5,100", "row 3: high 10.2 is below close 10.5"),
        ("A,2022-06-30,10,11,10.2,10.5,100", "row 3: low 10.2 is above open 10.0"),
        ("A,30/06/2022,10,11,9,10,100", "row 3: date '30/06/2022' is no date (YYYY-MM-DD)"),
        ("A,2022-02-30,10,11,9,10,100", "row 3: date '2022-02-30' is no date"),
        ("A,2022-06-29,10,11,9,10,100", "row 3: A 2022-06-29 is there already"),
        ("A,2022-06-28,10,11,9,10,100", "row 3: A 2022-06-28 comes after a later date"),
        ("A,2022-06-30,10,11,9,10", "row 3: 6 columns, 7 in the header"),
        ("A,2022-06-30,10,11,9,10,100,7", "row 3: 8 columns, 7 in the header"),
        ("\n\na b,2022-06-30,10,11,9,10,100", "row 5: symbol 'a b' is no symbol"),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_stored(
    load: Load, archive: ParquetBarArchive, bad: str, reason: str
) -> None:
    with pytest.raises(BadData) as caught:
        load(rows(GOOD, bad, "B,2022-06-30,10,11,9,10,100"))
    assert reason in str(caught.value)
    assert "bars.csv: 1 malformed rows" in str(caught.value)
    assert "nothing of it was stored" in caught.value.remedy
    assert not archive.path.exists()


def test_only_the_first_rows_are_shown_and_all_are_counted(load: Load) -> None:
    with pytest.raises(BadData) as caught:
        load(rows(*(f"A,2022-06-{day},10,11,9,x,100" for day in range(10, 31))))
    assert [row for row, _ in caught.value.rows] == [2, 3, 4, 5, 6]
    assert "21 malformed rows" in str(caught.value)


def test_a_malformed_parquet_row_is_counted_from_one(load: Load, archive: ParquetBarArchive) -> None:
    bars = FRAME.copy()
    bars.loc[7, "high"] = 0.5
    with pytest.raises(BadData, match=r"bars\.parquet: 1 malformed rows: row 8: high 0\.5 is below open"):
        load(bars)
    timed = FRAME.assign(date=FRAME["date"] + pd.Timedelta(hours=5))
    for wrong in (timed, timed.assign(date=FRAME["date"].dt.tz_localize("UTC")), FRAME.assign(date=20220630)):
        with pytest.raises(BadData, match=r"160 malformed rows: row 1: date .* is no date"):
            load(wrong)
    assert not archive.path.exists()


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (HEADER.replace(",volume", ""), "missing column volume"),
        (HEADER.replace("date", "Date"), "missing column date; unknown column Date"),
        (HEADER + ",vwap", "unknown column vwap"),
        (HEADER + ",close", "repeated column close"),
        (HEADER.replace(",", ";"), "missing column symbol, date"),
    ],
)
def test_columns_must_be_the_seven(load: Load, header: str, told: str) -> None:
    with pytest.raises(BadData, match=told):
        load(header + "\n")


def test_files_that_are_no_files_of_bars(
    tmp_path: Path, archive: ParquetBarArchive, calendar: ExchangeCalendar
) -> None:
    contents = {"empty.csv": b"", "latin.csv": HEADER.encode() + b"\nA,\xe9,1,1,1,1,1\n", "cut.parquet": b"PAR1 cut"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadData, match=r"cannot be read as (CSV|Parquet)"):
            import_bars(tmp_path / name, archive, calendar)
    with pytest.raises(ConfigurationError, match=r"none\.csv: there is no such file"):
        import_bars(tmp_path / "none.csv", archive, calendar)


def test_checking_the_archive_finds_what_crept_in(archive: ParquetBarArchive, calendar: ExchangeCalendar) -> None:
    holes = FRAME[~((FRAME["symbol"] == "S001") & FRAME["date"].isin(pd.to_datetime(list(PANEL.dates[5:8]))))]
    stray = FRAME[FRAME["symbol"] == "S002"].iloc[-1:].assign(date=pd.Timestamp(2022, 7, 4))
    archive.merge(pd.concat([holes, stray]))
    assert [(finding.symbol, finding.reason) for finding in check_archive(archive, calendar)] == [
        ("S001", "3 sessions without a bar between its first and its last"),
        ("S002", "2022-07-04 is no session"),
    ]
