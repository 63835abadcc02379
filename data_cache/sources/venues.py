"""Exchanges through ccxt: opened, asked with patience, and the next one where one does not answer.

ccxt puts a geographic block (451, 403) and a page that is not there (404) among its network errors, which pass,
and 429 and 418 of Binance among attacks; what passes is therefore told by the HTTP status, then by the exception.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pandas as pd

from data_cache.errors import BadData, Refused, SourceFailed, UnknownName, Unreachable
from data_cache.sources.outcome import Outcome
from data_cache.sources.patience import Passing, RateLimited
from data_cache.sources.session import Session, Step
from data_cache.sources.web import excerpt, retry_after

Answer = TypeVar("Answer")
Failure = SourceFailed | BadData
# What a venue lists, by (venue, types): several jobs that share one ask for it once.
Listed = dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]]
# How venues and their content networks word a geographic block, under whatever status.
BLOCK_WORDS = ("restricted location", "from your country", "not available in your region")
PASSING_STATUS = (408, 425)
_STAYS = "what is stored stays as it is: try again later, or begin the history of another venue with --venue NAME"


@dataclass
class Venue:
    """An exchange that is open.

    name : its id in ccxt      client : the exchange object of ccxt      types : of the markets that it loads
    listed : what venues list, as far as it was asked before
    """

    name: str
    client: Any
    session: Session = field(repr=False)
    types: tuple[str, ...] = ()
    listed: Listed = field(default_factory=dict, repr=False)
    _reply: Any = field(default=None, repr=False)

    @property
    def now(self) -> pd.Timestamp:
        """The time of the session, or that of the venue where its newest reply is dated earlier."""
        header = None if self._reply is None else self._reply.headers.get("Date")
        try:
            return min(self.session.now, pd.Timestamp(parsedate_to_datetime(header or "")))
        except (TypeError, ValueError):
            return self.session.now

    def ask(self, call: Callable[[Any], Answer]) -> Answer:
        """What `call` of the client gives, asked again while it fails passingly.

        Raises Refused where the venue will not answer this, Unreachable where it does not answer in time.
        """
        return self.session.persist(self.name, lambda: self._ask(call))

    def market(self, symbol: str) -> dict[str, Any]:
        """What the venue lists as `symbol`; Refused, with the nearest symbols, where it lists none such."""
        if self.client.markets is None:
            self._load()
        if symbol in self.client.markets:
            market: dict[str, Any] = self.client.markets[symbol]
            return market
        close = get_close_matches(symbol, self.client.symbols, n=3)
        raise Refused(f"{self.name} does not list {symbol}; it lists {', '.join(close) or 'nothing like it'}")

    def _load(self) -> None:
        known = self.listed.get((self.name, self.types))
        if known:
            self.client.set_markets(known)
        else:
            self.listed[self.name, self.types] = list(self.ask(lambda client: client.load_markets()).values())

    def _ask(self, call: Callable[[Any], Answer]) -> Answer:
        import ccxt

        self._reply = None
        try:
            return call(self.client)
        except ccxt.BaseError as error:
            raise self._failure(ccxt, error) from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # An answer of another shape than the venue's documentation says ends in one of these inside ccxt.
            raise Refused(f"{self.name} answered what ccxt can't read: {self._said()}") from error

    def _failure(self, ccxt: Any, error: Exception) -> Exception:
        status, text = self._status(), " ".join(str(error).split())
        said = f"{self.name} answered {status}: {self._said()}" if status else f"{self.name}: {text[:300]}"
        if status == 451 or any(words in text.lower() for words in BLOCK_WORDS):
            return Refused(f"{self.name}: geographic block ({status}), it said {self._said()}")
        if status == 403:  # ccxt takes it for a rate limit at Bybit; there too it is a block more often
            return Refused(f"{self.name}: no access from here (403), it said {self._said()}")
        if isinstance(error, ccxt.RequestTimeout) and not status:
            return Passing(f"{self.name} did not answer within {self.session.patience.timeout:g} s")
        if status == 429 or isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
            return RateLimited(said, self._retry_after())
        if isinstance(error, ccxt.BadRequest | ccxt.AuthenticationError | ccxt.NotSupported):
            return Refused(said)
        if status >= 500 or status in PASSING_STATUS:
            return Passing(said, self._retry_after())
        if isinstance(error, ccxt.OperationFailed) and status < 400:
            cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
            return Passing(said if status else f"{self.name} can't be reached{cause}")
        return Refused(said)

    def _status(self) -> int:
        """Of the newest reply to what is being asked; 0 where there was none."""
        return 0 if self._reply is None else int(self._reply.status_code)

    def _said(self) -> str:
        return "nothing" if self._reply is None else excerpt(self._reply.content)

    def _retry_after(self) -> float | None:
        header = None if self._reply is None else self._reply.headers.get("Retry-After")
        return retry_after(header, self.session.now)

    def _note_reply(self, reply: Any, **_: Any) -> None:
        self._reply = reply

    def _json(self, text: str) -> Any:
        """Parse as ccxt does, but fail passingly where it would take a body that is no JSON for an empty answer."""
        parsed = type(self.client).parse_json(self.client, text)
        if parsed is None and self._status() == 200:
            raise Passing(f"{self.name} answered no JSON: {self._said()}")
        return parsed


@contextmanager
def opened(session: Session, venue: str, types: Sequence[str] = (), listed: Listed | None = None) -> Iterator[Venue]:
    """An exchange of ccxt, with its connections closed at the end.

    types : of the markets to load, in the venue's words ("spot", "linear"), where the venue can tell them apart
    listed : kept between venues that are opened one after the other, so that each loads its markets once

    Raises UnknownName for an id that ccxt does not have.
    """
    import ccxt  # half a second, or six the first time: only when an exchange is asked

    if venue not in ccxt.exchanges:
        raise UnknownName.among("venue", venue, ccxt.exchanges, owner="ccxt")
    client = getattr(ccxt, venue)(_configuration(session, venue, types))
    client.has["fetchCurrencies"] = False  # a request of its own, and at some venues one that needs a key
    client.urls["api"] = _at(session.endpoints.get(venue, ""), client.urls["api"])
    answering = Venue(venue, client, session, tuple(types), {} if listed is None else listed)
    client.session.hooks["response"].append(answering._note_reply)
    client.parse_json = answering._json
    try:
        yield answering
    finally:
        client.close()


def _configuration(session: Session, venue: str, types: Sequence[str]) -> dict[str, Any]:
    base = session.endpoints.get(venue, "")
    return {
        "timeout": session.patience.timeout * 1000,
        # ccxt keeps to the limits of the exchange; a mirror states its own, by 429.
        "enableRateLimit": not base,
        # Left to itself ccxt ignores the proxy that the environment names. A mirror over plain HTTP is near.
        "requests_trust_env": not base.startswith("http://"),
        "options": {"fetchMarkets": {"types": list(types)}} if types else {},
    }


def _at(base: str, urls: Any) -> Any:
    """The URLs of an exchange, a text or nested, with `base` in place of their host; as they are where it is ""."""
    if isinstance(urls, dict):
        return {name: _at(base, url) for name, url in urls.items()}
    return base.rstrip("/") + urlsplit(urls).path if base and urls else urls


def failing_over(
    session: Session,
    job: str,
    venues: Sequence[str],
    attempt: Callable[[str], list[Outcome]],
    begun: Callable[[str], bool] = lambda venue: False,
) -> list[Outcome]:
    """What `attempt` gives for the first of `venues` for which it does not fail; what failed before is noted.

    begun : whether a venue has a history that is to be gone on with; where it is out of reach none other is asked,
    for it will be back, and the other's history would be a second one

    A venue fails that is out of reach, refuses, or gives what can't be right; what it gave before is stored. Where
    all fail, raises Unreachable if one of them was out of reach, else Refused, naming each and its reason.
    """
    failures: list[Failure] = []
    for at, venue in enumerate(venues):
        try:
            outcomes = attempt(venue)
        except (SourceFailed, BadData) as error:
            failures.append(error)
            if isinstance(error, Unreachable) and begun(venue):
                raise Unreachable(f"{job}: {_reasons(venues, failures)}; {_STAYS}") from error
            if at + 1 < len(venues):
                session.say(Step(job, venue, note=f"{error}; {venues[at + 1]} instead"))
            continue
        notes = [f"{_from(venues[i], failure)}; {venues[i + 1]} instead" for i, failure in enumerate(failures)]
        return [replace(outcome, notes=(*notes, *outcome.notes)) for outcome in outcomes]
    kind = Unreachable if any(isinstance(failure, Unreachable) for failure in failures) else Refused
    raise kind(f"{job}: {_reasons(venues, failures)}; name another venue with --venue NAME, or try again later")


def _reasons(venues: Sequence[str], failures: Sequence[Failure]) -> str:
    """Why the first of `venues` failed, one after the other."""
    return "; ".join(_from(venue, failure) for venue, failure in zip(venues, failures, strict=False))


def _from(venue: str, failure: Failure) -> str:
    said = str(failure).removesuffix("; try again later")
    return said if said.startswith(venue) else f"{venue}: {said}"
