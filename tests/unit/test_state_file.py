"""The trading state: whatever the file says unclearly is a halt."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.adapters.state_file import StateFile
from trader.domain.errors import ConfigurationError
from trader.domain.journal import TradingState


@pytest.mark.parametrize("state", TradingState)
def test_what_is_written_is_read_and_replaced(tmp_path: Path, state: TradingState) -> None:
    file = StateFile(tmp_path / "new" / "STATE")
    assert file.read() == (TradingState.ACTIVE, "")
    file.write(TradingState.HALT, "first")
    file.write(state, "drawdown — 5 %\nsecond line")
    assert file.read() == (state, "drawdown — 5 %\nsecond line")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["STATE"]


def test_every_truncation_of_an_active_file_is_a_halt(tmp_path: Path) -> None:
    path = tmp_path / "STATE"
    StateFile(path).write(TradingState.ACTIVE, "resumed")
    content = path.read_bytes().rstrip()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        state, reason = StateFile(path).read()
        assert state is TradingState.HALT
        assert str(path) in reason


@given(st.binary(max_size=60) | st.sampled_from([b"[" * 100_000, b"{}", b"null", b'"active"', b'{"state":"active"}']))
def test_garbage_is_a_halt(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "STATE"
    path.write_bytes(content)
    assert StateFile(path).read()[0] is TradingState.HALT


def test_a_state_that_cannot_be_read_is_a_halt_and_one_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "STATE").mkdir()
    assert StateFile(tmp_path / "STATE").read()[0] is TradingState.HALT
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="Make room, or give this user access"):
        StateFile(tmp_path / "file" / "STATE").write(TradingState.HALT, "why")


def test_halting_needs_the_standard_library_only() -> None:
    foreign = "{'pydantic', 'sqlalchemy', 'numpy', 'pandas', 'structlog'} & set(sys.modules)"
    code = f"import sys, trader.adapters.state_file as s; sys.exit(repr({foreign}) if {foreign} else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
