"""One run of a fetch: what time it is, whom to ask and how patiently, and who is told of the progress."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from data_cache.errors import BadData, BadUsage, NoData, Unreachable
from data_cache.sources.patience import Answer, Patience

KEY_VARIABLE, ENDPOINTS_VARIABLE = "FRED_API_KEY", "EBBTIDE_ENDPOINTS"
KEY_PAGE = "https://fred.stlouisfed.org/docs/api/api_key.html"
FRED_KEY = re.compile(r"[0-9a-z]{32}")


@dataclass(frozen=True)
class Step:
    """How far a job is.

    job : its name, "" for the one whose steps this thread has said last      source : who is being asked
    rows : received so far
    share : done, from 0 to 1, None where that is not known      note : what is being waited for, "" where nothing
    """

    job: str
    source: str
    rows: int = 0
    share: float | None = None
    note: str = ""


def _silently(step: Step) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Session:
    """What every source is given.

    now : UTC; what is not known by then is not taken
    since : first day to ask for, None for as deep as history goes (UTC)
    endpoints : provider -> base URL in place of its own: a mirror, or a server on this machine
    fred_key : "" where there is none; never shown
    say : told of every step; may raise to end the job between two requests
    given_up : providers that did not answer in spite of all patience: from then on each is asked once, not again
    """

    now: pd.Timestamp
    since: pd.Timestamp | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    fred_key: str = field(default="", repr=False)
    patience: Patience = field(default_factory=Patience)
    say: Callable[[Step], None] = _silently
    given_up: set[str] = field(default_factory=set)

    def base_url(self, provider: str, own: str) -> str:
        """The base URL of a provider, without a slash at its end: the endpoint named for it, or its `own`."""
        return self.endpoints.get(provider, own).rstrip("/")

    def persist(self, provider: str, ask: Callable[[], Answer]) -> Answer:
        """The answer of `ask`, as patiently as `patience` has it; Unreachable where there is none."""

        def rest(seconds: float) -> None:
            self.say(Step("", provider, note=f"waits {seconds:.0f} s, then asks again"))
            self.patience.sleep(seconds)

        patience = replace(self.patience, sleep=rest)
        try:
            return (replace(patience, tries=1) if provider in self.given_up else patience).persist(ask)
        except Unreachable:
            self.given_up.add(provider)
            raise


def fred_key(file: Path | None = None) -> str:
    """The FRED key of `file` (its first line), else of $FRED_API_KEY, else "".

    Raises NoData where the file is not there, BadUsage for what can't be a key; the key is not in the message.
    """
    if file is None:
        key, where = os.environ.get(KEY_VARIABLE, "").strip(), f"${KEY_VARIABLE}"
    else:
        key, where = _first_line(file), str(file)
    if (key or file) and not FRED_KEY.fullmatch(key):
        raise BadUsage(
            f"{where} holds {len(key)} characters that are no FRED key: it needs 32 lower-case letters and digits "
            f"(a free key: {KEY_PAGE})"
        )
    return key


def _first_line(file: Path) -> str:
    if FRED_KEY.fullmatch(file.name):  # the key in place of the file: it must not be shown
        raise BadUsage(
            f"--fred-key-file takes a file that holds the key, not the key; put the key into ${KEY_VARIABLE}"
        )
    if not file.is_file():
        raise NoData(f"{file} is not there; put your FRED key on its first line (a free key: {KEY_PAGE})")
    content = file.read_bytes()
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    return text.splitlines()[0].strip() if text else ""


def endpoints() -> dict[str, str]:
    """Provider -> base URL, from the TOML file that $EBBTIDE_ENDPOINTS names; empty where it names none."""
    named = os.environ.get(ENDPOINTS_VARIABLE)
    if not named:
        return {}
    try:
        said = tomllib.loads(Path(named).read_text("utf-8"))
    except FileNotFoundError:
        raise NoData(f"{named} is not there; ${ENDPOINTS_VARIABLE} names a TOML file of base URLs") from None
    except tomllib.TOMLDecodeError as error:
        raise BadData(f"{named} is not TOML: {error}") from None
    for provider, url in said.items():
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise BadData(f"{named}: {provider} must be a base URL such as {provider} = 'http://127.0.0.1:8000'")
    return said
