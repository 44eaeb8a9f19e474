"""The keys go into two headers and nowhere else, however a request fails."""

import logging
import traceback
from collections.abc import Callable, Iterator

import pytest
import structlog
from pydantic import SecretStr

from tests.contract.alpaca.rig import (
    KEY_ID,
    PATIENT,
    SECRET,
    Answer,
    CountedBudget,
    Rig,
    StandingClock,
    approved,
    connected,
    scripted,
)
from trader.adapters.alpaca.factory import connect
from trader.domain.errors import ConfigurationError, TraderError


def shown(error: BaseException) -> str:
    """Everything that could be printed of an error: chained ones, their traces and the local names in them."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join([str(error), repr(error), repr(error.args), repr(vars(error)), *trace.format(chain=True)])


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from or during."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


def ours(error: BaseException) -> bool:
    """Whether an exception is our own: those of the SDK hold the request with its headers."""
    return type(error).__module__.startswith("trader.")


def failure_of(call: Callable[[], object]) -> TraderError | None:
    """How the call fails, if it does."""
    try:
        call()
    except TraderError as error:
        return error
    return None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, '{"message": "unauthorized."}'),
        Answer(403, "<html>"),
        Answer(422, '{"code": 40010001, "message": "client_order_id must be unique"}'),
        Answer(429),
        Answer(500),
        Answer(200, "not json"),
        Answer(200, "{}"),
        Answer(302, "", {"Location": "https://api.alpaca.markets"}),
        None,
    ],
    ids=str,
)
def test_no_failure_shows_a_key(answer: Answer | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted(answer or Answer(200)) as server:
        url = server.url
        if answer is None:
            server.shutdown()
            server.server_close()
        broker, market = connected(url, StandingClock())
        calls = [
            broker.account,
            lambda: broker.submit(approved("ours")),
            lambda: broker.cancel("5c1e5d5e-0000-4000-8000-000000000000"),
            lambda: broker.suspend(True),
            lambda: market.quotes(["AAA"]),
        ]
        with structlog.testing.capture_logs() as logged:
            failures = [failure for call in calls if (failure := failure_of(call))]
    assert len(failures) >= 4  # an empty success is all that a cancel can ask for
    assert all(ours(link) for failure in failures for link in chain(failure))
    for text in (repr(logged), caplog.text, *map(shown, failures)):
        assert SECRET not in text
        assert KEY_ID not in text
    assert all(line["event"].startswith("ALPACA") for line in logged)


def test_a_failure_on_the_wire_shows_no_key(rig: Rig) -> None:
    rig.fault("hang_before")
    with pytest.raises(TraderError) as caught:
        rig.hasty.submit(approved(rig.order_id()))
    assert SECRET not in shown(caught.value)
    assert all(ours(link) for link in chain(caught.value))


@pytest.mark.parametrize("damage", ["{}\n", "{}\r", " {}", "{}\x00", "{} ", "{}é", ""])
@pytest.mark.parametrize("place", [0, 1])
def test_a_key_that_cannot_be_a_header_is_refused_unquoted(damage: str, place: int) -> None:
    keys = [KEY_ID, SECRET]
    keys[place] = damage.format(keys[place])
    with pytest.raises(ConfigurationError) as caught:
        connect(*(SecretStr(key) for key in keys), clock=StandingClock(), budget=CountedBudget(), timeouts=PATIENT)
    assert ("key id", "secret key")[place] in str(caught.value)
    assert SECRET not in str(caught.value)
    assert KEY_ID not in str(caught.value)


def test_the_objects_themselves_do_not_show_their_keys() -> None:
    broker, market = connected("http://127.0.0.1:2", StandingClock())
    for part in (broker, market, broker._client, broker._client._session, market._client):
        assert SECRET not in repr(part)
