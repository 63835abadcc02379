"""The search space: what values a text stands for, in which order they are combined, and what is refused."""

import itertools
import pickle
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from backtests.selection import built_in, combinators
from backtests.sweeps import grid
from backtests.sweeps.grid import Axis, Space, read_space
from data_cache.errors import BadUsage, StrategyFailed, UnknownName
from signals.parameters import Mix, dotted_parameters
from strategies import Blend, BuyAndHold, FiscalDominance, NetLiquidityTide, StealthQE, Strategy, TreasuryRelease

OWN = """
from dataclasses import dataclass

from strategies import NetLiquidityTide, Strategy


@dataclass(frozen=True)
class Crossing(Strategy):
    fast: int
    slow: int = 20
    risky: bool = False
    kind: str = "late"
    tide: NetLiquidityTide = NetLiquidityTide()
    assets: tuple[str, ...] = ("BTC",)

    def __post_init__(self):
        if self.fast >= self.slow:
            raise ValueError("fast must be less than slow")
"""


@pytest.fixture
def crossing(tmp_path: Path) -> str:
    """A strategy of a user's own, with a parameter that has no default."""
    (tmp_path / f"own_{tmp_path.name}.py").write_text(OWN)
    return f"{tmp_path}/own_{tmp_path.name}.py:Crossing"


def values(setting: str, text: str = "StealthQE") -> tuple[object, ...]:
    return read_space(text, [setting]).axes[0].values


# Values


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("window=5,10,20", (5, 10, 20)),
        ("window=5:20:5", (5, 10, 15, 20)),
        ("window=5:22:5", (5, 10, 15, 20)),
        ("window=20:5:-5", (20, 15, 10, 5)),
        ("window=5:5:5", (5,)),
        ("window=1,2,5:15:5,3", (1, 2, 5, 10, 15, 3)),
        ("window= 5 , 10 ", (5, 10)),
        ("trigger=0.5,1,2,5", (0.5, 1.0, 2.0, 5.0)),
        ("trigger=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("trigger=-0.1:0.1:0.1", (-0.1, 0.0, 0.1)),
        ("trigger=1:2:0.5", (1.0, 1.5, 2.0)),
        ("trigger=1e-3:3e-3:1e-3", (0.001, 0.002, 0.003)),
        ("mix=BTC:0.7,ETH:0.3", ((("BTC", 0.7), ("ETH", 0.3)),)),
        ("mix=BTC:1;BTC:0.7,ETH:0.3", ((("BTC", 1.0),), (("BTC", 0.7), ("ETH", 0.3)))),
        ("StealthQE.window=5,10", (5, 10)),
    ],
)
def test_a_text_stands_for_these_values(setting: str, expected: tuple[object, ...]) -> None:
    found = values(setting)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_truths_and_words_are_listed(crossing: str) -> None:
    space = read_space(crossing, ["risky=true,no", "kind=early,late", "fast=1"])
    assert [axis.values for axis in space.axes] == [(True, False), ("early", "late"), (1,)]


@given(
    first=draw.integers(-1_000, 1_000),
    step=draw.integers(1, 50),
    count=draw.integers(0, 200),
    past=draw.integers(0, 49),
)
def test_a_range_is_exactly_what_its_decimals_say(first: int, step: int, count: int, past: int) -> None:
    last = first + count * step + min(past, step - 1)
    tenths = [float(Fraction(first + number * step, 10)) for number in range(count + 1)]
    assert values(f"trigger={first / 10}:{last / 10}:{step / 10}") == tuple(tenths)
    whole = tuple(range(first, last + 1, step))
    assert values(f"window={first}:{last}:{step}") == whole


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("window=5:60", r"StealthQE\.window=5:60 is no range; write first:last:step, as in 5:60:5$"),
        ("window=5:60:5:1", r"is no range; write first:last:step"),
        ("window=60:5:5", r"=60:5:5 is empty: its step leads away from 5; turn the sign of the step$"),
        ("window=5:60:-5", r"is empty: its step leads away from 60; turn the sign"),
        ("window=5:60:0", r"has a step of zero; take another, or write the one value$"),
        ("window=5:60:2.5", r"^StealthQE\.window is int; '2\.5' is not$"),
        ("window=5:long:5", r"^StealthQE\.window is int; 'long' is not$"),
        ("window=", r"^StealthQE\.window is int; '' is not$"),
        ("window=5,,10", r"^StealthQE\.window is int; '' is not$"),
        ("window=5,5:10:5", r"^StealthQE\.window=5,5:10:5 has 5 twice; give each value once$"),
        ("trigger=1,2,1.0", r"has 1\.0 twice"),
        ("trigger=0:inf:1", r"has no end; write first:last:step with finite numbers$"),
        ("trigger=nan:1:1", r"has no end"),
        ("trigger=0:1:1e-9", r"has more than 1,000,000 values; take a larger step$"),
        ("mix=BTC:0.7,ETH:0.3,BTC:1", r"^StealthQE\.mix is asset:share,asset:share; "),
        ("windw=5", r"^StealthQE has no parameter 'windw'; did you mean 'window'\?$"),
        ("StelthQE.window=5", r"^StealthQE has no part 'StelthQE'; did you mean 'StealthQE'\?$"),
        ("window", r"^--set takes name=value; found 'window'$"),
    ],
)
def test_what_is_no_list_and_no_range_is_refused(setting: str, sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        read_space("StealthQE", [setting])


def test_a_parameter_is_given_once() -> None:
    with pytest.raises(
        BadUsage, match=r"^--set window is given twice; write all its values into one, as in window=1,2"
    ):
        read_space("StealthQE", ["window=5", "StealthQE.window=10"])


def test_without_a_parameter_there_is_nothing_to_search() -> None:
    with pytest.raises(BadUsage, match=r"^there is nothing to search; .* as in --set window=1,2$"):
        read_space("StealthQE", [])


def test_what_can_t_be_written_is_set_in_python(crossing: str) -> None:
    with pytest.raises(BadUsage, match=r"^Crossing\.assets can't be set from text; set it in Python$"):
        read_space(crossing, ["fast=1", "assets=BTC,ETH"])


def test_a_parameter_without_a_default_is_given_by_the_search_or_missed(crossing: str) -> None:
    assert [s.fast for s in read_space(crossing, ["fast=1:3:1"]).strategies()] == [1, 2, 3]  # type: ignore[attr-defined]
    with pytest.raises(BadUsage, match=r"^Crossing needs fast; add --set fast=VALUE$"):
        read_space(crossing, ["slow=1:3:1"])


# Nested strategies


def test_parameters_of_a_nested_strategy_have_dotted_names() -> None:
    space = read_space("FiscalDominance", ["term_premium_shield.days=4,13", "exposure=0.5,1"])
    assert [(s.term_premium_shield.days, s.exposure) for s in space.strategies()] == [  # type: ignore[attr-defined]
        (4, 0.5),
        (4, 1.0),
        (13, 0.5),
        (13, 1.0),
    ]
    assert all(s.treasury_release == TreasuryRelease() for s in space.strategies())  # type: ignore[attr-defined]


def test_what_the_expression_gave_a_nested_strategy_stays() -> None:
    space = read_space(
        "FiscalDominance(treasury_release=TreasuryRelease(window_days=5))", ["treasury_release.released=1,2"]
    )
    assert [s.treasury_release for s in space.strategies()] == [  # type: ignore[attr-defined]
        TreasuryRelease(window_days=5, released=1.0),
        TreasuryRelease(window_days=5, released=2.0),
    ]


SHIPPED = built_in() | combinators()
DEFAULT = FiscalDominance()


@dataclass(frozen=True)
class Outer(Strategy):
    """A strategy that holds one that holds others."""

    inner: FiscalDominance = DEFAULT


def test_names_may_have_many_dots() -> None:
    space = Space(Outer(), (Axis("inner.treasury_release.window_days", (3, 4)), Axis("inner.exposure", (0.5,))))
    expected = [FiscalDominance(TreasuryRelease(window_days=days), exposure=0.5) for days in (3, 4)]
    assert list(space.strategies()) == [Outer(inner) for inner in expected]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_parameter_of_every_strategy_has_a_dotted_name_under_which_it_can_be_set(name: str) -> None:
    for dotted, value in dotted_parameters(SHIPPED[name]()).items():
        text = ",".join(f"{a}:{s}" for a, s in value) if isinstance(value, tuple) else str(value)
        space = read_space(name, [f"{dotted}={text}"])
        assert space.trial(0) == {dotted: value}
        assert list(space.strategies()) == [SHIPPED[name]()]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("tide.weeks=4", r"^FiscalDominance has no part 'tide'; "),
        ("treasury_release.weeks=4", r"^TreasuryRelease has no parameter 'weeks'; "),
        ("exposure.weeks=4", r"^FiscalDominance has no part 'exposure'; "),
        (
            "treasury_release=4",
            r"^FiscalDominance\.treasury_release is a TreasuryRelease; set its .*, as in --set treasury_release\.NAME",
        ),
    ],
)
def test_a_nested_name_that_leads_nowhere_is_refused(setting: str, sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        read_space("FiscalDominance", [setting])


def test_strategies_in_a_tuple_are_named_by_their_place() -> None:
    space = read_space("Blend(parts=(StealthQE(), NetLiquidityTide()))", ["parts.0.window=5,10", "parts.1.weeks=4,8"])
    tried = [(5, 4), (5, 8), (10, 4), (10, 8)]
    assert list(space.strategies()) == [Blend((StealthQE(window=w), NetLiquidityTide(weeks=k))) for w, k in tried]


def test_a_constraint_may_name_a_strategy_in_a_tuple() -> None:
    base = "Blend(parts=(StealthQE(), NetLiquidityTide()))"
    where = ["parts.0.window > parts.1.weeks + 0.5 and parts.1.weeks * 1.5 < 12"]
    space = read_space(base, ["parts.0.window=5,10", "parts.1.weeks=4,8"], where)
    assert [tuple(trial.values()) for trial in space] == [(5, 4), (10, 4)]
    with pytest.raises(
        UnknownName, match=r"^Blend has no parameter 'parts\.0\.windw'; did you mean 'parts\.0\.window'\?$"
    ):
        read_space(base, ["parts.0.window=5,10"], ["parts.0.windw > 1"])


def test_shares_are_searched_with_semicolons_between_them() -> None:
    space = read_space("Blend(parts=(StealthQE(), BuyAndHold()))", ["shares=0.6,0.4;0.5,0.25"])
    parts = (StealthQE(), BuyAndHold())
    assert list(space.strategies()) == [Blend(parts, (0.6, 0.4)), Blend(parts, (0.5, 0.25))]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("parts.window=5", r"^parts are 0, 1; name one of them, as in parts\.0\.NAME$"),
        ("parts.7.window=5", r"^parts has no part '7'; it has: 0, 1$"),
        ("parts=5", r"^Blend\.parts is a tuple of Strategy; write it into the expression"),
    ],
)
def test_a_name_that_leads_to_no_strategy_of_a_tuple_is_refused(setting: str, sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        read_space("Blend", [setting])


# Combinations


def test_combinations_come_in_the_order_of_nested_loops() -> None:
    space = read_space("StealthQE", ["window=5,10", "trigger=1:3:1"])
    assert space.size == 6
    assert list(space) == [{"window": w, "trigger": t} for w in (5, 10) for t in (1.0, 2.0, 3.0)]
    assert [space.trial(number) for number in range(6)] == list(space)
    assert list(space.strategies())[4] == StealthQE(window=10, trigger=2.0)


def test_strategies_are_made_from_another_base_where_one_is_given() -> None:
    space = read_space("NetLiquidityTide", ["weeks=4,13"])
    made = list(space.strategies(NetLiquidityTide(exposure=0.5)))
    assert made == [NetLiquidityTide(weeks=4, exposure=0.5), NetLiquidityTide(weeks=13, exposure=0.5)]


@pytest.mark.parametrize("number", [-1, 6])
def test_there_is_no_trial_beyond_the_last(number: int) -> None:
    space = read_space("StealthQE", ["window=5,10", "trigger=1:3:1"])
    with pytest.raises(IndexError, match=rf"trial {number} of a space of 6"):
        space.trial(number)


def test_a_space_of_a_million_millions_is_not_laid_out() -> None:
    space = read_space("StealthQE", [f"{name}=1:1000:1" for name in ("window", "trigger", "ceiling_bps", "exposure")])
    assert space.size == 1_000**4
    assert space.trial(space.size - 1) == {"window": 1000, "trigger": 1000.0, "ceiling_bps": 1000.0, "exposure": 1000.0}
    assert space.trial(1_002) == {"window": 1, "trigger": 1.0, "ceiling_bps": 2.0, "exposure": 3.0}


# Constraints


def test_a_constraint_leaves_out_what_it_does_not_hold_of() -> None:
    space = read_space("StealthQE", ["window=5:20:5", "trigger=1,10"], ["window > trigger and window != 15"])
    assert list(space) == [
        {"window": 5, "trigger": 1.0},
        {"window": 10, "trigger": 1.0},
        {"window": 20, "trigger": 1.0},
        {"window": 20, "trigger": 10.0},
    ]
    assert space.size == 4
    assert space.allows({"window": 20, "trigger": 10.0})
    assert not space.allows({"window": 5, "trigger": 10.0})


def test_several_constraints_must_all_hold() -> None:
    space = read_space("StealthQE", ["window=1:9:1"], ["window > 3", "window < 7", "window % 2 == 1"])
    assert [trial["window"] for trial in space] == [5]


def test_a_constraint_may_name_what_is_not_searched() -> None:
    assert [t["window"] for t in read_space("StealthQE(trigger=7)", ["window=5:9:1"], ["window > trigger"])] == [8, 9]
    nested = read_space("FiscalDominance", ["term_premium_shield.days=4,13"], ["term_premium_shield.days < 5"])
    assert nested.size == 1


@given(limit=draw.integers(0, 40), places=draw.permutations(["window", "trigger", "ceiling_bps"]))
def test_what_is_left_is_what_a_loop_would_leave(limit: int, places: list[str]) -> None:
    text = f"window + trigger >= {limit} or ceiling_bps == 3"
    space = read_space("StealthQE", [f"{name}=1:15:2" for name in places], [text, "trigger <= window"])
    odd = range(1, 16, 2)
    expected = [
        trial
        for combination in itertools.product(odd, odd, odd)
        for trial in [dict(zip(places, combination, strict=True))]
        if trial["window"] + trial["trigger"] >= limit or trial["ceiling_bps"] == 3
        if trial["trigger"] <= trial["window"]
    ]
    assert list(space) == expected
    assert all(space.allows(trial) for trial in space)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (["window > 99"], r"^--where 'window > 99' leaves none of 12 combinations; loosen it$"),
        (["window > 30", "window < 20"], r"^--where 'window > 30' and 'window < 20' leaves none of 12 combinations"),
        (["windw > 9"], r"^StealthQE has no parameter 'windw'; did you mean 'window'\?$"),
        (["mix > 9"], r"can't be said of mix=\(\('BTC', 0\.7\), \('ETH', 0\.3\)\): "),
        (["window"], r"window is 5, neither true nor false; compare it$"),
        (["open(window)"], r"may hold parameters, numbers, .*; found 'open\(window\)'$"),
    ],
)
def test_a_constraint_that_can_t_hold_is_refused(where: list[str], sentence: str) -> None:
    with pytest.raises(BadUsage, match=sentence):
        read_space("StealthQE", ["window=5:60:5"], where)


def test_so_many_combinations_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "MOST_CONSTRAINED", 11)
    with pytest.raises(
        BadUsage, match=r"^--where has 12 combinations to look through, more than 11; take fewer values$"
    ):
        read_space("StealthQE", ["window=5:60:5"], ["window > 5"])


def test_a_strategy_that_refuses_a_combination_is_told_with_it(crossing: str) -> None:
    space = read_space(f"{crossing}(slow=3)", ["fast=1:4:1"])
    with pytest.raises(
        StrategyFailed, match=r"^Crossing can't be made with fast=3: ValueError: fast must be less .*--where"
    ):
        list(space.strategies())
    assert [s.fast for s in read_space(f"{crossing}(slow=3)", ["fast=1:4:1"], ["fast < slow"]).strategies()] == [1, 2]  # type: ignore[attr-defined]


def test_a_space_goes_to_other_processes() -> None:
    space = read_space("StealthQE", ["window=5:60:5", "trigger=1,2"], ["window > 30"])
    there = pickle.loads(pickle.dumps(space))
    assert there == space
    assert list(there) == list(space)


def test_a_mix_is_one_value_as_everywhere() -> None:
    two: Mix = (("BTC", 0.5), ("ETH", 0.5))
    space = read_space("StealthQE", ["mix=BTC:0.5,ETH:0.5;BTC:1", "window=5"])
    assert space.trial(0) == {"mix": two, "window": 5}


def test_an_unknown_strategy_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'StealthQE'\?"):
        read_space("StelthQE", ["window=5"])
