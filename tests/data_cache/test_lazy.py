"""Mappings that make their values when they are asked for."""

import pytest

from data_cache.lazy import Lazy


def test_a_value_is_made_once_and_only_when_asked_for() -> None:
    made: list[str] = []
    lengths = Lazy(["BTC", "DOGE"], lambda name: made.append(name) or len(name))
    assert (list(lengths), len(lengths), "DOGE" in lengths, made) == (["BTC", "DOGE"], 2, True, [])
    assert (lengths["DOGE"], lengths["DOGE"], made) == (4, 4, ["DOGE"])


def test_a_name_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="ETH"):
        Lazy(["BTC"], len)["ETH"]
