"""What the exchange answers when it says no."""

from collections.abc import Mapping

BAD_REQUEST = 40010001
FORBIDDEN = 40310000
NOT_FOUND = 40410000
UNPROCESSABLE = 42210000
TOO_MANY = 42910000


class RefusalError(Exception):
    """A request refused: HTTP status, the broker's code, a sentence and extra fields for the body."""

    def __init__(self, status: int, code: int, message: str, **extra: str) -> None:
        """Keep what the answer's body is made of."""
        super().__init__(message)
        self.status = status
        self.body: Mapping[str, int | str] = {"code": code, "message": message, **extra}


def invalid(message: str) -> RefusalError:
    """422: the request does not make sense by itself."""
    return RefusalError(422, BAD_REQUEST, message)


def unprocessable(message: str) -> RefusalError:
    """422: well-formed, but not possible here."""
    return RefusalError(422, UNPROCESSABLE, message)


def forbidden(message: str, **extra: str) -> RefusalError:
    """403: the account may not."""
    return RefusalError(403, FORBIDDEN, message, **extra)


def not_found(message: str) -> RefusalError:
    """404."""
    return RefusalError(404, NOT_FOUND, message)
