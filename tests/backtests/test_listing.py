"""The listing is read from the source; it says what importing would have said."""

import inspect
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import pytest

import signals
import strategies
from backtests.listing import KINDS, listing
from backtests.metrics import METRICS
from backtests.selection import built_in, combinators
from data_cache.catalog import CATALOG, FAMILIES, IMPORTED
from signals.signal import Signal
from strategies.strategy import Strategy


def classes(package: Any, parent: type) -> dict[str, type]:
    exported = {name: getattr(package, name) for name in package.__all__}
    return {n: c for n, c in exported.items() if inspect.isclass(c) and issubclass(c, parent) and c is not parent}


@pytest.mark.parametrize(
    ("kinds", "package", "parent"),
    [(("strategies", "combinators"), strategies, Strategy), (("signals",), signals, Signal)],
)
def test_what_is_exported_is_listed_with_its_parameters(kinds: Sequence[str], package: Any, parent: type) -> None:
    listed = dict(sorted((entry["name"], entry) for kind in kinds for entry in listing(kind)))
    exported = classes(package, parent)
    assert list(listed) == sorted(exported)
    for name, cls in exported.items():
        assert is_dataclass(cls)
        assert listed[name]["title"] == (cls.__doc__ or "").strip().splitlines()[0]
        defaults = {field.name: field.default for field in fields(cls)}
        assert list(listed[name]["parameters"]) == list(defaults)
        for parameter, text in listed[name]["parameters"].items():
            assert (text is None) == (defaults[parameter] is MISSING)
            if text is not None:
                assert eval(text, vars(inspect.getmodule(cls))) == defaults[parameter]


def test_combinators_have_a_table_of_their_own() -> None:
    assert [entry["name"] for entry in listing("combinators")] == list(combinators())
    assert [entry["name"] for entry in listing("strategies")] == sorted(built_in())


def test_every_series_is_listed_with_unit_and_release_rule() -> None:
    listed = {entry["name"]: entry for entry in listing("series")}
    assert list(listed) == [spec.id for spec in (*CATALOG, *FAMILIES, *IMPORTED)]
    assert listed["WALCL"]["unit"] == "$bn"
    assert listed["WALCL"]["known_at"] == "thursday_after BOARD 16:30"
    assert listed["SOFR"]["known_at"] == "next_business_day REPO 08:00"


def test_every_metric_is_listed_with_its_definition() -> None:
    listed = listing("metrics")
    assert [entry["name"] for entry in listed] == [metric.name for metric in METRICS]
    assert [entry["title"] for entry in listed] == [metric.label for metric in METRICS]
    assert all(entry["definition"] for entry in listed)


def test_every_kind_has_a_name_and_a_title() -> None:
    assert KINDS == ("strategies", "combinators", "signals", "series", "metrics")
    assert all(entry["name"] and entry["title"] for kind in KINDS for entry in listing(kind))
