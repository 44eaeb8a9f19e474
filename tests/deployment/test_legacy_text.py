"""The texts of a hand-made set-up are read as systemd reads them."""

import pytest

from trader.deployment.legacy.text import Assignment, NotPlain, UnitText, assignments, plain_yaml, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", {"A": "b"}),
        ("  A = b  \n", {"A": "b"}),
        ("A='b c'\nB=\"d e\"\n", {"A": "b c", "B": "d e"}),
        ("# A=1\n; B=2\nC=3", {"C": "3"}),
        ("# a comment that goes on \\\nA=1\nB=2", {"B": "2"}),
        ("A=b #x", {"A": "b #x"}),
        (r"A=\s", {"A": "s"}),
        (r'A="\s\"\$"', {"A": r"\s" + '"$'}),
        ("A=$HOME", {"A": "$HOME"}),
        ("A=one\\\ntwo", {"A": "onetwo"}),
        ("A='one\ntwo'", {"A": "one\ntwo"}),
        ("A=a'b'c", {"A": "a'b'c"}),
        ("A='b'\"c\" d", {"A": "bcd"}),
        ("no value here\nA=1", {"A": "1"}),
        ("A=\nB=1", {"A": "", "B": "1"}),
        ("1A=1\nA-B=2\nC=3", {"C": "3"}),
        ("A='unfinished", {"A": "unfinished"}),
        ("", {}),
    ],
)
def test_an_environment_file_is_read_as_systemd_does(text: str, expected: dict[str, str]) -> None:
    assert {each.name: each.value for each in assignments(text)} == expected


def test_what_is_exported_is_told_apart() -> None:
    assert list(assignments("export A=1\nB=2")) == [Assignment("A", "1", exported=True), Assignment("B", "2")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b C=d", ["A=b", "C=d"]),
        ('"A=b c" D=e', ["A=b c", "D=e"]),
        ("A='b c'\t'D=e f'", ["A=b c", "D=e f"]),
        (r"A=b\sc", ["A=b c"]),
        (r"'A=b\tc'", ["A=b\tc"]),
        (r"A=b C=\d E=f", ["A=b"]),
        ("A=b 'C=d", ["A=b"]),
        ('A="" B', ["A=", "B"]),
        ("", []),
    ],
)
def test_an_environment_line_is_split_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_drop_ins_are_put_behind_and_an_empty_value_forgets() -> None:
    unit = "[Unit]\nDescription=x\n[Service]\nEnvironmentFile=/a\nEnvironmentFile=/b\nWorkingDirectory=/old\n"
    drop_in = "[Service]\nEnvironmentFile=\nEnvironmentFile=/c\n# a comment\nWorkingDirectory = /new \n"
    text = UnitText(unit, drop_in)
    assert text.all("Service", "EnvironmentFile") == ["/c"]
    assert text.last("Service", "WorkingDirectory") == "/new"
    assert text.last("Service", "Description") == ""


def test_a_line_goes_on_behind_a_backslash() -> None:
    text = UnitText("[Service]\nEnvironment=A=1 \\\n; said between\n  B=2\nUser=x\n")
    assert words(text.last("Service", "Environment")) == ["A=1", "B=2"]
    assert text.last("Service", "User") == "x"


@pytest.mark.parametrize(
    "text",
    [
        "api_key: abc\nsecret_key: def\n",
        "# keys\n---\napi_key: \"abc\"  # mine\nsecret_key: 'def'\n",
        "alpaca:\n  # keys\n  api_key: abc\n\n  secret_key: def # mine\n",
    ],
)
def test_a_credentials_file_of_plain_lines_is_read(text: str) -> None:
    assert plain_yaml(text) == {"api_key": "abc", "secret_key": "def"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("api_key: abc\nsecret_key: |\n  def\n", 2),
        ("api_key: *anchor\n", 1),
        ('api_key: "a\\x62c"\n', 1),
        ("api_key: abc\napi_key: def\n", 2),
        ("paper:\n  api_key: abc\nlive:\n  api_key: def\n", 3),
        ("a:\n  b:\n    api_key: abc\n", 2),
        ("api_key: abc\n  secret_key: def\n", 2),
        ("{api_key: abc, secret_key: def}\n", 1),
        ("api_key: a b\n", 1),
        ("api_key abc\n", 1),
    ],
)
def test_a_credentials_file_of_anything_more_is_named_by_line(text: str, line: int) -> None:
    with pytest.raises(NotPlain) as refused:
        plain_yaml(text)
    assert refused.value.line == line
