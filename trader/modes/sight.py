"""One look at the account, read from the broker and the journal, as the breakers judge it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from trader.accounting.performance import slippage, total_slippage
from trader.decision.breakers import Held, Sight
from trader.domain.journal import AccountOpened, DayClosed, FillRecorded
from trader.domain.market import Quote, SessionDay
from trader.domain.orders import Fill
from trader.domain.plan import Plan
from trader.domain.portfolio import Position
from trader.execution.order_state import Views
from trader.modes.desk import Desk
from trader.modes.tape import Tape
from trader.ports.stores import Ledger

ZERO = Decimal(0)
_ASSETS_AGE = timedelta(minutes=30)  # the list of all assets is long, and its flags seldom change within a day


@dataclass(slots=True)
class Looks:
    """What is remembered from look to look; amounts in USD. `prices` and `flat` are those of the last one."""

    start_usd: Decimal
    peak_usd: Decimal
    session_peak_usd: Decimal = ZERO
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    flat: bool = False
    slippage_bps: Decimal = ZERO
    fills: int = 0
    _untradable: frozenset[str] = frozenset()
    _assets_read_at: datetime | None = None

    def take_assets(self, desk: Desk, now: datetime) -> frozenset[str]:
        """The symbols that cannot be traded, read again every half hour."""
        if self._assets_read_at is None or now - self._assets_read_at >= _ASSETS_AGE:
            self._untradable = frozenset(asset.symbol for asset in desk.broker.assets() if not asset.tradable)
            self._assets_read_at = now
        return self._untradable

    def take_fills(self, desk: Desk, tape: Tape) -> None:
        """The day's fills and what they cost, read again when there are more of them."""
        if sum(len(view.fills) for view in tape.views.values()) != self.fills:
            entries = desk.ledger.entries(tape.day, (FillRecorded,))
            events = (entry.event for entry in entries)
            self.slippage_bps, self.fills = shortfall(
                tape.views, [event for event in events if isinstance(event, FillRecorded)]
            )


def first_look(desk: Desk, session: SessionDay, plan: Plan, session_peak_usd: Decimal) -> Looks:
    """What is known before the first look."""
    highest = highest_close(desk.ledger, session.date)
    return Looks(plan.equity_usd, max(plan.equity_usd, highest), session_peak_usd)


def see(desk: Desk, session: SessionDay, plan: Plan, tape: Tape, looks: Looks) -> Sight:
    """Read account, holdings and the quotes of all that is held or planned. Raises BrokerUnavailable."""
    account, positions = desk.broker.account(), desk.broker.positions()
    symbols = {p.symbol for p in positions} | {intent.symbol for intent in plan.intents}
    quotes = desk.market.quotes(sorted(symbols)) if symbols else {}
    now = desk.clock.now()
    untradable = looks.take_assets(desk, now)
    looks.take_fills(desk, tape)
    holdings = tuple(
        _held(p, looks.prices.get(p.symbol), quotes.get(p.symbol), p.symbol not in untradable) for p in positions
    )
    looks.prices = {p.symbol: p.price for p in positions}
    looks.flat = not positions
    looks.session_peak_usd = max(looks.session_peak_usd, account.equity_usd)
    return Sight(
        at=now,
        open_at=session.open_at,
        equity_usd=account.equity_usd,
        start_usd=looks.start_usd,
        peak_usd=looks.peak_usd,
        session_peak_usd=looks.session_peak_usd,
        holdings=holdings,
        newest_quote_at=max((q.at for q in quotes.values()), default=session.open_at) if symbols else None,
        slippage_bps=looks.slippage_bps,
        fills=looks.fills,
    )


def _held(position: Position, price_before: Decimal | None, quote: Quote | None, tradable: bool) -> Held:
    return Held(
        position.symbol,
        position.quantity,
        position.average_entry_price,
        position.price,
        price_before,
        quote.at if quote else None,
        tradable,
    )


def shortfall(views: Views, fills: Iterable[FillRecorded]) -> tuple[Decimal, int]:
    """What the fills of our orders cost against their arrival prices, in basis points, and how many fills these are."""
    by_order: dict[str, list[Fill]] = {}
    for recorded in fills:
        by_order.setdefault(recorded.client_order_id, []).append(recorded.fill)
    sent = [(found, view.intended) for name, found in by_order.items() if (view := views.get(name))]
    parts = [slippage(found, intended.arrival_price) for found, intended in sent if intended]
    _, bps = total_slippage([part for part in parts if part])
    return bps or ZERO, sum(len(found) for found, _ in sent)


def highest_close(ledger: Ledger, before: date) -> Decimal:
    """The highest equity (USD) of any day closed before this date, since the account was opened or last adopted."""
    highest = ZERO
    for entry in ledger.entries(kinds=(AccountOpened, DayClosed)):
        match entry.event:
            case AccountOpened():
                highest = ZERO
            case DayClosed(session_date=day, equity_usd=equity_usd) if day < before:
                highest = max(highest, equity_usd)
            case _:
                pass
    return highest
