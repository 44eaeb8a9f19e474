"""What pruning takes beside releases."""

import json
from pathlib import Path

import pytest

from tests.support import backups
from trader.deployment.desk import open_desk
from trader.deployment.pruning import prune
from trader.deployment.releases import Manifest


@pytest.mark.parametrize("unused", [False, True])
def test_the_installers_cache_goes_with_a_wheelhouse_that_nobody_needs(tmp_path: Path, unused: bool) -> None:
    places = backups.install(tmp_path)
    desk = open_desk(places, "ann")
    values = dict.fromkeys(Manifest.__dataclass_fields__, "") | {"wheelhouse": "used", "files": {}, "wheels": {}}
    (places.release(backups.RELEASE) / "manifest.json").write_text(json.dumps(values))
    (places.opt / "wheelhouse" / "used").mkdir(parents=True)
    (places.opt / "cache").mkdir()
    if unused:
        (places.opt / "wheelhouse" / "unused").mkdir()
    assert prune(desk) == []
    assert [path.name for path in (places.opt / "wheelhouse").iterdir()] == ["used"]
    assert (places.opt / "cache").exists() == (not unused)
