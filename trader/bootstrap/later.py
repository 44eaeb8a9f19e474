"""Parts that are made when they are first used."""

from collections.abc import Callable


class Later:
    """Stands for what `make` gives, and makes it at the first use: what a command does not touch costs it nothing."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._made: object | None = None

    def __getattr__(self, name: str) -> object:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)
