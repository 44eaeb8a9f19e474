"""The machine: room, rights and time."""

from datetime import datetime, timedelta

from trader.modes.checks.finding import Finding, Look, failed, passed, refused, warned

MIB = 2**20
LEAST_BYTES, SCARCE_BYTES = 200 * MIB, 1024 * MIB
LEAST_LEDGERS, SCARCE_LEDGERS = 3, 10
"""Room is counted in sizes of the ledger, too: a backup and a migration make a copy each."""
MOST_SKEW = timedelta(seconds=5)


def occasion(look: Look) -> Finding:
    """Whether this session can be judged whole, or only as of now."""
    session = look.session
    detail = f"{session.date} {session.open_at:%H:%M}-{session.close_at:%H:%M} UTC"
    if not look.early:
        return passed(detail)
    before = look.desk.calendar.previous(session.date).date
    known = look.desk.calendar.previous(look.basis.date).date
    return warned(
        f"{detail}: {before} is not over, so all is judged as of now, on bars up to {known}, and no token is written",
        f"Run it again after the close of {before}.",
    )


def writable(look: Look) -> Finding:
    """A real write in every directory of the state."""
    return passed(f"{look.desk.host.prove_writable()} directories take a durable write")


def disk_space(look: Look) -> Finding:
    """Room for the ledger to grow, for its backup and for a day's files."""
    free, ledger = look.desk.host.free_bytes(), look.desk.host.ledger_bytes()
    detail = f"{free // MIB:,} MiB free, the ledger has {ledger // MIB:,}"
    remedy = "Make room where the state directory lies: old reports, logs and model artifacts can go."
    if free < max(LEAST_BYTES, LEAST_LEDGERS * ledger):
        return refused(detail, remedy)
    return warned(detail, remedy) if free < max(SCARCE_BYTES, SCARCE_LEDGERS * ledger) else passed(detail)


def clock(look: Look) -> Finding:
    """This machine's time against the broker's."""
    ours, theirs = look.desk.clock.now(), look.desk.broker.now()
    skew = abs(theirs - ours)
    if skew <= MOST_SKEW:
        return passed(f"{skew.total_seconds():.1f} s from the broker's clock")
    apart = timedelta(seconds=round(skew.total_seconds()))
    detail = f"this machine has {_shown(ours)}, the broker {_shown(theirs)}: {apart} apart"
    judge = refused if skew >= timedelta(minutes=10) else failed
    return judge(detail, "Set this machine's clock (NTP), then run it again.")


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
