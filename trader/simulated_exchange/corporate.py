"""Corporate actions and fees: when they come into force, and what they do to symbols and bars."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from trader.simulated_exchange.panel import Ints, Panel

ActionKind = Literal["split", "dividend", "symbol_change", "fee"]
_FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One action, in force from `at_ns` on; `number` counts from 1.

    A split makes `new` shares of `old`; `usd`, as text, is the dividend of a share or the whole fee.
    """

    number: int
    kind: ActionKind
    symbol: str
    day: str
    at_ns: int
    new: int = 1
    old: int = 1
    usd: str = "0"
    new_symbol: str = ""


class CorporateActions:
    """All actions of a market, in the order in which they come into force."""

    def __init__(self, actions: Iterable[CorporateAction]) -> None:
        """Sort them, and give every later name its first one."""
        self.all = tuple(sorted(actions, key=lambda action: (action.at_ns, action.number)))
        self._first_name: dict[str, str] = {}
        for action in self.all:
            if action.kind == "symbol_change":
                self._first_name[action.new_symbol] = self.first_name(action.symbol)

    def first_name(self, symbol: str) -> str:
        """What the company of a symbol was called in the beginning."""
        return self._first_name.get(symbol, symbol)

    def listed(self, symbol: str, ns: int) -> bool:
        """Whether the symbol has been taken by this instant, if it belongs to the market at all."""
        return not any(each.new_symbol == symbol and each.at_ns > ns for each in self.all)

    def retired(self, symbol: str, ns: int) -> bool:
        """Whether the company has another symbol by this instant."""
        return any(each.kind == "symbol_change" and each.symbol == symbol and each.at_ns <= ns for each in self.all)

    def splits_until(self, ns: int) -> tuple[CorporateAction, ...]:
        """Splits in force at this instant."""
        return tuple(each for each in self.all if each.kind == "split" and each.at_ns <= ns)

    def between(self, after_ns: int, until_ns: int) -> tuple[CorporateAction, ...]:
        """Actions that come into force after one instant and up to another, that included."""
        return tuple(each for each in self.all if after_ns < each.at_ns <= until_ns)

    def carried_out(self, panel: Panel) -> Panel:
        """Bars as they are printed: from its day on a split changes prices, and bars go on under a new symbol."""
        for action in self.all:
            column = _first_column(panel, action)
            if action.kind == "split":
                panel = self._scaled(panel, action, slice(column, None))
            elif action.kind == "symbol_change":
                panel = _renamed(panel, action, column)
        return panel

    def adjusted(self, panel: Panel, splits: Iterable[CorporateAction]) -> Panel:
        """Bars before each of these splits in prices and shares after it."""
        for action in splits:
            panel = self._scaled(panel, action, slice(_first_column(panel, action)))
        return panel

    def _scaled(self, panel: Panel, action: CorporateAction, columns: slice) -> Panel:
        company = self.first_name(action.symbol)
        rows = [row for row, symbol in enumerate(panel.symbols) if self.first_name(symbol) == company]
        changed = {name: getattr(panel, name).copy() for name in _FIELDS}
        for name, values in changed.items():
            up, down = (action.new, action.old) if name == "volume" else (action.old, action.new)
            for row in rows:
                values[row, columns] = _times(values[row, columns], up, down)
        return replace(panel, **changed)


def _times(values: Ints, up: int, down: int) -> Ints:
    """Rounded, and what was above zero stays there: 0 means that there is no bar."""
    scaled = np.rint(values * up / down).astype(np.int64)
    return np.where(values > 0, np.maximum(scaled, 1), 0)


def _first_column(panel: Panel, action: CorporateAction) -> int:
    return sum(session.day.isoformat() < action.day for session in panel.sessions)


def _renamed(panel: Panel, action: CorporateAction, column: int) -> Panel:
    """A row more: the company's whole past under its new symbol. The old symbol has no bar any more."""
    row = panel.symbols.index(action.symbol)
    grown: dict[str, Any] = {
        name: np.concatenate([values := getattr(panel, name), values[row : row + 1]]) for name in _FIELDS
    }
    grown["close"][row, column:] = 0
    sector = panel.sectors.get(action.symbol)
    sectors = panel.sectors if sector is None else panel.sectors | {action.new_symbol: sector}
    return replace(panel, symbols=(*panel.symbols, action.new_symbol), sectors=sectors, **grown)
