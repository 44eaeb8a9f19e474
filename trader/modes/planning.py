"""From the desk to a plan: gather the snapshot, decide, commit; or find the plan that was committed before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import structlog

from trader.accounting.book import BOOK_KINDS, book_differences, current, opening_book, start_of_day
from trader.decision.decide import Snapshot, decide
from trader.domain.canonical import digest, dumps
from trader.domain.errors import ChecksFailed
from trader.domain.journal import AccountOpened, ConfigRecorded, DayClosed, PlanCommitted
from trader.domain.market import SessionDay, exchange_date
from trader.domain.plan import Exclusion, Plan
from trader.domain.portfolio import Book, Holding
from trader.execution.breaks import frozen_by
from trader.execution.identifiers import belongs, parse
from trader.execution.reconciliation import REMEDIES, Break
from trader.modes.desk import Desk
from trader.modes.evidence import unclosed_sessions
from trader.modes.opening import begin_again, open_from_broker
from trader.modes.reconcile import open_in, reconcile_account

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """Whether deciding again gives the committed plan, byte for byte; `differences` names the parts that do not."""

    session_date: date
    committed_hash: str
    replayed_hash: str
    differences: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Same bytes."""
        return self.committed_hash == self.replayed_hash


def plan_day(desk: Desk, day: date) -> Plan:
    """The committed plan of the day, or what would be decided now; writes and sends nothing."""
    return committed_plan(desk, day) or decide(gather(desk, require_session(desk, day), _book_now(desk, day)))


def committed_plan(desk: Desk, day: date) -> Plan | None:
    """The plan in the ledger, if the day was decided."""
    entry = next(desk.ledger.entries(day, (PlanCommitted,)), None)
    return entry.event.plan if entry and isinstance(entry.event, PlanCommitted) else None


def require_session(desk: Desk, day: date) -> SessionDay:
    """The session of the day. Raises ChecksFailed when the exchange is closed."""
    session = desk.calendar.session(day)
    if session is None:
        following = desk.calendar.sessions(day, date.fromordinal(day.toordinal() + 10))[0].date
        raise ChecksFailed(f"{day} is no trading session", f"The next one is {following}.")
    return session


def obtain_plan(desk: Desk, session: SessionDay) -> Plan | None:
    """The plan to work on: from the ledger, else from its file, else decided now and committed.

    None when the broker knows orders of today that no record of ours explains: the plan is lost, and nothing is
    decided a second time.
    """
    lost = desk.ledger.latest(AccountOpened) is None
    plan = recorded_plan(desk, session.date)
    if plan is not None and lost:
        reconcile_account(desk)  # the breaks of the lost ledger are found again before anything is opened
    if plan is None:
        if _sent_today(desk, session):
            return None
        require_agreement(desk, session, open_account(desk, session.date))
        plan = decide(gather(desk, session, _recorded_book(desk, session.date)))
        _commit(desk, plan)
    desk.plans.write(plan)
    return plan


def recorded_plan(desk: Desk, day: date) -> Plan | None:
    """The plan in the ledger; else the one in its file, with which a lost ledger is begun again."""
    plan = committed_plan(desk, day)
    if plan is None:
        plan = desk.plans.read(day)
        if plan is not None:
            log.warning("EXECUTION the ledger has no plan for today; resuming the one in the plan file")
            begin_again(desk, plan, desk.broker.account().account_number)
    return plan


def gather(
    desk: Desk,
    session: SessionDay,
    book: Book,
    model_hash: str | None = None,
    frozen: tuple[Exclusion, ...] | None = None,
) -> Snapshot:
    """Everything the decision may know; the promoted model and the breaks open now, unless others are named."""
    policies = desk.policies
    symbols = sorted({*desk.universe.symbols, *(holding.symbol for holding in book.holdings)})
    panel = desk.bars.panel(symbols, desk.calendar.previous(session.date).date, policies.data.lookback_sessions)
    return Snapshot(
        account=policies.execution.account,
        strategy=policies.execution.strategy,
        session_date=session.date,
        release=desk.release,
        config_hash=desk.config_hash,
        panel=panel,
        universe=desk.universe,
        book=book,
        ranker=desk.models.load(model_hash) if model_hash else desk.models.promoted(),
        data=policies.data,
        sizing=policies.sizing,
        risk=policies.risk,
        slices=policies.execution.slices,
        stop_loss=policies.watch.stop_loss,
        least_distinct=policies.model.min_distinct_predictions,
        fractionable=_fractionable(desk),
        frozen=_frozen(desk) if frozen is None else frozen,
    )


def _frozen(desk: Desk) -> tuple[Exclusion, ...]:
    """The symbols with open breaks, and why; the empty symbol stands for the account."""
    left = [each for each in open_in(desk.ledger) if frozen_by([each])]
    symbols = sorted({each.symbol for each in left})
    return tuple(Exclusion(s, "open_break", _in_words([each for each in left if each.symbol == s])) for s in symbols)


def _fractionable(desk: Desk) -> frozenset[str]:
    """The symbols the broker trades in fractions; not asked for when whole shares are wanted."""
    if not desk.policies.sizing.fractional_shares:
        return frozenset()
    return frozenset(asset.symbol for asset in desk.broker.assets() if asset.fractionable)


def open_account(desk: Desk, day: date) -> Book:
    """The book at the start of the day; a ledger without an account is opened with what the broker holds."""
    if desk.ledger.latest(AccountOpened) is None:
        book = open_from_broker(desk, day)
        log.info("PORTFOLIO account opened from the broker's cash and positions", cash_usd=str(book.cash_usd))
    return _recorded_book(desk, day)


def require_agreement(desk: Desk, session: SessionDay, book: Book) -> str:
    """What a decision stands on, in words; what the broker's records explain is taken into the book before.

    Raises ChecksFailed when the broker's account is not ours, and, unless breaks are traded around, for any break.
    """
    differences = _differences(desk, book)
    unclosed = unclosed_sessions(desk, session)[:-1]
    if differences and unclosed:
        last = unclosed[-1].date
        raise ChecksFailed(f"the ledger's book is not the broker's: {differences}", f"Run `trader eod --date {last}`.")
    if differences or open_in(desk.ledger):
        reconcile_account(desk)
    left = [each for each in open_in(desk.ledger) if frozen_by([each])]
    barring = [each for each in left if not each.symbol or not desk.policies.risk.trade_around_breaks]
    if barring:
        raise ChecksFailed(f"the ledger's book is not the broker's: {_in_words(left)}", REMEDIES[barring[0].code])
    held = _recorded_book(desk, session.date)
    frozen = f"; frozen by open breaks: {_in_words(left)}" if left else ""
    return f"{held.cash_usd} USD and {len(held.holdings)} holdings, as the broker has them{frozen}"


def _differences(desk: Desk, book: Book) -> str:
    """Where the broker's account is not the book's, in words; empty when it is."""
    account = desk.broker.account()
    found = book_differences(book, account.cash_usd, desk.broker.positions())
    opened = desk.ledger.latest(AccountOpened)
    if opened and getattr(opened.event, "account_number", "") != account.account_number:
        found = (f"the broker has another account, {account.account_number}", *found)
    return "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


def _in_words(breaks: Sequence[Break]) -> str:
    return "; ".join(f"{each.subject} {each.ours}, the broker {each.broker}" for each in breaks)


def adopt(desk: Desk, reason: str) -> Book:
    """Take the broker's cash and positions over as the ledger's; lots of symbols that agree keep their cost.

    For a difference that a person has explained. Raises ChecksFailed while a session is under way.
    """
    today = exchange_date(desk.clock.now())
    session = desk.calendar.session(today)
    if session is not None and session.open_at <= desk.clock.now() < session.close_at:
        raise ChecksFailed("a session is under way", "Adopt the broker's book before the open or after the close.")
    if session is not None and desk.clock.now() >= session.close_at and not _is_closed(desk, today):
        raise ChecksFailed(f"{today} is not closed: its fills would count twice", f"Run `trader eod --date {today}`.")
    ours = {h.symbol: h for h in current(desk.ledger.entries(kinds=BOOK_KINDS)).holdings}
    theirs = _broker_book(desk, today)
    holdings = tuple(ours[h.symbol] if _agrees(ours.get(h.symbol), h) else h for h in theirs.holdings)
    book = Book(theirs.cash_usd, holdings)
    open_from_broker(desk, today, book, f"adopted: {reason}")
    log.warning("PORTFOLIO the broker's book was taken over", reason=reason)
    return book


def _is_closed(desk: Desk, day: date) -> bool:
    return next(desk.ledger.entries(day, (DayClosed,)), None) is not None


def _agrees(ours: Holding | None, theirs: Holding) -> bool:
    return ours is not None and ours.quantity == theirs.quantity


def replay(desk: Desk, day: date) -> ReplayOutcome:
    """Decide a past day again from what was known then, and compare with the plan that was committed."""
    committed = committed_plan(desk, day)
    if committed is None:
        raise ChecksFailed(
            f"no plan was committed for {day}", "`trader audit DATE` shows what the ledger has of a day."
        )
    frozen = tuple(each for each in committed.exclusions if each.code == "open_break")
    snapshot = gather(desk, require_session(desk, day), committed.book, committed.provenance.model, frozen)
    again = decide(snapshot)
    ours, theirs = _parts(committed), _parts(again)
    return ReplayOutcome(
        day, digest(committed), digest(again), tuple(name for name in ours if ours[name] != theirs[name])
    )


def _parts(plan: Plan) -> dict[str, str]:
    names = ("data_as_of", "provenance", "equity_usd", "book", "targets", "intents", "denials", "exclusions", "traits")
    return {name: dumps(getattr(plan, name)) for name in names}


def _commit(desk: Desk, plan: Plan) -> None:
    day, known = plan.session_date, desk.ledger.latest(ConfigRecorded)
    if known is None or getattr(known.event, "config", "") != desk.config_hash:
        desk.ledger.append(ConfigRecorded(day, desk.config_hash, desk.config_text))
    desk.ledger.append(PlanCommitted(day, digest(plan), plan))
    log.info("EXECUTION plan committed", orders=len(plan.intents), plan_hash=digest(plan)[:12])


def _sent_today(desk: Desk, session: SessionDay) -> bool:
    policy = desk.policies.execution
    ids = (parse(order.client_order_id) for order in desk.broker.orders_of(session))
    return any(belongs(key, policy.account, policy.strategy, session.date) for key in ids)


def _book_now(desk: Desk, day: date) -> Book:
    if desk.ledger.latest(AccountOpened) is None:
        return _broker_book(desk, day)
    return _recorded_book(desk, day)


def _recorded_book(desk: Desk, day: date) -> Book:
    closed = desk.ledger.latest(DayClosed, before=day)
    return start_of_day(desk.ledger.entries(kinds=BOOK_KINDS, since=closed), day)


def _broker_book(desk: Desk, day: date) -> Book:
    return opening_book(desk.broker.account().cash_usd, desk.broker.positions(), day)
