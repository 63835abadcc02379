"""A page beside the one that is made of its results anew: what a reader sees in it that does not come of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import zip_longest
from typing import TYPE_CHECKING

from backtests.replaying.saved import WALK, Saved
from backtests.result import Result
from backtests.tearsheet.sealed import plain, unsealed
from data_cache.errors import EbbtideError

if TYPE_CHECKING:
    from backtests.tearsheet.wording import Wording

# Whose text is one by itself; what other tags hold belongs to the text around them.
# fmt: off
BLOCKS = {
    "body", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2", "h3",
    "h4", "head", "header", "html", "li", "main", "nav", "noscript", "ol", "p", "pre", "script", "section",
    "style", "summary", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
}
# fmt: on
# Their text does not run on from the one before.
APART = ("br", "small", "a")
# Findings that follow from the cache, or from what was asked of it, and not from the run alone.
OF_THE_CACHE = ("WINDOW_CUT", "UNPROVEN", "FINAL_VALUES")
LONGEST = 60
# What each script of data holds.
DATA = {"figures": "figure", "tables": "numbers for download of", "manifest": "manifest"}


@dataclass(frozen=True)
class Piece:
    """A text of a page, and where in it that stands."""

    where: str
    text: str


def shown_otherwise(saved: Saved, results: Sequence[Result]) -> str:
    """The first thing that a page shows and its results, run again, do not give, in words; "" for none and for JSON.

    The whole page is rendered again, with the title, notes, findings and proofs that it says it was written with, and
    has to be the same letter by letter.
    """
    from backtests.tearsheet.page import render
    from backtests.tearsheet.sheet import Sheet
    from backtests.tearsheet.wording import page_code, wording_of

    if not saved.page or saved.wording == WALK:
        return ""
    wording = wording_of(saved.title, saved.wording, results)
    if wording is None:
        return (
            "the page does not say which notes, findings and proofs it was written with, so that it can't be told "
            "whether what it shows is what its run gives"
        )
    sheet = Sheet(results, wording.findings, wording.proofs)
    anew = plain(render(sheet, wording.title, wording.subtitle, wording.notes))
    then = unsealed(saved.page)
    if then == anew:
        return _left_out(wording, results)
    return f"{first_difference(then, anew)}{_explained(wording.code, page_code())}"


def _left_out(wording: "Wording", results: Sequence[Result]) -> str:
    """A finding on the results that the page does not tell, though it tells findings or proofs."""
    from backtests.findings import examined

    if not wording.findings and not wording.proofs:
        return ""
    told = {(finding.code, finding.about) for finding in wording.findings}
    try:
        found = examined(list(results), cuts=1).findings
    except EbbtideError as error:
        return f"the page tells findings, but to look for them again fails: {error}"
    left = [one for one in found if one.code not in OF_THE_CACHE and (one.code, one.about) not in told]
    return f"the page does not tell a finding, {left[0].code}: {left[0]}" if left else ""


def _explained(then: str, now: str) -> str:
    return "" if then == now else f" (the page says that other code wrote it: {then[:12]} then, {now[:12]} now)"


def first_difference(then: str, now: str) -> str:
    """The first text of one page that is another in the other, in words."""
    shown, due = pieces(then), pieces(now)
    for old, new in zip_longest(shown, due):
        if old == new:
            continue
        if old is not None and new is not None and old.where == new.where and old.where in DATA:
            return _of_data(old, new)
        if old is not None and old not in due and (new is None or old.where != new.where or new in shown):
            return f"{old.where}: the page shows “{_short(old.text)}”, which its run does not give"
        if new is not None and new not in shown and (old is None or old.where != new.where or old in due):
            return f"{new.where}: the page does not show “{_short(new.text)}”, which its run gives"
        if old is not None and new is not None:
            return f"{old.where}: the page shows “{_short(old.text)}”, its run gives “{_short(new.text)}”"
    return "the page has other markup than its run gives, though every text in it is the same"


def pieces(page: str) -> list[Piece]:
    """The texts of a page in order, those of scripts too, each with the section, row and column that it stands in."""
    parser = _Pieces()
    parser.feed(page)
    parser.close()
    parser.end()
    return parser.found


class _Pieces(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Piece] = []
        self._tag, self._id, self._section = "", "", "the head of the page"
        self._text: list[str] = []
        self._columns: list[str] = []
        self._row: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """End the text before a block, and begin its own."""
        if tag not in BLOCKS:
            self._text.append(" " if tag in APART else "")
            return
        self.end()
        self._tag, self._id = tag, dict(attrs).get("id") or ""
        if tag == "footer":
            self._section = "the foot of the page"
        if tag == "table":
            self._columns = []
        if tag == "tr":
            self._row = []

    def handle_endtag(self, tag: str) -> None:
        """End the text of a block."""
        if tag not in BLOCKS:
            return
        self.end()
        if tag == "tr":
            self._columns, self._row = self._columns or self._row or [], None
        self._tag = self._id = ""

    def handle_data(self, data: str) -> None:
        """Add to the text."""
        self._text.append(data)

    def end(self) -> None:
        """Keep the text that was read, if there is any."""
        text = " ".join("".join(self._text).split())
        self._text = []
        if self._tag == "h2":
            self._section = text
        if self._row is not None and self._tag in ("th", "td"):
            self._row.append(text)
        if text:
            self.found.append(Piece(self._where(), text))

    def _where(self) -> str:
        if self._tag in ("script", "style"):
            return self._id or f"its {self._tag}"
        if self._row is None or self._tag != "td":
            return self._section
        place = len(self._row) - 1
        column = self._columns[place] if place < len(self._columns) else f"column {place + 1}"
        return f"{self._section}, {self._row[0]} of {column}"


def _of_data(old: Piece, new: Piece) -> str:
    """The first figure or table whose data are others, by its id; the first entry of the manifest."""
    name = next(_differing(old.text, new.text), "")
    return f"{DATA[old.where]}{name and f' {name}'}: the page holds others than its run gives"


def _differing(then: str, now: str) -> Iterator[str]:
    try:
        old, new = json.loads(then), json.loads(now)
        yield from (name for name in {**new, **old} if old.get(name) != new.get(name))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
