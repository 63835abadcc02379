"""What FRED is asked, through fredapi: vintages, releases, and what it had on one day.

fredapi has no timeout, no patience and no place for some parameters, takes one proxy variable for two, and turns what
FRED answers into errors of many kinds. All of that is seen to here; what comes out are rows, or a failure in words.
"""

import os
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from http.client import HTTPException, InvalidURL
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, quote_plus, urlencode
from urllib.request import getproxies_environment
from xml.etree.ElementTree import ParseError

import pandas as pd
from fredapi import Fred

from data_cache.catalog import SeriesSpec
from data_cache.errors import BadData, Refused
from data_cache.sources.patience import Passing, RateLimited
from data_cache.sources.session import KEY_PAGE, Session
from data_cache.sources.vintages import Window, repaired, served
from data_cache.sources.web import retry_after

Answer = TypeVar("Answer")
SOURCE = "fred"
NO_LIMIT = 1 << 30


@dataclass(frozen=True)
class Limits:
    """The most that FRED gives in one answer: vintages of a window, observations, dates of vintages."""

    vintages: int = 2_000
    rows: int = 100_000
    dates: int = 10_000


@dataclass
class Throttle:
    """Lets at most `most` requests begin in any `seconds`, and has the next one sleep.

    FRED allows 120 a minute, and since 2026 counts them as two a second (OpenBB, pull request 7527).
    """

    most: int = 2
    seconds: float = 1.05
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _begun: deque[float] = field(default_factory=deque)

    def wait(self) -> None:
        """Return when one more request may begin."""
        now = self.clock()
        if len(self._begun) == self.most:
            rest = self._begun.popleft() + self.seconds - now
            if rest > 0:
                self.sleep(rest)
        self._begun.append(self.clock())


class TooMuch(Exception):
    """An answer that would not hold all that was asked."""


class _Fred(Fred):  # type: ignore[misc]  # fredapi has no types
    """fredapi's client, which reads 16,000 rows in 0.3 s where it took 1.8 s: each date is parsed once."""

    def _parse(self, date_str: str, format: str | None = "%Y-%m-%d") -> datetime:
        return _day(date_str) if format == "%Y-%m-%d" else super()._parse(date_str, format)


@lru_cache(maxsize=1 << 16)
def _day(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Alfred:
    """What FRED is asked for: vintages, releases, and what it had on one day.

    Raises Unreachable where no answer comes, Refused where FRED does not answer this or not to this key. The key is
    in no message.
    """

    def __init__(self, session: Session, limits: Limits = Limits(), throttle: Throttle | None = None) -> None:
        self.session, self.limits = session, limits
        # A mirror states its own limits, by 429.
        most = NO_LIMIT if SOURCE in session.endpoints else Throttle.most
        self._throttle = throttle or Throttle(most, sleep=session.patience.sleep)
        self._fred = _Fred(api_key=session.fred_key, proxies=_proxies())
        self._fred.root_url = session.base_url(SOURCE, Fred.root_url)
        self._answered, self._key_refused = False, ""

    def vintages(self, series: str) -> list[str]:
        """All vintages of a series, ISO dates, ascending."""
        found: list[str] = []
        while True:
            query = _narrowed(series, offset=len(found) or "")
            page = [f"{day:%Y-%m-%d}" for day in self._ask(_vintage_dates(query))]
            if found and page and page[0] <= found[-1]:
                raise BadData(f"fred gave the vintages of {series} from {page[0]} on again; report it")
            found += page
            if len(page) < self.limits.dates:
                return found

    def releases(self, series: str, window: Window, start: str = "") -> Iterator[tuple[Window, pd.DataFrame]]:
        """The rows of a window, see `repaired`; of its halves where one answer does not hold them.

        start : the first period to ask for, an ISO date, "" for all
        """
        query = _narrowed(series, observation_start=start)
        try:
            frame = self._ask(lambda fred: fred.get_series_all_releases(query, window.start, window.end))
            said = f"fred answered {len(frame)} rows of {series}, as many as one answer holds"
        except TooMuch as error:
            frame, said = None, str(error)
        if frame is not None and len(frame) < self.limits.rows:
            yield window, repaired(frame)
            return
        if len(window.vintages) == 1:
            raise Refused(f"{said}, for the vintage of {window.vintages[0]} alone; ask for it from a later day on")
        for half in window.halves():
            yield from self.releases(series, half, start)

    def as_of(self, spec: SeriesSpec, day: str) -> pd.Series:
        """A series as FRED had it at the end of an ISO date, in served units, by period; NaN where it was missing.

        For who uses Ebbtide from Python and wants FRED's own word on what is stored; no command asks for it:

            alfred = Alfred(Session(pd.Timestamp.now("UTC"), fred_key=fred_key()))
            had = alfred.as_of(spec("WALCL"), "2024-01-18")
            night = pd.Timestamp("2024-01-18 23:59", tz="America/New_York")
            kept = Observations({"WALCL": store.rows("WALCL")}).as_of("WALCL", night)
            pd.testing.assert_series_equal(had, kept)

        Raises what this class raises, and BadData where the unit of a value can't be told. What FRED has older than
        its record appears only on the day when it was loaded, while `kept` has it since its release.
        """
        said = self._ask(lambda fred: fred.get_series(spec.id, realtime_start=day, realtime_end=day))
        periods = pd.DatetimeIndex(said.index if len(said) else []).as_unit("ns")
        rows = pd.DataFrame({"period": periods, "vintage": pd.Timestamp(day), "value": said.to_numpy(float)})
        return served(spec, rows).set_index("period")["value"].rename(spec.id)

    def _ask(self, ask: Callable[[Fred], Answer]) -> Answer:
        if self._key_refused:
            raise Refused(self._key_refused)
        return self.session.persist(SOURCE, lambda: self._once(ask))

    def _once(self, ask: Callable[[Fred], Answer]) -> Answer:
        self._throttle.wait()
        try:
            with _timeout(self.session.patience.timeout):
                answer = ask(self._fred)
            self._answered = True
            return answer
        except (ValueError, TypeError, ParseError, OSError, HTTPException) as error:
            failure = self._failure(error)
        raise failure  # outside, so that the URL with the key, which the error may hold, is not carried along

    def _failure(self, error: Exception) -> Exception:
        """What an error of fredapi means; fredapi turns an answered error into its message and drops the rest."""
        reason = getattr(error, "reason", error)
        if isinstance(error, InvalidURL | UnicodeError):
            return self._refused_key("fred can't be asked: the key and the base URL make no address")
        if isinstance(error.__context__, HTTPError):
            return self._answered_error(error.__context__, error)
        if isinstance(reason, TimeoutError):
            return Passing(f"fred did not answer within {self.session.patience.timeout:g} s")
        if isinstance(error, OSError | HTTPException):
            return Passing(f"fred can't be reached: {type(reason).__name__}")
        return Passing(f"fred answered something that is not its XML ({type(error).__name__})")

    def _answered_error(self, answer: HTTPError, error: Exception) -> Exception:
        message = self._scrubbed(str(error)) if isinstance(error, ValueError) else "no XML"
        said = f"fred answered {answer.code}: {message}"
        wait = retry_after(answer.headers.get("Retry-After"), self.session.now)
        if answer.code == 429 or "Exceeded Rate Limit" in message:
            return RateLimited(said, wait)
        if answer.code >= 500:
            return Passing(said, wait)
        if "vintage dates allowed" in message:
            return TooMuch(said)
        if "api_key" not in message:
            return Refused(said)
        # FRED does so now and then to a key that it knows (fredapi, issue 45).
        return Passing(said) if self._answered else self._refused_key(said)

    def _refused_key(self, said: str) -> Refused:
        self._key_refused = f"{said}; check the key in $FRED_API_KEY or in its file (a free one: {KEY_PAGE})"
        return Refused(self._key_refused)

    def _scrubbed(self, message: str) -> str:
        key = self.session.fred_key
        shown = {re.escape(form) for form in (key, quote(key, safe=""), quote_plus(key)) if form}
        return " ".join(re.sub("|".join(sorted(shown)), "***", message, flags=re.IGNORECASE).split())


def _vintage_dates(query: str) -> Callable[[Fred], list[datetime]]:
    return lambda fred: fred.get_series_vintage_dates(query)


def _narrowed(series: str, **query: object) -> str:
    """A series id with further parameters: fredapi puts the id into its URL as it is, and has no place for these."""
    given = {name: value for name, value in query.items() if value}
    return "&".join([series, *([urlencode(given)] if given else [])])


def _proxies() -> dict[str, str]:
    """What fredapi is to be told of proxies: nothing, but where it would take one variable for two and fail."""
    if bool(os.environ.get("HTTP_PROXY")) == bool(os.environ.get("HTTPS_PROXY")):
        return {}
    return {scheme: url for scheme, url in getproxies_environment().items() if scheme in ("http", "https")}


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """A timeout for the sockets that fredapi opens, which has none and takes none: the process's default, briefly."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
