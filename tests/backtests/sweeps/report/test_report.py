"""The report of a sweep as HTML: its headline, its tables, what it holds for machines, and names that bite."""

import csv
import io
import json
import os
from dataclasses import make_dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.findings import Finding
from backtests.sweeps.constraint import Constraint
from backtests.sweeps.grid import Axis
from backtests.sweeps.judge import Judged
from backtests.sweeps.report import page, words, write_report
from backtests.sweeps.swept import Sweep
from backtests.sweeps.verdict import STATISTICS
from backtests.tearsheet.sealed import sealed
from data_cache.errors import BadUsage
from strategies import StealthQE
from tests.backtests.parsed_page import Page
from tests.backtests.sweeps.report.synthetic import AXES, made, made_verdict

BITE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return made()


@pytest.fixture(scope="module")
def parsed(sweep: Sweep) -> Page:
    return Page(page.render(sweep))


def text_of(parsed: Page) -> str:
    return " ".join(" ".join(parsed.text).split())


# --- the headline and the verdict


def test_the_headline_counts_the_trials_of_this_sweep_and_then_all_that_ever_were(parsed: Page) -> None:
    assert "StealthQE: the best of 30 trials, 1,240 ever" in text_of(parsed)
    assert "The 10 best of 30 trials" in text_of(parsed)


def test_where_nothing_else_was_tried_the_headline_counts_once() -> None:
    own = made()
    sentence = words.title(replace(own, verdict=made_verdict(own.scores, trials=30)))
    assert sentence == "StealthQE: the best of 30 trials"


def test_a_single_trial_is_told_as_one() -> None:
    own = made([Axis("window", (5,))])
    alone = replace(own, verdict=made_verdict(own.scores, trials=1))
    assert (words.title(alone), words.ranked(alone)) == ("StealthQE: the only trial", "The only trial")
    told = text_of(Page(page.render(alone)))
    assert "of the best trial. It was chosen by this very history, so it looks better here than it is." in told
    assert "The Sharpe ratio of 1 trial, and how often each value occurs." in told


def test_of_fewer_trials_than_ten_all_are_listed_and_of_those_with_a_score_the_best() -> None:
    assert words.ranked(made(AXES[:1])) == "The 3 trials"
    assert words.ranked(made(AXES[:1], problems=[0])) == "The 2 best of 3 trials"
    assert words.ranked(made(AXES[:1], problems=[0, 1])) == "The best of 3 trials"


SENTENCES = [
    (
        {"deflated": 0.41, "trials": 1_240, "sharpe": 1.1},
        "After 1,240 trials, a Sharpe ratio of 1.10 a year is what luck alone would give: deflated Sharpe ratio 0.410.",
    ),
    (
        {"deflated": 0.7, "trials": 1, "sharpe": 1.1},
        "After 1 trial, a Sharpe ratio of 1.10 a year can't be told from luck: deflated Sharpe ratio 0.700, below "
        "0.95.",
    ),
    (
        {"deflated": 0.97, "trials": 20, "sharpe": 1.1},
        "After 20 trials, a Sharpe ratio of 1.10 a year is more than luck explains: deflated Sharpe ratio 0.970.",
    ),
    (
        {"deflated": np.nan, "trials": 20, "skipped": {"deflated": "the returns do not vary"}},
        "How much of the best is the luck of 20 trials is not known: the returns do not vary.",
    ),
    (
        {"overfitting": 0.38, "spa": 0.21},
        "What is best on one half of the history is, on the other, no better than the median trial in 38.0% of splits. "
        "No trial is shown to have a higher mean daily return in excess of cash than BuyAndHold(mix=BTC:1.0) (SPA p = "
        "0.210; risk is not adjusted for).",
    ),
    (
        {"overfitting": 0.1, "spa": 0.01, "better": 3},
        "What is best on one half of the history is, on the other, no better than the median trial in 10.0% of splits. "
        "At least one trial is shown to have a higher mean daily return in excess of cash than BuyAndHold(mix=BTC:1.0) "
        "(SPA p = 0.010; risk is not adjusted for); the stepwise test names 3.",
    ),
    (
        {"placebo": None, "skipped": {"placebo": "there are no orders that could be rotated"}},
        "There is no placebo test: there are no orders that could be rotated.",
    ),
]


@pytest.mark.parametrize(("numbers", "sentence"), SENTENCES)
def test_numbers_are_said_in_sentences(sweep: Sweep, numbers: dict[str, object], sentence: str) -> None:
    assert sentence in words.reasons(made_verdict(sweep.scores, **numbers), "BuyAndHold(mix=BTC:1.0)")


def test_the_sentence_about_the_benchmark_names_it(parsed: Page) -> None:
    assert "in excess of cash than BuyAndHold() (SPA p = 0.210; risk is not adjusted for)." in text_of(parsed)


NEAR = [
    (0.9499, "can't be told from luck: deflated Sharpe ratio 0.9499, below 0.95."),
    (0.95, "is more than luck explains: deflated Sharpe ratio 0.950."),
    (0.50004, "can't be told from luck: deflated Sharpe ratio 0.500, below 0.95."),
]


@pytest.mark.parametrize(("deflated", "sentence"), NEAR)
def test_a_number_beside_a_threshold_does_not_contradict_its_sentence(deflated: float, sentence: str) -> None:
    assert words.reasons(made_verdict(made().scores, deflated=deflated))[0].endswith(sentence)
    assert words.against(0.0500001, words.LEVEL) == "0.0500001"
    assert words.against(0.05, words.LEVEL) == "0.050"


def test_luck_is_presumed_until_every_number_speaks_against_it(sweep: Sweep) -> None:
    placebo = replace(made_verdict(sweep.scores).placebo, scores=np.zeros(199), observed=1.0)  # type: ignore[type-var]
    good = {"deflated": 0.97, "overfitting": 0.1, "spa": 0.01, "placebo": placebo}
    against, for_it = "and these numbers speak against it", "and these numbers do not overturn that"
    assert against in words.presumption(made_verdict(sweep.scores, **good))
    for worse in ({"deflated": 0.94}, {"overfitting": 0.51}, {"spa": 0.06}, {"placebo": None}, {"spa": np.nan}):
        assert for_it in words.presumption(made_verdict(sweep.scores, **(good | worse)))


def test_findings_are_sentences_with_their_codes(parsed: Page) -> None:
    assert "BEST_OF_MANY StealthQE: the deflated Sharpe ratio is 0.41, below 0.95" in text_of(parsed)


def test_facts_say_what_was_searched_and_under_which_conditions(sweep: Sweep) -> None:
    facts = dict(words.facts(sweep))
    assert facts["Parameters"] == "window: 5, 10, 21 · trigger: 0.5, 1, 2, 5, 10 · mix: BTC:0.7,ETH:0.3; BTC:1.0"
    assert facts["Search"] == "all of the grid, in its order: 30 trials"
    assert facts["Window"] == "1 Jan 2016 to 1 Mar 2016 00:00 UTC"
    assert facts["Objective"] == "Sharpe ratio"
    assert facts["Costs"].startswith("fee 10 bps and slippage 5 bps on every fill")
    assert "Where" not in facts


def test_a_search_that_draws_has_a_seed_and_a_grid_has_none(sweep: Sweep) -> None:
    assert words.search_of(sweep.plan, 30) == "all of the grid, in its order: 30 trials"
    assert words.search_of(replace(sweep.plan, search="random"), 1) == "a random sample: 1 trial, seed 7"


def test_facts_name_the_constraints(sweep: Sweep) -> None:
    space = replace(sweep.plan.space, where=(Constraint("window < 20"), Constraint("trigger > 0.5")))
    facts = dict(words.facts(replace(sweep, plan=replace(sweep.plan, space=space))))
    assert facts["Where"] == "window < 20 and trigger > 0.5"


def test_a_simulated_market_is_said_to_be_one_and_a_real_one_is_not(parsed: Page) -> None:
    simulated = Page(page.render(made(origin="SIMULATED (lab, seed 7)")))
    assert simulated.having("p", id="simulated")
    assert not parsed.having("p", id="simulated")
    assert "SIMULATED" not in text_of(parsed)


def test_notices_are_said() -> None:
    assert "Run by event engines." in text_of(Page(page.render(made(notices=["Run by event engines."]))))


# --- the tables


def test_the_ten_best_are_listed_with_parameters_and_those_that_vectorbt_judged_are_marked(sweep: Sweep) -> None:
    best = page.best_trials(sweep)
    assert [row.number for row in best["rows"]] == sweep.top(10).index.tolist()
    assert [bool(row.judged) for row in best["rows"]] == [True] * 5 + [False] * 5
    first = sweep.table.loc[sweep.best]
    assert best["rows"][0].parameters == [str(first["window"]), f"{first['trigger']:g}", first["mix"]]
    assert best["rows"][0].measures[0] == f"{first['sharpe']:.2f}"
    assert best["metrics"][0].name == "sharpe"


def test_the_objective_is_the_first_measure_of_the_table() -> None:
    best = page.best_trials(made(objective="max_drawdown", scores=[0.3 - number / 100 for number in range(30)]))
    assert [metric.name for metric in best["metrics"]][:2] == ["max_drawdown", "sharpe"]
    assert best["rows"][0].measures[0] == "-1.0%"


def test_what_vectorbt_said_is_a_sentence(sweep: Sweep) -> None:
    assert words.judgement(sweep) == (
        "vectorbt ran 5 trials again, the best and a random sample; the largest relative difference of equity is "
        "3.0e-13."
    )
    none = replace(sweep, judged=Judged(np.empty(0, np.int64), np.empty(0)))
    assert words.judgement(none) == "vectorbt ran no trial again: none has a result."


def test_every_statistic_is_there_with_what_it_means(parsed: Page) -> None:
    told = text_of(parsed)
    for row in STATISTICS:
        assert row.label in told
        assert row.definition.replace("`", "") in told


def test_a_statistic_that_was_skipped_is_a_dash_with_the_reason() -> None:
    own = made()
    skipped = {"overfitting": "there is one trial only", "intervals": "nothing varies"}
    empty = own.verdict.intervals * np.nan
    without = replace(own.verdict, overfitting=np.nan, intervals=empty, skipped=skipped)
    found = replace(own, verdict=without)
    assert ("Probability of overfitting", "–") in [(label, text) for label, text, _ in page.statistics(found)]
    told = text_of(Page(page.render(found)))
    assert "Probability of overfitting, there is one trial only; intervals, nothing varies." in told
    assert "with what it may have been by chance" not in told


def test_intervals_run_from_the_worse_end_to_the_better(sweep: Sweep) -> None:
    """Of the drawdown, a loss of 25 to 61 %, the higher number is the worse end."""
    assert page.intervals(sweep)[0] == ("Sharpe ratio", "1.10", "0.20", "1.90")
    assert page.intervals(sweep)[2] == ("Maximum drawdown", "-42.0%", "-61.0%", "-25.0%")


def test_it_is_said_where_the_placebo_is_of_some_of_the_trials(sweep: Sweep) -> None:
    some = replace(sweep, verdict=replace(sweep.verdict, placebo_trials=20))
    told = {label: meaning for label, _, meaning in page.statistics(some)}
    assert told["Placebo test, p"].endswith(" Of 20 of the 30 trials.")
    assert "Of 20" not in "".join(meaning for label, meaning in told.items() if label != "Placebo test, p")
    assert "of the 30 trials" not in "".join(meaning for _, _, meaning in page.statistics(sweep))


def test_trials_without_a_score_are_counted_with_their_reason() -> None:
    own = made(problems=[0, 7, 8])
    table = own.table.assign(problem=own.table["problem"].where(own.table.index != 8, ""))
    told = text_of(Page(page.render(replace(own, table=table))))
    reasons = "no value of srf (2); it is undefined, as where nothing was traded (1)"
    assert f"3 of 30 trials have no Sharpe ratio: {reasons}." in told


# --- charts


def test_every_figure_has_a_place_and_every_place_a_description(parsed: Page) -> None:
    places = parsed.having("div", role="img")
    charts = [place for place in places if "chart" in str(place.get("class"))]
    assert sorted(str(place["id"]) for place in charts) == sorted(json.loads(parsed.scripts["figures"]))
    assert {"luck", "map-0", "map-1", "map-2", "paths", "fan"} == {place["id"] for place in charts}
    assert all(len(str(place["aria-label"])) > 40 for place in charts)


def test_one_parameter_has_a_curve_instead_of_maps() -> None:
    figures = json.loads(Page(page.render(made([Axis("window", (5, 10, 21))]))).scripts["figures"])
    assert list(figures) == ["luck", "curve", "fan"]


def test_fewer_trials_than_tenths_leave_some_without_lines() -> None:
    figures = json.loads(Page(page.render(made([AXES[0], AXES[2]]))).scripts["figures"])
    assert len(figures["paths"]["data"]) == 11


def test_a_single_trial_has_neither() -> None:
    parsed = Page(page.render(made([Axis("window", (5,))])))
    assert list(json.loads(parsed.scripts["figures"])) == ["luck", "fan"]
    assert "there is nothing to map" in text_of(parsed)


def test_it_is_said_where_neighbouring_values_share_a_place(parsed: Page) -> None:
    binned = made([Axis("window", tuple(range(5, 46))), AXES[1]])
    assert "neighbours share a place" in text_of(Page(page.render(binned)))
    assert "neighbours share a place" not in text_of(parsed)


def test_pairs_that_are_left_out_are_counted() -> None:
    bits = [Axis(name, (False, True)) for name in "abcdef"]
    base = make_dataclass("Six", [(name, bool, False) for name in "abcdef"], bases=(StealthQE,), frozen=True)
    parsed = Page(page.render(made(bits, base=base())))
    assert "These are the 10 of 15 pairs that explain most of the variance; 5 that explain less" in text_of(parsed)
    assert "map-9" in parsed.ids
    assert "map-10" not in parsed.ids


def test_a_report_without_a_placebo_says_so() -> None:
    own = made()
    found = replace(own, verdict=replace(own.verdict, placebo=None, skipped={"placebo": "there are no orders"}))
    assert "There is no placebo beside them." in text_of(Page(page.render(found)))


# --- for machines


def test_the_manifest_is_there_for_machines(parsed: Page, sweep: Sweep) -> None:
    manifest = json.loads(parsed.scripts["manifest"])
    assert manifest["manifest"] == sweep.manifest
    assert manifest["best"]["trial"] == sweep.best


def test_the_trials_are_there_as_csv(parsed: Page, sweep: Sweep) -> None:
    read = pd.read_csv(io.StringIO(json.loads(parsed.scripts["trials"])), index_col="trial")
    assert read.columns.tolist() == sweep.table.columns.tolist()
    assert read["mix"].tolist() == sweep.table["mix"].tolist()
    assert read["sharpe"].tolist() == pytest.approx(sweep.table["sharpe"].tolist(), rel=1e-7)


def test_of_very_many_trials_the_best_are_there_as_csv_in_their_order() -> None:
    many = made([Axis("window", tuple(range(1, 6_002)))], scores=[float(n) for n in range(6_001)])
    rows = list(csv.DictReader(io.StringIO(page.trials_csv(many))))
    assert [int(row["trial"]) for row in rows] == list(range(1_001, 6_001))
    assert "The 5,000 best of 6,001; all are in sweeps/made-up/trials.parquet" in text_of(Page(page.render(many)))


def test_the_page_asks_nothing_of_the_network(parsed: Page) -> None:
    policy = next(meta for meta in parsed.having("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert not [a for tag, a in parsed.tags if a.get("src") or (tag == "link" and a.get("href") != "data:,")]


def test_links_lead_somewhere_headers_have_a_scope_and_no_id_is_there_twice(parsed: Page) -> None:
    links = [str(a["href"]) for _, a in parsed.tags if str(a.get("href", "")).startswith("#")]
    assert {link.removeprefix("#") for link in links} <= set(parsed.ids)
    assert len(links) == 8
    assert len(parsed.ids) == len(set(parsed.ids))
    assert all(header.get("scope") in ("row", "col") for header in parsed.having("th"))


def test_names_that_bite_are_text_everywhere() -> None:
    """A strategy, a parameter's text, an origin, a finding, a problem, a benchmark and a notice that are scripts."""
    cls = make_dataclass(BITE, [("label", str, "a")], bases=(StealthQE,), frozen=True)
    biting = [Axis("label", (BITE, "b")), *AXES[:2]]
    own = made(biting, base=cls(), origin=f"</script>{BITE}<!--", notices=[BITE])
    table = own.table.assign(problem=[BITE, *own.table["problem"].iloc[1:]])
    told = replace(own.verdict, skipped={"slope": BITE})
    found = replace(
        own,
        table=table,
        verdict=told,
        findings=[Finding("BEST_OF_MANY", BITE, BITE)],
        benchmark=own.benchmark.rename(BITE),
        folder=Path(f"sweeps/{BITE}"),
    )
    text = page.render(found)
    parsed = Page(text)
    assert BITE not in text
    assert BITE in "".join(parsed.text)
    assert len(parsed.having("script")) == 5  # manifest, figures, trials, plotly, the page's own
    figures = parsed.scripts["figures"]
    assert "&lt;script&gt;" in figures
    assert "<script" not in json.dumps(json.loads(figures))


# --- the file


def test_the_file_appears_whole_and_alone_in_a_folder_that_was_not_there(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_report(sweep, path)
    assert path.read_text(encoding="utf-8") == sealed(page.render(sweep))
    assert os.listdir(path.parent) == ["report.html"]


def test_a_folder_is_no_file(sweep: Sweep, tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="is a folder; name a file in it"):
        write_report(sweep, tmp_path)


def grid(*counts: int) -> list[Axis]:
    names = ("window", "trigger", "ceiling_bps", "exposure")
    return [Axis(name, tuple(range(1, n + 1))) for name, n in zip(names, counts, strict=True)]


@pytest.mark.parametrize(("counts", "size"), [((10, 10, 5, 2), 4e6), ((25, 20, 20, 10), 7e6)])
def test_a_page_stays_small(counts: tuple[int, ...], size: float, tmp_path: Path) -> None:
    large = made(grid(*counts), days=3_000)
    path = tmp_path / "large.html"
    write_report(large, path)
    assert path.stat().st_size < size
