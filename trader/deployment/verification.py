"""Whether a release can trade the next session: its own preflight, in its own sandbox."""

from collections.abc import Set
from typing import Any

from trader.deployment.desk import Desk
from trader.deployment.errors import DeploymentError, StepFailed
from trader.deployment.history import LEGACY
from trader.deployment.releases import Release

STANDING = frozenset({"trading_state", "breaks", "book", "model", "freshness", "account"})
"""Checks that speak of the account and its history: no release can mend them, and a first one finds them so."""
_OF_THE_LEDGER = frozenset({"breaks", "book"})
_REMEDY = "Mend what it names, then run the playbook again; `trader preflight --for next-session` shows every check."


def verify(desk: Desk, release: Release, before: str) -> tuple[str, ...]:
    """Raise StepFailed when the release fails a check that is its own; what fails all the same, in words.

    A check of STANDING that the release before fails as well, or that a first release finds, is not this one's.
    """
    failed = failed_checks(desk, release)
    if not failed:
        return ()
    ours = failed.keys() - STANDING
    if not ours and before not in ("", LEGACY):
        theirs = _failed_before(desk, before, failed)
        unjudged = _OF_THE_LEDGER if "ledger_schema" in theirs else frozenset()  # it is migrated: too new for it
        ours = failed.keys() - theirs - unjudged
    if ours:
        told = "; ".join(f"{name}: {failed[name]}" for name in sorted(ours))
        raise StepFailed(f"preflight of release {release.id} failed ({told})", _REMEDY)
    return tuple(f"{name}: {detail}" for name, detail in sorted(failed.items()))


def _failed_before(desk: Desk, before: str, failed: dict[str, str]) -> Set[str]:
    """What the release before fails; all of it when that cannot even say."""
    try:
        return failed_checks(desk, desk.releases[before]).keys()
    except DeploymentError:
        return failed.keys()


def settle(desk: Desk, release: Release) -> tuple[str, ...]:
    """After a restore: the ledger is whole and compared with the broker; what differs, in words. Raises StepFailed."""
    whole = desk.sandbox.run(release, "ledger", "verify")
    if whole.code:
        raise StepFailed(f"the restored ledger is not whole: {whole.said}", "Restore an older snapshot.")
    compared = desk.sandbox.run(release, "execution-reconcile")
    return (f"execution-reconcile ended with {compared.code}: {compared.said}",) if compared.code else ()


def failed_checks(desk: Desk, release: Release) -> dict[str, str]:
    """What failed, and what it says."""
    report: dict[str, Any] = desk.sandbox.json(release, "preflight", "--for", "next-session", "--json")
    return {
        check["name"]: f"{check['detail']} {check['remedy']}".strip() for check in report["checks"] if not check["ok"]
    }
