"""The decision: one pure function from a snapshot to a plan, the same in session, dry run, backtest and replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.decision import plan as planning
from trader.decision.model import Ranker
from trader.decision.plan_rules import Gated, gate, limits
from trader.decision.signal import LEAST_DISTINCT_SHARE, signal
from trader.decision.sizing import chosen, volatilities, weights
from trader.decision.traits import traits
from trader.decision.universe import screen
from trader.domain.bars import BarPanel
from trader.domain.canonical import digest
from trader.domain.market import Universe
from trader.domain.plan import Exclusion, Plan, Provenance, Target, Trait
from trader.domain.policy import DataPolicy, RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All a decision for `session_date` may know: bars up to the session before it, and the book at its start.

    `frozen` are the open breaks, of a symbol or ("") of the account. `slices` is how many parts an opener is sent in,
    `stop_loss` the watch's, `fractionable` the symbols the broker trades in fractions.
    """

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
    frozen: tuple[Exclusion, ...] = ()
    slices: int = 1
    stop_loss: Decimal = Decimal("0.2")
    least_distinct: Decimal = LEAST_DISTINCT_SHARE
    fractionable: frozenset[str] = frozenset()


def decide(snapshot: Snapshot) -> Plan:
    """The plan for the day. Symbols excluded from the day are neither bought nor sold: a holding in one stays.

    A holding outside the universe is not wanted, and closed.
    """
    panel, book = snapshot.panel, snapshot.book
    ranks, exclusions = _ranked(snapshot)
    left_alone = frozenset(exclusion.symbol for exclusion in exclusions)
    prices = planning.reference_prices(panel, book)
    equity_usd = planning.equity(book, prices)
    targets = _targets(snapshot, ranks, left_alone, prices, equity_usd)
    known = traits(
        panel,
        {t.symbol for t in targets} | {h.symbol for h in book.holdings if h.quantity},
        prices,
        snapshot.universe,
        snapshot.risk,
    )
    intents, denials = _intents(snapshot, targets, left_alone, known, equity_usd)
    return Plan(
        account=snapshot.account,
        strategy=snapshot.strategy,
        session_date=snapshot.session_date,
        data_as_of=panel.dates[-1],
        provenance=Provenance(snapshot.release, snapshot.config_hash, snapshot.ranker.hash, _data_hash(snapshot)),
        equity_usd=equity_usd,
        book=book,
        targets=targets,
        intents=intents,
        denials=denials,
        exclusions=exclusions,
        traits=tuple(known.values()),
    )


def _ranked(snapshot: Snapshot) -> tuple[Mapping[str, Decimal], tuple[Exclusion, ...]]:
    """The ranks of the symbols that may be traded, and why the others may not, a break before all."""
    panel, universe = snapshot.panel, snapshot.universe
    broken = {exclusion.symbol for exclusion in snapshot.frozen}
    screened = tuple(e for e in screen(panel, snapshot.data) if e.symbol not in broken)
    unranked = broken | {e.symbol for e in screened} | set(panel.symbols) - set(universe.symbols)
    sectors = [universe.sector_of(symbol) for symbol in panel.symbols]
    ranked = signal(panel, sectors, unranked, snapshot.ranker, snapshot.least_distinct)
    found = (*snapshot.frozen, *screened, *ranked.exclusions)
    return ranked.ranks, tuple(sorted(found, key=lambda e: (e.symbol, e.code)))


def _targets(
    snapshot: Snapshot,
    ranks: Mapping[str, Decimal],
    left_alone: frozenset[str],
    prices: Mapping[str, Decimal],
    equity_usd: Decimal,
) -> tuple[Target, ...]:
    sizing, risk, book = snapshot.sizing, snapshot.risk, snapshot.book
    stuck_usd = sum((abs(h.quantity) * prices[h.symbol] for h in book.holdings if h.symbol in left_alone), Decimal(0))
    investable = sizing.target_exposure - (stuck_usd / equity_usd if equity_usd > 0 else Decimal(1))
    volatility = volatilities(snapshot.panel, sizing.volatility_sessions)
    sized = weights(chosen(ranks, sizing, risk.allow_shorts), volatility, investable, sizing, risk)
    fractionable = snapshot.fractionable if sizing.fractional_shares else frozenset[str]()
    return planning.targets(sized, ranks, prices, equity_usd, fractionable)


def _intents(
    snapshot: Snapshot,
    targets: tuple[Target, ...],
    left_alone: frozenset[str],
    known: Mapping[str, Trait],
    equity_usd: Decimal,
) -> Gated:
    sizing, risk, book = snapshot.sizing, snapshot.risk, snapshot.book
    prices = {symbol: trait.reference_price for symbol, trait in known.items()}
    drafts = planning.trades(targets, book, prices, left_alone, sizing)
    parted = [planning.sliced(draft, snapshot.slices, risk) for draft in drafts]
    to = limits(sizing, risk, equity_usd, snapshot.stop_loss)
    intents, denials = gate(parted, book, known, to, _barred(snapshot))
    return planning.renumbered(planning.sliced(intent, snapshot.slices, risk) for intent in intents), denials


def _barred(snapshot: Snapshot) -> str:
    """Why an open break keeps everything from being opened; empty when it does not."""
    if any(not exclusion.symbol for exclusion in snapshot.frozen):
        return "a break of the account is open"
    return "a break is open" if snapshot.frozen and not snapshot.risk.trade_around_breaks else ""


def _data_hash(snapshot: Snapshot) -> str:
    return digest({"bars": snapshot.panel.digest(), "universe": snapshot.universe})
