"""The real history through every client is the real history of the files, down to the equity of a backtest."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.selection import built_in
from data_cache.observations import Observations
from data_cache.sources.patience import Patience
from data_cache.store import Store
from tests.standins.fred import KEY
from tests.standins.history import NOW, history
from tests.standins.providers import endpoints, serving

Ebbtide = Callable[..., Any]
WINDOW = ("--from", "2021-08-01", "--to", "2026-07-31")


@pytest.fixture(scope="module")
def fetched(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that `ebbtide fetch` filled from servers that hold the files."""
    folder = tmp_path_factory.mktemp("fetched")
    with pytest.MonkeyPatch.context() as patch, serving(history(shared)) as servers:
        (folder / "endpoints.toml").write_text(endpoints(servers))
        patch.setenv("EBBTIDE_ENDPOINTS", str(folder / "endpoints.toml"))
        patch.setenv("FRED_API_KEY", KEY)
        patch.setattr("data_cache.parquet.now", lambda: NOW)
        patch.setattr("backtests.fetch_request.Patience", partial(Patience, tries=1))
        _fetch(patch, folder / "store", "macro", "funding")
        _fetch(patch, folder / "store", "prices", "--timeframe", "1d")
        # The hourly files begin in 2018.
        _fetch(patch, folder / "store", "prices", "--timeframe", "1h", "--from", "2018-01-01")
    return folder / "store"


def _fetch(patch: pytest.MonkeyPatch, store: Path, *arguments: str) -> None:
    from backtests.cli import main

    patch.setattr("sys.argv", ["ebbtide", "fetch", "--quiet", "--store", str(store), *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code in (0, 2), "mark and index prices, open interest and four series are not in the files"


def test_what_was_fetched_is_what_the_files_hold(fetched: Path, history: Path) -> None:
    one, other = Store(fetched), Store(history)
    for listing in other.listings():
        pd.testing.assert_frame_equal(one.bars(listing).frame, other.bars(listing).frame, check_exact=True)
    own = {name for name in other.series() if name.startswith(("ETF_", "STABLECOINS", "T10YIE"))}
    for name in set(other.series()) - own:
        first, expected = (Observations({name: store.rows(name)}).releases(name) for store in (one, other))
        # The file of the SRF holds sums of billions, 14.250999999999998 for what was 14.251 in dollars.
        pd.testing.assert_frame_equal(first, expected, rtol=1e-12, atol=0, obj=name)


def test_a_comparison_on_what_was_fetched_has_the_equity_of_one_on_the_files(
    ebbtide: Ebbtide, fetched: Path, history: Path
) -> None:
    answers = [
        ebbtide("compare", "all", "--data", "cache", "--store", store, *WINDOW, "--json").json["results"]
        for store in (fetched, history)
    ]
    hashes = [{result["strategy"]: result["equity_sha256"] for result in results} for results in answers]
    assert len(hashes[0]) == len(built_in())
    assert hashes[0] == hashes[1]


pytestmark = pytest.mark.real
