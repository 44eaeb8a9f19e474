"""A restored state as an activation puts it in place."""

from trader.deployment.desk import Desk
from trader.deployment.journal import Activation


def put_restored_in(desk: Desk, activation: Activation) -> None:
    """Swap the restored state in, halted."""
    raise AssertionError((desk, activation))


def put_restored_back(desk: Desk, activation: Activation) -> None:
    """Swap the former state back."""
    raise AssertionError((desk, activation))
