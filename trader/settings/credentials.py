"""Where the broker's keys come from, and that two places never disagree unnoticed."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from trader.domain.errors import ConfigurationError, NotPaper
from trader.settings.document import parse
from trader.settings.key_values import key_values

PAIRS = (("ALPACA_API_KEY", "ALPACA_SECRET_KEY"), ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"))
FILE_NAME = "alpaca_credentials.yaml"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key id and its secret; neither shows in `repr`, `str` or a traceback."""

    key_id: SecretStr
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class _Found:
    source: str
    key_id: SecretStr
    secret: SecretStr


def find_credentials(config_path: Path, environ: Mapping[str, str]) -> Credentials:
    """The Alpaca paper keys from CREDENTIALS_DIRECTORY/alpaca.env, the environment or the file beside `config_path`.

    Raises ConfigurationError when there are none or two sources differ (named, never shown), NotPaper for live keys.
    """
    found = known_credentials(config_path, environ)
    if found is None:
        raise ConfigurationError(
            "Alpaca keys",
            "none found",
            f"Set {' and '.join(PAIRS[0])}, or copy config/{FILE_NAME}.example to {config_path.parent / FILE_NAME}.",
        )
    return found


def known_credentials(config_path: Path, environ: Mapping[str, str]) -> Credentials | None:
    """The same, or None when there are none at all."""
    found = [*_from_directory(environ), *_pairs(environ, "the environment"), *_from_file(config_path.parent)]
    if not found:
        return None
    first = found[0]
    for other in found[1:]:
        if (other.key_id, other.secret) != (first.key_id, first.secret):
            where = f"{first.source} and {other.source}"
            raise ConfigurationError(where, "the Alpaca keys in them differ", "Keep one of the two.")
    if first.key_id.get_secret_value().startswith("AK"):
        raise NotPaper(first.source, "the key is one of a live account", "Use paper keys; their id begins with PK.")
    return Credentials(first.key_id, first.secret)


def _pairs(values: Mapping[str, str], source: str) -> Iterator[_Found]:
    for names in PAIRS:
        present = [name for name in names if values.get(name)]
        if len(present) == 1:
            (absent,) = set(names) - set(present)
            raise ConfigurationError(source, f"{present[0]} without {absent}", "Set both or neither.")
        if present:
            key_id, secret = (SecretStr(values[name]) for name in names)
            yield _Found(f"{names[0]} in {source}", key_id, secret)


def _from_directory(environ: Mapping[str, str]) -> Iterator[_Found]:
    if not (directory := environ.get("CREDENTIALS_DIRECTORY")):
        return
    path = Path(directory, "alpaca.env")
    if path.exists():
        # systemd hands credentials out as 0400, or as 0440 when it grants access by an ACL
        values = key_values(_private_text(path, stat.S_IRWXO), str(path), [name for names in PAIRS for name in names])
        yield from _pairs(values, str(path))


def _from_file(directory: Path) -> Iterator[_Found]:
    path = directory / FILE_NAME
    if not path.exists():
        return
    values = parse(_private_text(path, stat.S_IRWXG | stat.S_IRWXO), str(path)).values
    texts = isinstance(values, dict) and all(isinstance(value, str) and value for value in values.values())
    if not texts or set(cast("dict[str, str]", values)) != {"api_key", "secret_key"}:
        remedy = "It holds exactly two keys, api_key and secret_key, both text."
        raise ConfigurationError(str(path), "not a credentials file", remedy)
    pair = cast("dict[str, str]", values)
    yield _Found(str(path), SecretStr(pair["api_key"]), SecretStr(pair["secret_key"]))


def _private_text(path: Path, forbidden: int) -> str:
    try:
        mode = path.stat().st_mode
        if mode & forbidden:
            what = f"readable by others (mode {stat.S_IMODE(mode):04o})"
            raise ConfigurationError(str(path), what, f"Run: chmod 600 {path}")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({type(error).__name__})"
        raise ConfigurationError(str(path), what, "Make it a UTF-8 file that this user may read.") from None
