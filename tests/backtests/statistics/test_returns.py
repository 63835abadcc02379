"""Returns that are refused, and metrics of a handful of them by hand and beside the metrics of results."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtests.backtest import Backtest
from backtests.statistics import returns
from backtests.statistics.returns import (
    InMemory,
    as_trials,
    cagr,
    checked_blocks,
    column_blocks,
    max_drawdown,
    one_trial,
    sharpe,
    spread,
)
from data_cache.errors import BadData

HOLE = "the return of trial 1 at bar 2 is nan; every trial needs a return at every bar: leave out trials that failed"


def table(bar: int, trial: int, value: float) -> np.ndarray:
    array = np.zeros((4, 3))
    array[bar, trial] = value
    return array


@pytest.mark.parametrize("block", [returns.BLOCK_BYTES, 8], ids=["in one block", "in a block per column"])
def test_a_missing_return_is_refused_with_its_place(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "BLOCK_BYTES", block)
    with pytest.raises(BadData, match=HOLE):
        as_trials(table(2, 1, np.nan))


def test_a_loss_of_more_than_everything_is_taken_for_percent() -> None:
    with pytest.raises(
        BadData, match=r"trial 2 at bar 1 is -1\.5, a loss of more than everything; returns are fractions"
    ):
        as_trials(table(1, 2, -1.5))


def test_one_bar_is_no_history() -> None:
    with pytest.raises(BadData, match=r"two bars or more and a column per trial; found the shape \(1, 3\)"):
        as_trials(np.zeros((1, 3)))


def test_several_columns_are_not_one_trial() -> None:
    with pytest.raises(BadData, match="expected the returns of one trial; found 3 columns: pass one of them"):
        one_trial(np.zeros((4, 3)))


def test_a_frame_and_a_vector_are_trials_and_an_array_is_not_copied() -> None:
    frame = pd.DataFrame({"a": [0.1, 0.2], "b": [0.3, 0.4]})
    assert as_trials(frame).tolist() == [[0.1, 0.3], [0.2, 0.4]]
    assert as_trials(frame["a"]).tolist() == [[0.1], [0.2]]
    array = np.zeros((4, 3), np.float32)
    assert as_trials(array) is array


def test_an_array_is_read_in_blocks_and_by_number() -> None:
    held = InMemory(np.arange(12).reshape(3, 4) / 100, width=3)
    assert [block.shape for block in held.blocks()] == [(3, 3), (3, 1)]
    assert np.hstack(list(held.blocks())).tolist() == held.take(held.numbers).tolist()
    assert held.take([3, 0])[0].tolist() == [0.03, 0.0]
    assert held.take([0]).dtype == np.float64
    assert InMemory(np.zeros((3, 1), np.float32)).take([0]).dtype == np.float32


class Numbered(InMemory):
    """Trials whose numbers begin at seven."""

    def __init__(self, returns: np.ndarray, count: int) -> None:
        super().__init__(np.zeros((2, 1)))
        self._array, self._width, self.numbers = returns, 2, np.arange(7, 7 + count)


def test_blocks_are_cut_to_size_and_checked_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 bytes hold 12 numbers: of 4 bars three trials, but of what has 12 rows one."""
    monkeypatch.setattr(returns, "BLOCK_BYTES", 100)
    held = InMemory(np.zeros((4, 5)), width=5)
    assert [(where.start, where.stop) for where, _ in checked_blocks(held)] == [(0, 3), (3, 5)]
    assert [part.shape for _, part in checked_blocks(held, rows=12)] == [(4, 1)] * 5


def test_a_hole_in_a_later_block_is_told_by_the_number_of_its_trial() -> None:
    with pytest.raises(BadData, match="the return of trial 10 at bar 2 is nan"):
        list(checked_blocks(Numbered(np.hstack([np.zeros((4, 2)), table(2, 1, np.nan)]), 5)))


def test_blocks_of_fewer_trials_than_there_are_numbers_are_refused() -> None:
    with pytest.raises(BadData, match="the returns are of 3 trials and their numbers of 5"):
        list(checked_blocks(Numbered(np.zeros((4, 3)), 5)))


def test_trials_are_spread_one_from_each_stretch() -> None:
    """Of 1,000 in ten stretches of a hundred, not always the same place of it."""
    found = spread(1000, 10, seed=1)
    assert (found // 100).tolist() == list(range(10))
    assert len(set((found % 100).tolist())) > 5
    assert spread(7, 10, seed=1).tolist() == list(range(7))
    assert spread(1000, 10, seed=1).tolist() == found.tolist() != spread(1000, 10, seed=2).tolist()


def test_blocks_of_columns_cover_all_of_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 bytes hold 12 numbers: of 5 rows, two columns."""
    monkeypatch.setattr(returns, "BLOCK_BYTES", 100)
    assert list(column_blocks(5, 5)) == [slice(0, 2), slice(2, 4), slice(4, 5)]


def test_metrics_by_hand() -> None:
    """Mean 1 %, deviations +2 %, 0 and -2 %: standard deviation 2 %, Sharpe 0.5 a bar and 1 a year of four bars."""
    assert sharpe(np.array([0.03, 0.01, -0.01]), 4) == pytest.approx(1.0)
    # 1.1 x 1.1 = 1.21 in two bars; with four bars a year that is half a year.
    assert cagr(np.array([0.1, 0.1]), 4) == pytest.approx(1.21**2 - 1)
    # 1.00, 1.25, 1.00, 0.50, 1.00: from 1.25 to 0.50.
    assert max_drawdown(np.array([0.25, -0.2, -0.5, 1.0])) == pytest.approx(0.6)
    assert max_drawdown(np.array([-0.5, 0.1])) == pytest.approx(0.5)


def test_a_straight_line_has_no_sharpe_ratio() -> None:
    assert np.isnan(sharpe(np.full(10, 0.1), 365))


def test_a_ruined_book_has_lost_everything_a_year() -> None:
    assert cagr(np.array([0.1, -1.0, 0.0]), 365) == -1.0


def test_they_are_the_metrics_of_a_result(toy: SimpleNamespace) -> None:
    plan = {"01-01": (0.9,), "01-03": (0.3,)}
    result = Backtest(toy.Follow(("BTC",)), toy.market({"BTC": toy.BTC}, plan), toy.FREE).run()
    series, per_year = result.returns.to_numpy(), len(result.returns) / result.years
    assert sharpe(series, per_year) == pytest.approx(result.metrics["sharpe"], rel=1e-12)
    assert cagr(series, per_year) == pytest.approx(result.metrics["cagr"], rel=1e-12)
    assert max_drawdown(series) == pytest.approx(result.metrics["max_drawdown"], rel=1e-12)
