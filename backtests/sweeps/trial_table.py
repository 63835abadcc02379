"""The table of a sweep's trials: parameters, measures and problems, with columns whose types depend on nothing else."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from backtests.sweeps.stored_chunk import ENCODER
from backtests.sweeps.trials import MEASURES, ruined

INDEX = "trial"
PROBLEM = "problem"
RUINED = "ruined"


def parameter_columns(names: Sequence[str]) -> list[str]:
    """The columns of these parameters: their names, told apart from measures that are called the same.

    >>> parameter_columns(["tide.weeks", "exposure"])
    ['tide.weeks', 'parameter.exposure']
    """
    taken = {INDEX, RUINED, PROBLEM, *MEASURES}
    return [f"parameter.{name}" if name in taken else name for name in names]


def trial_table(names: Sequence[str], parts: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A row per trial: its parameters by `parameter_columns`, MEASURES, whether it was ruined, and its problem or "".

    parts : columns "parameters" (JSON), MEASURES and "problem" of some trials each, in the order of their numbers

    A parameter's column is int64, float64, bool or str, by its values in all trials: what else it may be is text, such
    as "BTC:0.7,ETH:0.3".
    """
    values: dict[str, list[Any]] = {name: [] for name in names}
    measures: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in MEASURES}
    problems: list[str] = []
    for part in parts:
        trials = json.loads(f"[{','.join(part['parameters'])}]")
        for name in names:  # what is no number becomes text at once: many small lists would be dear to keep
            values[name] += [v if isinstance(v, int | float) else _text(v) for v in (trial[name] for trial in trials)]
        for name in MEASURES:
            measures[name].append(part[name])
        problems += part[PROBLEM]
    columns = {column: _typed(values[name]) for column, name in zip(parameter_columns(names), names, strict=True)}
    columns |= {name: np.concatenate(some) for name, some in measures.items()}
    frame = pd.DataFrame(columns | {RUINED: ruined(columns), PROBLEM: pd.array(problems, dtype="str")})
    return frame.rename_axis(INDEX)


def _typed(values: list[Any]) -> Any:
    kinds = set(map(type, values))
    if kinds == {bool}:
        return np.array(values, bool)
    if float in kinds and kinds <= {int, float}:
        return np.array(values, float)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return np.array(values, np.int64)
    return pd.array(list(map(str, values)), dtype="str")


def text_of(value: Any) -> str:
    """What stands in the table for a parameter that is neither a number nor a truth.

    >>> text_of((("BTC", 0.7), ("ETH", 0.3))), text_of("BTC")
    ('BTC:0.7,ETH:0.3', 'BTC')
    """
    return _text(json.loads(ENCODER.encode(value)))


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        return ",".join(f"{asset}:{share}" for asset, share in value)
    return str(value)
