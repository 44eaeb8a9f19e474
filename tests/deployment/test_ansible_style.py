"""ansible-lint and yamllint, as strict as they go, find nothing; nor is any of their rules switched off."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """A program of the environment, in the repository's root."""
    environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
    command = [str(BIN / words[0]), *words[1:]]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, env=environ, timeout=300)


def test_ansible_lint_finds_nothing_in_its_strictest_profile() -> None:
    found = run("ansible-lint", "--offline", "--strict", "--profile", "production", "ansible", "inventories")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Passed: 0 failure(s), 0 warning(s)" in found.stderr


def test_yamllint_finds_nothing() -> None:
    found = run("yamllint", "--strict", ".")
    assert (found.returncode, found.stdout) == (0, "")


def test_no_rule_is_switched_off() -> None:
    settings = yaml.safe_load((ROOT / ".ansible-lint").read_text())
    assert settings.keys() <= {"profile", "offline", "strict", "exclude_paths"}
    assert settings["profile"] == "production"
    for path in [*(ROOT / "ansible").rglob("*"), *(ROOT / "inventories").rglob("*")]:
        if path.is_file():
            assert not re.search(r"no" + r"qa|yamllint disable|skip_ansible_lint", path.read_text()), path
