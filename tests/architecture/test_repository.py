"""What no tracked file may hold: registry hosts, paths of one machine, secrets, conflict marks."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "a registry host": re.compile(r"py" + r"pi\.org|pythonhosted\." + r"org|--(extra-)?index-" + r"url\b(?! )"),
    "a path of one machine": re.compile(r"(?<![\w.~$/}])/(home|Users|root)/\w"),
    "an Alpaca key": re.compile(r"\b(PK|AK)[A-Z0-9]{18}\b"),
    "a conflict mark": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
}


def tracked() -> list[Path]:
    """Every file under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_holds_what_is_forbidden() -> None:
    here = {"this machine's path": re.compile(re.escape(str(ROOT)) + r"\b")}
    found = []
    for path in tracked():
        text = path.read_bytes().decode(errors="ignore")
        rules = {**FORBIDDEN, **here}.items()
        found += [f"{path.relative_to(ROOT)} holds {what}" for what, pattern in rules if pattern.search(text)]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a registry host", "https://files.pythonhosted." + "org/x"),
        ("a path of one machine", "path = '/ho" + "me/ann/x'"),
        ("an Alpaca key", "PK" + "ABCDEFGHIJ01234567"),
        ("a conflict mark", "x\n<<<<<" + "<< HEAD"),
    ],
)
def test_a_rule_finds_what_it_forbids(what: str, text: str) -> None:
    assert FORBIDDEN[what].search(text)


def test_every_lock_has_hashes_alone() -> None:
    for lock in ("runtime", "dev", "uv"):
        text = (ROOT / "requirements" / f"{lock}.lock").read_text()
        pins = re.findall(r"^[\w.\[\]-]+==\S+.*$", text, re.MULTILINE)
        assert pins
        assert [pin for pin in pins if not pin.endswith("\\")] == []
        assert "://" not in text
