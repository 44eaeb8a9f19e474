"""Dollars and cents."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def cents(amount_usd: Decimal) -> Decimal:
    """The amount to the cent, half a cent away from zero: the broker's own rule for cash."""
    return amount_usd.quantize(CENT, ROUND_HALF_UP)


def notional_usd(quantity: Decimal, price: Decimal) -> Decimal:
    """What `quantity` shares cost or bring at `price`, to the cent; it has the quantity's sign."""
    return cents(quantity * price)


def share_of(total_usd: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part of a sum that falls on `part` of `whole` shares, to the cent; all of it for all of them."""
    return cents(total_usd * part / whole)
