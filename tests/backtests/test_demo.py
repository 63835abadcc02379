"""The demo: what was planted is found, what was not planted is not."""

from pathlib import Path

import pytest

from backtests.demo import Response, responses, run_demo
from backtests.selection import built_in
from data_cache.lab import Lab


def test_the_planted_response_is_found_within_its_error() -> None:
    for response in responses(Lab()):
        assert abs(response.found - response.planted) < 3 * response.error
        assert response.t > 3


def test_where_nothing_was_planted_nothing_is_found() -> None:
    for response in responses(Lab(effect=0)):
        assert response.planted == 0
        assert abs(response.t) < 3


def test_t_counts_standard_errors() -> None:
    assert Response("BTC", planted=0.0, found=0.006, error=0.002).t == pytest.approx(3.0)


def test_the_demo_shows_every_strategy_and_writes_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_demo(tmp_path / "new" / "demo", seed=7)
    shown = capsys.readouterr().out
    assert all(name in shown for name in built_in())
    assert "SIMULATED (lab, seed 7, effect 1)" in shown
    assert "Planted: For each $100bn" in shown
    assert shown.count("Least squares finds") == 2
    page = (tmp_path / "new" / "demo" / "demo.html").read_text("utf-8")
    assert all(name in page for name in built_in())
    assert "SIMULATED" in page
    assert [path.name for path in (tmp_path / "new" / "demo").iterdir()] == ["demo.html"]
