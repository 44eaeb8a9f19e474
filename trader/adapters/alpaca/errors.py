"""The border: every way a request can fail becomes one `Failed`, and that becomes an error of the domain.

`Failed` is raised outside the handlers on purpose: the SDK's exceptions hold the request with its key headers, and a
chained exception would carry them into a traceback.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import requests
from alpaca.common.exceptions import APIError

from trader.domain.errors import (
    BrokerUnavailable,
    CancelRefused,
    DuplicateOrder,
    OrderRejected,
    SubmitOutcomeUnknown,
    TraderError,
)

T = TypeVar("T")

_BAD_ID = 40010001  # shared by several refusals of a field; only the text tells them apart
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)
_KEYS_REMEDY = (
    "The broker refuses these keys: check that they are paper keys of this account and were not replaced "
    "(a reset of the paper account makes new ones)."
)
_REPEATABLE_REMEDY = "Repeating it does no harm: run the command again, then read the state back."


@dataclass(eq=False)
class Failed(Exception):
    """One request without a usable answer; `status` is None when there was no HTTP refusal to read."""

    reason: str
    status: int | None = None
    code: int | None = None
    again_at: datetime | None = None

    def __str__(self) -> str:
        return self.reason

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status is None or self.status in {408, 429} or self.status >= 500

    @property
    def about_client_id(self) -> bool:
        """Whether the broker holds an order of this id; ids are ours, so the other complaint, length, cannot be."""
        return self.status == 422 and self.code == _BAD_ID and "client_order_id" in self.reason


def attempt(request: Callable[[], T]) -> T:
    """The result of one request and its translation. Raises Failed, without a trace of headers or keys."""
    try:
        return request()
    except APIError as error:
        failed = _refusal(error)
    except requests.JSONDecodeError:
        failed = Failed("the answer is not JSON")
    except requests.RequestException as error:
        failed = Failed(_network_cause(error))
    except _UNREADABLE as error:
        failed = Failed(f"the answer cannot be read ({type(error).__name__})")
    raise failed


def unavailable(operation: str, failed: Failed) -> BrokerUnavailable:
    """The error of a read that cannot be made."""
    if failed.status in {401, 403}:
        return BrokerUnavailable(operation, str(failed), _KEYS_REMEDY)
    return BrokerUnavailable(operation, str(failed))


def submit_error(client_order_id: str, failed: Failed) -> TraderError:
    """What a POST without an accepted order means."""
    if failed.passing:
        return SubmitOutcomeUnknown(client_order_id, str(failed))
    if failed.about_client_id:
        return DuplicateOrder(client_order_id)
    if failed.status == 401:  # nothing was accepted, and the order itself was not judged
        return unavailable(f"POST of {client_order_id}", failed)
    return OrderRejected(client_order_id, failed.status or 0, failed.code, str(failed))


def change_error(operation: str, failed: Failed) -> BrokerUnavailable:
    """The error of a change that is safe to repeat."""
    error = unavailable(operation, failed)
    return error if failed.status in {401, 403} else BrokerUnavailable(operation, error.cause, _REPEATABLE_REMEDY)


def cancel_error(broker_order_id: str, failed: Failed) -> TraderError:
    """What a cancel that was not accepted means."""
    if failed.status in {404, 422}:
        return CancelRefused(broker_order_id, str(failed))
    return change_error(f"cancel of {broker_order_id}", failed)


def _refusal(error: APIError) -> Failed:
    response = error.response
    if response is None:
        return Failed("an answer without status")
    body = _body(str(error))
    code = body.get("code")
    return Failed(
        reason=_reason(response.status_code, body),
        status=response.status_code,
        code=code if isinstance(code, int) else None,
        again_at=_reset_at(response.headers.get("X-RateLimit-Reset", "")),
    )


def _body(text: str) -> dict[str, object]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(status: int, body: dict[str, object]) -> str:
    """The broker's message and the fields beside it, which say more than the text does."""
    message = str(body.get("message", "an answer without a message")).rstrip(".")
    fields = [f"{key} {value}" for key, value in body.items() if key not in {"code", "message"}]
    return f"HTTP {status}, {'; '.join([message, *fields])}"[:300]


def _reset_at(epoch_s: str) -> datetime | None:
    return datetime.fromtimestamp(int(epoch_s), UTC) if epoch_s.isdecimal() else None


def _network_cause(error: requests.RequestException) -> str:
    """The failure by its kind alone: the text of some of these exceptions quotes headers."""
    inner = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    kinds = [type(item).__name__ for item in (error, inner) if isinstance(item, Exception)]
    return " of ".join(dict.fromkeys(kinds)) or type(error).__name__
