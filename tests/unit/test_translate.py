"""A hand-made set-up's execution.yaml in our terms: every key of it is accounted for, and nothing is guessed."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import trader
from trader.bootstrap.translate import translate
from trader.bootstrap.translation import Translation, told
from trader.bootstrap.translation_rules import ANYWHERE, IN_SECTIONS, Ask, Carry
from trader.domain.errors import ConfigurationError, NotPaper
from trader.settings.model import Settings

CIRCULATING = """\
execution:
  enabled: true
  mode: "paper"  # paper, live
  signal_threshold: 0.1
  max_orders_per_execution: 10
  execution_timeout: 30
model:
  enabled: true
  model_path: "runs/one/model.json"
  fallback_to_external_signals: true
position_sizing:
  max_position_size: 0.1  # 10% of portfolio per position
  max_total_exposure: 0.8
  min_trade_size: 100.0
  volatility_adjustment: true
  portfolio_heat: 0.02
  order_notional_cap: 15000.0
risk_management:
  max_daily_loss: 0.02
  stop_loss_pct: 0.05
  max_pos_pct: 0.05
  max_gross_exposure: 0.60
  max_order_notional: 10000
  max_slip_pct: 0.5
  session_drawdown_limit: 0.01
  sector_exposure_checks: false
order_management:
  default_order_type: "market"
  limit_price_offset: 0.001
  time_in_force: "day"
monitoring:
  alert_thresholds:
    daily_loss_pct: 0.015
"""


def keys(done: Translation, name: str) -> list[str]:
    return [each.key for each in getattr(done, name)]


def test_the_set_up_in_circulation_is_translated_and_what_is_unclear_is_asked() -> None:
    done = translate(CIRCULATING, "old.yaml")
    assert done.config == {
        "execution": {"mode": "paper", "order_type": "market", "collar_bps": "10"},
        "position_sizing": {"min_trade_usd": "100", "weighting": "inverse_volatility", "target_exposure": "0.6"},
        "risk_management": {
            "max_orders_per_execution": 10,
            "max_position_size": "0.05",
            "max_total_exposure": "0.6",
            "max_gross_exposure": "0.6",
            "order_notional_cap_usd": 10000,
        },
        "watch": {"max_daily_loss": "0.02", "stop_loss": "0.05", "session_drawdown": "0.01"},
    }
    assert keys(done, "undecided") == [
        "execution.signal_threshold",
        "position_sizing.portfolio_heat",
        "risk_management.max_slip_pct",
    ]
    assert keys(done, "dropped_mock") == ["model.fallback_to_external_signals"]
    assert (keys(done, "unknown"), keys(done, "invalid"), done.ok) == ([], [], False)


def test_the_inventory_decides_what_is_unclear() -> None:
    over = {
        "position_sizing": {"signal_threshold": "0.6"},
        "risk_management": {"portfolio_heat": "0.2", "price_collar_bps": 100},
    }
    done = translate(CIRCULATING, "old.yaml", over)
    assert done.ok
    assert "execution.signal_threshold" in keys(done, "dropped")
    settings = Settings.model_validate_json(json.dumps(done.config), strict=True)
    assert str(settings.position_sizing.signal_threshold) == "0.6"
    assert settings.risk_management.price_collar_bps == 100


def test_no_key_is_left_unsaid() -> None:
    done = translate(CIRCULATING, "old.yaml")
    said = {each.source for each in done.translated}
    for name in ("unknown", "undecided", "invalid", "dropped", "dropped_mock"):
        said |= set(keys(done, name))
    old = yaml.safe_load(CIRCULATING)
    there = {f"{section}.{key}" for section, values in old.items() for key in values} - {"monitoring.alert_thresholds"}
    assert there | {"monitoring.alert_thresholds.daily_loss_pct"} == said


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.integers(0, 9) | st.booleans(), max_size=5))
def test_no_key_of_any_section_is_left_unsaid(section: dict[str, object]) -> None:
    done = translate(json.dumps({"risk_management": section, "wild": section}), "old.yaml")
    said = {each.source for each in done.translated}
    for name in ("unknown", "undecided", "invalid", "dropped", "dropped_mock"):
        said |= set(keys(done, name))
    assert {f"{name}.{key}" for name in ("risk_management", "wild") for key in section} <= said


def test_flat_keys_are_understood() -> None:
    text = """\
mode: paper
paper: true
dry_run: false
capital: 100000
max_positions: 20
order_type: limit
timezone: America/Chicago
base_url: https://paper-api.alpaca.markets
use_mock_signals: true
schedule:
  preflight: "08:00"
  session: 08:30
  eod: "15:10"
symbols: [AAPL, MSFT, BRK.B, AAPL]
sectors: {AAPL: Technology, MSFT: Technology}
"""
    done = translate(text, "old.yaml")
    assert done.ok, told(done)
    assert done.config == {
        "execution": {"mode": "paper", "order_type": "limit"},
        "position_sizing": {"max_positions": 20},
        "calendar": {
            "timezone": "America/Chicago",
            "preflight_at": "08:00",
            "session_at": "08:30",
            "eod_at": "15:10",
        },
        "data": {"universe": "universe.csv"},
    }
    assert done.universe == "symbol,sector\nAAPL,Technology\nBRK.B,unclassified\nMSFT,Technology\n"
    assert keys(done, "dropped_mock") == ["use_mock_signals"]
    assert set(keys(done, "dropped")) == {"paper", "dry_run", "capital", "base_url"}


def test_our_own_file_is_carried_as_it_is() -> None:
    text = Path("config/execution.yaml").read_text()
    done = translate(text, "execution.yaml")
    assert done.ok, told(done)
    settings = Settings.model_validate_json(json.dumps(done.config), strict=True)
    assert settings == Settings()


@pytest.mark.parametrize(
    ("text", "name", "key", "words"),
    [
        ("max_position_size: 5\n", "undecided", "max_position_size", ("percent", "0.05")),
        ("risk_management:\n  max_sector_exposure: 30\n", "invalid", "risk_management.max_sector_exposure", ("0.05",)),
        ("execution:\n  order_type: iceberg\n", "invalid", "execution.order_type", ("iceberg", "schema")),
        ("execution:\n  slices: many\n", "invalid", "execution.slices", ("many",)),
        ("execution:\n  mode: dry\n", "invalid", "execution.mode", ("dry",)),
        ("execution:\n  enabled: false\n", "invalid", "execution.enabled", ("standby",)),
        ("dry_run: true\n", "invalid", "dry_run", ("standby",)),
        ("order_management:\n  time_in_force: gtc\n", "invalid", "order_management.time_in_force", ("day",)),
        ("order_management:\n  extended_hours: true\n", "invalid", "order_management.extended_hours", ("regular",)),
        ("risk_management:\n  max_leverage: 2\n", "invalid", "risk_management.max_leverage", ("borrow",)),
        (
            "position_sizing:\n  capital_utilization_factor: 2.0\n",
            "undecided",
            "position_sizing.capital_utilization_factor",
            ("borrow", "inventory"),
        ),
        ("symbols: [aapl]\n", "invalid", "symbols", ("aapl",)),
        ("symbols: []\n", "invalid", "symbols", ("no symbol",)),
        ("sector_mapping: {AAPL: Technology}\n", "undecided", "sector_mapping", ("data.universe",)),
        ("universe: data/top300.txt\n", "undecided", "universe", ("CSV",)),
        ("calendar:\n  timezone: CT\n", "invalid", "calendar.timezone", ("no time zone",)),
        (
            "risk_management:\n  max_postion_size: 0.1\n",
            "unknown",
            "risk_management.max_postion_size",
            ("max_position_size",),
        ),
        ("wibble: 3\n", "unknown", "wibble", ("not carried over",)),
        ("watch:\n", "dropped", "watch", ("nothing in it",)),
        ("api_key: abcdefgh\n", "dropped", "api_key", ("vault",)),
    ],
)
def test_what_cannot_go_on_is_told_with_key_line_and_remedy(
    text: str, name: str, key: str, words: tuple[str, ...]
) -> None:
    done = translate(f"# an old file\n{text}", "old.yaml")
    (found,) = [each for each in getattr(done, name) if each.key == key]
    said = f"{found.what}. {found.remedy}"
    assert [word for word in words if word not in said] == []
    assert found.line > 1
    assert done.ok == (name in ("unknown", "dropped"))
    assert key in told(done)


def test_a_contradiction_names_the_old_key() -> None:
    done = translate("risk_management:\n  max_daily_loss: 0.3\n", "old.yaml")
    (found,) = done.invalid
    assert found.key == "risk_management.max_daily_loss"
    assert "watch.max_drawdown" in found.what


@pytest.mark.parametrize(
    "text",
    [
        "execution:\n  mode: live\n",
        "mode: LIVE\n",
        "paper: false\n",
        "base_url: https://api.alpaca.markets\n",
        "broker:\n  base_url: https://api.alpaca.markets/v2\n",
        "alpaca:\n  paper: false\n",
    ],
)
def test_live_trading_is_refused_by_line(text: str) -> None:
    with pytest.raises(NotPaper) as refused:
        translate(f"# old\n{text}", "old.yaml")
    assert "old.yaml line " in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [\n", "a: 1\na: 2\n", "a: *b\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        translate(text, "old.yaml")


def test_a_wrong_key_of_the_inventory_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        translate("mode: paper\n", "old.yaml", {"execution": {"slicez": 3}})
    assert "execution.slicez" in str(refused.value)


def test_every_rule_leads_to_a_key_of_ours() -> None:
    known = {f"{section}.{key}" for section, values in Settings().model_dump().items() for key in values}
    for rule in (*IN_SECTIONS.values(), *ANYWHERE.values()):
        if isinstance(rule, Carry | Ask):
            assert rule.to in known


def test_the_command_writes_a_file_that_the_program_takes(tmp_path: Path) -> None:
    old, over, new = tmp_path / "old.yaml", tmp_path / "over.yaml", tmp_path / "new"
    old.write_text("max_positions: 20\nsymbols: [AAPL, MSFT]\nmax_daily_loss: 0.01\nsecret_key: planted-secret\n")
    ended = trader("config", "translate", str(old), "--out", str(new))
    assert (ended.code, "planted" in ended.said) == (1, False)  # the daily loss lies below the session's drawdown
    over.write_text("watch:\n  session_drawdown: 0.01\n")
    ended = trader("config", "translate", str(old), "--out", str(new), "--over", str(over), "--json")
    assert ended.code == 0, ended.said
    assert json.loads(ended.said)["ok"]
    assert "planted" not in ended.said
    assert trader("config", "check", str(new / "execution.yaml")).code == 0
    assert (new / "universe.csv").read_text() == "symbol,sector\nAAPL,unclassified\nMSFT,unclassified\n"
    ended = trader("config", "translate", str(tmp_path / "gone.yaml"))
    assert (ended.code, "cannot be read" in ended.said) == (2, True)
