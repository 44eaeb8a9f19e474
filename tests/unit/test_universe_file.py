"""The candidates' file: strict on the way in, the same on the way out."""

from pathlib import Path

import pytest

from trader.adapters.universe_file import read_universe, write_universe
from trader.domain.errors import ConfigurationError
from trader.domain.market import Universe


def test_what_is_written_is_read(tmp_path: Path) -> None:
    universe = Universe((("BRK.B", "Financials"), ("XYZ", 'Oil, "Gas"')))
    write_universe(tmp_path / "universe.csv", universe)
    assert read_universe(tmp_path / "universe.csv") == universe


def test_rows_are_sorted_and_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_bytes(b"\xef\xbb\xbfsymbol,sector\r\nB,y\r\nA,x\r\n")
    assert read_universe(tmp_path / "u.csv").symbols == ("A", "B")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("symbol,industry\nA,x\n", "line 1: columns symbol, industry"),
        ("", "line 1: columns missing"),
        ("symbol,sector\nA,x\nA,y\n", "row 3: A stands twice"),
        ("symbol,sector\na b,x\n", "row 2: 'a b' is no symbol"),
        ("symbol,sector\nA\n", "row 2: 1 columns"),
        ("symbol,sector\nA,\n", "row 2: A has no sector"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "u.csv").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_universe(tmp_path / "u.csv")
    assert words in str(caught.value)


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        read_universe(tmp_path / "absent.csv")
