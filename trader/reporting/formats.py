"""Numbers as people read them: thousands apart, a real minus sign, a dash for nothing."""

from decimal import Decimal

NOTHING = "–"


def usd(amount: Decimal | None, places: int = 0) -> str:
    """Dollars, rounded to `places` decimals."""
    return NOTHING if amount is None else _minus(f"{amount:,.{places}f}")


def signed_usd(amount: Decimal | None, places: int = 0) -> str:
    """Dollars with their sign; zero has none."""
    return NOTHING if amount is None else _minus(_unsigned_zero(f"{amount:+,.{places}f}"))


def percent(fraction: Decimal | None, places: int = 1) -> str:
    """A fraction in per cent."""
    return NOTHING if fraction is None else _minus(f"{fraction * 100:,.{places}f}") + "\N{NO-BREAK SPACE}%"


def signed_percent(fraction: Decimal | None, places: int = 2) -> str:
    """A fraction in per cent with its sign."""
    return (
        NOTHING
        if fraction is None
        else _minus(_unsigned_zero(f"{fraction * 100:+,.{places}f}")) + "\N{NO-BREAK SPACE}%"
    )


def bps(value: Decimal | None) -> str:
    """Basis points with their sign."""
    return NOTHING if value is None else _minus(_unsigned_zero(f"{value:+,.1f}"))


def number(value: Decimal | None) -> str:
    """A quantity or price with all its decimals but no idle zeros."""
    return NOTHING if value is None else _minus(f"{value.normalize():,f}")


def price(value: Decimal | None, places: int = 2) -> str:
    """A price per share; at least four decimals below a dollar."""
    return NOTHING if value is None else f"{value:,.{places if value >= 1 else max(places, 4)}f}"


def tone(amount: Decimal | None) -> str:
    """`gain`, `loss` or nothing: the colour of a signed number."""
    return "" if not amount else ("gain" if amount > 0 else "loss")


def _unsigned_zero(text: str) -> str:
    return text.lstrip("+-") if not any(digit in text for digit in "123456789") else text


def _minus(text: str) -> str:
    return text.replace("-", "−")
