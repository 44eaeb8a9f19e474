"""Whatever is wrong with what the program is given: a sentence that names it and the remedy, and nothing else happens.

The commands are the real ones, on a prepared state and a real exchange, which must not see a single order.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.exchange.running import RunningExchange
from tests.support.commands import Ended, kept, on_a_full_disk, trader

DAY = "2026-03-16"
SECRET = "planted-secret-value"
MARKET = {
    "symbols": "12",
    "history-start": "2024-06-03",
    "history-end": "2026-03-31",
    "at": f"{DAY}T08:00:00-04:00",
}
CONFIG = """
execution: {{account: test}}
position_sizing: {{max_positions: 4, weighting: equal, signal_threshold: 0}}
risk_management: {{max_position_size: 0.3, max_sector_exposure: 1, order_notional_cap_usd: 300000}}
model: {{train_sessions: 120, rounds: 8, max_depth: 2}}
broker: {{venue: simulated, url: '{url}'}}
"""


@dataclass(frozen=True)
class Scene:
    """A configuration and a state of its own, ready to trade on an exchange that many scenes share."""

    directory: Path
    exchange: RunningExchange

    @property
    def config(self) -> Path:
        return self.directory / "small.yaml"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    def run(self, words: str, environ: dict[str, str] | None = None) -> Ended:
        return trader(*self.where, *words.split(), environ=environ)

    @property
    def where(self) -> tuple[str, ...]:
        return "--config", str(self.config), "--state", str(self.state)

    def configure(self, **sections: str) -> None:
        """Sections of the configuration, each in place of what it was; `more` is appended as it is."""
        lines = [line for line in self.config.read_text().splitlines() if line.partition(":")[0] not in sections]
        lines += [f"{name}: {text}" for name, text in sections.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def posts(self) -> list[str]:
        return [line["client_order_id"] for line in self.exchange.log() if line["method"] == "POST"]


@dataclass(frozen=True)
class Case:
    """What is spoilt, the command then typed, its exit code, and words of what it says."""

    name: str
    spoil: Callable[[Scene], object]
    words: str
    code: int
    told: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)


def alpaca(scene: Scene) -> None:
    scene.configure(broker="alpaca")


def credentials(mode: int, key: str = "PKONE") -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        alpaca(scene)
        file = scene.directory / "alpaca_credentials.yaml"
        file.write_text(f"api_key: {key}\nsecret_key: {SECRET}\n")
        file.chmod(mode)

    return spoil


def configured(**sections: str) -> Callable[[Scene], None]:
    return lambda scene: scene.configure(**sections)


def written(name: str, content: bytes) -> Callable[[Scene], object]:
    """A file under the scene's directory with this content."""

    def spoil(scene: Scene) -> None:
        (scene.directory / name).parent.mkdir(parents=True, exist_ok=True)
        (scene.directory / name).write_bytes(content)

    return spoil


def universe(content: bytes) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        scene.configure(data="{universe: candidates.csv}")
        (scene.directory / "candidates.csv").write_bytes(content)

    return spoil


def directory(name: str) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        (scene.directory / name).unlink(missing_ok=True)
        (scene.directory / name).mkdir(parents=True)

    return spoil


def model(file: str, change: Callable[[bytes], bytes]) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        (path,) = (scene.state / "models").glob(f"*/{file}")
        path.write_bytes(change(path.read_bytes()))

    return spoil


def ledger(statement: str) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        with closing(sqlite3.connect(scene.state / "ledger.db")) as database, database:
            database.executescript(statement)

    return spoil


def halved(name: str) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        path = scene.state / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return spoil


def without(*names: str) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        for path in (path for name in names for path in scene.state.glob(name)):
            path.unlink()

    return spoil


def both(*spoils: Callable[[Scene], object]) -> Callable[[Scene], object]:
    return lambda scene: [spoil(scene) for spoil in spoils]


LIVE = {"APCA_API_BASE_URL": "https://api.alpaca.markets"}
KEYS = {"ALPACA_API_KEY": "PKTWO", "ALPACA_SECRET_KEY": SECRET}
TODAY, SESSION = f"preflight --date {DAY}", f"session --date {DAY}"
PAPER = "preflight --for next-session"

CASES = [
    Case(
        "a live mode", configured(execution="{mode: live}"), SESSION, 2, ("small.yaml line", "execution.mode", "paper")
    ),
    Case("a live mode outside", alpaca, SESSION, 2, ("EXECUTION_MODE", "unset it"), {"EXECUTION_MODE": "live"}),
    Case("a live host outside", alpaca, SESSION, 2, ("APCA_API_BASE_URL", "unset it"), LIVE),
    Case(
        "a live host",
        configured(broker="{venue: simulated, url: 'https://api.alpaca.markets'}"),
        SESSION,
        2,
        ("small.yaml line", "broker.url", "private"),
    ),
    Case("a live key", credentials(0o600, "AKLIVE"), PAPER, 2, ("alpaca_credentials.yaml", "live account", "PK")),
    Case("no keys", alpaca, PAPER, 2, ("Alpaca keys: none found", "ALPACA_SECRET_KEY")),
    Case("half a pair", alpaca, PAPER, 2, ("without ALPACA_SECRET_KEY", "both"), {"ALPACA_API_KEY": "PKONE"}),
    Case("open keys", credentials(0o644), PAPER, 2, ("alpaca_credentials.yaml", "readable by others", "chmod 600")),
    Case("two pairs", credentials(0o600), PAPER, 2, ("alpaca_credentials.yaml", "differ", "Keep one"), KEYS),
    Case("keys of blanks", alpaca, PAPER, 2, ("secret key", "Copy"), {**KEYS, "ALPACA_SECRET_KEY": f"{SECRET} x"}),
    Case(
        "contradicting limits", configured(watch="{max_drawdown: 0.01}"), TODAY, 2, ("max_drawdown", "max_daily_loss")
    ),
    Case(
        "an unknown key",
        configured(watch="{max_draw: 0.01}"),
        TODAY,
        2,
        ("watch.max_draw", "Did you mean max_drawdown"),
    ),
    Case("a key twice", written("small.yaml", b"data: {}\ndata: {}\n"), TODAY, 2, ("line 2", "duplicate", "Keep one")),
    Case("no UTF-8", written("small.yaml", b"data: \xff\n"), TODAY, 2, ("small.yaml", "UTF-8")),
    Case("no file", lambda scene: scene.config.unlink(), TODAY, 2, ("small.yaml", "No such file", "--config PATH")),
    Case("a directory", directory("small.yaml"), TODAY, 2, ("small.yaml", "directory", "--config PATH")),
    Case("half a line of YAML", written("small.yaml", b"execution: ["), TODAY, 2, ("small.yaml line", "Mend the YAML")),
    Case(
        "limits the account is too small for",
        configured(position_sizing="{max_positions: 4, min_trade_usd: 299999}"),
        TODAY,
        2,
        ("limits", "max_position_size (0.3)", "min_trade_usd", "nothing could be bought"),
    ),
    Case("no universe", configured(data="{universe: none.csv}"), TODAY, 2, ("none.csv", "No such file")),
    Case("a universe of bytes", universe(b"symbol,sector\nSYAAA,\xff\n"), TODAY, 2, ("candidates.csv", "UTF-8")),
    Case(
        "a universe without header", universe(b"SYAAA,Energy\n"), TODAY, 2, ("candidates.csv line 1", "symbol, sector")
    ),
    Case(
        "bad candidates",
        universe(b"symbol,sector\nSYAAA,Energy\nsyaab,Energy\nSYAAA,Energy\nSYAAC\n"),
        TODAY,
        2,
        ("candidates.csv", "3 malformed rows", "row 3", "row 4: SYAAA stands twice", "row 5: 1 columns"),
    ),
    Case(
        "a universe that is a directory",
        both(universe(b""), directory("candidates.csv")),
        TODAY,
        2,
        ("candidates.csv",),
    ),
    Case(
        "an edited contract",
        model("contract.json", lambda text: text + b" "),
        TODAY,
        2,
        ("models/", "edited", "model list"),
    ),
    Case("half a model", model("model.ubj", lambda text: text[:-9]), TODAY, 2, ("models/", "cut short", "model train")),
    Case("half a model at the open", model("model.ubj", lambda text: text[:-9]), SESSION, 2, ("models/", "cut short")),
    Case(
        "no model",
        lambda scene: shutil.rmtree(scene.state / "models"),
        TODAY,
        2,
        ("no model is promoted", "model train"),
    ),
    Case("garbled promotions", written("state/models/PROMOTED", b"\xff x"), TODAY, 2, ("PROMOTED", "promote a model")),
    Case("half the bars", halved("bars/bars.parquet"), TODAY, 2, ("bars.parquet", "Restore it")),
    Case(
        "a newer ledger", ledger("UPDATE alembic_version SET version_num = '0099'"), TODAY, 2, ("0099", "newer release")
    ),
    Case(
        "a newer ledger at the open", ledger("UPDATE alembic_version SET version_num = '0099'"), SESSION, 2, ("newer",)
    ),
    Case("an older ledger", ledger("DROP TABLE alembic_version"), TODAY, 2, ("ledger.db", "`trader ledger migrate`")),
    Case(
        "a rewritten ledger",
        ledger("DROP TRIGGER journal_update; UPDATE journal SET body = replace(body, '1000000', '9000000')"),
        TODAY,
        5,
        ("entry", "backup"),
    ),
    Case("half a ledger", halved("ledger.db"), TODAY, 5, ("ledger.db", "damaged", "backup")),
    Case("half a ledger at the open", halved("ledger.db"), SESSION, 5, ("ledger.db", "damaged", "backup")),
    Case("a ledger that is none", written("state/ledger.db", b"SQLite? No."), TODAY, 5, ("ledger.db", "no database")),
    Case(
        "a log of another ledger",
        both(without("ledger.db*"), written("state/ledger.db-wal", b"x")),
        TODAY,
        2,
        ("-wal",),
    ),
    Case(
        "garbage in STATE",
        written("state/STATE", b"{active}"),
        TODAY,
        1,
        ("STATE is not a trading state", "trader resume"),
    ),
    Case("garbage in STATE at the open", written("state/STATE", b"\xff"), SESSION, 1, ("halted", "trader resume")),
    Case(
        "an edited plan without its ledger",
        both(without("ledger.db*"), written("state/plans/20260316.test.xgb.json", b"{}\n")),
        SESSION,
        5,
        ("20260316.test.xgb.json", "Move the file away"),
    ),
    Case("a date that is none", lambda _: None, "preflight --date 16.3.2026", 2, ("16.3.2026", "2026-03-16")),
    Case("a date and an occasion", lambda _: None, f"{TODAY} --for next-session", 2, ("no --date beside it",)),
    Case(
        "a day without a session",
        lambda _: None,
        "preflight --date 2026-03-21",
        1,
        ("no trading session", "2026-03-23"),
    ),
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Bars, a promoted model, a passed preflight."""
    directory = tmp_path_factory.mktemp("ready")
    exchange = RunningExchange(directory / "exchange", MARKET).start()
    scene = Scene(directory, exchange)
    scene.config.write_text(CONFIG.format(url=exchange.url))
    try:
        for words in ("data update", "model train"):
            assert scene.run(words).code == 0
        (model,) = (path.name for path in (scene.state / "models").iterdir() if path.is_dir())
        assert scene.run(f"model promote {model}").code == 0
        passed = scene.run(TODAY)
        assert passed.code == 0, passed.said
        with closing(sqlite3.connect(scene.state / "ledger.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield scene
    finally:
        exchange.stop()


@pytest.fixture
def scene(ready: Scene, tmp_path: Path) -> Scene:
    """A copy of its own."""
    shutil.copy(ready.config, tmp_path)
    shutil.copytree(ready.state, tmp_path / "state")
    return Scene(tmp_path, ready.exchange)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_with_its_remedy_and_changes_nothing(scene: Scene, case: Case) -> None:
    rows = len(journalled(scene.state))
    case.spoil(scene)
    before, posts = kept(scene.state), scene.posts()
    ended = scene.run(case.words, case.environ)
    assert (ended.code, [words for words in case.told if words not in ended.said]) == (case.code, []), ended.said
    assert SECRET not in ended.said
    assert "unexpected" not in ended.said
    assert scene.posts() == posts
    after = kept(scene.state)
    ledger = before.pop("ledger.db", b"")
    if ledger and after["ledger.db"] != ledger:
        assert journalled(scene.state)[rows:] == ["preflight_failed"], "the token of before is void"
    assert {name: content for name, content in after.items() if name in before} == before


def journalled(state: Path) -> list[str]:
    """The kinds of the ledger's entries."""
    with closing(sqlite3.connect(state / "ledger.db")) as database:
        return [kind for (kind,) in database.execute("SELECT kind FROM journal ORDER BY seq")]


@pytest.mark.parametrize("words", [TODAY, SESSION, "halt --reason drill", "data import more.csv", "resume"])
def test_a_full_disk_is_named_and_loses_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(scene.directory)
    Path("more.csv").write_text(f"symbol,date,open,high,low,close,volume\nMORE,{DAY},1,1,1,1,5\n")
    before, posts = kept(scene.state), scene.posts()
    ended = on_a_full_disk(*scene.where, *words.split())
    assert ended.code == 2, ended.said
    assert f"{scene.state}" in ended.said
    assert "room" in ended.said
    assert "unexpected" not in ended.said
    assert scene.posts() == posts
    assert kept(scene.state) == before


@pytest.mark.parametrize("words", [TODAY, SESSION, "halt --reason drill", "data update"])
def test_a_state_directory_that_cannot_be_made_is_named(scene: Scene, words: str) -> None:
    nowhere = "/proc/trader"  # takes no file, from nobody
    ended = trader("--config", str(scene.config), "--state", nowhere, *words.split())
    assert (ended.code, nowhere in ended.said) == (2, True), ended.said
    assert "unexpected" not in ended.said


def test_an_empty_configuration_is_one_of_defaults(scene: Scene) -> None:
    scene.config.write_text("")
    assert scene.run("config check").code == 0


def test_keys_that_the_broker_refuses_end_with_what_was_checked(scene: Scene, tmp_path: Path) -> None:
    exchange = RunningExchange(tmp_path / "exchange", MARKET).start()
    try:
        exchange.pull("account/reset", cash_usd="1000", revoke_key_id="SIMULATED")
        scene.configure(broker=f"{{venue: simulated, url: '{exchange.url}'}}")
        for words in (TODAY, SESSION):
            ended = scene.run(words)
            assert ended.code == 3, ended.said
            assert "check that they are paper keys" in ended.said
        assert "chain intact" in scene.run(TODAY).said
    finally:
        exchange.stop()


def test_a_simulated_exchange_elsewhere_judges_the_keys_that_are_there(scene: Scene, tmp_path: Path) -> None:
    exchange = RunningExchange(tmp_path / "exchange", MARKET).start()
    try:
        scene.configure(broker=f"{{venue: simulated, url: '{exchange.url}'}}")
        refused = scene.run(TODAY, {"ALPACA_API_KEY": "REVOKED", "ALPACA_SECRET_KEY": "planted"})
        assert (refused.code, "check that they are paper keys" in refused.said) == (3, True), refused.said
        assert "planted" not in refused.said
        taken = scene.run(TODAY, {"ALPACA_API_KEY": "OTHER", "ALPACA_SECRET_KEY": "planted"})
        assert "account SIMULATED1 answers" in taken.said
    finally:
        exchange.stop()
