"""The command that makes a study again."""

import shlex
from dataclasses import fields
from typing import TYPE_CHECKING

import pandas as pd

from backtests.expression import expression
from backtests.studies.request import StudyRequest
from backtests.sweeps.steps import duration_text

if TYPE_CHECKING:
    from backtests.studies.event_study import Study

DAY = pd.Timedelta(days=1)
_USUAL = {field.name: field.default for field in fields(StudyRequest)}
_OPTIONS = {"start": "--from", "end": "--to"}


def command(study: "Study") -> str | None:
    """`ebbtide study ...`, quoted for a shell: the signal, the event, and all that is not as usual.

    None where no command can make it: a market made by hand, a signal whose parameters can't be written down, a window
    that does not begin and end at a midnight. The folder of a cache is left away: it is the reader's own.
    """
    recipe, signal = study.market.recipe, expression(study.signal)
    usual_lab = recipe.get("data") == "lab" and recipe.get("effect") == 1
    if signal is None or not (usual_lab or recipe.get("data") == "cache") or not _whole_days(study):
        return None
    given = {"event": str(study.design.condition)} | {
        name: value for name, value in _asked(study).items() if value != _USUAL[name]
    }
    options = [text for name, value in given.items() for text in (_option(name), f"{value}")]
    return shlex.join(["ebbtide", "study", signal, *options])


def _asked(study: "Study") -> dict[str, object]:
    """What StudyRequest was told, by its names; a cache may have grown since, so its window is said in any case."""
    design, recipe, times = study.design, study.market.recipe, study.sample.tape
    cached = recipe["data"] == "cache"
    start = design.start or (times.opens.index[0] if cached else None)
    end = design.end or (times.known_at[-1].ceil("D") if cached else None)
    return {
        "horizons": ",".join(design.horizons),
        "asset": ",".join(design.assets),
        "start": start and f"{start:%Y-%m-%d}",
        "end": end and f"{end - DAY:%Y-%m-%d}",
        "timeframe": times.timeframe,
        "data": recipe["data"],
        "seed": recipe.get("seed", _USUAL["seed"]),
        "cluster": duration_text(design.cluster),
        "latency": design.latency / pd.Timedelta(hours=1),
        "draws": design.draws,
        "study_seed": design.seed,
    }


def _whole_days(study: "Study") -> bool:
    return all(at is None or at == at.floor("D") for at in (study.design.start, study.design.end))


def _option(name: str) -> str:
    return _OPTIONS.get(name, "--" + name.replace("_", "-"))
