"""The table of signals says what there is: every export once, its parameters, what it reads, whose data."""

import csv
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import data_cache
import signals
from data_cache.catalog import CATALOG, FAMILIES, IMPORTED, spec
from data_cache.catalog_crypto import FIRST_FUNDS
from data_cache.market import Market
from signals import Signal

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "signals.md").read_text("utf-8")
TEMPLATES = Path(data_cache.__path__[0]) / "templates"
EXPORTED = {name: getattr(signals, name) for name in signals.__all__ if name != "Signal"}
CELLS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("| `")]
ROWS = {re.match(r"`(\w+)\(", row[0])[1]: row for row in CELLS if re.match(r"`\w+\(", row[0])}  # type: ignore[index]
MECHANISMS = re.findall(r"^\| (\d+) (\|.*)$", (DOCS / "mechanisms.md").read_text("utf-8"), re.MULTILINE)
OWN = {row[0].strip("`"): row for row in CELLS if row[0].endswith(".csv`")}
EACH = [pytest.param(cls, ROWS.get(name, [""] * 7), id=name) for name, cls in EXPORTED.items()]


def call(cls: type[Signal]) -> str:
    """The class with its parameters and their defaults, as the table writes them."""
    shown = [f.name if f.default is MISSING else f"{f.name}={f.default!r}" for f in fields(cls)]
    return f"{cls.__name__}({', '.join(shown)})".replace("'", '"')


def plain(cls: type[Signal]) -> Signal | None:
    """The signal with its defaults; None for one that is made of another."""
    return None if any(field.default is MISSING for field in fields(cls)) else cls()


def reads(signal: Signal) -> str:
    """What it reads, the first funds in one word and alternatives joined by "or"."""
    funds = {f"ETF_FLOW_{fund}": "ETF_FLOW_{fund}" for fund in FIRST_FUNDS}
    needs = dict.fromkeys(funds.get(need, need) for need in signal.needs)
    return ", ".join([*needs, *([" or ".join(signal.one_of)] if signal.one_of else [])])


def is_own(series: str) -> bool:
    """Whether nothing fetches the series."""
    return ":" not in series and spec(series).source == "file"


def test_every_signal_is_in_the_table_once_and_nothing_else_is() -> None:
    assert sorted(ROWS) == sorted(EXPORTED), "a new signal wants a row in docs/signals.md"
    assert len(CELLS) == len(ROWS) + len(OWN)


@pytest.mark.parametrize(("cls", "row"), EACH)
def test_a_row_has_the_signal_s_parameters_and_what_it_reads(cls: type[Signal], row: list[str]) -> None:
    called, what, unit, sign, _, read, data = row
    assert called == f"`{call(cls)}`"
    assert what
    assert unit
    assert sign
    signal = plain(cls)
    if signal is None:
        assert read == "what the signal reads"
        return
    assert read == reads(signal)
    own = any(map(is_own, signal.needs)) or (bool(signal.one_of) and all(map(is_own, signal.one_of)))
    assert data == ("own data" if own else "")


@pytest.mark.parametrize(("cls", "row"), EACH)
def test_a_row_s_mechanisms_are_those_that_name_the_signal(cls: type[Signal], row: list[str]) -> None:
    naming = {number for number, line in MECHANISMS if f"`{cls.__name__}`" in line}
    assert {number for number in row[4].split(", ") if number not in ("", "–")} == naming


def test_every_template_is_described_with_its_columns() -> None:
    assert sorted(OWN) == sorted(file.name for file in TEMPLATES.glob("*.csv"))
    for name, row in OWN.items():
        with (TEMPLATES / name).open(newline="") as file:
            columns = next(csv.reader(file))
        said = [re.sub(r" \(.*\)", "", column) for column in row[1].split(", ")]
        if "a column a fund" in said:
            columns = [columns[0], "a column a fund", columns[-1]]
        assert said == columns, name


def test_every_series_that_nothing_fetches_is_named_with_its_unit() -> None:
    for entry in (*CATALOG, *FAMILIES, *IMPORTED):
        if entry.source == "file":
            stem = entry.id.partition("{")[0]
            row = next((row for row in OWN.values() if f"`{stem}" in row[2]), None)
            assert row is not None, entry.id
            assert entry.published_unit in row[2], entry.id


def test_what_the_lab_is_said_to_have_it_has(lab: Market) -> None:
    without = [name for name, row in OWN.items() if row[4].startswith("no")]
    for name, row in OWN.items():
        series = re.findall(r"`(\w+)`", row[2])
        assert series
        assert all((one in lab.observations) is (name not in without) for one in series), name
    assert {f"COMPANY_COINS_{company}" for company in ("MSTR", "BMNR")} <= set(lab.observations)


def test_a_signal_is_read_off_the_lab_whatever_its_data(lab: Market) -> None:
    """So that no signal is only a promise: everything that any of them needs by default is simulated."""
    needs = {need for cls in EXPORTED.values() if (signal := plain(cls)) for need in signal.needs if ":" not in need}
    assert needs - set(lab.observations) == set()
