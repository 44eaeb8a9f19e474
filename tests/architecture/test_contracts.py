"""The import contracts hold, and each of them breaks on an import that it forbids."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the linter; a missing one raises, and so fails the test."""
    return subprocess.run(
        [LINTER, "--no-cache", "--no-logo", *options], cwd=directory, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program and its contracts in a directory where they may be broken."""
    directory = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "trader", directory / "trader", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", directory)
    assert lint(directory).returncode == 0
    return directory


def test_the_program_keeps_its_contracts() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("layers", "ports/clock.py", "import trader.adapters.clock"),
        ("layers", "modes/session.py", "import trader.adapters.clock"),
        ("layers", "decision/plan.py", "import trader.execution.submission"),
        ("layers", "simulated_exchange/orders.py", "import trader.domain.orders"),
        ("layers", "settings/model.py", "import trader.cli.main"),
        ("exchange", "adapters/embedded_exchange.py", "import trader.simulated_exchange.config"),
        ("alpaca", "adapters/calendar.py", "from alpaca.trading.client import TradingClient"),
        ("alpaca", "modes/preflight.py", "import alpaca"),
        ("sqlalchemy", "adapters/state_file.py", "import sqlalchemy"),
        ("sqlalchemy", "status/snapshot.py", "from alembic import command"),
        ("pure", "decision/decide.py", "import time"),
        ("pure", "domain/orders.py", "from os import path"),
        ("pure", "execution/submission.py", "import random"),
        ("pure", "accounting/postings.py", "import structlog"),
        ("pure", "reporting/page.py", "from urllib import request"),
        ("cycles", "domain/orders.py", "import trader.ports.clock"),
    ],
)
def test_a_contract_breaks_on_what_it_forbids(copy: Path, contract: str, module: str, line: str) -> None:
    injected = copy / "trader" / module
    text = injected.read_text()
    injected.write_text(f"{text}\n\n{line}\n")
    try:
        found = lint(copy, "--contract", contract)
    finally:
        injected.write_text(text)
    assert found.returncode == 1
    assert "1 broken" in found.stdout
    assert f".{module.partition('/')[0]}" in found.stdout.partition("Broken contracts")[2]


def test_a_package_outside_the_layers_is_refused(copy: Path) -> None:
    stray = copy / "trader" / "helpers.py"
    stray.write_text("")
    try:
        assert "trader.helpers" in lint(copy, "--contract", "layers").stdout
    finally:
        stray.unlink()
