"""The account at Alpaca: ports.broker.Broker over the official trading client."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import structlog
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, AssetStatus, OrderSide, QueryOrderStatus
from alpaca.trading.requests import GetAssetsRequest, GetCalendarRequest, GetOrdersRequest

from trader.adapters.alpaca import translate
from trader.adapters.alpaca.activities import activity_pages
from trader.adapters.alpaca.errors import Failed, attempt, cancel_error, change_error, submit_error
from trader.adapters.alpaca.hosts import is_paper
from trader.adapters.alpaca.reads import read
from trader.decision.admission import ApprovedOrder
from trader.domain.errors import BrokerUnavailable
from trader.domain.market import Asset, SessionDay
from trader.domain.orders import BrokerOrder, Fill
from trader.domain.portfolio import Account, Activity, Position
from trader.ports.clock import Clock

T = TypeVar("T")

ORDERS_PER_PAGE = 500
FILLS_PER_PAGE = 100
_OVERLAP = timedelta(milliseconds=1)  # the broker's nanoseconds are cut to microseconds, and `after` excludes
_LONGEST_CLOSURE = timedelta(days=14)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_log = structlog.get_logger(__name__)


class AlpacaBroker:
    """Reads are tried again, changes are sent once. `client` must be guarded and give raw data."""

    def __init__(self, client: TradingClient, clock: Clock) -> None:
        self._client: Any = client  # raw data: its annotations speak of models it does not return
        self._clock = clock
        self._previous_close: dict[date, datetime] = {}

    @property
    def paper(self) -> bool:
        """Whether the client's own address is that of a paper service or a private one."""
        return is_paper(self._client._base_url)

    def account(self) -> Account:
        """Cash, equity and the account's blocks."""
        return self._read("the account", lambda: translate.account(self._client.get_account()))

    def positions(self) -> tuple[Position, ...]:
        """All positions, sorted by symbol."""
        rows = self._read("the positions", lambda: [translate.position(r) for r in self._client.get_all_positions()])
        return tuple(sorted(rows, key=lambda position: position.symbol))

    def order_by_client_id(self, client_order_id: str) -> BrokerOrder | None:
        """The order of this id, or None."""
        return self._read(f"the look-up of {client_order_id}", lambda: self._find(client_order_id))

    def orders_of(self, session: SessionDay) -> tuple[BrokerOrder, ...]:
        """Every order submitted from the previous close until this one, oldest first."""
        after = self._close_before(session.date) - _OVERLAP
        return _oldest_first(self._order_pages(after, until=session.close_at))

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Every order that may still fill, of whatever day, oldest first."""
        return _oldest_first(self._order_pages(_LONG_AGO, status=QueryOrderStatus.OPEN))

    def fills_of(self, session: SessionDay) -> tuple[Fill, ...]:
        """Every execution on the session's date in New York, oldest first."""
        start, end = translate.midnight(session.date), translate.midnight(session.date + timedelta(days=1))
        fills = {fill.fill_id: fill for page in self._fill_pages(start, end) for fill in page}
        today = (fill for fill in fills.values() if start <= fill.at < end)
        return tuple(sorted(today, key=lambda fill: (fill.at, fill.fill_id)))

    def activities(self, start: date, end: date) -> tuple[Activity, ...]:
        """What was booked from start to end, both included, and is no trade; oldest first."""
        pages = self._read("the activities", lambda: list(activity_pages(self._client.get, start, end)))
        found = {each.activity_id: each for page in pages for each in page}
        return tuple(sorted(found.values(), key=lambda each: (each.on, each.activity_id)))

    def assets(self) -> tuple[Asset, ...]:
        """The active US equities."""
        request = GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY)
        rows = self._read("the assets", lambda: [translate.asset(r) for r in self._client.get_all_assets(request)])
        return tuple(sorted(rows, key=lambda asset: asset.symbol))

    def calendar(self, start: date, end: date) -> tuple[SessionDay, ...]:
        """The broker's sessions from start to end, both included."""
        request = GetCalendarRequest(start=start, end=end)
        days = self._read(
            "the calendar", lambda: [translate.session_day(r) for r in self._client.get_calendar(request)]
        )
        return tuple(sorted(days, key=lambda day: day.date))

    def now(self) -> datetime:
        """The broker's clock, UTC."""
        return self._read("the clock", lambda: translate.clock(self._client.get_clock()))

    def submit(self, order: ApprovedOrder) -> BrokerOrder:
        """POST a DAY order once. Raises OrderRejected, DuplicateOrder or SubmitOutcomeUnknown.

        The SDK's request models hold quantities and prices as floats; the broker gets them as exact text.
        """
        fields = translate.order_fields(order)
        log = _log.bind(client_order_id=order.client_order_id)
        try:
            placed = attempt(lambda: translate.order_named(self._client.post("/orders", fields), order.client_order_id))
        except Failed as failed:
            log.debug("ALPACA order not confirmed", cause=str(failed))
            raise submit_error(order.client_order_id, failed) from None
        log.debug("ALPACA order accepted", broker_order_id=placed.broker_order_id, status=placed.broker_status)
        return placed

    def cancel(self, broker_order_id: str) -> None:
        """Ask once for a cancel. Raises CancelRefused, or BrokerUnavailable when the answer is unclear: ask again."""
        log = _log.bind(broker_order_id=broker_order_id)
        try:
            attempt(lambda: self._client.cancel_order_by_id(broker_order_id))
        except Failed as failed:
            log.debug("ALPACA cancel not confirmed", cause=str(failed))
            raise cancel_error(broker_order_id, failed) from None
        log.debug("ALPACA cancel requested")

    def suspend(self, suspended: bool) -> None:
        """Set the broker's own stop and see it confirmed. Raises BrokerUnavailable: setting it again does no harm."""
        try:
            attempt(lambda: self._set_suspended(suspended))
        except Failed as failed:
            raise change_error(f"setting suspend_trade to {str(suspended).lower()}", failed) from None
        _log.warning("ALPACA suspend_trade set", suspended=suspended)

    def _read(self, operation: str, request: Callable[[], T]) -> T:
        return read(f"reading {operation}", request, self._clock)

    def _find(self, client_order_id: str) -> BrokerOrder | None:
        try:
            row = self._client.get_order_by_client_id(client_order_id)
        except APIError as error:
            if error.status_code == 404:
                return None
            raise
        return translate.order_named(row, client_order_id)

    def _set_suspended(self, suspended: bool) -> None:
        """Patch the one field; the SDK's model would send every field it knows, and null for those it lacks."""
        answer = self._client.patch("/account/configurations", {"suspend_trade": suspended})
        if answer["suspend_trade"] is not suspended:
            raise ValueError("the broker answers with the opposite")

    def _order_pages(self, after: datetime, **wanted: Any) -> Iterator[list[BrokerOrder]]:
        """Pages by submission time, which the broker may move forward meanwhile: they overlap, and ids tell repeats."""
        while True:
            page, last = self._order_page(after=after, **wanted)
            yield page
            if last is None:
                return
            if last - _OVERLAP <= after:
                yield from self._crowd(**{**wanted, "after": after, "until": last + _OVERLAP})
                last += 2 * _OVERLAP - timedelta(microseconds=1)
            after = last - _OVERLAP

    def _crowd(self, **window: Any) -> Iterator[list[BrokerOrder]]:
        """All orders of one moment, which time cannot part: by side and from both ends. Raises BrokerUnavailable."""
        for side in OrderSide:
            (first, last), (final, _) = (self._order_page(side=side, direction=way, **window) for way in Sort)
            if last is not None and not {order.broker_order_id for order in first} & {o.broker_order_id for o in final}:
                raise BrokerUnavailable("reading the orders", f"too many of one moment, {last.isoformat()}")
            yield from (first, final)

    def _order_page(self, direction: Sort = Sort.ASC, **wanted: Any) -> tuple[list[BrokerOrder], datetime | None]:
        """One page, and the submission of its last row when there may be more."""
        fixed = {"status": QueryOrderStatus.ALL, "limit": ORDERS_PER_PAGE, "direction": direction}
        request = GetOrdersRequest(**{**fixed, **wanted})

        def fetch() -> tuple[list[BrokerOrder], datetime | None]:
            rows = self._client.get_orders(request)
            return translate.orders(rows), translate.submitted_at(rows[-1]) if len(rows) == ORDERS_PER_PAGE else None

        return self._read("the orders", fetch)

    def _fill_pages(self, start: datetime, end: datetime) -> Iterator[list[Fill]]:
        """Pages of activities; the last id of one is the token of the next."""
        query = {"after": start.isoformat(), "until": end.isoformat(), "direction": "asc", "page_size": FILLS_PER_PAGE}
        token = None
        while True:
            page = self._fill_page(query if token is None else {**query, "page_token": token})
            yield page
            if len(page) < FILLS_PER_PAGE or page[-1].fill_id == token:
                return
            token = page[-1].fill_id

    def _fill_page(self, query: dict[str, Any]) -> list[Fill]:
        def fetch() -> list[Fill]:
            return [translate.fill(row) for row in self._client.get("/account/activities/FILL", query)]

        return self._read("the fills", fetch)

    def _close_before(self, day: date) -> datetime:
        if day not in self._previous_close:
            start = day - _LONGEST_CLOSURE
            earlier = self.calendar(start, day - timedelta(days=1))
            self._previous_close[day] = max((d.close_at for d in earlier), default=translate.midnight(start))
        return self._previous_close[day]


def _oldest_first(pages: Iterator[list[BrokerOrder]]) -> tuple[BrokerOrder, ...]:
    orders = {order.broker_order_id: order for page in pages for order in page}
    return tuple(sorted(orders.values(), key=lambda order: (order.submitted_at, order.broker_order_id)))
