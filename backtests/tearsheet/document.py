"""What every HTML page of ours is made with: templates, charts by id, JSON inside scripts, and the file itself."""

import gzip
import json
import math
import os
import re
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from backtests.tearsheet.figures import Panel
from backtests.tearsheet.sealed import sealed
from data_cache.errors import BadUsage
from data_cache.version import __version__

HOME = "backtests.tearsheet"
# So many letters of a name are kept on one line.
WHOLE = 14
# All but those between digits, which are of dates.
HYPHEN = re.compile(r"(?<!\d)-|-(?!\d)")


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a name, a drawing of the mark, and the trace that it switches (None for none)."""

    name: str
    kind: str
    color: str
    dash: str = "solid"
    trace: int | None = None


@dataclass(frozen=True)
class Chart:
    """A chart's place in the page; its figure is drawn from the JSON under the same id."""

    id: str
    alt: str
    height: int
    legend: list[Key]


class Term(Protocol):
    """Something that has a definition, such as a metric: its label in a table opens it."""

    @property
    def name(self) -> str:
        """Short, distinct and fit for an id."""

    @property
    def label(self) -> str:
        """As the page shows it."""

    @property
    def definition(self) -> str:
        """What it is, in a sentence."""


@dataclass(frozen=True)
class Definition:
    """A term of a section's own."""

    name: str
    label: str
    definition: str


@dataclass(frozen=True)
class Table:
    """A table's place in the page; the whole of its numbers can be downloaded under the same id.

    columns : heads, the first one over the heads of rows; rows : head and texts. A head is a text, a Line or a Term.
    """

    id: str
    label: str
    columns: Sequence[object]
    rows: Sequence[tuple[object, Sequence[str]]]


class Charts:
    """The figures of the page by id, the tables as CSV by id, and the terms that were defined."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self.tables: dict[str, str] = {}
        self.terms: dict[str, Term] = {}

    def table(
        self,
        id: str,
        label: str,
        frame: pd.DataFrame,
        columns: Sequence[object],
        rows: Sequence[tuple[object, Sequence[str]]],
    ) -> Table:
        """A table that shows `rows`, texts made from `frame`; `frame` itself is what is downloaded.

        label : what is in it, for those who cannot see it
        """
        self.tables[id] = as_csv(frame)
        self.define(*columns, *(head for head, _ in rows))
        return Table(id, label, columns, rows)

    def define(self, *things: object) -> None:
        """Let the page hold the definition of each of `things` that is a Term."""
        for thing in things:
            if hasattr(thing, "definition"):
                self.terms[thing.name] = thing  # type: ignore[attr-defined, assignment]

    def add(self, id: str, panel: Panel, legend: Iterable[Key] = ()) -> Chart:
        """Draw `panel` under that id."""
        figure = panel.figure().to_plotly_json()
        self.figures[id] = figure
        return Chart(id, panel.alt(), figure["layout"]["height"], list(legend))


# A spreadsheet takes a text that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(frame: pd.DataFrame, **how: Any) -> str:
    """`frame` as CSV that a spreadsheet reads as numbers and texts alone, heads too; `how` as for `to_csv`.

    A text that it would take for a formula gets an apostrophe in front; a number written as text stays as it is.
    """
    safe = frame.map(_harmless).rename(index=_harmless, columns=_harmless)
    safe.index.names, safe.columns.names = (
        [_harmless(name) for name in axis.names] for axis in (frame.index, frame.columns)
    )
    return str(safe.to_csv(**how))


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


def breakable(name: str) -> Markup:
    """A name that may be broken between its words, for narrow columns; a word of so few letters stays whole.

    >>> breakable("StealthQE<b>")
    Markup('StealthQE&lt;b&gt;')
    >>> breakable("TermPremiumShield")
    Markup('Term<wbr>Premium<wbr>Shield')
    >>> breakable("BuyAndHold(mix=my_rule)")
    Markup('BuyAndHold(<wbr>mix=<wbr>my_rule)')
    """
    parts = re.split(r"(?<=[=(,])", name)
    words = [word for part in parts for word in (_words(part) if len(part) > WHOLE else [part])]
    return Markup("<wbr>").join(words)


def _words(part: str) -> list[str]:
    return re.split(r"(?<=[a-z])(?=[A-Z])|(?<=_)", part)


def prose(docstring: str) -> Markup:
    """A line of a docstring, names in backquotes set as code.

    >>> prose("Mean over `window` days, <$bn>.")
    Markup('Mean over <code>window</code> days, &lt;$bn&gt;.')
    """
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(docstring))))


def as_json(thing: Any, indent: int | None = None) -> str:
    """`thing` as JSON, null for every number that it cannot hold."""
    return json.dumps(_finite(thing), indent=indent, ensure_ascii=False, allow_nan=False)


def script_json(thing: Any) -> Markup:
    """`thing` as JSON to stand inside a <script> element."""
    # Inside <script> only "</" and "<!--" could end or hide the block; as \u003c no "<" is left at all.
    return Markup(as_json(thing).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _finite(thing: Any) -> Any:
    """`thing` with None for every number that JSON cannot hold, and plain numbers for numpy's."""
    if isinstance(thing, dict):
        return {key: _finite(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple, np.ndarray)):  # plotly leaves an empty array as it is
        return [_finite(value) for value in thing]
    thing = thing.item() if isinstance(thing, np.generic) else thing
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing


def template(name: str, package: str = HOME) -> Template:
    """A template of `package`; it may import those of this one, such as macros.html. Everything is escaped."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(asset),
    )
    environment.filters["minus"] = lambda text: type(text)(HYPHEN.sub("−", text))
    environment.filters["breakable"] = breakable
    environment.filters["prose"] = prose
    environment.globals |= {"version": __version__, "plotly": _packed_plotly}
    return environment.from_string(asset(name, package))


@cache
def _packed_plotly() -> Markup:
    """The plotly script as gzip in base64: 2 MB of 4.8, and the same bytes each time."""
    from plotly.offline import get_plotlyjs

    return Markup(b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode())


def asset(name: str, package: str = HOME) -> Markup:
    """The text of a file that lies in `package`."""
    return Markup((files(package) / name).read_text(encoding="utf-8"))


def write_page(path: Path, text: str) -> None:
    """Write a page with its seal; the file appears at once or not at all, its parents too.

    Raises BadUsage for a folder.
    """
    if path.is_dir():
        raise BadUsage(f"{path} is a folder; name a file in it, such as {path / 'tearsheet.html'}")
    try:
        _write(path, text)
    except OSError as error:  # it names the hidden file beside it, which nobody asked for
        if error.errno is not None:
            error.filename = str(path)
        raise


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(sealed(text))
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
