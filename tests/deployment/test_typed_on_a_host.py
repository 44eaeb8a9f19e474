"""What a person types on a host: the script, as far as it can be run without a host's systemd."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[2] / "ansible" / "roles" / "trader" / "templates"
SHOWS = """#!/bin/sh
echo "$0 $*"
env | grep -E '^(EXECUTION|TRADER)_' | sort
exit 7
"""
RUNS = """#!/bin/sh
printf '%s\\n' "$@"
exit ${ENDS:-5}
"""


class Typed:
    """A host's directories, with a stand-in for the release's program and for systemd-run."""

    def __init__(self, home: Path, scope: str) -> None:
        self.home = home
        self.release = home / "opt" / "releases" / "0123456789ab"
        names = ("opt", "state", "credentials", "tool")
        places = {name: f"~/{name}" if scope == "user" else f"{home}/{name}" for name in names}
        environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True)
        environment.filters["regex_replace"] = lambda text, pattern, new: re.sub(pattern, new, text)
        text = environment.get_template("trader.j2").render(
            trader_scope=scope,
            trader_user="paper-trading",
            trader_places=places,
            trader_credentials=["alpaca", "restic"],
        )
        self.script = home / "trader"
        self.script.write_text(text)
        self._program(home / "bin" / "systemd-run", RUNS)
        self._program(home / "bin" / "id", '#!/bin/sh\n[ "$1" = -u ] && echo 0 || echo ann\n')
        (home / "tool").write_text("import sys; print('tool', sys.argv[1:])")

    def activate(self) -> None:
        """Have a release, and the link to it."""
        self._program(self.release / "venv" / "bin" / "trader", SHOWS)
        (self.home / "opt" / "current").symlink_to("releases/0123456789ab")

    def __call__(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", self.script, *words],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": path, "HOME": str(self.home), **environ},
            stdin=subprocess.DEVNULL,
        )

    def _program(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture(params=["system", "user"])
def typed(request: pytest.FixtureRequest, tmp_path: Path) -> Typed:
    """`trader` of a scope, without a release."""
    home = tmp_path / request.param
    home.mkdir()
    return Typed(home, request.param)


def test_without_a_release_it_says_so(typed: Typed) -> None:
    for words in (("status",), ("session",), ("--help",), ()):
        ended = typed(*words)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "no release is active on this host" in ended.stderr
        assert "install playbook" in ended.stderr


def test_a_release_without_its_environment_is_said_to_be_damaged(typed: Typed) -> None:
    typed.activate()
    shutil.rmtree(typed.release / "venv")
    ended = typed("status")
    assert (ended.returncode, f"release {typed.release.name} is damaged" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--json"),
        ("--state", "start", "status"),
        ("start",),
        ("run-now", "eod"),
        ("--help",),
        ("session", "--help"),
        ("halt", "-h"),
        ("units", "variables"),
        (),
    ],
)
def test_what_needs_no_rights_is_run_as_the_caller(typed: Typed, words: tuple[str, ...]) -> None:
    typed.activate()
    ended = typed(*words)
    assert ended.returncode == 7
    lines = ended.stdout.splitlines()
    assert lines[0].split() == [f"{typed.release}/venv/bin/trader", *words], "the release itself, no link to it"
    assert lines[1:] == [
        f"EXECUTION_CONFIG_PATH={typed.release}/config/execution.yaml",
        "EXECUTION_MODE=paper",
        f"TRADER_SCOPE={typed.home.name}",
        f"TRADER_STATE={typed.home}/state",
    ]


def test_everything_else_is_run_as_the_services_are(typed: Typed) -> None:
    typed.activate()
    ended = typed("--log-level", "status", "halt", "--reason", "it costs $5 or ${HOME}")
    assert ended.returncode == 5, "the command's exit code"
    said = ended.stdout.splitlines()
    program, *words = said[said.index("--") + 1 :]
    assert program == f"{typed.release}/venv/bin/trader"
    assert words == ["--log-level", "status", "halt", "--reason", "it costs $$5 or $${HOME}"]
    assert f"--property=LoadCredential=alpaca.env:{typed.home}/credentials/alpaca.env" in said
    assert "restic" not in ended.stdout
    assert {"--setenv=EXECUTION_MODE=paper", "--wait", "--pipe"} <= set(said)
    assert ("--user" in said) is (typed.home.name == "user")
    assert ("--property=User=paper-trading" in said) is (typed.home.name == "system")


def test_who_is_not_root_is_told_what_to_type(typed: Typed) -> None:
    typed.activate()
    (typed.home / "bin" / "id").write_text("#!/bin/sh\necho 1001\n")
    ended = typed("halt", "--reason", "drill")
    if typed.home.name == "user":
        assert ended.returncode == 5
    else:
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "sudo trader halt --reason drill" in ended.stderr


@pytest.mark.parametrize("ends", ["0", "1", "2", "203"])
def test_an_emergency_stop_needs_no_release(typed: Typed, ends: str) -> None:
    typed.activate()
    words = ("emergency-stop", "--reason", "prices $ look wrong")
    ended = typed(*words, ENDS=ends)
    assert ended.returncode == 0, "stopped, with the release or without"
    assert ended.stdout.splitlines()[-1] == "prices $$ look wrong", "the release has its part of it"
    assert ended.stderr.startswith("trader: halted; the broker is barred")
    told = "tool ['--by', 'ann', 'stop', '--reason', 'prices $ look wrong']"
    assert (told in ended.stderr) is (ends != "0")
    (typed.home / "opt" / "current").unlink()
    ended = typed("emergency-stop", "--reason=now", SUDO_USER="bea")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "tool ['--by', 'bea', 'stop', '--reason', 'now']" in ended.stderr


def test_an_emergency_stop_that_was_not_all_is_no_success(typed: Typed) -> None:
    typed.activate()
    flattened = typed("emergency-stop", "--flatten", ENDS="1")
    assert (flattened.returncode, "look whether positions are open" in flattened.stderr) == (1, True)
    assert typed("emergency-stop", "--flatten", ENDS="0").returncode == 0
    (typed.home / "tool").write_text("import sys; print('troubles'); sys.exit(2)")
    failed = typed("emergency-stop", ENDS="1")
    assert (failed.returncode, "troubles" in failed.stderr) == (2, True)
    assert typed("emergency-stop", ENDS="0").returncode == 0, "the release has done all of it"
