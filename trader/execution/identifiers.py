"""Order ids that come from the decision.

`pt1.<account>.<strategy>.<YYYYMMDD>.<SYMBOL>.<b|s>.<purpose><n>.<slice>.<gen>`: readable at the broker without any
ledger, and the same after every crash, so that the broker itself refuses a second order of one decision.
"""

import re
from datetime import date

from trader.domain.errors import InvariantViolated
from trader.domain.orders import OrderKey, Purpose, Side

MAX_LENGTH = 128
_SIDES = {Side.BUY: "b", Side.SELL: "s"}
_GRAMMAR = re.compile(
    r"pt1\.(?P<account>[a-z0-9]+)\.(?P<strategy>[a-z0-9]+)\.(?P<day>\d{8})\.(?P<symbol>[A-Z0-9./-]+)"
    r"\.(?P<side>[bs])\.(?P<purpose>[pskf])(?P<sequence>\d+)\.(?P<slice>\d+)\.(?P<generation>\d+)"
)


def client_order_id(key: OrderKey) -> str:
    """The id of this key. Raises InvariantViolated for one that does not read back or is over 128 characters."""
    text = (
        f"pt1.{key.account}.{key.strategy}.{key.session_date:%Y%m%d}.{key.symbol}.{_SIDES[key.side]}"
        f".{key.purpose.value}{key.sequence}.{key.slice}.{key.generation}"
    )
    if len(text) > MAX_LENGTH or parse(text) != key:
        raise InvariantViolated(f"{text!r} is no order id", "Use letters and digits for account and strategy.")
    return text


def parse(text: str) -> OrderKey | None:
    """The key of one of our ids, None for an id that is not ours."""
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        return None
    try:
        day = date.fromisoformat(found["day"])
    except ValueError:
        return None
    return OrderKey(
        account=found["account"],
        strategy=found["strategy"],
        session_date=day,
        symbol=found["symbol"],
        side=Side.BUY if found["side"] == "b" else Side.SELL,
        purpose=Purpose(found["purpose"]),
        sequence=int(found["sequence"]),
        slice=int(found["slice"]),
        generation=int(found["generation"]),
    )


def belongs(key: OrderKey | None, account: str, strategy: str, day: date) -> bool:
    """Whether the id is of this account, strategy and session date."""
    return key is not None and (key.account, key.strategy, key.session_date) == (account, strategy, day)
