"""What a command imports: the cost of its start."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"aiohttp", "alembic", "alpaca", "exchange_calendars", "matplotlib", "pandas", "pyarrow", "xgboost"}
LIGHT_COMMANDS = {
    "--help": {"pydantic", "numpy", "sqlalchemy", "structlog", "yaml", "rich"},
    "day --help": {"numpy", "sqlalchemy", "structlog", "yaml", "rich"},
    "config check": {"numpy", "sqlalchemy"},
    "status": {"numpy", "sqlalchemy", "structlog", "yaml"},
    "ledger schema --json": {"numpy", "sqlalchemy", "structlog", "yaml", "rich"},
    "halt --reason test": {"numpy", "structlog", "yaml"},
}


def imported_by(words: str, state: Path) -> set[str]:
    """The top-level modules in memory when the command has ended."""
    script = (
        "import sys; from trader.cli.main import run; sys.argv = ['trader', *sys.argv[1:]]; code = run();"
        "print('|', *{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "--state", str(state), *words.split()]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ended.stdout.rpartition("|")[2].split())


@pytest.mark.parametrize("words", LIGHT_COMMANDS)
def test_a_light_command_imports_nothing_heavy(tmp_path: Path, words: str) -> None:
    state = tmp_path / "state"
    imported_by("ledger migrate", state)
    assert (state / "ledger.db").exists()
    imported = imported_by(words, state)
    assert imported & (HEAVY | LIGHT_COMMANDS[words]) == set()
    assert {"typer", "trader"} <= imported


def test_the_measure_sees_a_heavy_import(tmp_path: Path) -> None:
    assert "alembic" in imported_by("ledger migrate", tmp_path)
