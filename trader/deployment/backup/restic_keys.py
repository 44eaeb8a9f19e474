"""What opens the backup repository: the strict KEY=VALUE lines of restic.env. Nothing of it is ever shown."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trader.deployment.errors import BadInput

FILE_NAME = "restic.env"
_OPENS, _WHERE = "RESTIC_PASSWORD", "RESTIC_REPOSITORY"
_S3 = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_BY_ENVIRONMENT = ("AWS_DEFAULT_REGION", "B2_ACCOUNT_ID", "B2_ACCOUNT_KEY", "AZURE_ACCOUNT_NAME", "AZURE_ACCOUNT_KEY")
_KNOWN = (_OPENS, _WHERE, *_S3, *_BY_ENVIRONMENT)
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=([^\s\"'$\\`]+)")
_SHAPE = "Write KEY=VALUE: no quotes, blanks, backslashes or $; nothing is expanded."


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of one file."""

    source: str
    values: Mapping[str, str] = field(repr=False)

    @property
    def password(self) -> str:
        """What the repository is encrypted with."""
        return self.values[_OPENS]

    @property
    def repository(self) -> str:
        """Where the repository is; empty when the file does not say."""
        return self.values.get(_WHERE, "")

    @property
    def s3_profile(self) -> str:
        """The keys of an S3 service as the file its clients read; empty when there are none."""
        lines = [f"{name.lower()} = {self.values[name]}" for name in _S3 if name in self.values]
        return "\n".join(["[default]", *lines, ""]) if lines else ""

    @property
    def environment(self) -> dict[str, str]:
        """Keys of services for which restic reads nothing but its environment."""
        return {name: self.values[name] for name in _BY_ENVIRONMENT if name in self.values}

    def masked(self, text: str) -> str:
        """The text without any of the values; of addresses, without what they have before their @."""
        text = re.sub(r"//[^/\s@]+@", "//***@", text)
        hidden = [value for name, value in self.values.items() if name != _WHERE]
        hidden += re.findall(r"//[^/\s@:]+:([^/\s@]+)@", self.repository)
        for value in sorted(hidden, key=len, reverse=True):
            text = text.replace(value, "***")
        return text


def read_keys(directory: Path, environ: Mapping[str, str]) -> Keys:
    """The keys from CREDENTIALS_DIRECTORY when the service manager handed them over, else from `directory`.

    Raises BadInput that names the line, never a value.
    """
    handed = Path(environ.get("CREDENTIALS_DIRECTORY") or "/nowhere", FILE_NAME)
    path, forbidden = (
        (handed, stat.S_IRWXO) if handed.exists() else (directory / FILE_NAME, stat.S_IRWXG | stat.S_IRWXO)
    )
    values = _values(path, _private_text(path, forbidden))
    if _OPENS not in values:
        raise BadInput(
            f"{path}: {_OPENS} is missing", "It is what the backups are encrypted with; keep it elsewhere, too."
        )
    return Keys(str(path), values)


def _values(path: Path, text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        where = f"{path} line {number}"
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise BadInput(f"{where} is not KEY=VALUE", _SHAPE)
        name, value = matched.groups()
        if name not in _KNOWN:
            raise BadInput(f"{where}: {name}: unknown key", f"The keys are {', '.join(_KNOWN)}.")
        if name in values:
            raise BadInput(f"{where}: {name}: duplicate key", "Keep one of the two.")
        values[name] = value
    return values


def _private_text(path: Path, forbidden: int) -> str:
    try:
        mode = path.stat().st_mode
        if mode & forbidden:
            raise BadInput(f"{path} is readable by others (mode {stat.S_IMODE(mode):04o})", f"Run: chmod 600 {path}")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"{path} is not there: nothing opens the backups",
            f"Give this host the credential restic in its inventory ({_OPENS}, out of the vault), then run install.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path} cannot be read ({type(error).__name__})"
        raise BadInput(problem, "Make it a UTF-8 file that this user may read.") from None
