"""What a migration would do, for people: what was found, what happens, and what becomes of the settings."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trader.deployment.legacy.setup import LegacySetup, LegacyUnit

HIDDEN = "***"
_SIGNS = {"refused": "REFUSED", "warning": "warning", "note": "note"}


def plan_text(setup: LegacySetup, translated: Mapping[str, Any], credentials: str) -> str:
    """The plan. `translated` is what `trader config translate --json` printed, empty without one."""
    parts: list[Iterable[str]] = [_found(setup)]
    if setup.found:
        parts += [_steps(setup, credentials), _settings(translated)]
    parts.append(_findings(setup))
    return "\n".join(line for part in parts for line in part) + "\n"


def _found(setup: LegacySetup) -> Iterator[str]:
    yield f"Set-up of {setup.user} in {setup.home}"
    if not setup.found:
        return
    yield f"  working directory  {setup.working_directory or '-'}"
    yield f"  configuration      {setup.config or '-'}"
    for source in setup.credentials:
        yield f"  keys               {source.path}: {', '.join(f'{name}={HIDDEN}' for name in source.names)}"
    yield f"  reports            {setup.reports}"
    yield f"  linger             {'yes' if setup.linger else 'no'}"
    for unit in setup.units:
        yield f"  unit               {unit.name}: {_state(unit)}"


def _state(unit: LegacyUnit) -> str:
    words = [unit.kind, "enabled" if unit.enabled else "not enabled"]
    words += [unit.active] if unit.active != "unknown" else []
    words += [f"{len(unit.drop_ins)} drop-ins"] if unit.drop_ins else []
    return ", ".join(words)


def _steps(setup: LegacySetup, credentials: str) -> Iterator[str]:
    yield ""
    yield "What happens"
    yield "  1. Everything is archived byte for byte, for root alone."
    yield "  2. These units are stopped; their files and links are taken away:"
    for each in setup.held:
        if each.part == "unit" and not _is_frame(each.path, setup):
            yield f"       - {each.path}"
    yield f"  3. The keys are carried over to {credentials} (mode 0600):"
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY") if setup.credentials else ():
        yield f"       + {name}={HIDDEN}"
    yield "  4. The new release is linked and armed, and proves itself by a preflight."
    yield "     If a step fails, the host puts all of this back by itself."
    yield f"  A rollback puts it back, too, and arms {', '.join(setup.armed) or 'nothing'}."
    yield "  All other files of the set-up stay where they are."


def _is_frame(path: str, setup: LegacySetup) -> bool:
    """Whether other paths that are taken away lie in it: a directory."""
    return any(each.path.startswith(f"{path}/") for each in setup.held)


def _settings(translated: Mapping[str, Any]) -> Iterator[str]:
    if not translated:
        return
    yield ""
    yield "What becomes of the settings"
    for each in translated.get("translated", ()):
        yield f"  {each['from']} -> {each['to']}: {each['value']}"
    titles = (
        ("unknown", "unknown, not carried over"),
        ("undecided", "to be decided"),
        ("invalid", "invalid"),
        ("dropped", "dropped"),
        ("dropped_mock", "dropped, there are no mock signals"),
    )
    for key, title in titles:
        for each in translated.get(key, ()):
            yield f"  {each['key']}: {title}. {each['what']} {each['remedy']}".rstrip()


def _findings(setup: LegacySetup) -> Iterator[str]:
    ordered = sorted(setup.findings, key=lambda finding: tuple(_SIGNS).index(finding.severity))
    if ordered:
        yield ""
        yield "What to know"
    for finding in ordered:
        yield f"  {_SIGNS[finding.severity]}: {finding.what}. {finding.remedy}"
