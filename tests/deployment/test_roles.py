"""The roles and playbooks as text: one skeleton, documented options, no way for a secret to be printed."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from trader.adapters.universe_file import read_universe
from trader.bootstrap.units import UnitVariables, checked
from trader.deployment import places
from trader.deployment.host import BackupPolicy, Host
from trader.settings.load import settings_of

ROOT = Path(__file__).parents[2]
ROLES = sorted((ROOT / "ansible" / "roles").iterdir())
PLAYBOOKS = sorted((ROOT / "ansible" / "playbooks").glob("*.yml"))
PARTS = ("preflight", "install", "configure", "run")
PLACED = {"trader_release_dir", "trader_state_dir", "trader_credentials_dir", "trader_deploy_tool"}
PLACED |= {"trader_deploy_state_dir", "trader_backup_dir", "trader_backup_enabled"}
"""Unit variables that follow from the scope and the credentials."""
TYPES = {"str": str, "bool": bool, "int": int, "list": list, "dict": dict}
SENTENCE = re.compile(
    r"(Ensure|Know|Show|Check|Stage|Activate|End|Find|Go|Look|Stop|Take|Rotate|Move|Bring|Back) ?[^{}]*"
)
KEYWORDS = {"name", "register", "when", "loop", "loop_control", "vars", "changed_when", "failed_when", "check_mode"}
KEYWORDS |= {"delegate_to", "run_once", "diff", "tags", "environment", "ignore_unreachable"}
"""All that a task may say beside its module; no_log, ignore_errors, become and async are not among it."""

Task = dict[str, Any]


def read(path: Path) -> Any:
    """The YAML in a file."""
    return yaml.safe_load(path.read_text())


def defaults(role: Path) -> dict[str, Any]:
    """The options of a role with their defaults."""
    return dict(read(role / "defaults" / "main.yml"))


def options(role: Path) -> dict[str, dict[str, Any]]:
    """The options of a role as its specification has them."""
    return dict(read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"])


def files_of_tasks() -> list[Path]:
    """Every file that holds tasks."""
    return [*PLAYBOOKS, *(path for role in ROLES for path in sorted((role / "tasks").glob("*.yml")))]


def tasks_of(path: Path) -> Iterator[Task]:
    """The tasks of a file; of a playbook, those of its plays."""
    for entry in read(path):
        yield from entry.get("tasks", []) if "hosts" in entry else [entry]


def module_of(task: Task) -> str:
    """The module that a task calls."""
    return next(iter(key for key in task if "." in key), "")


ALL_TASKS = [(path, task) for path in files_of_tasks() for task in tasks_of(path)]


def unnamed(task: Task) -> bool:
    """Whether its name is no sentence that says what is wanted."""
    name = str(task.get("name", ""))
    return SENTENCE.fullmatch(name) is None


def foreign(task: Task) -> bool:
    """Whether it needs more than ansible-core, or says what no task here says."""
    known = {key for key in task if key in KEYWORDS or key.startswith("ansible.builtin.")}
    return known != task.keys() or not module_of(task)


def printing(task: Task) -> bool:
    """Whether a credential's value could be printed: only names and a template without diff touch them."""
    module = task.get(module_of(task))
    spoken = [task.get("when", ""), module.get("that", "") if isinstance(module, dict) else ""]
    code = [*re.findall(r"{{.*?}}|{%.*?%}", json.dumps(task)), *map(str, spoken)]
    touched = any(re.search(r"trader_credentials_files(?!\.keys\(\))", each) for each in code)
    return touched or ("credentials.env.j2" in json.dumps(task) and task.get("diff") is not False)


def handing(task: Task) -> bool:
    """Whether it hands something over by standard input or the environment, where -vvv shows it."""
    module = task.get(module_of(task))
    given = module if isinstance(module, dict) else {}
    return "stdin" in given or not set(task.get("environment", ())) <= {"XDG_RUNTIME_DIR"}


def unquoted(task: Task) -> bool:
    """Whether it makes a file whose mode is left to chance, or is a number that YAML may misread."""
    module = task.get(module_of(task))
    mode = module.get("mode") if isinstance(module, dict) else None
    made = module_of(task).rpartition(".")[2] in ("copy", "template", "blockinfile")
    return (made and mode is None) or (mode is not None and not isinstance(mode, str))


RULES: dict[str, Callable[[Task], bool]] = {
    rule.__name__: rule for rule in (unnamed, foreign, printing, handing, unquoted)
}


@pytest.mark.parametrize("rule", RULES)
def test_every_task_keeps_the_rules(rule: str) -> None:
    found = [f"{path.relative_to(ROOT)}: {task.get('name')}" for path, task in ALL_TASKS if RULES[rule](task)]
    assert len(ALL_TASKS) > 60
    assert found == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("unnamed", "ansible.builtin.assert: {that: x}"),
        ("unnamed", "{name: 'Ensure {{ x }} is there', ansible.builtin.assert: {that: x}}"),
        ("unnamed", "{name: install packages, ansible.builtin.assert: {that: x}}"),
        ("foreign", "{name: Ensure it, community.general.ini_file: {path: x}}"),
        ("foreign", "{name: Ensure it, ansible.builtin.assert: {that: x}, no_log: true}"),
        ("foreign", "{name: Ensure it, ansible.builtin.assert: {that: x}, ignore_errors: true}"),
        ("printing", "{name: Ensure it, ansible.builtin.debug: {msg: '{{ trader_credentials_files }}'}}"),
        ("printing", "{ansible.builtin.file: {path: x}, loop: '{{ trader_credentials_files.values() }}'}"),
        ("printing", "{ansible.builtin.template: {src: credentials.env.j2, dest: x}}"),
        ("handing", "{ansible.builtin.command: {argv: [x], stdin: y}}"),
        ("handing", "{ansible.builtin.command: {argv: [x]}, environment: {KEY: y}}"),
        ("unquoted", "{ansible.builtin.copy: {src: x, dest: y}}"),
        ("unquoted", "{ansible.builtin.file: {path: x, mode: 0644}}"),
    ],
)
def test_a_rule_finds_what_it_is_there_for(rule: str, text: str) -> None:
    assert RULES[rule](yaml.safe_load(text))


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_begins_with_what_it_does_and_names_its_plays(path: Path) -> None:
    if not path.stem.startswith("install_"):
        assert path.read_text().startswith("---\n# ")
    assert [play for play in read(path) if SENTENCE.fullmatch(play["name"]) is None] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_roles_have_one_skeleton(role: Path) -> None:
    assert sorted(path.name for path in role.iterdir()) in (
        ["defaults", "meta", "tasks"],
        ["defaults", "meta", "tasks", "templates"],
        ["defaults", "meta", "tasks", "vars"],
        ["defaults", "meta", "tasks", "templates", "vars"],
    )
    assert {path.stem for path in (role / "tasks").iterdir()} == {"main", *PARTS}
    assert [path.name for path in (role / "meta").iterdir()] == ["argument_specs.yml"]
    contents = [task["ansible.builtin.import_tasks"] for task in read(role / "tasks" / "main.yml")]
    assert contents == [f"{part}.yml" for part in PARTS]
    for part in PARTS:
        text = (role / "tasks" / f"{part}.yml").read_text()
        assert len(text.splitlines()) <= 110
        assert read(role / "tasks" / f"{part}.yml")


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_options_are_typed_and_described_and_their_defaults_are_those_in_force(role: Path) -> None:
    found, wanted = options(role), defaults(role)
    assert list(found) == list(wanted)
    for name, option in found.items():
        assert option["default"] == wanted[name], name
        templated = isinstance(wanted[name], str) and "{{" in wanted[name]
        assert templated or isinstance(wanted[name], TYPES[option["type"]]), name
        assert all(len(str(line)) > 10 for line in option["description"]), name
        assert option["type"] != "list" or "elements" in option, name
        assert name == role.name or name.startswith(f"{role.name}_"), name
    specs = read(role / "meta" / "argument_specs.yml")["argument_specs"]
    assert all(entry == specs["main"] for entry in specs.values())
    assert specs["main"]["short_description"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_default_is_explained_where_it_stands(role: Path) -> None:
    lines = (role / "defaults" / "main.yml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"trader\w*:", line):
            above = lines[number - 1]
            assert above.startswith("# ") or re.match(r"trader\w*:", above), line


def test_the_options_of_the_units_are_those_the_program_has() -> None:
    ours = defaults(ROOT / "ansible" / "roles" / "trader")
    theirs = UnitVariables().model_dump(mode="json")
    for name in theirs.keys() - PLACED:
        assert ours[name] == theirs[name], name
    request = read(ROOT / "ansible" / "roles" / "trader_release" / "vars" / "main.yml")["trader_release_request"]
    assert request["units"].keys() == theirs.keys() - PLACED | {"trader_backup_enabled"}


def test_things_lie_where_the_tool_looks_for_them() -> None:
    ours = read(ROOT / "ansible" / "roles" / "trader" / "vars" / "main.yml")["trader_places_by_scope"]
    home = Path("/ho" + "me/x")
    for scope, theirs in (("system", places.system()), ("user", places.user(home, Path("/run/user/1")))):
        for name in ("opt", "etc", "credentials", "state", "deploy", "backups", "units", "tool"):
            assert ours[scope][name].replace("~", str(home)) == str(getattr(theirs, name)), (scope, name)


def test_the_host_is_told_all_that_the_tool_reads() -> None:
    text = (ROOT / "ansible" / "roles" / "trader" / "templates" / "host.json.j2").read_text()
    written = re.findall(r'^ +"(\w+)":', text, re.MULTILINE)
    assert sorted(written) == sorted(each.name for kind in (Host, BackupPolicy) for each in fields(kind))


@pytest.mark.parametrize("name", ["example", "local", "lab"])
def test_an_inventory_says_nothing_that_no_role_reads(name: str) -> None:
    program = Path(sys.executable).with_name("ansible-inventory")
    command = [str(program), "-i", f"inventories/{name}", "--list"]
    listed = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60).stdout)
    known = {option for role in ROLES for option in defaults(role)}
    for host, variables in listed["_meta"]["hostvars"].items():
        assert variables["trader_account"], host
        assert {key for key in variables if key.startswith("trader_")} <= known
    assert "primary" in listed["paper_trading"]["children"]


def _merged(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two mappings of sections, the second over the first."""
    return {key: {**below.get(key, {}), **over.get(key, {})} for key in below.keys() | over.keys()}


def test_the_example_is_an_inventory_that_a_release_can_be_built_of() -> None:
    folder = ROOT / "inventories" / "example"
    shared = read(folder / "group_vars" / "all" / "main.yml")
    for path in sorted((folder / "host_vars").iterdir()):
        own = {**shared, **read(path)}
        settings = settings_of(_merged(own["trader_config"], own.get("trader_config_overrides", {})), path.name)
        assert str(settings.data.universe) in own["trader_files"]
        checked({name: value for name, value in own.items() if name in UnitVariables.model_fields}, path.name)
    vault = read(folder / "group_vars" / "all" / "vault.yml.example")
    accounts = {read(path)["trader_account"] for path in (folder / "host_vars").iterdir()}
    assert accounts == vault["vault_alpaca"].keys()
    assert read_universe(folder / "files" / "universe.csv").sectors
