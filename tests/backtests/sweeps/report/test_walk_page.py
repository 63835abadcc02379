"""The page of a walk as HTML: its headline, its tables, what it holds for machines, and names that bite."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.findings import Finding
from backtests.metrics import METRICS
from backtests.sweeps.report import walk_page, write_walk
from backtests.sweeps.report import walk_words as words
from backtests.sweeps.walked import Walk
from backtests.tearsheet.sealed import sealed
from data_cache.errors import BadUsage
from data_cache.market import Market
from tests.backtests.parsed_page import Page
from tests.backtests.sweeps.report.made_walk import lab, made_paths, made_walk

BITE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def market() -> Market:
    return lab()


@pytest.fixture(scope="module")
def walk(market: Market) -> Walk:
    return made_walk(market)


@pytest.fixture(scope="module")
def parsed(walk: Walk) -> Page:
    return Page(walk_page.render_walk(walk, made_paths()))


def text_of(parsed: Page) -> str:
    return " ".join(" ".join(parsed.text).split())


def test_the_strategy_is_called_by_its_family(parsed: Page) -> None:
    assert "TrendFollowing, walked forward" in text_of(parsed)
    assert ">Scheduled<" not in text_of(parsed)


def test_the_headline_sets_the_joined_sharpe_ratio_beside_the_benchmarks(walk: Walk) -> None:
    own, other = walk.result, walk.result.benchmark
    assert other is not None
    assert words.outcome(own) == (
        f"Out of sample, the joined run has a Sharpe ratio of {own.metrics['sharpe']:.2f} a year; BuyAndHold, "
        f"the benchmark, has {other.metrics['sharpe']:.2f}."
    )
    assert words.outcome(replace(own, benchmark=None)).endswith(" a year.")


def test_what_stands_behind_it_is_counted(walk: Walk) -> None:
    """The grid has three times two times two trials."""
    stretches, behind, kept, across = words.reasons(walk, made_paths())
    assert stretches == "Joined from 4 stretches, each chosen on 120d, held for 60d, 5d between."
    assert behind == (
        "52 runs were made for it and 12 more to cross-validate; 1,240 trials stand behind it in the ledger; this is "
        "one of 2 walks of it."
    )
    assert kept == (
        "Sharpe ratio, median of the stretches: 1.50 inside, 0.38 outside. Outside over inside, the walk-forward "
        "efficiency, is 25%."
    )
    assert across.startswith("On 5 other paths through all of the history")
    assert words.reasons(walk, None)[3] == (
        "It was not cross-validated: a search that learns has seen what would be held out."
    )
    assert "52 runs were made for it; 1,240" in words.reasons(walk, None)[1]


def test_losses_have_minus_signs_and_words_keep_their_hyphens(market: Market) -> None:
    walk = made_walk(market)
    told = text_of(
        Page(walk_page.render_walk(replace(walk, stretches=walk.stretches.assign(out_of_sample=-0.5)), None))
    )
    assert "1.50 inside, −0.50 outside. Outside over inside, the walk-forward efficiency, is −33%." in told
    assert "It was not cross-validated" in told


def test_where_there_is_no_efficiency_the_reason_stands_there(walk: Walk) -> None:
    table = walk.stretches.assign(in_sample=-1.0)
    assert words.kept(replace(walk, stretches=table)).endswith(
        "There is no walk-forward efficiency: the median inside is not above 0."
    )


@pytest.mark.parametrize(
    ("ratios", "sentence"),
    [
        ([0.5, 1.0], "is between 0.50 and 1.00; none of them loses against cash."),
        ([-0.5, 1.0], "is between -0.50 and 1.00; 1 of them loses against cash."),
        ([-0.5, -0.1, 1.0], "is between -0.50 and 1.00; 2 of them lose against cash."),
        ([0.5], "On the one path of the cross-validation the Sharpe ratio is 0.50."),
    ],
)
def test_paths_are_told_in_a_sentence(ratios: list[float], sentence: str) -> None:
    assert words.across(replace(made_paths(), paths=np.array(ratios))).endswith(sentence)


def test_the_table_has_windows_what_was_held_and_both_scores(walk: Walk) -> None:
    first = walk_page.stretches(walk)["rows"][0]
    assert first["windows"] == ["2020-09-03", "2021-01-01", "2021-01-01", "2021-03-02"]
    assert first["held"] == ["10", "BTC:0.7,ETH:0.3", "0.5"]
    assert first["scores"] == ["1.00", "1.50"]


def test_what_was_not_chosen_by_its_own_training_is_explained(walk: Walk) -> None:
    table = walk.stretches.assign(chosen=[True, False, True, True])
    assert "no trial had a score in training" in words.stretch_note(replace(walk, stretches=table))
    assert "no trial had" not in words.stretch_note(walk)


def test_parameters_that_moved_are_drawn_and_the_others_named(parsed: Page) -> None:
    told = text_of(parsed)
    assert "days changed at 2 of 3 steps" in told
    assert "mix changed at 1 of 3 steps" in told
    assert "Never changed: exposure." in told


def test_every_metric_is_there_with_what_it_means(parsed: Page) -> None:
    told = text_of(parsed)
    shown = [metric for metric in METRICS if not metric.perps]
    assert all(metric.label in told and metric.definition.replace("`", "") in told for metric in shown)


def test_facts_say_what_was_walked_through_and_a_grid_has_no_seed(walk: Walk) -> None:
    facts = dict(words.facts(walk))
    assert facts["Steps"] == "chosen on 120d, held for 60d, 5d between"
    assert facts["Search"] == "all of the grid, in its order: 12 trials a window"
    assert facts["Benchmark"].startswith("BuyAndHold(exposure=")
    assert facts["Strategy"].startswith("TrendFollowing(days=10")
    drawn = replace(walk, plan=replace(walk.plan, search="random", trials=5))
    assert dict(words.facts(drawn))["Search"] == "a random sample: 5 trials a window, seed 7"


def test_every_figure_has_a_place_and_every_place_a_description(parsed: Page) -> None:
    charts = [place for place in parsed.having("div", role="img") if "chart" in str(place.get("class"))]
    assert sorted(str(place["id"]) for place in charts) == sorted(json.loads(parsed.scripts["figures"]))
    assert {str(place["id"]) for place in charts} == {
        *("equity", "drawdown", "drift-0", "drift-1", "promised", "paths-of-groups", "splits")
    }
    assert all(len(str(place["aria-label"])) > 30 for place in charts)


def test_without_cross_validation_its_section_is_left_out(walk: Walk) -> None:
    parsed = Page(walk_page.render_walk(walk, None))
    assert "cross" not in parsed.ids
    assert "splits" not in json.loads(parsed.scripts["figures"])


def test_the_stretches_are_there_as_csv(parsed: Page, walk: Walk) -> None:
    read = pd.read_csv(io.StringIO(json.loads(parsed.scripts["trials"])), index_col="stretch")
    assert read.columns.tolist() == walk.stretches.columns.tolist()
    assert read["days"].tolist() == [10, 20, 20, 5]
    assert read["mix"].tolist() == ["BTC:0.7,ETH:0.3", *["BTC:1.0"] * 3]


def test_the_manifest_is_there_for_machines(parsed: Page, walk: Walk) -> None:
    told = json.loads(parsed.scripts["manifest"])
    assert told["trials"] == 1_240
    assert len(told["cross_validation"]["paths"]) == 5
    assert told["walk"] == walk.steps


def test_links_lead_somewhere_headers_have_a_scope_and_no_id_is_there_twice(parsed: Page) -> None:
    links = [str(a["href"]) for _, a in parsed.tags if str(a.get("href", "")).startswith("#")]
    assert {link.removeprefix("#") for link in links} <= set(parsed.ids)
    assert len(links) == 8
    assert len(parsed.ids) == len(set(parsed.ids))
    assert all(header.get("scope") in ("row", "col") for header in parsed.having("th"))


def test_names_that_bite_are_text_everywhere(market: Market) -> None:
    walk = made_walk(market, named=BITE, findings=[Finding("DRIFTING_PARAMETER", BITE, BITE)])
    walk = replace(walk, stretches=walk.stretches.assign(mix=[BITE, "a", "b", BITE]))
    text = walk_page.render_walk(walk, made_paths())
    parsed = Page(text)
    assert BITE not in text
    assert BITE in "".join(parsed.text)
    assert len(parsed.having("script")) == 5  # manifest, figures, stretches, plotly, the page's own
    assert "<script" not in json.dumps(json.loads(parsed.scripts["figures"]))


def test_the_file_appears_in_a_folder_that_was_not_there_and_a_folder_is_no_file(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "new" / "walk.html"
    write_walk(walk, None, path)
    assert path.read_text(encoding="utf-8") == sealed(walk_page.render_walk(walk, None))
    with pytest.raises(BadUsage, match="is a folder; name a file in it"):
        write_walk(walk, None, tmp_path)
