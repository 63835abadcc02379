"""The options of the command line, each declared once."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the cache. Default: $EBBTIDE_STORE, or the clone's own."),
]
LedgerOption = Annotated[
    Path | None,
    typer.Option("--ledger", help="Folder of the trial ledger. Default: $EBBTIDE_LEDGER, or ledger in the store."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _option(kind: Any, name: str, text: str) -> Any:
    return Annotated[kind | None, typer.Option(name, help=text)]


# What `run` and `compare` share, by the names of Request. None, "not given", leaves the word to the run file.
REQUEST_OPTIONS: dict[str, Any] = {
    "set": _option(list[str], "--set", "A parameter: name=value, or Class.name=value."),
    "start": _option(str, "--from", "First day, YYYY-MM-DD (UTC)."),
    "end": _option(str, "--to", "Last day, included."),
    "timeframe": _option(str, "--timeframe", "1d, 4h or 1h. Default: 1d."),
    "data": _option(str, "--data", "lab (simulated) or cache. Default: lab."),
    "seed": _option(int, "--seed", "Seed of the lab. Default: 7."),
    "engine": _option(str, "--engine", "events, vector, or both (compared). Default: vector where the rule allows it."),
    "fee_bps": _option(float, "--fee-bps", "Fee, bps of notional. Default: 10."),
    "slippage_bps": _option(float, "--slippage-bps", "Slippage, bps. Default: 5."),
    "min_notional": _option(float, "--min-notional", "Smallest order, $. Default: 10."),
    "band": _option(float, "--band", "Trade only if a target weight moved by more than this. Default: 0."),
    "latency": _option(float, "--latency", "Hours from decision to fill. Default: 0."),
    "rebalance": _option(float, "--rebalance", "Trade back to an unchanged target every so many days."),
    "capital": _option(float, "--capital", "Equity at the start, $. Default: 100000."),
    "cash": _option(str, "--cash", "Series that idle cash earns, or 0. Default: 0."),
    "perps": Annotated[
        bool | None, typer.Option("--perps", help="Trade perpetuals: shorts, leverage, funding, margin, liquidation.")
    ],
    "initial_margin": _option(
        float, "--initial-margin", "Of notional; gross exposure is at most 1 over it. With --perps. Default: 0.1."
    ),
    "maintenance_margin": _option(
        float, "--maintenance-margin", "Of notional; below it the book is liquidated. With --perps. Default: 0.05."
    ),
    "liquidation_fee_bps": _option(
        float, "--liquidation-fee-bps", "Fee on what is liquidated, bps. With --perps. Default: 50."
    ),
    "benchmark": _option(str, "--benchmark", "A strategy, or none. Default: BuyAndHold of the first one's mix."),
    "store": StoreOption,
    "ledger": LedgerOption,
    "attribution": Annotated[
        bool | None, typer.Option("--attribution", help="Show returns by regime: liquidity, stress, reverse repo.")
    ],
    "out": _option(Path, "--out", "Write a tearsheet here (HTML)."),
    "json": Annotated[bool | None, typer.Option("--json", help="Print one JSON object and nothing else.")],
}


# By the names of TearsheetRequest, and where the code of saved results is. A page has the attribution in any case.
TEARSHEET_OPTIONS: dict[str, Any] = {n: kind for n, kind in REQUEST_OPTIONS.items() if n != "attribution"} | {
    "out": _option(Path, "--out", "The page (HTML). Default: tearsheets/NAMES.html."),
    "pdf": _option(Path, "--pdf", "Print the page to this PDF too; needs an installed Chromium."),
    "png": _option(Path, "--png", "Paint page.png and each chart into this folder too; needs an installed Chromium."),
    "cuts": _option(int, "--cuts", "Moments at which the causality proof takes the future away. Default: 4."),
    "strategy_file": _option(list[Path], "--strategy-file", "Where a class of a saved result is, if not where it was."),
}


_SEARCH: dict[str, Any] = {
    "set": _option(list[str], "--set", "Values of a parameter: window=5,10,20 or window=5:60:5; nested: part.window=…"),
    "where": _option(list[str], "--where", 'A condition on parameters, such as "fast < slow"; all of them must hold.'),
    "search": _option(str, "--search", "grid (all of them), random or tpe. Default: grid."),
    "trials": _option(int, "--trials", "How many, for random and tpe. Default: all of the space."),
    "search_seed": _option(int, "--search-seed", "Seed of the search, the judge's sample, the statistics. Default: 7."),
    "objective": _option(str, "--objective", "The measure that is searched for. Default: sharpe."),
    "backend": _option(str, "--backend", "local, ray or dask. Default: local."),
    "address": _option(str, "--address", "Of a running ray or dask cluster. Default: one is started on this machine."),
    "workers": _option(int, "--workers", "Processes, at most. Default: one for small sweeps, else one per core."),
    "memory": _option(str, "--memory", "What the sweep may take in all, such as 500MB. Default: 2GB."),
}


def _searching(own: dict[str, Any], out: str) -> dict[str, Any]:
    """Options of a search, then those of one command, then those of `run` but its engine."""
    shared = {name: kind for name, kind in REQUEST_OPTIONS.items() if name not in ("engine", "attribution", *_SEARCH)}
    said = {
        "seed": _option(int, "--seed", "Seed of the lab alone; the search has --search-seed. Default: 7."),
        "out": _option(Path, "--out", out),
        "benchmark": _option(str, "--benchmark", "A strategy. Default: BuyAndHold of the strategy's mix."),
    }
    return _SEARCH | own | shared | said


# By the names of SweepRequest and WalkRequest.
SWEEP_OPTIONS = _searching(
    {"resume": Annotated[bool | None, typer.Option("--resume", help="Go on with a sweep that was interrupted.")]},
    "Folder of the sweep. Default: sweeps/STRATEGY-DIGITS, the same for the same command.",
)
WALK_OPTIONS = _searching(
    {
        "train": _option(str, "--train", "On how much history parameters are chosen: 730d, 104w, 720h."),
        "test": _option(str, "--test", "For how long they are then held: 180d."),
        "anchored": Annotated[
            bool | None, typer.Option("--anchored", help="Let every training window begin at the first bar.")
        ],
        "purge": _option(
            str, "--purge", "Left out between training and test, and around groups held out. Default: 0d."
        ),
        "groups": _option(int, "--groups", "For cross-validation: into how many the days are cut. Default: 6."),
        "held_out": _option(int, "--held-out", "How many of them are held out at a time. Default: 2."),
        "tearsheet": _option(Path, "--tearsheet", "Write a tearsheet of the joined run here (HTML)."),
    },
    "Write a page of the walk here (HTML).",
)


# By the names of StudyRequest.
STUDY_OPTIONS: dict[str, Any] = {
    "set": _option(list[str], "--set", "A parameter of the signal: name=value."),
    "event": _option(str, "--event", 'What begins an event: "> 1", ">= 2", "< 0", "crosses above 1".'),
    "horizons": _option(str, "--horizons", "For how long returns are taken. Default: 1d,7d,28d,91d."),
    "asset": _option(str, "--asset", "Whose returns. Default: BTC,ETH."),
    "cluster": _option(str, "--cluster", "Count what begins within this of an event with it. Default: 0d."),
    "latency": _option(float, "--latency", "Hours from knowing to the earliest entry. Default: 0."),
    "draws": _option(int, "--draws", "Of chance, of each kind, at most. Default: 2000."),
    "study_seed": _option(int, "--study-seed", "Seed of the draws. Default: 7."),
    **{name: REQUEST_OPTIONS[name] for name in ("start", "end", "timeframe", "data", "seed", "store")},
    "out": _option(Path, "--out", "Write a page with the paths of each event here (HTML)."),
    "json": REQUEST_OPTIONS["json"],
}


def takes(options: dict[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command with `**options` every one of these: typer reads them from its signature."""

    def given(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in options.items()
        ]
        command.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
        command.__annotations__ = {**{p.name: p.annotation for p in own}, **options}
        return command

    return given
