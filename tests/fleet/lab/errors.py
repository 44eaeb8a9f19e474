"""What may go wrong in the lab."""

from collections.abc import Sequence


class LabError(Exception):
    """The lab cannot do what was asked; says what to do about it."""


class CommandFailed(LabError):
    """A command, on this machine or in a host, ended with another code than 0, or not in time (code None)."""

    def __init__(self, where: str, argv: Sequence[str], code: int | None, said: str) -> None:
        ended = "did not end in time" if code is None else f"ended with {code}"
        super().__init__(f"{where}: {' '.join(argv)} {ended}: {said.strip()[-4000:] or '(nothing printed)'}")
        self.where, self.argv, self.code, self.said = where, tuple(argv), code, said
