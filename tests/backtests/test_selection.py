"""From a text to a strategy and back: names, expressions, files, modules, settings."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as draw

import signals
import strategies
from backtests.execution import Execution
from backtests.selection import built_in, combinators, find_strategies, find_strategy, make_importable
from backtests.source_code import code
from data_cache.errors import BadUsage, StrategyFailed, UnknownName
from signals import CeilingSpread
from signals.signal import Signal
from strategies import (
    Blend,
    BuyAndHold,
    Capped,
    FiscalDominance,
    FixedMix,
    Gate,
    NetLiquidityTide,
    StealthQE,
    Strategy,
    TreasuryRelease,
)

SIGNALS = {
    name: cls
    for name, cls in vars(signals).items()
    if name in signals.__all__ and inspect.isclass(cls) and issubclass(cls, Signal) and cls is not Signal
}
NAMES = vars(signals) | vars(strategies)
SHIPPED = built_in() | combinators()


def example(cls: type[Signal]) -> Signal:
    """An instance with its defaults, its inner signal being the first one that ships."""
    needed = [field.name for field in fields(cls) if field.default is field.default_factory]
    return cls(**{name: signals.StandingRepoUse() for name in needed})


@pytest.mark.parametrize("name", SHIPPED)
def test_a_strategy_is_found_by_what_it_prints_of_itself(name: str) -> None:
    strategy = SHIPPED[name]()
    assert find_strategy(repr(strategy)) == strategy
    assert find_strategy(name) == strategy
    assert find_strategy(f"{name}()") == strategy
    assert eval(repr(strategy), dict(NAMES)) == strategy


@pytest.mark.parametrize("name", sorted(SIGNALS))
def test_a_signal_is_what_it_prints_of_itself(name: str) -> None:
    signal = example(SIGNALS[name])
    assert eval(repr(signal), dict(NAMES)) == signal
    assert hash(eval(repr(signal), dict(NAMES))) == hash(signal)


@given(fee=draw.floats(0, 100), latency=draw.floats(0, 48), cash=draw.sampled_from(["0", "SOFR"]))
def test_an_execution_is_what_it_prints_of_itself(fee: float, latency: float, cash: str) -> None:
    execution = Execution(fee_bps=fee, latency_hours=latency, cash=cash)
    assert eval(repr(execution)) == execution


@given(
    window=draw.integers(1, 500),
    released=draw.floats(-1e6, 1e6),
    exposure=draw.floats(0, 1),
    shares=draw.lists(draw.floats(0, 1), min_size=2, max_size=2),
)
def test_parameters_survive_being_printed_and_read(
    window: int, released: float, exposure: float, shares: list[float]
) -> None:
    mix = (("BTC", shares[0]), ("SOL", shares[1]))
    part = TreasuryRelease(window_days=window, released=released, mix=mix)
    whole = FiscalDominance(treasury_release=part, exposure=exposure)
    assert find_strategy(repr(part)) == part
    assert find_strategy(repr(whole)) == whole


def test_parts_of_a_composite_are_given_as_expressions() -> None:
    found = find_strategy("FiscalDominance(treasury_release=TreasuryRelease(released=5), exposure=0.5)")
    assert found == FiscalDominance(treasury_release=TreasuryRelease(released=5), exposure=0.5)


def test_all_stands_for_every_strategy_that_ships() -> None:
    assert find_strategies(["all"]) == [cls() for cls in built_in().values()]
    assert Strategy not in built_in().values()


def test_combinators_are_none_of_all_since_they_are_no_ideas_of_their_own() -> None:
    assert list(combinators()) == ["Blend", "Capped", "Gate", "VolatilityScaled"]
    assert not set(combinators()) & set(built_in())


def test_settings_go_to_those_that_have_the_parameter() -> None:
    found = find_strategies(["BuyAndHold", "StealthQE(window=3)"], ["exposure=0.5", "StealthQE.trigger=2"])
    assert found == [BuyAndHold(exposure=0.5), StealthQE(window=3, trigger=2.0, exposure=0.5)]
    found = find_strategies(["BuyAndHold", "FixedMix"], ["FixedMix.exposure=0.5"])
    assert found == [BuyAndHold(exposure=1.0), FixedMix(exposure=0.5)]


def test_a_setting_goes_over_the_expression() -> None:
    assert find_strategies(["StealthQE(window=3)"], ["window=4"]) == [StealthQE(window=4)]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("strategy.strategy.window=5", Capped(Gate(StealthQE(window=5)))),
        ("Capped.strategy.strategy.window=5", Capped(Gate(StealthQE(window=5)))),
        ("strategy.signal.window=9", Capped(Gate(StealthQE(), CeilingSpread(9)))),
        ("strategy.closed=0.5", Capped(Gate(StealthQE(), closed=0.5))),
        ("asset=0.25", Capped(Gate(StealthQE()), asset=0.25)),
    ],
)
def test_settings_reach_what_is_inside(setting: str, expected: Strategy) -> None:
    assert find_strategies(["Capped(strategy=Gate(strategy=StealthQE()))"], [setting]) == [expected]


def test_settings_of_parts_go_to_those_that_have_such_a_part() -> None:
    settings = ["parts.1.weeks=9", "shares=0.25,0.5", "strategy.weeks=8", "treasury_release.released=5"]
    found = find_strategies(["Blend", "Capped", "FiscalDominance", "BuyAndHold"], settings)
    assert found == [
        Blend((StealthQE(), NetLiquidityTide(9)), (0.25, 0.5)),
        Capped(NetLiquidityTide(8)),
        FiscalDominance(TreasuryRelease(released=5.0)),
        BuyAndHold(),
    ]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("stratgy.weeks=8", "this run has no part 'stratgy'; did you mean 'strategy'?"),
        ("strategy.week=8", "NetLiquidityTide has no parameter 'week'; did you mean 'weeks'?"),
        ("strategy.weeks.most=8", "NetLiquidityTide has no part 'weeks'; it has: none"),
        ("strategy.weeks=long", "NetLiquidityTide.weeks is int; 'long' is not"),
        ("strategy=X", "Capped.strategy is a Strategy; write it into the expression, as in 'Capped(strategy=...)'"),
        ("parts.weeks=8", "parts are 0, 1; name one of them, as in parts.0.NAME"),
        ("parts.2.weeks=8", "parts has no part '2'; it has: 0, 1"),
    ],
)
def test_a_setting_that_leads_nowhere_is_told_where_it_ended(setting: str, sentence: str) -> None:
    with pytest.raises(BadUsage, match=f"^{re.escape(sentence)}$"):
        find_strategies(["Capped", "Blend"], [setting])


@pytest.mark.parametrize(
    "code",
    ["open('x')", "StealthQE.__class__", "[].append", "__import__('os')", "(lambda: 1)()", "1 if 1 else 2", "f'x'"],
)
def test_nothing_but_plain_values_is_ever_evaluated(code: str) -> None:
    with pytest.raises((BadUsage, UnknownName)):
        find_strategy(f"FixedMix(exposure={code})")


@pytest.mark.parametrize("text", ["FixedMix(0.5)", "FixedMix(**{})", "FixedMix() + 1", "FixedMix().x", "FixedMix(", ""])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises((BadUsage, UnknownName), match=r"name each parameter|not an expression|no strategy"):
        find_strategy(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Gate(signal=CeilingSpred())", "ebbtide has no signal 'CeilingSpred'; did you mean 'CeilingSpread'?"),
        ("Gate(signal=CeilingSpred)", "ebbtide has no signal 'CeilingSpred'; did you mean 'CeilingSpread'?"),
        ("Gate(strategy=StealthQ())", "ebbtide has no strategy 'StealthQ'; did you mean 'StealthQE'?"),
        ("Blend(parts=(StealthQ(),))", "ebbtide has no strategy 'StealthQ'; did you mean 'StealthQE'?"),
        ("Gate(signl=CeilingSpred())", "Gate has no parameter 'signl'; did you mean 'signal'?"),
        (
            "Blend(parts=(StealthQE))",
            "StealthQE is a strategy, and needs its brackets: StealthQE(), or (StealthQE(),) as a tuple of one",
        ),
        ("Gate(signal=Basis)", "Basis is a signal, and needs its brackets: Basis(), or (Basis(),) as a tuple of one"),
        (
            "Blend(parts=(BuyAndHold()))",
            "Blend.parts is a tuple of Strategy; BuyAndHold(exposure=1.0, mix=(('BTC', 0.7), ('ETH', 0.3))) is not; "
            "a tuple of one needs a comma: (BuyAndHold(...),)",
        ),
        ("Blend(shares=(1))", "Blend.shares is a tuple of float; 1 is not; a tuple of one needs a comma: (1,)"),
        (
            "Blend(parts=(StealthQE(), BuyAndHold())",
            "'Blend(parts=(StealthQE(), BuyAndHold())' is not an expression such as Blend(name=value): "
            "'(' was never closed",
        ),
        (
            "Gate(level=1))",
            "'Gate(level=1))' is not an expression such as Gate(name=value): unmatched ')'",
        ),
        (
            "Blend(parts=(my/own.py:Short(), StealthQE()))",
            "'Blend(parts=(my/own.py:Short(), StealthQE()))' is not an expression such as Blend(name=value); "
            "name your file once, in front of all: my/own.py:Blend(...), with Short(...) inside",
        ),
    ],
)
def test_what_is_wrong_inside_an_expression_is_named(text: str, sentence: str) -> None:
    with pytest.raises(BadUsage, match=f"^{re.escape(sentence)}$"):
        find_strategy(text)


OWN = """
from dataclasses import dataclass

from strategies import Strategy
from {neighbour} import SHARE


@dataclass(frozen=True)
class Own(Strategy):
    share: float
    days: int = 3

    def weights(self, now):
        return {{"BTC": self.share * SHARE}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with own_rule.py, which imports its neighbour; sys.path is put back afterwards."""
    neighbour = f"neighbour_of_{tmp_path.name}"
    (tmp_path / f"{neighbour}.py").write_text("SHARE = 0.5\n")
    (tmp_path / f"own_{tmp_path.name}.py").write_text(OWN.format(neighbour=neighbour))
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    return tmp_path


def test_a_file_of_one_s_own_is_read_with_its_neighbours(folder: Path) -> None:
    found = find_strategy(f"{folder}/own_{folder.name}.py:Own(share=0.5)")
    assert repr(found) == "Own(share=0.5, days=3)"
    assert found.weights(None) == {"BTC": 0.25}


def test_what_ships_takes_a_class_of_the_file_that_is_named_before_it(folder: Path) -> None:
    file = f"{folder}/own_{folder.name}.py"
    found = find_strategy(f"{file}:Blend(parts=(Own(share=0.5), StealthQE()), shares=(0.5, 0.5))")
    assert repr(found) == repr(Blend((find_strategy(f"{file}:Own(share=0.5)"), StealthQE()), (0.5, 0.5)))
    with pytest.raises(UnknownName, match="ebbtide has no strategy 'Owm'; did you mean 'Own'"):
        find_strategy(f"{file}:Blend(parts=(Owm(share=0.5),))")
    with pytest.raises(UnknownName, match=r"has no strategy 'Bland'; it has: Own$"):
        find_strategy(f"{file}:Bland()")


def test_a_module_of_the_working_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert repr(find_strategy(f"own_{folder.name}:Own(share=1)")) == "Own(share=1, days=3)"


def test_a_parameter_without_a_default_can_be_set(folder: Path) -> None:
    own = f"{folder}/own_{folder.name}.py:Own"
    assert repr(find_strategies([own], ["share=0.5"])[0]) == "Own(share=0.5, days=3)"
    with pytest.raises(BadUsage, match=r"^Own needs share; add --set share=VALUE$"):
        find_strategies([own])


@pytest.mark.parametrize("given", ["Own(share=0.5)", "Two(inner=Own(share=0.5))"])
def test_two_files_of_one_name_are_two_rules(given: str, folder: Path, tmp_path: Path) -> None:
    """Each keeps its class, its code and its neighbours' names in expressions, whichever was read last."""
    text = (folder / f"own_{folder.name}.py").read_text()
    text += "\n@dataclass(frozen=True)\nclass Two(Strategy):\n    inner: Strategy\n"
    for name, days in (("one", 3), ("two", 4)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rule.py").write_text(text.replace("days: int = 3", f"days: int = {days}"))
    make_importable(folder)
    one, two, again = (find_strategy(f"{tmp_path / name}/rule.py:{given}") for name in ("one", "two", "one"))
    assert ("days=3" in repr(one), "days=4" in repr(two), repr(again)) == (True, True, repr(one))
    assert code(one)[type(one).__name__] != code(two)[type(two).__name__]
    assert code(again) == code(one)
    assert [Path(inspect.getfile(type(rule))).parent.name for rule in (one, two)] == ["one", "two"]


def test_the_class_strategy_itself_is_no_strategy(folder: Path) -> None:
    with pytest.raises(UnknownName, match=r"has no strategy 'Strategy'; it has: Own$"):
        find_strategy(f"{folder}/own_{folder.name}.py:Strategy")


def test_what_raises_while_it_is_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "picky.py").write_text(
        "from dataclasses import dataclass\nfrom strategies import Strategy\n\n"
        "@dataclass(frozen=True)\nclass Picky(Strategy):\n    days: int = 3\n\n"
        "    def __post_init__(self):\n        raise ValueError('never happy')\n"
    )
    with pytest.raises(StrategyFailed, match=r"^Picky can't be made: ValueError: never happy$"):
        find_strategy(f"{tmp_path}/picky.py:Picky")


def test_a_wrong_setting_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"^FixedMix has no parameter 'exposur'; did you mean 'exposure'\?$"):
        find_strategies(["FixedMix"], ["exposur=1"])
    with pytest.raises(UnknownName, match=r"^this run has no strategy 'FixdMix'; did you mean 'FixedMix'\?$"):
        find_strategies(["FixedMix", "BuyAndHold"], ["FixdMix.exposure=1"])
    assert FixedMix() == find_strategies(["FixedMix"])[0]
