"""JSON and text over HTTP, for the providers that have no client of their own."""

import json
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

import pandas as pd
import requests

from data_cache.errors import Refused
from data_cache.sources.patience import Passing, RateLimited
from data_cache.sources.session import Session

TOO_MANY = (418, 429)
EXCERPT = 120


@dataclass(frozen=True)
class Reply:
    """The bytes of an answer; `query` is the URL that gave them."""

    provider: str
    query: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Of the bytes as they came."""
        return sha256(self.content).hexdigest()


def get(session: Session, provider: str, url: str, query: dict[str, Any]) -> Reply:
    """What `url` answers to `query`; asked again with patience.

    Raises Refused where the provider will not answer this, Unreachable where it does not answer in time.
    """
    return session.persist(provider, lambda: _get(session, provider, url, query))


def get_json(session: Session, provider: str, url: str, query: dict[str, Any]) -> tuple[Any, Reply]:
    """The JSON that `url` answers, and its bytes; a body that is no JSON (cut off, HTML) is asked for again."""

    def ask() -> tuple[Any, Reply]:
        reply = _get(session, provider, url, query)
        try:
            return json.loads(reply.content), reply
        except ValueError:
            raise Passing(f"{provider} answered no JSON: {excerpt(reply.content)}") from None

    return session.persist(provider, ask)


def excerpt(content: bytes) -> str:
    """The beginning of a body, in one line, for sentences."""
    text = " ".join(content.decode("utf-8", "replace").split())
    return repr(text[:EXCERPT] + ("…" if len(text) > EXCERPT else "")) if text else "an empty body"


def retry_after(header: str | None, now: pd.Timestamp) -> float | None:
    """Seconds that a Retry-After header asks for (a number or an HTTP date), None where it says nothing."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, float((pd.Timestamp(parsedate_to_datetime(header)) - now).total_seconds()))
    except (TypeError, ValueError):
        return None


def _get(session: Session, provider: str, url: str, query: dict[str, Any]) -> Reply:
    try:
        response = requests.get(url, query, timeout=session.patience.timeout)
    except requests.Timeout:
        raise Passing(f"{provider} did not answer within {session.patience.timeout:g} s") from None
    except requests.RequestException as error:
        raise Passing(f"{provider} can't be reached: {type(error).__name__}") from None
    said = f"{provider} answered {response.status_code}: {excerpt(response.content)}"
    wait = retry_after(response.headers.get("Retry-After"), session.now)
    if response.status_code in TOO_MANY:
        raise RateLimited(said, wait)
    if response.status_code >= 500:
        raise Passing(said, wait)
    if response.status_code != 200:
        raise Refused(f"{said}; asked was {response.url}")
    return Reply(provider, str(response.url), response.content)
