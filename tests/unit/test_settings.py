"""The configuration file: what is accepted, and how everything else is refused."""

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.errors import ConfigurationError, NotPaper
from trader.settings.__main__ import regenerated
from trader.settings.document import parse
from trader.settings.load import Configuration, load
from trader.settings.model import Settings
from trader.settings.render import commented, reference, schema

ROOT = Path(__file__).parents[2]
SHIPPED = [path for path in sorted((ROOT / "config").glob("*.yaml")) if "credentials" not in path.name]


Load = Callable[[str], Configuration]


@pytest.fixture
def configuration(tmp_path: Path) -> Load:
    def of(text: str) -> Configuration:
        path = tmp_path / "execution.yaml"
        path.write_text(text)
        return load(path, {})

    return of


def test_a_decimal_keeps_its_text(configuration: Load) -> None:
    settings = configuration(
        "risk_management: {max_position_size: 0.050}\nposition_sizing: {max_positions: 1_00}"
    ).settings
    assert settings.risk_management.max_position_size == Decimal("0.05")
    assert settings.position_sizing.max_positions == 100


def test_times_and_words_are_text_as_in_yaml_1_2() -> None:
    assert parse("a: 8:30\nb: no\nc: 010\nd: '7'\ne: 1e2\nf: ~", "x").values == {
        "a": "8:30",
        "b": "no",
        "c": 10,
        "d": "7",
        "e": "100",
        "f": None,
    }


def test_a_bare_venue_is_short_for_the_section(configuration: Load) -> None:
    assert configuration("broker: alpaca").hash == configuration("broker: {venue: alpaca}").hash
    assert configuration("broker: simulated").settings.broker.venue == "simulated"


def test_every_way_to_say_the_same_has_one_hash(configuration: Load) -> None:
    defaults = configuration("")
    assert configuration("execution: {collar_bps: 50.0}").hash == defaults.hash
    assert configuration("execution: {collar_bps: 51}").hash != defaults.hash
    assert configuration(commented(defaults.settings)).text == defaults.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("execution:\n  acount: x", ("line 2", "execution.acount: unknown key", "Did you mean account?")),
        ("risk_management:\n  max_position_size: 1.5", ("line 2", "less than or equal to 1", "1.5")),
        ("\nexecution:\n  open_delay_s: yes", ("line 3", "execution.open_delay_s", "valid integer", "'yes'")),
        ("execution:\n  open_delay_s: true", ("line 2", "valid integer")),
        ("execution:\n  open_delay_s: '30'", ("line 2", "valid integer")),
        ("risk_management:\n  max_daily_loss: 0.1", ("line 2", "unknown key", "max_daily_loss is a key of watch.")),
        ("broker:\n  simulation:\n    cash: 5", ("line 3", "broker.simulation.cash: unknown key", "cash_usd")),
        ("model: {seed: 1}\nmodel: {seed: 2}", ("line 2", "model: duplicate key", "line 1")),
        ("model:\n  seed: 1\n  seed: 2", ("line 3", "model.seed: duplicate key", "line 2")),
        ("model: &m {seed: 1}\ndata: *m", ("aliases",)),
        ("model: !!python/object:x {}", ("line 1", "tag")),
        ("model: [", ("line 1", "Mend the YAML")),
        ("[1]", ("line 1", "the file", "object")),
        ("broker: {venue: alpaca, url: http://127.0.0.1:9}", ("broker.url", "built in")),
        ("broker: {venue: simulated, url: 'http://8.8.8.8:80'}", ("broker.url", "private")),
        ("broker: {venue: simulated, url: 'https://paper-api.alpaca.markets'}", ("broker.url", "private")),
        ("position_sizing: {target_exposure: 0.99}", ("target_exposure", "max_total_exposure (0.98)")),
        ("position_sizing: {max_positions: 10}", ("max_position_size", "10 positions")),
        ("data: {min_history_sessions: 281}", ("data.min_history_sessions", "lookback_sessions (280)")),
        ("execution: {latest_start_s: 12600}", ("latest_start_s", "half day")),
        ("execution: {open_delay_s: 100, latest_start_s: 60}", ("open_delay_s", "latest_start_s (60)")),
        ("calendar: {timezone: Mars/Base}", ("calendar.timezone", "Mars/Base")),
        ("calendar: {eod_at: 07:00}", ("calendar.session_at", "follow one another")),
        ("risk_management: {order_notional_cap_usd: 100}", ("order_notional_cap_usd: 100", "min_trade_usd (500)")),
        ("broker: {venue: simulated, simulation: {cash_usd: 1.001}}", ("cash_usd", "cents")),
        ("broker: {venue: simulated, url: 'http://u:planted@127.0.0.1:80'}", ("broker.url", "HOST:PORT")),
        (f"model: {{seed: {'9' * 5000}}}", ("model.seed", "valid integer")),
        ("[" * 3000 + "]" * 3000, ("nested too deep",)),
        ("risk_management: {max_total_exposure: 1, max_gross_exposure: 0.99}", ("max_gross_exposure (0.99)",)),
        ("risk_management:\n  max_sector_exposure: 0.04", ("line 2", "max_sector_exposure: 0.04 is below", "(0.05)")),
        ("risk_management:\n  max_position_size: 0.5", ("line 2", "max_position_size: 0.5 is above", "(0.4)")),
        ("risk_management: {max_correlation_exposure: 0.04}", ("max_correlation_exposure", "max_position_size (0.05)")),
        ("risk_management: {max_trade_size_usd: 0.5}", ("max_trade_size_usd: 0.5 is below", "min_trade_size_usd (1)")),
        ("risk_management: {max_orders_per_day: 500}", ("max_orders_per_day: 500 is below", "execution (600)")),
        ("risk_management: {max_net_exposure: 0.9}", ("max_net_exposure: 0.9", "nothing is held short")),
        ("watch: {stop_loss: 1}", ("portfolio_heat: 0.2", "watch.stop_loss (1)")),
        ("risk_management: {price_collar_bps: 40}", ("price_collar_bps: 40 is below execution.collar_bps (50)",)),
        (
            "risk_management: {correlation_sessions: 252}\ndata: {lookback_sessions: 251, min_history_sessions: 30}",
            ("correlation_sessions: 252 is above", "lookback_sessions (251)"),
        ),
        ("position_sizing: {short_threshold: 0.1}", ("short_threshold: 0.1", "allow_shorts is false")),
        (
            "position_sizing: {short_threshold: 0.5}\nrisk_management: {allow_shorts: true}",
            ("short_threshold: 0.5 is not below", "held both ways"),
        ),
        ("execution: {slices: 20}", ("execution.slices: 20 parts", "(300)", "latest_start_s (5400)")),
        ("execution: {slices: 31, slice_interval_s: 10}", ("slices: 31 is above", "max_orders_per_symbol (30)")),
        (
            "execution: {open_delay_s: 3600, latest_start_s: 3700, reprice_after_s: 7200, cancel_before_close_s: 7200}",
            ("reprice_after_s: 7200", "half day"),
        ),
        ("watch: {session_drawdown: 0.04}", ("session_drawdown: 0.04 is above watch.max_daily_loss (0.03)",)),
        ("watch: {max_drawdown: 0.02}", ("max_drawdown: 0.02 is below watch.max_daily_loss (0.03)",)),
        ("watch: {max_symbol_move: 0}", ("max_symbol_move: 0", "1 switches")),
        ("watch: {interval_s: 200}", ("interval_s: 200 is above watch.max_silence_s (180)",)),
    ],
)
def test_what_is_wrong_is_named_with_line_and_remedy(configuration: Load, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configuration(text)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert message.startswith(str(caught.value.where))
    assert "execution.yaml" in caught.value.where
    assert [word for word in words if word not in message] == []


def test_all_problems_are_told_at_once_in_the_files_order(configuration: Load) -> None:
    with pytest.raises(ConfigurationError, match=r"line 2: .*; line 4: .*"):
        configuration("data:\n  fed: iex\nmodel:\n  rounds: 0")


@pytest.mark.parametrize("mode", ["live", "PAPER", ""])
def test_there_is_no_mode_but_paper(configuration: Load, tmp_path: Path, mode: str) -> None:
    with pytest.raises(NotPaper):
        configuration(f"execution: {{mode: '{mode}'}}")
    with pytest.raises(NotPaper, match="EXECUTION_MODE"):
        load(tmp_path / "execution.yaml", {"EXECUTION_MODE": mode})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APCA_API_BASE_URL", "https://api.alpaca.markets"),
        ("ALPACA_BASE_URL", "https://user:planted@api.alpaca.markets?key=planted"),
        ("ALPACA_PAPER", "False"),
    ],
)
def test_an_environment_that_asks_for_live_trading_is_refused(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "execution.yaml").touch()
    with pytest.raises(NotPaper, match=f"^{name}: .*unset it") as caught:
        load(tmp_path / "execution.yaml", {name: value})
    assert "planted" not in str(caught.value)
    assert load(tmp_path / "execution.yaml", {"APCA_API_BASE_URL": "https://paper-api.alpaca.markets"})


def test_a_watched_limit_of_one_is_off_and_bounds_nothing(configuration: Load) -> None:
    assert configuration("watch: {session_drawdown: 1, max_daily_loss: 1}").settings.watch.session_drawdown == 1


def test_the_file_is_the_argument_then_the_environment_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("given", "environment", "config/execution"):
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    environ = {"EXECUTION_CONFIG_PATH": "environment.yaml", "EXECUTION_MODE": "paper"}
    assert load(Path("given.yaml"), environ).name == "given"
    assert load(None, environ).name == "environment"
    assert load(None, {}).path == Path("config/execution.yaml")
    with pytest.raises(ConfigurationError, match="No such file"):
        load(Path("absent.yaml"), {})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_file_loads_and_explains_each_key(path: Path) -> None:
    assert regenerated(path) == path.read_text(), "run `make generated`"
    jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(schema()))


def test_schema_and_reference_are_as_generated() -> None:
    assert (ROOT / "config/execution.schema.json").read_text() == schema(), "run `make generated`"
    assert (ROOT / "docs/configuration.md").read_text() == reference(), "run `make generated`"


def test_the_schema_describes_every_key_and_refuses_unknown_ones() -> None:
    whole = json.loads(schema())
    parts = [whole, *whole["$defs"].values()]
    assert [part["title"] for part in parts if part["additionalProperties"] is not False] == []
    keys = {key: value for part in parts for key, value in part["properties"].items()}
    described = {key for key, value in keys.items() if value.get("description") or "$ref" in value}
    assert set(keys) - described == set()
    assert [part["title"] for part in parts if not part["description"]] == []
    assert len(keys) > 50


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_any_text_either_loads_or_is_refused_as_configuration(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump({"execution": value}))
    with suppress(ConfigurationError):
        assert isinstance(load(path, {}).settings, Settings)
