"""Credential files as this tool reads them: KEY=VALUE lines, nothing quoted, nothing expanded."""

import re
from pathlib import Path

from trader.deployment.errors import BadInput

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=([^\s\"'$\\`]+)")
ALPACA = (("ALPACA_API_KEY", "ALPACA_SECRET_KEY"), ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"))


def read_credentials(path: Path) -> dict[str, str]:
    """The values by key. Raises BadInput that names file and line, never what stands there."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({type(error).__name__})", "Run the install playbook again.") from None
    values: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        if (matched := _LINE.fullmatch(line)) is None:
            raise BadInput(f"{path} line {number} is not KEY=VALUE", "No quotes, blanks, backslashes or $.")
        values[matched[1]] = matched[2]
    return values


def alpaca_keys(path: Path) -> tuple[str, str]:
    """Key id and secret. Raises BadInput when the file has no pair of them."""
    values = read_credentials(path)
    for key_id, secret in ALPACA:
        if key_id in values and secret in values:
            return values[key_id], values[secret]
    raise BadInput(f"{path} has no Alpaca keys", f"It needs {' and '.join(ALPACA[0])}.")
