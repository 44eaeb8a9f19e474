"""The decision: one pure function from a snapshot to a plan, the same in session, dry run, backtest and replay."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.decision import plan as planning
from trader.decision.model import Ranker
from trader.decision.risk import gate
from trader.decision.signal import signal
from trader.decision.sizing import chosen, volatilities, weights
from trader.decision.traits import traits
from trader.decision.universe import screen
from trader.domain.bars import BarPanel
from trader.domain.canonical import digest
from trader.domain.market import Universe
from trader.domain.plan import Plan, Provenance
from trader.domain.policy import DataPolicy, RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All a decision for `session_date` may know: bars up to the session before it, and the book at its start."""

    account: str
    strategy: str
    session_date: date
    release: str
    config_hash: str
    panel: BarPanel
    universe: Universe
    book: Book
    ranker: Ranker
    data: DataPolicy
    sizing: SizingPolicy
    risk: RiskPolicy


def decide(snapshot: Snapshot) -> Plan:
    """The plan for the day. Symbols excluded from the day are neither bought nor sold: a holding in one stays.

    A holding outside the universe is not wanted, and sold.
    """
    panel, book = snapshot.panel, snapshot.book
    screened = screen(panel, snapshot.data)
    sectors = [snapshot.universe.sector_of(symbol) for symbol in panel.symbols]
    unranked = {e.symbol for e in screened} | set(panel.symbols) - set(snapshot.universe.symbols)
    ranked = signal(panel, sectors, unranked, snapshot.ranker)
    exclusions = tuple(sorted((*screened, *ranked.exclusions), key=lambda e: e.symbol))
    frozen = frozenset(e.symbol for e in exclusions)

    prices = planning.reference_prices(panel, book)
    equity_usd = planning.equity(book, prices)
    stuck_usd = sum((h.quantity * prices[h.symbol] for h in book.holdings if h.symbol in frozen), Decimal(0))
    investable = snapshot.sizing.target_exposure - (stuck_usd / equity_usd if equity_usd > 0 else Decimal(1))
    volatility = volatilities(panel, snapshot.sizing.volatility_sessions)
    symbols = chosen(ranked.ranks, snapshot.sizing)
    sized = weights(symbols, volatility, investable, snapshot.sizing, snapshot.risk)
    targets = planning.targets(sized, ranked.ranks, prices, equity_usd)
    drafts = planning.trades(targets, book, prices, frozen, snapshot.sizing)
    intents, denials = gate(drafts, snapshot.sizing, snapshot.risk)
    named = {t.symbol for t in targets} | {h.symbol for h in book.holdings if h.quantity}
    known = traits(panel, named, prices, snapshot.universe, snapshot.risk)
    return Plan(
        account=snapshot.account,
        strategy=snapshot.strategy,
        session_date=snapshot.session_date,
        data_as_of=panel.dates[-1],
        provenance=Provenance(snapshot.release, snapshot.config_hash, snapshot.ranker.hash, _data_hash(snapshot)),
        equity_usd=equity_usd,
        book=book,
        targets=targets,
        intents=planning.renumbered(intents),
        denials=denials,
        exclusions=exclusions,
        traits=tuple(known.values()),
    )


def _data_hash(snapshot: Snapshot) -> str:
    return digest({"bars": snapshot.panel.digest(), "universe": snapshot.universe})
