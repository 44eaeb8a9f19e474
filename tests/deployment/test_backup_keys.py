"""The file that opens the backups: strict, private, and never shown."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from tests.support import backups
from tests.support.backups import HOST, PASSWORD
from trader.deployment.backup.restic_keys import read_keys
from trader.deployment.backup.vault import open_repository
from trader.deployment.errors import BadInput, DeploymentError
from trader.deployment.host import BackupPolicy, Host
from trader.deployment.places import Places


@pytest.fixture
def host(tmp_path: Path) -> Places:
    found = backups.places(tmp_path)
    found.credentials.mkdir(parents=True)
    return found


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"RESTIC_PASSWORD='{PASSWORD}'"], "line 1 is not KEY=VALUE. Write KEY=VALUE: no quotes"),
        (["# why", "", f"export RESTIC_PASSWORD={PASSWORD}"], "line 3 is not KEY=VALUE"),
        ([f"RESTIC_PASSWORD={PASSWORD} "], "line 1 is not KEY=VALUE"),
        (["RESTIC_PASSWORD="], "line 1 is not KEY=VALUE"),
        ([f"RESTIC_PASSWORD=$HOME{PASSWORD}"], "line 1 is not KEY=VALUE"),
        ([f"RESTIC_PASSWORD={PASSWORD}", "RESTIC_PASSWORD=b"], "line 2: RESTIC_PASSWORD: duplicate key"),
        ([f"RESTIC_PASSWORD={PASSWORD}", "LD_PRELOAD=x.so"], "line 2: LD_PRELOAD: unknown key. The keys are RESTIC_"),
        ([f"RESTIC_PASSWORD={PASSWORD}", "RESTIC_PASSWORD_COMMAND=x"], "RESTIC_PASSWORD_COMMAND: unknown key"),
        (["RESTIC_REPOSITORY=/backups"], "RESTIC_PASSWORD is missing"),
        ([], "RESTIC_PASSWORD is missing"),
    ],
)
def test_a_file_that_is_not_strict_is_refused_by_line_and_not_shown(host: Places, lines: list[str], said: str) -> None:
    backups.write_credentials(host, "restic", *lines)
    with pytest.raises(BadInput) as caught:
        read_keys(host.credentials, {})
    assert said in str(caught.value)
    assert str(host.credentials / "restic.env") in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_missing_file_is_named_with_what_to_do(host: Places) -> None:
    with pytest.raises(BadInput, match=r"restic.env is not there: .*RESTIC_PASSWORD, out of the vault"):
        read_keys(host.credentials, {})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(host: Places, mode: int) -> None:
    backups.write_credentials(host, "restic", f"RESTIC_PASSWORD={PASSWORD}")
    (host.credentials / "restic.env").chmod(mode)
    with pytest.raises(BadInput, match=r"readable by others .* Run: chmod 600"):
        read_keys(host.credentials, {})


def test_what_the_service_manager_hands_over_comes_first(host: Places, tmp_path: Path) -> None:
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "restic.env").write_text("RESTIC_PASSWORD=handed\n")
    (handed / "restic.env").chmod(0o440)
    assert read_keys(host.credentials, {"CREDENTIALS_DIRECTORY": str(handed)}).password == "handed"


def test_no_value_is_in_what_shows_the_keys(host: Places) -> None:
    address = "rest:https://ann:sesame@backups.example/main"
    backups.write_credentials(
        host, "restic", f"RESTIC_PASSWORD={PASSWORD}", f"RESTIC_REPOSITORY={address}", "B2_ACCOUNT_KEY=b2"
    )
    repository = open_repository(host, HOST, {})
    assert repository.place == address
    assert not any(secret in repr(repository.keys) for secret in (PASSWORD, "sesame", "b2"))
    shown = repository.keys.masked(f"{PASSWORD}, sesame at {address}, rest:https://ann:sesame@other/")
    assert shown == "***, *** at rest:https://***@backups.example/main, rest:https://***@other/"
    assert repository.keys.environment == {"B2_ACCOUNT_KEY": "b2"}


@pytest.mark.parametrize(
    ("of_host", "of_keys", "used"),
    [
        ("", "", "backups/repository"),
        ("/mnt/usb", "", "/mnt/usb"),
        ("", "/mnt/usb", "/mnt/usb"),
        ("/mnt", "/mnt", "/mnt"),
    ],
)
def test_the_repository_is_named_in_either_place(host: Places, of_host: str, of_keys: str, used: str) -> None:
    backups.write_credentials(
        host, "restic", f"RESTIC_PASSWORD={PASSWORD}", *([f"RESTIC_REPOSITORY={of_keys}"] if of_keys else [])
    )
    found = open_repository(host, _host(of_host), {}).place
    assert found == (used if used.startswith("/") else str(host.backups.parent / used))


@pytest.mark.parametrize(
    ("of_host", "of_keys", "said"),
    [
        ("/mnt/a", "/mnt/b", "name different repositories"),
        ("backups", "", "backups is no repository. Give an absolute"),
    ],
)
def test_two_repositories_and_a_relative_one_are_refused(host: Places, of_host: str, of_keys: str, said: str) -> None:
    backups.write_credentials(
        host, "restic", f"RESTIC_PASSWORD={PASSWORD}", *([f"RESTIC_REPOSITORY={of_keys}"] if of_keys else [])
    )
    with pytest.raises(BadInput) as caught:
        open_repository(host, _host(of_host), {})
    assert said in str(caught.value)


def _host(repository: str) -> Host:
    return Host(scope="system", account="main", backup=BackupPolicy(repository=repository))


class _Bucket(BaseHTTPRequestHandler):
    """Refuses everything, and remembers who asked."""

    asked: ClassVar[list[str]] = []

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.raw_requestline and self.parse_request():
            self.asked.append(str(self.headers["Authorization"]))
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.close_connection = True


def test_the_keys_of_an_s3_service_reach_restic_though_not_by_its_environment(
    host: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups.require_restic()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OF-ANOTHER")
    server = HTTPServer(("127.0.0.1", 0), _Bucket)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        backups.write_credentials(
            host,
            "restic",
            f"RESTIC_PASSWORD={PASSWORD}",
            f"RESTIC_REPOSITORY=s3:http://127.0.0.1:{server.server_port}/bucket",
            "AWS_ACCESS_KEY_ID=AKID",
            "AWS_SECRET_ACCESS_KEY=s3-secret",
        )
        with pytest.raises(DeploymentError) as caught:
            open_repository(host, HOST, {}).snapshots()
    finally:
        server.shutdown()
        server.server_close()
    assert "s3-secret" not in str(caught.value)
    assert _Bucket.asked
    assert all("Credential=AKID/" in each for each in _Bucket.asked)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "OF-ANOTHER"
