"""What the session is told through the day, besides quotes and the state of its orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.journal import TradingState
from trader.domain.market import Asset
from trader.domain.plan import Plan
from trader.execution.commitments import Sums, sums
from trader.execution.order_state import OrderView
from trader.modes.desk import Desk
from trader.modes.standing import Standing

_FRESH = timedelta(seconds=5)  # what was read of the account this recently is not read again: orders come in bursts


@dataclass(slots=True)
class Live:
    """Facts the gate needs that are not in the plan. `halted`, `barred` and `frozen` are written by those who know.

    `halted`: symbols that do not trade; `barred`: symbols in which nothing is opened today; `frozen`: symbols with an
    open break ("" for a break of the account). `lasting`: breakers that hold openers back for as long as they last.
    """

    halted: set[str] = field(default_factory=set)
    barred: set[str] = field(default_factory=set)
    frozen: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()
    _assets: Mapping[str, Asset] | None = None
    _signal_age_sessions: int | None = None
    _buying_power_usd: Decimal = Decimal(0)
    _at_read: Sums = field(default_factory=lambda: sums(()))
    _read_at: datetime | None = None
    _standing: Standing | None = None
    _positions: Mapping[str, Decimal] = field(default_factory=dict)
    _positions_read_at: datetime | None = None

    def trading_state(self, desk: Desk) -> TradingState:
        """That of the STATE file; not ACTIVE while a breaker lasts."""
        state = desk.state.read()[0]
        return TradingState.REDUCE if self.lasting and state is TradingState.ACTIVE else state

    def asset(self, desk: Desk, symbol: str) -> Asset | None:
        """What the broker says of a symbol; all of them are read once, at the first question."""
        if self._assets is None:
            self._assets = {asset.symbol: asset for asset in desk.broker.assets()}
        return self._assets.get(symbol)

    def signal_age_sessions(self, desk: Desk, plan: Plan) -> int:
        """Sessions from the plan's last bars to its own: 1 when they are those of the session before."""
        if self._signal_age_sessions is None:
            self._signal_age_sessions = len(desk.calendar.sessions(plan.data_as_of, plan.session_date)) - 1
        return self._signal_age_sessions

    def standing(self, plan: Plan, views: Mapping[str, OrderView]) -> Standing:
        """Where the plan's day stands after these orders."""
        if self._standing is None:
            self._standing = Standing(plan)
        self._standing.look(views)
        return self._standing

    def broker_quantity(self, desk: Desk, symbol: str) -> Decimal:
        """The shares of a symbol that the broker tells, at most five seconds old."""
        at = desk.clock.now()
        if self._positions_read_at is None or at - self._positions_read_at > _FRESH:
            self._positions = {position.symbol: position.quantity for position in desk.broker.positions()}
            self._positions_read_at = at
        return self._positions.get(symbol, Decimal(0))

    def buying_power_usd(self, desk: Desk, now: Sums) -> Decimal:
        """What the broker left at the last look, less the openers sent since it; USD.

        It looks again when an order has ended since: what that bound, or was not filled for, is free.
        """
        at = desk.clock.now()
        if self._read_at is None or at - self._read_at > _FRESH or now.ended != self._at_read.ended:
            self._buying_power_usd = desk.broker.account().buying_power_usd
            self._at_read, self._read_at = now, at
        return self._buying_power_usd - (now.asked_usd - self._at_read.answered_usd)
