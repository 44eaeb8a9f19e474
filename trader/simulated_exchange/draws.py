"""Chance without state: every draw is a hash of the seed and of what it is for."""

from hashlib import blake2b
from uuid import UUID, uuid5

_NAMESPACE = UUID("0d9d7a1e-5f0e-4d5e-9d5b-7f6b1c2a3d4e")


def whole(*labels: object) -> int:
    """An integer of 64 bits."""
    text = "|".join(map(str, labels))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def fraction(*labels: object) -> float:
    """A number in [0, 1)."""
    return (whole(*labels) >> 11) / (1 << 53)


def identity(*labels: object) -> UUID:
    """The same UUID for the same labels."""
    return uuid5(_NAMESPACE, "|".join(map(str, labels)))
