"""What is wrong with an inventory or a host is said with its name and a remedy, before anything changes.

Each run has one host for each defect; all of them are named at once. No host is reached.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SECRET = "planted-secret-" + "0123456789"
LIVE = "https://api.alpaca" + ".markets"
GOOD: dict[str, Any] = {
    "skew": 0,
    "python": "3.11",
    "arch": "x86_64",
    "init": "systemd",
    "systemd": "252",
    "zone_known": True,
    "missing": "",
    "free_mb": 9000,
    "credentials": "",
    "uid": 0,
    "user": "root",
    "lingers": False,
}


def refusals(folder: Path, hosts: dict[str, dict[str, Any]], *options: str, start: str = "") -> dict[str, str]:
    """What the install playbook says to each host of this inventory, which it must not go on with."""
    members = {name: {"ansible_connection": "local", "trader_account": name, **own} for name, own in hosts.items()}
    groups: dict[str, Any] = {"primary": {"hosts": members}, "standby": {"hosts": {}}}
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"paper_trading": {"children": groups}}))
    words = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "--check", "-vvv", "--diff"]
    words += [*options, *(["--start-at-task", start] if start else []), "ansible/playbooks/install.yml"]
    ran = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0
    assert SECRET not in ran.stdout + ran.stderr
    assert "changed: [" not in ran.stdout
    said = re.findall(r"^fatal: \[(\w+)\]: FAILED! => *\n((?: .*\n|\n)+)", ran.stdout, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in said}


def test_wrong_types_are_named(tmp_path: Path) -> None:
    found = refusals(
        tmp_path,
        {
            "a": {"trader_keep_releases": "many"},
            "b": {"trader_config": ["position_sizing"]},
            "c": {"trader_scope": "both"},
            "d": {"trader_force": "perhaps"},
        },
    )
    for name, words in {
        "a": ("trader_keep_releases", "int"),
        "b": ("trader_config", "dict"),
        "c": ("trader_scope", "system, user", "both"),
        "d": ("trader_force", "bool"),
    }.items():
        assert all(word in found[name] for word in words), found[name]


def test_contradictions_are_named(tmp_path: Path) -> None:
    found = refusals(
        tmp_path,
        {
            "a": {"trader_account": ""},
            "b": {"trader_account": "one"},
            "c": {"trader_account": "one"},
            "d": {"trader_broker_url": LIVE},
            "e": {"trader_config": {"broker": {"url": LIVE}}},
            "f": {"trader_config": {"execution": {"account": "other"}}},
            "g": {"trader_force": True},
            "h": {"trader_account": "my account"},
        },
    )
    for name, words in {
        "a": ("trader_account of a", "host_vars/a.yml"),
        "b": ("Account one would be traded by b and c", "standby"),
        "c": ("Account one would be traded by b and c",),
        "d": ("trader_broker_url", "live trading"),
        "e": ("live trading", "trader_config"),
        "f": ("other", "Leave execution.account out"),
        "g": ("trader_reason",),
        "h": ("my account", "letters and digits"),
    }.items():
        assert all(word in found[name] for word in words), found.get(name)


@pytest.mark.parametrize("rivals", [("primary", "canary"), ("primary", "standby")])
def test_an_account_has_one_active_host(tmp_path: Path, rivals: tuple[str, str]) -> None:
    """A standby beside a primary is no rival; a canary is."""
    children = {
        group: {"hosts": {f"{group}1": {"ansible_connection": "local", "trader_account": "one"}}} for group in rivals
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"paper_trading": {"children": children}}))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    words = [program, "-i", str(tmp_path / "hosts.yml"), "--check", "ansible/playbooks/install.yml"]
    ran = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert ("would be traded by" in ran.stdout) == ("canary" in rivals)


def test_what_a_host_lacks_is_named(tmp_path: Path) -> None:
    lacking: dict[str, dict[str, Any]] = {
        "a": {"python": "3.9"},
        "b": {"python": ""},
        "c": {"arch": "armv7l"},
        "d": {"init": "sleep"},
        "e": {"systemd": "249"},
        "f": {"zone_known": False},
        "g": {"free_mb": 12},
        "h": {"skew": -4000},
        "i": {"uid": 1000, "user": "ann"},
        "j": {"missing": "restic tzdata"},
        "k": {"uid": 0},
        "m": {"uid": 1000, "user": "ann"},
        "n": {"uid": 1000, "user": "ann", "lingers": True, "missing": "restic"},
    }
    own = {name: {"trader_probe": {"stdout_lines": [_json({**GOOD, **lack})]}} for name, lack in lacking.items()}
    own["j"]["trader_packages_from"] = "host"
    for name in ("k", "m", "n"):
        own[name]["trader_scope"] = "user"
    found = refusals(tmp_path, own, start="trader : Ensure the host can run the program")
    for name, words in {
        "a": ("3.9", "3.11"),
        "b": ("missing", "3.11"),
        "c": ("armv7l", "x86_64"),
        "d": ("sleep", "systemd"),
        "e": ("249", "252"),
        "f": ("America/Chicago", "trader_timezone"),
        "g": ("12 MB", "trader_min_free_mb", "1500"),
        "h": ("-4000 s", "trader_max_clock_skew_s"),
        "i": ("ann", "needs root", "trader_scope"),
        "j": ("restic tzdata", "apt-get install", "trader_packages_from"),
        "k": ("root", "trader_scope user"),
        "m": ("loginctl enable-linger ann", "trader_enable_linger"),
        "n": ("sudo apt-get install restic",),
    }.items():
        assert all(word in found[name] for word in words), found.get(name)


def test_a_credential_that_cannot_be_right_is_named_and_not_shown(tmp_path: Path) -> None:
    bad: dict[str, Any] = {
        "a": {"alpaca": {"ALPACA_API_KEY": f"{SECRET} x"}},
        "b": {"alpaca": {"ALPACA_API_KEY": f"'{SECRET}'"}},
        "c": {"alpaca": {"ALPACA_API_KEY": f"$({SECRET})"}},
        "d": {"alpaca": {"ALPACA_API_KEY": f"{SECRET}\n"}},
        "e": {"alpaca": {"ALPACA_API_KEY": ""}},
        "f": {"alpaca": {"ALPACA_API_KEY": 12345}},
        "g": {"alpaca": {"alpaca-key": SECRET}},
        "h": {"alpaca": SECRET},
        "i": {"apprise": {"APPRISE_URL": SECRET}},
        "j": {"alpaca": {"ALPACA_API_KEY": f"AK{SECRET}"}},
        "k": {"alpaca": {"APCA_API_BASE_URL": LIVE}},
        "m": {"alpaca": {"ALPACA_API_KEY": f"\\{SECRET}"}},
    }
    probe = {"stdout_lines": [_json(GOOD)]}
    own = {name: {"trader_probe": probe, "trader_credentials_files": files} for name, files in bad.items()}
    start = "trader_credentials : Ensure the credentials are plain lines, and none is of a live account"
    found = refusals(tmp_path, own, start=start)
    for name in "abcdefm":
        assert "trader_credentials_files.alpaca.ALPACA_API_KEY is empty, no text, or has" in found[name], found.get(
            name
        )
    assert "alpaca-key" in found["g"]
    assert "holds no KEY: value" in found["h"]
    assert "apprise is not used" in found["i"]
    assert "live account" in found["j"]
    assert "live trading" in found["k"]


def test_a_vault_without_its_password_says_so(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n3132\n")
    (tmp_path / "hosts.yml").write_text("paper_trading: {hosts: {a: {ansible_connection: local}}}\n")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    words = [program, "-i", str(tmp_path / "hosts.yml"), "ansible/playbooks/install.yml"]
    ran = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0
    assert "no vault secrets found" in ran.stderr


def test_a_vault_that_was_never_made_is_named_by_what_is_missing(tmp_path: Path) -> None:
    files = {"alpaca": {"ALPACA_API_KEY": "{{ vault_alpaca[trader_account].key }}"}}
    own = {"a": {"trader_probe": {"stdout_lines": [_json(GOOD)]}, "trader_credentials_files": files}}
    start = "trader_credentials : Ensure the credentials are plain lines, and none is of a live account"
    assert "vault_alpaca'' is undefined" in refusals(tmp_path, own, start=start)["a"]


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values)
