"""A hand-made set-up is found as it is, and what stands in the way of a migration is said in words."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.legacy import ENVIRONMENT, KEY_ID, KINDS, SECRET, UNITS, Kind, Rig, build, listing, rigged
from trader.bootstrap.translate import translate
from trader.deployment.errors import Refused
from trader.deployment.legacy.plan import plan_text
from trader.deployment.legacy.setup import LegacySetup, setup_of

PLAIN = Kind()
TIMERS = tuple(f"paper-trading-{job}.timer" for job in ("eod", "preflight", "session"))
OTHER_KEY = "PK" + "OTHER0123456789ABC"


@pytest.fixture
def rig() -> Iterator[Rig]:
    with rigged(PLAIN) as made:
        yield made


def scanned(kind: Kind) -> tuple[LegacySetup, str]:
    """The set-up that is found, and everything that is ever printed of it."""
    with rigged(kind) as made:
        before = listing(made.home)
        setup = made.legacy.scan()
        assert listing(made.home) == before
        return setup, json.dumps(setup.document()) + plan_text(setup, {}, "alpaca.env")


def said(setup: LegacySetup, severity: str) -> str:
    return " | ".join(f"{each.what}. {each.remedy}" for each in setup.findings if each.severity == severity)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_migrated_and_none_shows_its_secret(name: str) -> None:
    setup, printed = scanned(KINDS[name])
    assert setup.refusals == ()
    assert setup.found
    assert setup.working_directory.endswith(KINDS[name].working)
    assert setup.config.endswith("/config/execution.yaml")
    assert len(setup.config_sha256) == 64
    assert setup.config_text == KINDS[name].config
    assert setup.credentials
    assert KEY_ID not in printed
    assert SECRET not in printed
    assert setup_of(json.loads(json.dumps(setup.document()))) == setup


def test_what_is_armed_is_what_is_linked_to() -> None:
    assert scanned(PLAIN)[0].armed == TIMERS
    assert scanned(KINDS["nothing enabled"])[0].armed == ()
    assert scanned(KINDS["partial"])[0].armed == ("paper-trading-session.timer",)
    assert scanned(KINDS["masked"])[0].armed == ("paper-trading-preflight.timer", "paper-trading-session.timer")


def test_everything_of_a_set_up_that_was_edited_by_hand_is_found() -> None:
    setup, printed = scanned(KINDS["by hand"])
    session = next(unit for unit in setup.units if unit.name == "paper-trading-session.service")
    assert [path.rpartition("/")[2] for path in session.drop_ins] == ["10-limits.conf", "nice.conf", "override.conf"]
    assert setup.reports == 3
    taken = [each.path for each in setup.held if each.part == "unit"]
    assert not any("something-else" in path for path in taken)
    assert "nice.conf" in printed


def test_a_service_of_another_name_goes_with_the_timer_that_starts_it() -> None:
    more = {
        f"{UNITS}/paper-trading-session.timer": "[Timer]\nOnCalendar=14:30\nUnit=my-trades.service\n",
        f"{UNITS}/my-trades.service": "[Service]\nExecStart=/bin/true\nEnvironmentFile=%h/my.env\n",
        "my.env": f"ALPACA_API_KEY={KEY_ID}\nALPACA_SECRET_KEY={SECRET}\n",
    }
    setup, _ = scanned(replace(PLAIN, more=more, environment="", environment_line=""))
    assert "my-trades.service" in [unit.name for unit in setup.units]
    assert [source.path.rpartition("/")[2] for source in setup.credentials] == ["my.env"]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (KINDS["as the generator in circulation"], "because of User= in them"),
        (KINDS["requires"], "whenever they are started"),
        (KINDS["secrets in units"], "any user of this host can read them"),
        (KINDS["APCA names for a shell"], "behind `export`"),
        (KINDS["APCA names for a shell"], "has a comment behind it"),
        (KINDS["quoted path"], "in quotes"),
        (PLAIN, "can be read by others"),
        (replace(PLAIN, config="broker_api_key: abc\nexecution:\n  mode: paper\n"), "look like keys"),
        (replace(PLAIN, environment_line="EnvironmentFile=%h/gone.env"), "gone.env"),
        (replace(PLAIN, environment=PLAIN.environment + "APCA_API_BASE_URL=http://10.0.0.1\n"), "10.0.0.1"),
        (replace(PLAIN, links={f"{UNITS}/default.target.wants/paper-trading-old.service": "gone"}), "linked to"),
    ],
)
def test_what_is_odd_is_said(kind: Kind, word: str) -> None:
    setup, printed = scanned(kind)
    assert setup.refusals == ()
    assert word in said(setup, "warning")
    assert word in printed


def test_what_a_partial_set_up_lacks_is_said() -> None:
    assert "paper-trading-eod.timer" in said(scanned(KINDS["partial"])[0], "note")


_DIFFERENT = f"api_key: {OTHER_KEY}\nsecret_key: {SECRET}\n"
_ANOTHER_PLACE = {
    f"{UNITS}/paper-trading-eod.service": "[Service]\nWorkingDirectory=/srv\nExecStart=/bin/true\n",
}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (replace(PLAIN, credentials=_DIFFERENT), ("paper-trading.env", "alpaca_credentials.yaml", "differ")),
        (replace(PLAIN, credentials="api_key: |\n  x\n"), ("alpaca_credentials.yaml line 1",)),
        (replace(PLAIN, environment=""), ("no pair of the broker's keys",)),
        (replace(PLAIN, environment=f"ALPACA_API_KEY={KEY_ID}\n"), ("ALPACA_API_KEY without ALPACA_SECRET_KEY",)),
        (replace(PLAIN, environment=PLAIN.environment + f"ALPACA_API_KEY={OTHER_KEY}\n"), ("twice",)),
        (replace(PLAIN, environment=PLAIN.environment + f"ALPACA_KEY_ID={OTHER_KEY}\n"), ("differ from one another",)),
        (
            replace(PLAIN, environment=PLAIN.environment + f"APCA_API_KEY_ID={OTHER_KEY}\nAPCA_API_SECRET_KEY=x\n"),
            ("two different keys",),
        ),
        (
            replace(PLAIN, environment=PLAIN.environment + "APCA_API_BASE_URL=https://api.alpaca.markets\n"),
            ("APCA_API_BASE_URL", "live", "api.alpaca.markets"),
        ),
        (replace(PLAIN, environment=PLAIN.environment + "ALPACA_PAPER=false\n"), ("ALPACA_PAPER asks for live",)),
        (replace(PLAIN, environment=PLAIN.environment + "EXECUTION_MODE=live\n"), ("EXECUTION_MODE asks for live",)),
        (
            replace(PLAIN, credentials=f"alpaca:\n  api_key: {KEY_ID}\n  secret_key: {SECRET}\n  paper: false\n"),
            ("paper asks for live",),
        ),
        (
            replace(PLAIN, environment="ALPACA_API_KEY=AK" + f"{KEY_ID[2:]}\nALPACA_SECRET_KEY={SECRET}\n"),
            ("a live account",),
        ),
        (replace(PLAIN, environment=f"ALPACA_API_KEY='a b'\nALPACA_SECRET_KEY={SECRET}\n"), ("has blanks",)),
        (replace(PLAIN, working_line=""), ("no unit names a WorkingDirectory", "trader_legacy_directory")),
        (replace(PLAIN, working_line="WorkingDirectory=%h/elsewhere"), ("elsewhere", "no directory")),
        (replace(PLAIN, working_line="WorkingDirectory=%i/x"), ("%i is not known",)),
        (replace(PLAIN, more=_ANOTHER_PLACE), ("different working directories", "/srv")),
    ],
)
def test_what_stands_in_the_way_is_refused_with_a_remedy(kind: Kind, words: tuple[str, ...]) -> None:
    setup, printed = scanned(kind)
    refused = said(setup, "refused")
    assert [word for word in words if word not in refused] == []
    assert all(each.remedy for each in setup.findings)
    assert not any(secret in printed for secret in (KEY_ID, SECRET, OTHER_KEY))
    with rigged(kind) as made, pytest.raises(Refused) as stopped:
        made.archived()
    assert words[0] in stopped.value.problem
    assert not made.archive.exists()


def test_a_placeholder_is_no_key(rig: Rig) -> None:
    file = rig.built.working / "config/alpaca_credentials.yaml"
    file.write_text('alpaca:\n  api_key: "your_paper_api_key_here"\n  secret_key: "your_paper_secret_key_here"\n')
    setup = rig.legacy.scan()
    assert setup.refusals == ()
    assert "no key yet" in said(setup, "note")


def test_nobody_has_a_set_up_where_there_is_none(rig: Rig) -> None:
    for path in (rig.home / UNITS).glob("paper-trading*"):
        path.unlink()
    for path in (rig.home / UNITS / "timers.target.wants").iterdir():
        path.unlink()
    setup = rig.legacy.scan()
    assert not setup.found
    assert "no units" in said(setup, "refused")


def test_units_of_a_release_are_not_taken_for_hand_made(rig: Rig) -> None:
    release = rig.home / ".local/share/paper-trading/releases/abc"
    for path in (rig.home / UNITS).glob("paper-trading-*.service"):
        path.write_text(f"[Service]\nExecStart={release}/venv/bin/trader session\n")
    assert not rig.legacy.scan().found
    (rig.home / UNITS / "paper-trading-mine.timer").write_text("[Timer]\nOnCalendar=10:00\n")
    assert [unit.name for unit in rig.legacy.scan().units] == ["paper-trading-mine.timer"]


def test_units_for_every_user_stand_in_the_way(rig: Rig) -> None:
    rig.everyone.mkdir()
    (rig.everyone / "paper-trading-session.timer").touch()
    assert "every user" in said(rig.legacy.scan(), "refused")


def test_a_job_of_cron_in_the_working_directory_is_named_by_line(rig: Rig) -> None:
    rig.crontab.parent.mkdir()
    rig.crontab.write_text(f"# {rig.built.working}\n0 9 * * 1-5 cd {rig.built.working} && ./run.sh\n")
    setup = rig.legacy.scan()
    assert "line 2 of" in said(setup, "warning")


def test_a_named_working_directory_is_believed(rig: Rig) -> None:
    build(replace(PLAIN, working="other", jobs=(), enabled=(), config="risk_management: {}\n"), rig.home)
    setup = rig.legacy.scan(str(rig.home / "other"))
    assert setup.config == str(rig.home / "other/config/execution.yaml")
    assert setup.config_text == "risk_management: {}\n"


def test_the_configuration_that_the_units_name_is_the_one() -> None:
    kind = replace(
        PLAIN,
        environment_line="EnvironmentFile=%h/.config/paper-trading.env\nEnvironment=EXECUTION_CONFIG_PATH=%h/my.yaml",
        more={"my.yaml": "execution: {}\n"},
    )
    setup, _ = scanned(kind)
    assert setup.config.endswith("/my.yaml")
    assert setup.config_text == "execution: {}\n"


def test_a_key_in_the_configuration_is_blotted_out() -> None:
    kind = replace(PLAIN, config=f"execution:\n  mode: paper\n  note: use {KEY_ID}\n  secret_key: {SECRET}\n")
    setup, printed = scanned(kind)
    assert setup.config_text == "execution:\n  mode: paper\n  note: use <hidden>\n  secret_key: <hidden>\n"
    assert SECRET not in printed


def test_a_file_that_its_user_may_not_read_is_named(rig: Rig) -> None:
    if not rig.legacy.account.foreign:
        pytest.skip("everything here belongs to this user")
    file = rig.home / ENVIRONMENT
    file.chmod(0)
    os.chown(file, 0, 0)
    assert f"{file} cannot be read by its own user" in said(rig.legacy.scan(), "refused")


def test_the_plan_shows_every_step_and_what_becomes_of_the_settings(rig: Rig) -> None:
    setup = rig.legacy.scan()
    translated = json.loads(json.dumps(translate(setup.config_text + "wibble: 3\n", "old.yaml").document()))
    plan = plan_text(setup, translated, "/etc/paper-trading/credentials/alpaca.env")
    for line in (
        f"- {rig.built.units}/timers.target.wants/paper-trading-session.timer",
        f"- {rig.built.units}/paper-trading-eod.service",
        "+ ALPACA_SECRET_KEY=***",
        f"A rollback puts it back, too, and arms {', '.join(TIMERS)}.",
        "position_sizing.min_trade_size -> position_sizing.min_trade_usd: 100",
        "wibble: unknown, not carried over. ",
        "execution.enabled: dropped. timers decide what runs",
        "sector_mapping: to be decided. 2 symbols",
    ):
        assert line in plan, plan
