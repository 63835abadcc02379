"""JSON over HTTP: what is asked again, what is not, and what the user reads."""

from collections.abc import Iterator

import pandas as pd
import pytest

from data_cache.errors import Refused, Unreachable
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session
from data_cache.sources.web import get, get_json, retry_after
from tests.standins.server import Fault, Reply, Request, StandIn, as_json

NOW = pd.Timestamp("2025-11-03 12:00", tz="UTC")


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def session(waits: list[float]) -> Session:
    return Session(NOW, patience=Patience(sleep=waits.append, timeout=1))


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(lambda request: as_json({"asked": dict(request.query)})) as running:
        yield running


def test_the_answer_comes_with_its_query_and_its_hash(session: Session, server: StandIn) -> None:
    value, reply = get_json(session, "treasury", f"{server.url}/balance", {"page[size]": 2})
    assert value == {"asked": {"page[size]": "2"}}
    assert reply.query == f"{server.url}/balance?page%5Bsize%5D=2"
    assert len(reply.sha256) == 64
    assert get(session, "treasury", f"{server.url}/balance", {"page[size]": 2}).sha256 == reply.sha256


def cut_off(reply: Reply) -> Reply:
    return Reply(reply.body[:-1])


@pytest.mark.parametrize(
    ("fault", "waited", "sentence"),
    [
        (Fault(429, headers={"Retry-After": "7"}), [7.0], "treasury answered 429: an empty body"),
        (Fault(429), [10.0], "treasury answered 429"),
        (Fault(418), [10.0], "treasury answered 418"),
        (Fault(429, headers={"Retry-After": "Mon, 03 Nov 2025 12:00:30 GMT"}), [30.0], "treasury answered 429"),
        (Fault(500, b"<html><h1>Oops</h1>"), [1.0], "treasury answered 500: '<html><h1>Oops</h1>'"),
        (Fault(503, headers={"Retry-After": "5"}), [5.0], "treasury answered 503"),
        (Fault(200, b""), [1.0], "treasury answered no JSON: an empty body"),
        (Fault(200, b"<html>maintenance"), [1.0], "treasury answered no JSON: '<html>maintenance'"),
        (Fault(change=cut_off), [1.0], r"treasury answered no JSON: '{\"asked\": {}'"),
        (Fault(slow=True), [1.0], "treasury did not answer within 1 s"),
        (Fault(hang_up=True), [1.0], "treasury can't be reached: ConnectionError"),
    ],
)
def test_what_passes_is_waited_for_and_named_where_it_does_not_pass(
    session: Session, server: StandIn, waits: list[float], fault: Fault, waited: list[float], sentence: str
) -> None:
    server.fail(fault)
    assert get_json(session, "treasury", server.url, {})[0] == {"asked": {}}
    assert waits == waited
    server.fail(fault, times=99)
    with pytest.raises(Unreachable, match=sentence):
        get_json(session, "treasury", server.url, {})


@pytest.mark.parametrize("status", [400, 403, 404, 451])
def test_a_refusal_is_not_asked_again(session: Session, server: StandIn, status: int) -> None:
    server.fail(Fault(status, b"not for you"))
    with pytest.raises(Refused, match=rf"^treasury answered {status}: 'not for you'; asked was http://127"):
        get_json(session, "treasury", f"{server.url}/x", {"day": "2025-10-31"})
    assert len(server.requests) == 1


def test_a_connection_that_is_refused_is_unreachable(session: Session, waits: list[float]) -> None:
    with StandIn(lambda request: as_json({})) as gone:
        url = gone.url
    sentence = r"^treasury can't be reached: ConnectionError \(asked 5 times in 15 s\); try again later$"
    with pytest.raises(Unreachable, match=sentence):
        get_json(session, "treasury", url, {})
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("12", 12), ("soon", None), ("Mon, 03 Nov 2025 11:59:00 GMT", 0)],
)
def test_a_retry_after_header_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_a_stand_in_that_breaks_says_so(session: Session) -> None:
    def broken(request: Request) -> Reply:
        raise KeyError(request.path)

    with StandIn(broken) as server, pytest.raises(Unreachable, match="stand-in failed"):
        get_json(session, "treasury", server.url, {})
