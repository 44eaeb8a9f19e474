"""A host without root: everything in one user's home, under `systemctl --user`."""

import pytest

from tests.fleet.lab import Lab
from tests.fleet.stand import PLANTED, Stand

USER = "trading"


def test_a_user_installs_upgrades_and_rolls_back_without_root(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stand = Stand(lab, tmp_path_factory.mktemp("user"), login=USER)
    (host,) = stand.add("rootless", trader_scope="user")
    looked = stand.play("install", "--check", "--diff")
    assert looked.total("failed") == 0
    stand.play("install")
    again = stand.play("install")
    assert again.total("changed") == 0, again.out[-4000:]
    timers = host.run("systemctl", "--user", "list-timers", "--no-pager", user=USER).out
    assert "paper-trading-session.timer" in timers
    assert host.run("systemctl", "list-timers", "--no-pager").out.count("paper-trading") == 0
    status = host.shell("~/.local/bin/trader status", user=USER).out
    assert "session" in status
    stand.play("install", trader_config_overrides={"position_sizing": {"max_positions": 7}})
    back = stand.play("rollback")
    assert back.total("changed") == 1
    journal = host.shell("journalctl --user --no-pager", user=USER, check=False).out
    assert PLANTED not in journal
    stand.forget("rootless")
