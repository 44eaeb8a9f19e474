"""Strict KEY=VALUE lines, as credential files have them: nothing is quoted, nothing expanded, nothing unknown."""

import re
from collections.abc import Sequence

from trader.domain.errors import ConfigurationError

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=([^\s\"'$\\`]+)")


def key_values(text: str, where: str, known: Sequence[str]) -> dict[str, str]:
    """The values by key; empty lines and those that begin with # are left out.

    Raises ConfigurationError that names `where`, the line and what is wrong with it, never a value.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        matched, line_of = _LINE.fullmatch(line), f"{where} line {number}"
        if matched is None:
            remedy = "Write KEY=VALUE: no quotes, blanks, backslashes or $; nothing is expanded."
            raise ConfigurationError(line_of, "not KEY=VALUE", remedy)
        name, value = matched.groups()
        if name not in known:
            raise ConfigurationError(line_of, f"{name}: unknown key", f"The keys are {', '.join(known)}.")
        if name in values:
            raise ConfigurationError(line_of, f"{name}: duplicate key", "Keep one of the two.")
        values[name] = value
    return values
