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
    "benchmark": _option(str, "--benchmark", "A strategy, or none. Default: BuyAndHold of the first one's mix."),
    "store": StoreOption,
    "ledger": LedgerOption,
    "out": _option(Path, "--out", "Write a tearsheet here (HTML)."),
    "json": Annotated[bool | None, typer.Option("--json", help="Print one JSON object and nothing else.")],
}


def takes_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with `**options` every option of a Request: typer reads them from its signature."""
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in REQUEST_OPTIONS.items()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {**{p.name: p.annotation for p in own}, **REQUEST_OPTIONS}
    return command
