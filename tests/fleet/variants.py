"""Releases that differ from this checkout's: other settings, a defect, another schema; staged on a host."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fleet.lab import Host
from tests.fleet.stand import Stand, tool
from tests.support.releases import ROOT, build, copy_checkout

Edit = Callable[[Path], None]

_REVISION = '''"""A revision of a test."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Up."""
    {up}


def downgrade() -> None:
    """Down."""
    {down}
'''


class Variants:
    """Makes releases of the inventory's first host, and puts them on hosts."""

    def __init__(self, stand: Stand, request: Path) -> None:
        self._stand, self._request = stand, json.loads(request.read_text())

    def made(self, name: str, edit: Edit | None = None, **settings: object) -> dict[str, str]:
        """A release with other settings, of a checkout that `edit` has changed."""
        folder = self._stand.folder / "variants" / name
        folder.mkdir(parents=True, exist_ok=True)
        asked = {**self._request, "config": _merged(self._request["config"], settings)}
        (folder / "request.json").write_text(json.dumps(asked))
        checkout = ROOT
        if edit is not None and not (checkout := folder / "checkout").exists():
            edit(copy_checkout(checkout))
        ended = build(checkout, folder / "request.json", folder / "out")
        assert ended.code == 0, ended.err
        return ended.built

    def staged(self, host: Host, built: dict[str, str]) -> str:
        """Stage it; its id."""
        host.files.put(Path(built["archive"]), "/tmp/release.tar")
        wheels = ()
        if built["wheelhouse"] not in tool(host, "facts")["wheelhouses"]:
            host.files.put(Path(built["wheelhouse_archive"]), "/tmp/wheelhouse.tar")
            wheels = ("--wheelhouse-archive", "/tmp/wheelhouse.tar")
        return str(tool(host, "stage", "--archive", "/tmp/release.tar", *wheels)["id"])


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {key: (one.get(key), other[key]) for key in other}
    laid = {key: _merged(old, new) if isinstance(old, dict) else new for key, (old, new) in both.items()}
    return {**one, **laid}


def that_does_not_start(checkout: Path) -> None:
    """A defect that every command of a trading day meets."""
    program = checkout / "trader" / "bootstrap" / "desk.py"
    program.write_text(
        program.read_text().replace("import cache\n", "import cache\n\nimport a_module_that_is_not_there\n")
    )


def that_fails_its_preflight(checkout: Path) -> None:
    """A defect that only its own preflight meets."""
    checks = checkout / "trader" / "modes" / "checks" / "account.py"
    text = checks.read_text()
    checks.write_text(
        text.replace("def limits(look: Look) -> Finding:", f"{_DEFECT}\n\n\ndef _limits(look: Look) -> Finding:")
    )


_DEFECT = '''def limits(look: Look) -> Finding:
    """A defect."""
    return Finding(False, "this release cannot judge limits", "Build another.")'''


def with_a_schema(up: str, down: str, lossless: bool) -> Edit:
    """A newer schema, whose steps run these lines."""

    def edit(checkout: Path) -> None:
        ledger = checkout / "trader" / "adapters" / "ledger"
        (ledger / "migrations" / "versions" / "r0003_of_a_test.py").write_text(_REVISION.format(up=up, down=down))
        revisions = ledger / "revisions.py"
        text = revisions.read_text().replace('REVISIONS = ("0001", "0002")', 'REVISIONS = ("0001", "0002", "0003")')
        text = text.replace('SCHEMA_MIN = "0001"', 'SCHEMA_MIN = "0002"')
        if lossless:
            text = text.replace('frozenset({"0002"})', 'frozenset({"0002", "0003"})')
        revisions.write_text(text)

    return edit


NEW_TABLE = 'op.execute("CREATE TABLE IF NOT EXISTS of_a_test (id INTEGER PRIMARY KEY)")'
"""A step up that can be repeated."""
