"""Exact amounts: Decimal dollars in whole cents, quantities of up to nine decimals."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from trader.simulated_exchange.panel import E4

ZERO = Decimal(0)
_CENT = Decimal("0.01")
_SHARE = Decimal("0.000000001")


def cents(amount: Decimal) -> Decimal:
    """To the cent, halves away from zero."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def shares(amount: Decimal) -> Decimal:
    """Down to nine decimals."""
    return amount.quantize(_SHARE, ROUND_DOWN)


def usd(price_e4: int) -> Decimal:
    """A price in dollars, from ten-thousandths."""
    return Decimal(price_e4) / E4


def plain(amount: Decimal) -> str:
    """Digits without an exponent and without trailing zeros, as the broker writes amounts."""
    text = format(amount, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if amount else "0"
