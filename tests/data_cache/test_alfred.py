"""Asking FRED through the real fredapi: what passes, what is refused, what the user reads, and never the key."""

import dataclasses
import logging
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from fredapi import Fred

from data_cache.catalog import spec
from data_cache.errors import EbbtideError, Refused, Unreachable
from data_cache.sources import alfred as asking
from data_cache.sources.alfred import Alfred, Throttle
from data_cache.sources.fred import fetched, jobs
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Patience
from data_cache.sources.session import Session
from data_cache.store import Store
from tests.standins.fred import KEY, LATEST, FredWorld, world
from tests.standins.server import Fault, Reply, StandIn

WALCL = world(
    ("WALCL", "2024-01-03", "2024-01-04", 7_000_000.0),
    ("WALCL", "2024-01-10", "2024-01-11", 7_100_000.0),
    ("WALCL", "2024-01-10", "2024-01-18", 7_110_000.0),
    ("WALCL", "2024-01-17", "2024-01-18", 7_200_000.0),
)
VALUES = [7000.0, 7100.0, 7110.0, 7200.0]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(FredWorld(WALCL)) as running:
        yield running


@pytest.fixture
def session(server: StandIn) -> Session:
    return session_with(server, KEY)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def session_with(server: StandIn, key: str) -> Session:
    """A session that asks the stand-in twice at most, without sleeping."""
    patience = Patience(tries=2, timeout=10, sleep=lambda seconds: None)
    now = pd.Timestamp("2024-02-15 23:00", tz="UTC")
    return Session(now, endpoints={"fred": f"{server.url}/fred"}, fred_key=key, patience=patience)


def hasty(session: Session) -> Session:
    """The same for a server that will not answer: a second is all that it gets."""
    return dataclasses.replace(session, patience=dataclasses.replace(session.patience, timeout=1))


def fetch(session: Session, store: Store, series: str = "WALCL") -> Outcome:
    """Fetch one series."""
    return fetched(Alfred(session), store, spec(series))[0]


# What goes wrong, and what the user reads

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><hr></body></html>"
XHTML = b"<html><body>Bad Gateway</body></html>"
LIMITED = b'<error code="429" message="Too Many Requests.  Exceeded Rate Limit"/>'


def cut_off(reply: Reply) -> Reply:
    """The first half of an answer."""
    return dataclasses.replace(reply, body=reply.body[: len(reply.body) // 2])


def longer_than_it_is(reply: Reply) -> Reply:
    """An answer that says it is longer."""
    return dataclasses.replace(reply, headers={"Content-Length": str(len(reply.body) + 10)})


PASSING = {
    "502 with HTML": (Fault(502, HTML, content_type="text/html"), "fred answered 502: no XML"),
    "502 with XHTML": (Fault(502, XHTML, content_type="text/html"), "fred answered 502"),
    "503 with nothing": (Fault(503), "fred answered 503: no XML"),
    "429": (Fault(429, LIMITED), "fred answered 429: Too Many Requests. Exceeded Rate Limit"),
    "429 without XML": (Fault(429), "fred answered 429: no XML"),
    "200 with HTML": (Fault(200, HTML), r"fred answered something that is not its XML \(ParseError\)"),
    "200 with XHTML": (Fault(200, XHTML), r"fred answered something that is not its XML \((Type|Value)Error\)"),
    "200 with nothing": (Fault(200), "fred answered something that is not its XML"),
    "an answer cut off": (Fault(change=cut_off), "fred answered something that is not its XML"),
    "a connection cut off": (Fault(change=longer_than_it_is, hang_up=False), "fred "),
    "no answer": (Fault(slow=True), "fred did not answer within 1 s"),
    "a connection closed": (Fault(hang_up=True), "fred can't be reached: RemoteDisconnected"),
}


@pytest.mark.parametrize("path", ["/vintagedates", "/observations"])
@pytest.mark.parametrize(("fault", "sentence"), PASSING.values(), ids=PASSING)
def test_what_passes_is_asked_again_and_then_given_up(
    session: Session, store: Store, server: StandIn, fault: Fault, sentence: str, path: str
) -> None:
    session = hasty(session) if fault.slow else session
    server.fail(fault, path=path)
    fetch(session, store)
    assert store.rows("WALCL").sort_values("period", kind="stable")["value"].tolist() == VALUES
    server.fail(fault, path=path, times=2)
    with pytest.raises(Unreachable, match=rf"{sentence}.*\(asked 2 times in .* s\).*try again later"):
        fetch(session, Store(store.folder / "another"))


def test_a_limit_of_the_rate_is_waited_out_as_long_as_fred_says(server: StandIn, store: Store) -> None:
    waits: list[float] = []
    patience = Patience(sleep=waits.append, timeout=10)
    session = dataclasses.replace(session_with(server, KEY), patience=patience)
    server.fail(Fault(429, LIMITED))
    server.fail(Fault(429, LIMITED, headers={"Retry-After": "7"}), after=1)
    fetched(Alfred(session, throttle=Throttle(sleep=lambda seconds: None)), store, spec("WALCL"))
    assert waits == [10.0, 7.0]


def test_a_server_that_is_not_there_can_t_be_reached(session: Session, store: Store) -> None:
    gone = dataclasses.replace(session, endpoints={"fred": "http://127.0.0.1:1/fred"})
    with pytest.raises(Unreachable, match="fred can't be reached: ConnectionRefusedError"):
        fetch(gone, store)


def test_a_series_that_does_not_exist_is_refused_at_once(session: Session, store: Store, server: StandIn) -> None:
    with pytest.raises(Refused, match=r"^fred answered 400: Bad Request. The series does not exist.$"):
        fetch(session, store, "DGS10")
    assert len(server.requests) == 1


def test_a_page_that_keeps_programs_out_is_no_passing_failure(session: Session, store: Store, server: StandIn) -> None:
    server.fail(Fault(403, HTML))
    with pytest.raises(Refused, match="fred answered 403: no XML"):
        fetch(session, store)


def test_the_timeout_of_the_process_is_as_it_was(session: Session, store: Store, server: StandIn) -> None:
    server.fail(Fault(slow=True))
    fetch(hasty(session), store)
    assert socket.getdefaulttimeout() is None


# The key

WRONG = "0123456789abcdefghijklmnopqrstuv"


def test_a_key_that_fred_does_not_know_is_refused_once_with_the_cure(server: StandIn, store: Store) -> None:
    alfred = Alfred(session_with(server, WRONG))
    cure = r"api_key is not registered.*check the key in \$FRED_API_KEY or in its file \(a free one: https://fred.stl"
    for series in ("WALCL", "DGS10"):
        with pytest.raises(Refused, match=cure):
            fetched(alfred, store, spec(series))
    assert len(server.requests) == 1


def test_a_key_that_has_just_worked_is_believed(session: Session, store: Store, server: StandIn) -> None:
    refusal = b'<error code="400" message="Bad Request.  The value for variable api_key is not registered."/>'
    server.fail(Fault(400, refusal), path="/observations")
    fetch(session, store)
    assert store.rows("WALCL").sort_values("period", kind="stable")["value"].tolist() == VALUES


@pytest.mark.parametrize("key", ["two words", "schlüssel", "line\nbreak", "a&b=c/d+e%f"])
def test_a_key_that_is_no_key_is_refused_and_not_shown(server: StandIn, store: Store, key: str) -> None:
    with pytest.raises(Refused, match=r"check the key in \$FRED_API_KEY") as caught:
        fetch(session_with(server, key), store)
    assert_unseen(key, str(caught.value), "".join(traceback.format_exception(caught.value)))


def assert_unseen(key: str, *texts: str) -> None:
    """No form of a key is in any of the texts."""
    for text in texts:
        for form in (key, quote(key), quote(key, safe="")):
            assert form.lower() not in text.lower()


def echo(reply: Reply) -> Reply:
    """An error that repeats the key, as it is and as it stands in the URL."""
    said = f'<error code="400" message="No: {KEY} and {KEY.upper()} and api_key={quote(KEY)}"/>'
    return Reply(said.encode(), 400)


@pytest.mark.parametrize("fault", [*(fault for fault, _ in PASSING.values()), Fault(change=echo), Fault(404)])
def test_the_key_is_nowhere_to_be_seen(
    server: StandIn,
    store: Store,
    fault: Fault,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    session = hasty(session_with(server, KEY)) if fault.slow else session_with(server, KEY)
    fetch(session, store)
    server.fail(fault, times=2)
    texts = [repr(session), repr(Alfred(session)), repr(jobs(session, store))]
    with pytest.raises(EbbtideError) as caught:
        fetch(session, Store(store.folder / "another"))
    assert caught.value.__context__ is None
    texts += ["".join(traceback.format_exception(caught.value)), repr(caught.value), repr(vars(caught.value))]
    files = [path.read_bytes().decode("latin-1") for path in store.folder.rglob("*") if path.is_file()]
    assert_unseen(KEY, *texts, *files, *capfd.readouterr(), caplog.text)


# How fredapi is used


def test_no_more_than_two_requests_begin_in_a_second() -> None:
    time, sleeps = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        sleeps.append(round(seconds, 6))
        time[0] += seconds

    throttle = Throttle(most=2, seconds=1.0, clock=lambda: time[0], sleep=sleep)
    for begins in (0.0, 0.25, 0.5, 0.5, 3.0, 3.0):
        time[0] = max(time[0], begins)
        throttle.wait()
    # at 0, 0.25 | 1, 1.25 | 3, 3
    assert sleeps == [0.5, 0.25]


@dataclasses.dataclass
class Stopped(Throttle):
    """A throttle for which no time passes."""

    clock: Callable[[], float] = lambda: 0.0


@pytest.mark.parametrize(("named", "sleeps"), [(False, [1.05]), (True, [])], ids=["FRED itself", "a mirror"])
def test_every_request_to_fred_itself_is_counted(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, named: bool, sleeps: list[float]
) -> None:
    monkeypatch.setattr(Fred, "root_url", f"{server.url}/fred")
    monkeypatch.setattr(asking, "Throttle", Stopped)
    slept: list[float] = []
    ends = {"fred": f"{server.url}/fred"} if named else {}
    alfred = Alfred(
        dataclasses.replace(session_with(server, KEY), endpoints=ends, patience=Patience(sleep=slept.append))
    )
    for _ in range(3):
        alfred.vintages("WALCL")
    assert (slept, len(server.requests)) == (sleeps, 3)


def test_what_is_asked_again_is_counted_again(session: Session, store: Store, server: StandIn) -> None:
    begun: list[float] = []
    throttle = Throttle(most=1, seconds=1.0, clock=lambda: 0.0, sleep=begun.append)
    server.fail(Fault(503))
    fetched(Alfred(session, throttle=throttle), store, spec("WALCL"))
    assert len(server.requests) == 3
    assert begun == [1.0, 1.0]  # all but the first


PROXIES = """
import os, sys, urllib.request
from data_cache.sources.alfred import Alfred
from data_cache.sources.session import Session
from data_cache.sources.patience import Patience
import pandas as pd
session = Session(pd.Timestamp("2024-02-15", tz="UTC"), endpoints={"fred": sys.argv[1]}, fred_key=sys.argv[2])
alfred = Alfred(session)
print(urllib.request._opener is None)
print(alfred.vintages("WALCL")[0])
"""


@pytest.mark.parametrize(
    ("variables", "installs"),
    [
        ({}, False),
        ({"http_proxy": "PROXY"}, False),
        ({"HTTP_PROXY": "PROXY"}, True),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, True),
        ({"HTTPS_PROXY": "http://127.0.0.1:1", "http_proxy": "PROXY"}, True),
        ({"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}, True),
    ],
    ids=["none", "lower case", "http", "https", "https and lower case", "a bypass"],
)
def test_one_variable_for_a_proxy_is_not_taken_for_two(
    server: StandIn, variables: dict[str, str], installs: bool
) -> None:
    rest = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    named = {name: value.replace("PROXY", server.url) for name, value in variables.items()}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROXIES, f"{server.url}/fred", KEY],
        env=rest | named,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split() == [str(not installs), "2024-01-04"]


def test_the_stand_in_answers_the_client_that_everybody_uses(server: StandIn) -> None:
    client = Fred(api_key=KEY)
    client.root_url = f"{server.url}/fred"
    assert client.get_series_info("WALCL")["observation_start"] == "2024-01-03"
    assert client.get_series("WALCL").tolist() == [7_000_000.0, 7_110_000.0, 7_200_000.0]
    assert len(client.get_series_all_releases("WALCL")) == 4
    clipped = client.get_series_all_releases("WALCL", "2024-01-18", LATEST)
    assert clipped["realtime_start"].unique().tolist() == [pd.Timestamp("2024-01-18")]
