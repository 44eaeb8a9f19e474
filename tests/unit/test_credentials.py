"""Keys: three places, one pair, never shown."""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from trader.domain.errors import ConfigurationError, NotPaper
from trader.settings.credentials import Credentials, find_credentials, known_credentials
from trader.settings.key_values import key_values

KEY, SECRET = "PKTESTTESTTEST", "planted-secret-value"
PAIR = {"ALPACA_API_KEY": KEY, "ALPACA_SECRET_KEY": SECRET}
OTHER_NAMES = {"APCA_API_KEY_ID": KEY, "APCA_API_SECRET_KEY": SECRET}


Look = Callable[..., Credentials]


@pytest.fixture
def places(tmp_path: Path) -> Look:
    """Writes the two files, by their texts, and looks the keys up."""

    def look(environ: dict[str, str], env_file: str | None = None, yaml_file: str | None = None) -> Credentials:
        for path, text in ((tmp_path / "alpaca.env", env_file), (tmp_path / "alpaca_credentials.yaml", yaml_file)):
            if text is not None:
                path.write_text(text)
                path.chmod(0o600)
        return find_credentials(tmp_path / "execution.yaml", {"CREDENTIALS_DIRECTORY": str(tmp_path), **environ})

    return look


ENV = f"# paper\n\nALPACA_API_KEY={KEY}\nALPACA_SECRET_KEY={SECRET}\n"
YAML = f"api_key: {KEY}\nsecret_key: {SECRET}\n"


@pytest.mark.parametrize(
    ("environ", "env_file", "yaml_file"),
    [
        (PAIR, None, None),
        (OTHER_NAMES, None, None),
        ({}, ENV, None),
        ({}, None, YAML),
        ({**PAIR, **OTHER_NAMES}, ENV, YAML),
    ],
)
def test_each_place_and_all_together(
    places: Look, environ: dict[str, str], env_file: str | None, yaml_file: str | None
) -> None:
    found = places(environ, env_file, yaml_file)
    assert (found.key_id.get_secret_value(), found.secret.get_secret_value()) == (KEY, SECRET)
    assert SECRET not in repr(found)
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("environ", "env_file", "yaml_file", "words"),
    [
        ({}, None, None, ("none found", "ALPACA_API_KEY")),
        ({"ALPACA_API_KEY": KEY}, None, None, ("ALPACA_API_KEY without ALPACA_SECRET_KEY",)),
        (
            {**PAIR, "ALPACA_SECRET_KEY": SECRET + "x"},
            ENV,
            None,
            ("alpaca.env and ALPACA_API_KEY in the env", "differ"),
        ),
        (
            {**PAIR, **OTHER_NAMES, "APCA_API_KEY_ID": "PKX"},
            None,
            None,
            ("APCA_API_KEY_ID in the environment", "differ"),
        ),
        (PAIR, None, YAML.replace(SECRET, SECRET + "x"), ("alpaca_credentials.yaml", "differ")),
        ({}, ENV.replace(SECRET, f'"{SECRET}"'), None, ("alpaca.env line 4", "not KEY=VALUE", "no quotes")),
        ({}, ENV.replace(SECRET, f"${SECRET}"), None, ("alpaca.env line 4", "not KEY=VALUE")),
        ({}, ENV.replace("=P", " = P"), None, ("alpaca.env line 3", "not KEY=VALUE")),
        ({}, f"export {ENV[9:]}", None, ("alpaca.env line 1", "not KEY=VALUE")),
        ({}, ENV + f"ALPACA_API_KEY={KEY}", None, ("alpaca.env line 5", "duplicate key")),
        ({}, ENV + "PROXY=x", None, ("alpaca.env line 5", "PROXY: unknown key")),
        ({}, None, YAML + "other: x", ("alpaca_credentials.yaml", "exactly two keys")),
        ({}, None, "api_key: 5\nsecret_key: 6", ("alpaca_credentials.yaml", "both text")),
    ],
)
def test_a_refusal_names_the_place_and_never_the_value(
    places: Look, environ: dict[str, str], env_file: str | None, yaml_file: str | None, words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        places(environ, env_file, yaml_file)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert [word for word in words if word not in shown] == []
    assert SECRET not in shown
    assert KEY not in shown


@pytest.mark.parametrize(("name", "mode"), [("alpaca_credentials.yaml", 0o640), ("alpaca.env", 0o604)])
def test_a_file_that_others_may_read_is_refused(places: Look, tmp_path: Path, name: str, mode: int) -> None:
    places({}, ENV, YAML)
    (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigurationError, match=rf"readable by others .*chmod 600 .*{name}"):
        find_credentials(tmp_path / "execution.yaml", {"CREDENTIALS_DIRECTORY": os.fspath(tmp_path)})


def test_a_live_key_is_refused(places: Look) -> None:
    with pytest.raises(NotPaper) as caught:
        places({"ALPACA_API_KEY": "AKLIVELIVELIVE", "ALPACA_SECRET_KEY": SECRET})
    assert "AKLIVE" not in str(caught.value)


def test_none_at_all_is_no_error_for_who_can_do_without(tmp_path: Path) -> None:
    path = tmp_path / "execution.yaml"
    assert known_credentials(path, {}) is None
    with pytest.raises(ConfigurationError, match="without"):
        known_credentials(path, {"ALPACA_API_KEY": KEY})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("A=1\nB='2'", "x.env line 2: not KEY=VALUE"),
        ('A="1"', "line 1: not KEY=VALUE"),
        ("A=1 ", "line 1: not KEY=VALUE"),
        (" A=1", "line 1: not KEY=VALUE"),
        ("A=1 2", "line 1: not KEY=VALUE"),
        ("A=$B", "line 1: not KEY=VALUE"),
        ("A=1\\\n", "line 1: not KEY=VALUE"),
        ("A=`id`", "line 1: not KEY=VALUE"),
        ("A=", "line 1: not KEY=VALUE"),
        ("a=1", "line 1: not KEY=VALUE"),
        ("A=1\n\nC=2", "line 3: C: unknown key"),
        ("A=1\n#\nA=1", "line 3: A: duplicate key"),
    ],
)
def test_a_line_that_could_mean_two_things_is_refused(text: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        key_values(text, "x.env", ("A", "B"))
    assert what in str(refused.value)


def test_a_value_may_hold_what_means_nothing_to_a_shell() -> None:
    assert key_values("# of the repository\n\nA=s3:host/x=y#z%/+\n", "x.env", ("A",)) == {"A": "s3:host/x=y#z%/+"}
