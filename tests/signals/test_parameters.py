"""Parameters are fields: set from text, checked against their types, and told apart by name."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from data_cache.errors import BadUsage, UnknownName
from signals.parameters import Mix, check_type, parameters, parse


@dataclass(frozen=True)
class Tilt:
    """One parameter of each kind."""

    weeks: int = 4
    share: float = 0.5
    asset: str = "BTC"
    long: bool = True
    mix: Mix = (("BTC", 1.0),)
    days: tuple[int, ...] = (1, 2)


def test_parameters_are_the_fields_by_name() -> None:
    assert parameters(Tilt(weeks=13)) == {
        "weeks": 13,
        "share": 0.5,
        "asset": "BTC",
        "long": True,
        "mix": (("BTC", 1.0),),
        "days": (1, 2),
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("weeks", "13", 13),
        ("weeks", "-1", -1),
        ("share", "0.25", 0.25),
        ("share", "1", 1.0),
        ("share", "1e-3", 0.001),
        ("asset", "SOL", "SOL"),
        ("long", "true", True),
        ("long", "True", True),
        ("long", "no", False),
        ("long", "0", False),
        ("mix", "BTC:0.7,ETH:0.3", (("BTC", 0.7), ("ETH", 0.3))),
        ("mix", "BTC:0.5, ETH:0.3, SOL:0.2", (("BTC", 0.5), ("ETH", 0.3), ("SOL", 0.2))),
    ],
)
def test_a_text_becomes_a_value_of_the_parameter_s_type(name: str, text: str, value: object) -> None:
    parsed = parse(Tilt, name, text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("weeks", "long", "Tilt.weeks is int; 'long' is not"),
        ("weeks", "2.5", "Tilt.weeks is int; '2.5' is not"),
        ("share", "half", "Tilt.share is float; 'half' is not"),
        ("share", "", "Tilt.share is float; '' is not"),
        ("long", "maybe", "Tilt.long is bool; 'maybe' is not"),
        ("mix", "BTC", "Tilt.mix is asset:share,asset:share; 'BTC' is not"),
        ("mix", "BTC:half", "Tilt.mix is asset:share,asset:share; 'BTC:half' is not"),
        ("mix", "BTC:0.5:0.5", "Tilt.mix is asset:share,asset:share; 'BTC:0.5:0.5' is not"),
        ("mix", "BTC:0.5,BTC:0.5", "Tilt.mix is asset:share,asset:share; 'BTC:0.5,BTC:0.5' is not"),
        ("mix", ":1", "Tilt.mix is asset:share,asset:share; ':1' is not"),
        ("days", "1", "Tilt.days can't be set from text; set it in Python"),
    ],
)
def test_a_text_of_another_type_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(BadUsage) as refused:
        parse(Tilt, name, text)
    assert str(refused.value) == said


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    for asks in (parse, check_type):
        with pytest.raises(UnknownName, match=r"^Tilt has no parameter 'week'; did you mean 'weeks'\?$"):
            asks(Tilt, "week", "3")


@pytest.mark.parametrize(
    ("name", "value"),
    [("weeks", 3), ("share", 0.5), ("share", 1), ("asset", "ETH"), ("long", False), ("mix", ()), ("days", (3,))],
)
def test_a_value_of_its_type_passes(name: str, value: object) -> None:
    check_type(Tilt, name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weeks", 3.0),
        ("weeks", True),
        ("share", "0.5"),
        ("share", None),
        ("share", False),
        ("asset", 3),
        ("long", 1),
        ("mix", 3),
        ("mix", (("BTC",),)),
        ("mix", (("BTC", "1"),)),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadUsage, match=rf"^Tilt\.{name} is .*; .* is not$"):
        check_type(Tilt, name, value)


def test_one_item_in_place_of_a_tuple_is_told_of_its_comma() -> None:
    with pytest.raises(BadUsage, match=r"is not; a tuple of one needs a comma: \(\('BTC', 1\.0\),\)$"):
        check_type(Tilt, "mix", ("BTC", 1.0))


@given(
    mix=draw.dictionaries(
        draw.sampled_from(["BTC", "ETH", "SOL", "DOGE"]), draw.floats(0, 1, allow_nan=False), min_size=1
    )
)
def test_every_mix_can_be_written_as_text(mix: dict[str, float]) -> None:
    text = ",".join(f"{asset}:{share!r}" for asset, share in mix.items())
    assert parse(Tilt, "mix", text) == tuple(mix.items())
