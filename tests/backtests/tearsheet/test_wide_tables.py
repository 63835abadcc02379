"""Tables with a column per strategy: more than fit on a sheet stand below each other, nothing lost, nothing twice."""

import re
from functools import cache

import numpy as np
import pytest

from backtests.metrics import METRICS
from backtests.tearsheet import page
from backtests.tearsheet.sheet import Sheet
from strategies import BuyAndHold
from tests.backtests.parsed_page import Page
from tests.backtests.tearsheet.worlds import market, run

CLOSES = list(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.001, 0.02, 60))))


@cache
def sheet_of(count: int) -> Sheet:
    """That many strategies without a benchmark: 5 % of bitcoin, 10 % of it, and so on."""
    shares = [round(0.05 * (number + 1), 2) for number in range(count)]
    return Sheet([run(market(CLOSES), BuyAndHold(exposure=share, mix=(("BTC", 1.0),))) for share in shares])


@cache
def rendered(count: int) -> str:
    return page.render(sheet_of(count), "Title")


def tables(text: str, id: str) -> list[str]:
    """The HTML of a table's parts, in order."""
    return re.findall(rf'<table class="[\w ]+" id="{id}(?:-\d+)?">.*?</table>', text, re.DOTALL)


def heads(table: str) -> list[str]:
    """What stands over the columns, the first left out."""
    (row,) = re.findall(r"<thead>(.*?)</thead>", table, re.DOTALL)
    found = [
        re.sub(r"<wbr>|<[^>]+>|\s", "", head) for head in re.findall(r"<th scope=\"col\">(.*?)</th>", row, re.DOTALL)
    ]
    return [head.replace("\u200b", "").replace("\u00ad", "") for head in found if head.startswith("BuyAndHold")]


@pytest.mark.parametrize(("strategies", "parts"), [(2, [2]), (8, [8]), (9, [5, 4]), (18, [6, 6, 6])])
@pytest.mark.parametrize("id", ["metrics", "correlations"])
def test_parts_have_one_size_and_every_strategy_once(id: str, strategies: int, parts: list[int]) -> None:
    sheet = sheet_of(strategies)
    found = tables(rendered(strategies), id)
    assert [len(heads(table)) for table in found] == parts
    assert [head for table in found for head in heads(table)] == [line.label.replace(" ", "") for line in sheet.lines]


def test_each_part_has_every_row_with_the_cells_of_its_strategies() -> None:
    sheet = sheet_of(9)
    volatility = next(metric for metric in METRICS if metric.name == "volatility")
    rows = [
        [row for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL) if 'popovertarget="def-volatility"' in row]
        for table in tables(rendered(9), "metrics")
    ]
    shown = [re.findall(r"<td>([\d.%]+)", row) for (row,) in rows]
    expected = [volatility.text(line.result.metrics["volatility"]) for line in sheet.lines]
    assert shown == [expected[:5], expected[5:]]


def test_no_id_is_there_twice_and_the_csv_is_one() -> None:
    parsed = Page(rendered(9))
    assert len(parsed.ids) == len(set(parsed.ids))
    assert len(parsed.having("button", **{"data-csv": "metrics"})) == 1
    assert sheet_of(9).charts.tables["metrics"].splitlines()[0].count("BuyAndHold") >= 9
