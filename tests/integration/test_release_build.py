"""Releases as the controller builds them: the same from anywhere, whole or not there, installed without a network."""

import ast
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.releases import WHEELHOUSES, build, copy_checkout, manifest, request, run, unpack

UNIVERSE = "symbol,sector\nAAA,tech\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that no other test's work changes."""
    return copy_checkout(tmp_path_factory.mktemp("release") / "checkout")


@pytest.fixture(scope="module")
def out(checkout: Path) -> Path:
    """Where the module's builds go; a wheel is built once."""
    return checkout.parent / "out"


def seen(directory: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of all that lies in a directory."""
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in directory.rglob("*")}


def bytes_of(built: dict[str, str]) -> tuple[bytes, bytes]:
    """Archive and tool."""
    return Path(built["archive"]).read_bytes(), Path(built["tool"]).read_bytes()


def test_the_same_sources_give_the_same_bytes_wherever_they_lie(checkout: Path, out: Path, tmp_path: Path) -> None:
    variables = request(tmp_path / "v.json", config={"execution": {"account": "main", "slices": 2}})
    first = build(checkout, variables, out).built
    other = tmp_path / "other"
    for path in sorted(checkout.rglob("*"), reverse=True):  # another order, other times, other rights
        if path.is_file():
            copy = other / path.relative_to(checkout)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
            copy.chmod(0o600)
    for junk in ("x.pyc", "__pycache__/y.py", "notes.txt", "desk.py~", ".hidden.py", ".cache/z.py"):
        (other / "trader" / junk).parent.mkdir(exist_ok=True)
        (other / "trader" / junk).write_text("junk = True\n")
    request(variables, config={"execution": {"slices": 2, "account": "main"}})  # the same in another order
    second = build(other, variables, tmp_path / "out").built
    assert {**second, "archive": "", "tool": ""} == {**first, "archive": "", "tool": ""}
    assert bytes_of(second) == bytes_of(first)


def test_a_second_build_touches_nothing(checkout: Path, out: Path, tmp_path: Path) -> None:
    variables = request(tmp_path / "v.json")
    first = build(checkout, variables, out)
    before = seen(out), seen(WHEELHOUSES)
    second = build(checkout, variables, out)
    assert (second.code, second.out, second.err) == (0, first.out, "")
    assert (seen(out), seen(WHEELHOUSES)) == before


def test_whatever_a_host_would_run_is_in_the_id(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    universe, locks = tmp_path / "universe.csv", checkout / "requirements"
    named = {"config": {"data": {"universe": "universe.csv"}}, "files": {"universe.csv": universe}}
    shortened = small_lock(locks / "runtime.lock")
    ids = []

    def add(**changes: object) -> None:
        variables = request(tmp_path / "v.json", **changes)
        ids.append(build(checkout, variables, tmp_path / "out", wheelhouses=tmp_path / "wheels").built["id"])

    for text in (UNIVERSE, UNIVERSE + "BBB,energy\n"):
        universe.write_text(text)
        add(**named)
    for changes in ({}, {"units": {"trader_eod_at": "15:20"}}, {"units": {"trader_scope": "user"}}):
        add(**changes)
    for path, text in (
        (locks / "runtime.lock", shortened + "# changed"),
        (locks / "uv.lock", shortened),
        (checkout / "trader" / "__init__.py", '"""Changed."""\n'),
    ):
        path.write_text(text)
        add()
    assert len(set(ids)) == len(ids) == 8


def small_lock(path: Path) -> str:
    """Leave one small package in a lock; the text."""
    text = path.read_text()
    begin = text.index("\nidna==") + 1
    path.write_text(text[begin : text.index("    # via", begin)])
    return path.read_text()


def test_the_manifest_vouches_for_every_file(checkout: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text(UNIVERSE)
    config = {"data": {"universe": "universe.csv"}, "risk_management": {"max_position_size": 0.05}, "watch": {}}
    variables = request(tmp_path / "v.json", config=config, files={"universe.csv": tmp_path / "here.csv"})
    built = build(checkout, variables, out).built
    release = unpack(built["archive"], tmp_path / "release")
    found = {str(path.relative_to(release)): path.read_bytes() for path in release.rglob("*") if path.is_file()}
    told = manifest(release)
    del found["manifest.json"]
    assert told["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    assert told["id"] == built["id"]
    assert found["config/universe.csv"].decode() == UNIVERSE
    assert f"--hash=sha256:{told['wheel_sha256']}" in found["requirements.txt"].decode()
    assert (
        f"/opt/paper-trading/releases/{built['id']}/config" in found["systemd/paper-trading-session.service"].decode()
    )
    assert not [name for name, content in found.items() if b"@RELEASE@" in content and name.startswith("systemd/")]
    shown = run([str(Path(sys.executable).with_name("trader")), "config", "check", "config/execution.yaml"], release)
    assert (shown.code, shown.err) == (0, "")


def test_the_wheel_holds_what_is_under_version_control(checkout: Path, out: Path, tmp_path: Path) -> None:
    built = build(checkout, request(tmp_path / "v.json"), out).built
    release = unpack(built["archive"], tmp_path / "release")
    with zipfile.ZipFile(release / manifest(release)["wheel"]) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    root = Path(__file__).parents[2]
    listed = run(["git", "ls-files", "trader", "templates/systemd"], root).out.split()
    tracked = {
        name.replace("templates/systemd/", "trader/unit_templates/") for name in listed if (root / name).exists()
    }
    assert tracked - packed == set()
    assert {Path(name).suffix for name in packed} == {".py", ".j2", ".html", ".css"}


def test_the_tool_runs_by_the_standard_library_alone(checkout: Path, out: Path, tmp_path: Path) -> None:
    built = build(checkout, request(tmp_path / "v.json"), out).built
    helped = run([sys.executable, "-I", "-S", built["tool"], "--help"], tmp_path)
    assert (helped.code, helped.err) == (0, "")
    assert "activate" in helped.out
    with zipfile.ZipFile(built["tool"]) as tool:
        texts = {name: tool.read(name).decode() for name in tool.namelist()}
        assert {entry.date_time[:3] for entry in tool.infolist()} == {(1980, 1, 1)}
    assert texts.keys() - {"__main__.py", "trader/__init__.py"} == {
        n for n in texts if n.startswith("trader/deployment/")
    }
    assert {name for text in texts.values() for name in imported(text)} - set(sys.stdlib_module_names) == {"trader"}
    ours = {name for text in texts.values() for name in imported(text, whole=True) if name.startswith("trader")}
    assert {name for name in ours if not name.startswith("trader.deployment")} == set()


def imported(text: str, whole: bool = False) -> Iterator[str]:
    """The modules a text imports, or their top-level packages."""
    for node in ast.walk(ast.parse(text)):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name if whole else name.partition(".")[0] for name in names)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"config": {"execution": {"slice": 2}}}, "execution.slice: unknown key Did you mean slices?"),
        ({"config": {"execution": {"mode": "live"}}}, "execution.mode is 'live'"),
        ({"config": {"execution": {"slices": "many"}}}, "execution.slices: input should be a valid integer"),
        (
            {"config": {"broker": {"url": "https://api.alpaca." + "markets"}}},
            "broker.url: alpaca has one paper address",
        ),
        ({"config": {"broker": {"venue": "simulated", "url": "http://8.8.8.8:80"}}}, "broker.url: it is not"),
        ({"config": {"risk_management": {"max_position_size": 2}}}, "risk_management.max_position_size"),
        ({"units": {"trader_sesion_at": "08:30"}}, "trader_sesion_at"),
        ({"units": {"trader_tasks_max": 1}}, "trader_tasks_max"),
        ({"units": {"trader_release_dir": "/opt/x"}}, "trader_release_dir"),
        ({"units": {"trader_state_dir": "/srv"}}, "trader_state_dir"),
        ({"config": {"data": {"universe": "universe.csv"}}}, "data.universe: universe.csv is named, and not given"),
        ({"config": {"data": {"universe": "/etc/u.csv"}}}, "data.universe: /etc/u.csv is no plain file name"),
        ({"files": {"universe.csv": "/etc/hostname"}}, "files.universe.csv: the configuration names no such file"),
        (
            {"config": {"data": {"universe": "u.csv"}}, "files": {"u.csv": "/etc/hostname"}},
            "/etc/hostname line 1: columns",
        ),
        ({"config": {"data": {"universe": "u.csv"}}, "files": {"u.csv": "/none.csv"}}, "/none.csv: No such file"),
        ({"python": "3.10"}, "python: String should match"),
        ({"arch": "mips"}, "arch: Input should be 'x86_64' or 'aarch64'"),
        ({"unit": {}}, "unit: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_written(
    checkout: Path, tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    ended = build(checkout, request(tmp_path / "v.json", **changes), tmp_path / "out")
    assert (ended.code, ended.out) == (2, "")
    assert named.replace(" Did", ". Did") in ended.err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_json_is_refused(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text("units: {}\n")
    ended = build(checkout, tmp_path / "v.json", tmp_path / "out")
    assert (ended.code, ended.out) == (2, "")
    assert "v.json: cannot be read as JSON" in ended.err


def test_a_damaged_wheel_is_built_again(checkout: Path, out: Path, tmp_path: Path) -> None:
    variables = request(tmp_path / "v.json")
    first = build(checkout, variables, tmp_path / "out").built
    (wheel,) = (tmp_path / "out" / "wheels").rglob("*.whl")
    for damage in (b"", wheel.read_bytes()[:-1] + b"x"):
        wheel.write_bytes(damage)
        assert build(checkout, variables, tmp_path / "out").built == first
        assert wheel.read_bytes() != damage


class TestOnAHost:
    """A release installed as a host does it: from its files alone."""

    def test_it_installs_without_a_network_and_knows_its_id(self, checkout: Path, out: Path, tmp_path: Path) -> None:
        variables = request(tmp_path / "v.json")
        first = build(checkout, variables, out).built
        changed = copy_checkout(tmp_path / "changed")
        (changed / "trader" / "__init__.py").write_text('"""Another text, and the same version."""\n')
        second = build(changed, variables, tmp_path / "out").built
        assert second["id"] != first["id"]
        for built in (first, second):
            program = self.installed(built, tmp_path)
            said = run(
                [str(program), "-c", "from trader.bootstrap.running import *; print(running_release())"], tmp_path
            )
            assert said.out.strip() == built["id"]
            helped = run([str(program.with_name("trader")), "--help"], tmp_path)
            assert (helped.code, helped.err) == (0, "")
            text = run([str(program), "-c", "import trader; print(trader.__doc__)"], tmp_path).out
            assert ("Another text" in text) == (built is second)
        refused = build(tmp_path, variables, tmp_path / "none", python=str(program))
        assert (refused.code, refused.out) == (2, "")
        assert "is no checkout: pyproject.toml is missing" in refused.err

    def installed(self, built: dict[str, str], tmp_path: Path) -> Path:
        """The Python of the release; the packages' cache is shared, as on a host."""
        wheels = tmp_path / "wheels"
        if not wheels.exists():
            unpack(built["wheelhouse_archive"], wheels)
        release = unpack(built["archive"], tmp_path / "releases" / built["id"])
        uv = [
            str(Path(sys.executable).with_name("uv")),
            "--offline",
            "--no-config",
            "--cache-dir",
            str(tmp_path / "cache"),
        ]
        python = release / "venv" / "bin" / "python"
        links = ["--no-index", "--find-links", str(wheels), "--find-links", str(release), "--link-mode", "hardlink"]
        hashed = ["--require-hashes", "--no-deps", "--requirement", str(release / "requirements.txt")]
        for words in (
            ["venv", "--python", sys.executable, str(release / "venv")],
            ["pip", "install", "--python", str(python), *links, *hashed],
            ["pip", "check", "--python", str(python)],
        ):
            ended = run([*uv, *words], tmp_path, {**os.environ, "UV_LINK_MODE": "hardlink"})
            assert ended.code == 0, ended.err
        return python


def test_release_show_prints_the_manifest(checkout: Path, out: Path, tmp_path: Path) -> None:
    built = build(checkout, request(tmp_path / "v.json"), out).built
    trader = str(Path(sys.executable).with_name("trader"))
    for place in (built["archive"], str(unpack(built["archive"], tmp_path / "release"))):
        shown = run([trader, "release", "show", place], tmp_path)
        assert f"Release {built['id']}" in shown.out
    refused = run([trader, "release", "show", built["tool"]], tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert "no manifest can be read" in refused.err


def test_a_release_that_names_no_id_is_the_version(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    script = "import sys; sys.prefix = sys.argv[1]; from trader.bootstrap.running import *; print(running_release())"
    for text in ("", "[]", '{"id": 3}', "\0", '{"id": "abc"}'):
        (tmp_path / "manifest.json").write_text(text)
        ended = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "venv")], capture_output=True, text=True, check=True
        )
        assert ended.stdout.strip() == ("abc" if "abc" in text else "0.1.0")
