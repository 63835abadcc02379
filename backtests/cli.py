"""The command line. It prints results; everything else is done by what it calls, imported only when needed."""

import json
import math
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from backtests.options import (
    REQUEST_OPTIONS,
    STUDY_OPTIONS,
    SWEEP_OPTIONS,
    TEARSHEET_OPTIONS,
    WALK_OPTIONS,
    JsonOption,
    LedgerOption,
    StoreOption,
    takes,
)
from data_cache.errors import EbbtideError, UnknownName
from data_cache.version import __version__

INTERRUPTED = 130

app = typer.Typer(
    name="ebbtide",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    suggest_commands=False,  # click suggests them already
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ebbtide {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Backtest crypto allocation on US dollar liquidity: point-in-time, causal, honest."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for demo.html.")] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the lab.")] = 7,
    store: StoreOption = None,
) -> None:
    """Run all strategies on the lab: what was planted, what they found of it, and DIR/demo.html."""
    from backtests.demo import run_demo
    from backtests.ledger import Ledger

    run_demo(out, seed, Ledger.default(store=store))


@app.command(name="list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="strategies, combinators, signals, series or metrics")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what there is: strategies and what combines them, signals, series or metrics; all where none is named."""
    from backtests.listing import KINDS, listing, own_series

    if kind is not None and kind not in KINDS:
        raise UnknownName.among("list", kind, KINDS)
    wanted = KINDS if kind is None else ("strategies", "combinators") if kind == "strategies" else (kind,)
    found = {k: listing(k) for k in wanted}
    if (store is not None or "EBBTIDE_STORE" in os.environ) and "series" in found:
        from data_cache.cache import own_specs
        from data_cache.store import Store

        found["series"] += own_series(own_specs(Store.default(store)).values())
    if as_json:
        return _print_json(found)
    from backtests.console import print_listing

    return print_listing(found)


@app.command(name="import")
def import_(
    manifest: Annotated[Path, typer.Argument(help="A TOML manifest: files, columns, units, date conventions.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Where a file contradicts what is stored, take the file's numbers.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import CSV files into the cache."""
    from backtests.console import print_imported
    from data_cache.sources.files import import_manifest
    from data_cache.store import Store

    imported = import_manifest(manifest, Store.default(store), replace=replace)
    if as_json:
        return _print_json({"imported": [entry.summary() for entry in imported]})
    return print_imported(imported)


@app.command()
def fetch(
    what: Annotated[
        list[str] | None, typer.Argument(help="prices, funding, futures, macro or all. Default: all.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD (UTC).")] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="Of the bars: some of 1d, 4h, 1h.")] = "1d,1h",
    venue: Annotated[
        list[str] | None, typer.Option("--venue", help="Ask this exchange (its ccxt id), in the order given.")
    ] = None,
    fred_key_file: Annotated[
        Path | None, typer.Option("--fred-key-file", help="File with the FRED key. Default: $FRED_API_KEY.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Fetch nothing; compare the cache with second sources.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but what failed.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch prices, funding, futures and macro series into the cache: all of them at first, then what is new."""
    from backtests.fetch_request import FetchRequest
    from backtests.fetched import checked, finished

    asked = FetchRequest(
        groups=tuple(what or ("all",)),
        start=start,
        timeframes=tuple(part.strip() for part in timeframe.split(",")),
        venues=tuple(venue or ()),
        fred_key_file=fred_key_file,
        quiet=quiet or as_json,
        store=store,
    )
    show = _print_json if as_json else None
    if check:
        return checked(asked.checks(), show, quiet)
    return finished(asked.fetch(), asked, show)


@app.command()
def status(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show each cached series and market: range, rows, gaps, what is due by now, origin."""
    import pandas as pd

    from backtests.console import print_status
    from data_cache.cache import status as cache_status
    from data_cache.store import Store

    cache = Store.default(store)
    rows = cache_status(cache, pd.Timestamp.now("UTC"))
    if as_json:
        return _print_json({"store": str(cache.folder), "entries": [row.summary() for row in rows]})
    return print_status(cache.folder, rows)


@app.command()
@takes(REQUEST_OPTIONS)
def run(
    strategy: Annotated[
        str, typer.Argument(help="Name, Name(parameter=value), file.py:Class, module:Class or run.toml")
    ],
    **options: Any,
) -> None:
    """Backtest one strategy, or what a TOML run file describes."""
    _run([strategy], options, single=True)


@app.command()
@takes(REQUEST_OPTIONS)
def compare(
    strategies: Annotated[list[str], typer.Argument(help="Two or more strategies as for run; all for every one.")],
    **options: Any,
) -> None:
    """Backtest several strategies on the same data, window and costs."""
    _run(strategies, options, single=False)


@app.command()
@takes(TEARSHEET_OPTIONS)
def tearsheet(
    strategies: Annotated[
        list[str],
        typer.Argument(help="Strategies as for run, all, a TOML run file; or saved results, .html or .json"),
    ],
    **options: Any,
) -> None:
    """Write a page on one or many strategies that can be handed round: HTML, PDF, pictures."""
    from functools import partial

    from backtests.console import print_tearsheet, progress
    from backtests.tearsheet.request import make_tearsheet

    building = partial(progress, doing="Writing the page")
    made = make_tearsheet(options | {"strategies": strategies}, progress, building)
    return _print_json(made.summary()) if options["json"] else print_tearsheet(made)


@app.command()
@takes(SWEEP_OPTIONS)
def sweep(
    strategy: Annotated[str, typer.Argument(help="Name, file.py:Class, module:Class or a TOML run file")],
    **options: Any,
) -> None:
    """Backtest many parameter sets of a strategy, and judge the best of them by how many were tried."""
    from backtests.request import asked_of
    from backtests.sweeps.report import write_report
    from backtests.sweeps.request import SweepRequest
    from backtests.sweeps.terminal import REPORT, SweepProgress, print_sweep

    asked = asked_of(SweepRequest, options | {"strategies": [strategy]})
    with SweepProgress(hidden=asked.json) as progress:
        weighing = progress.bar("Statistics", "Writing the report", paced=False)
        judging = f"{'the event engine' if asked.perps else 'vectorbt'} judges"
        swept = asked.run(progress.bar("Trials", judging), weighing)
        write_report(swept, swept.folder / REPORT)
    return _print_json(swept.summary()) if asked.json else print_sweep(swept)


@app.command()
@takes(WALK_OPTIONS)
def walk(
    strategy: Annotated[str, typer.Argument(help="Name, file.py:Class, module:Class or a TOML run file")],
    **options: Any,
) -> None:
    """Choose parameters on one stretch of history, hold them over the next, and join what came of it."""
    from backtests.request import asked_of
    from backtests.sweeps.request import WalkRequest
    from backtests.sweeps.terminal import SweepProgress, print_walk

    asked = asked_of(WalkRequest, options | {"strategies": [strategy]})
    with SweepProgress(hidden=asked.json) as progress:
        walked, paths = asked.run(
            progress.bar("Walking", "Joining"), progress.bar("Cross-validating", "Beginning to walk")
        )
        if asked.out is not None:
            from backtests.sweeps.report import write_walk

            write_walk(walked, paths, asked.out)
        if asked.tearsheet is not None:
            from backtests.sweeps.report.walk_words import title
            from backtests.tearsheet import write_tearsheet

            write_tearsheet([walked.result], asked.tearsheet, title(walked), findings=walked.findings)
    if asked.json:
        crossed = paths.summary() | {"runs": walked.crossing_runs} if paths else None
        return _print_json(walked.summary() | {"cross_validation": crossed})
    return print_walk(walked, paths, asked.out, asked.tearsheet)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A tearsheet (.html), or what run, compare or walk --json printed.")],
    strategy_file: Annotated[
        list[Path] | None, typer.Option("--strategy-file", help="Where a class of your own is, if not where it was.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show the numbers that are equal too.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a tearsheet again as its manifest says, and tell every number that differs, and why."""
    from backtests.replaying.replay import replayed
    from backtests.replaying.replay_tables import print_replay

    again = replayed(file, store, strategy_files=strategy_file or ())
    if as_json:
        _print_json(again.summary())
    else:
        print_replay(again, every)
    again.require()


@app.command()
def ledger(
    strategy: Annotated[str | None, typer.Option("--strategy", help="Of this strategy alone.")] = None,
    folder: LedgerOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many trials were ever run of each strategy, and the best of them."""
    from backtests.console import print_ledger
    from backtests.ledger import Ledger

    asked = Ledger.default(folder, store)
    families, missing = asked.families(strategy), asked.missing()
    if as_json:
        summaries = [family.summary() for family in families]
        return _print_json({"ledger": str(asked.folder), "missing": missing, "strategies": summaries})
    return print_ledger(asked.folder, families, missing)


@app.command()
@takes(STUDY_OPTIONS)
def study(
    signal: Annotated[str, typer.Argument(help="Name, Name(parameter=value), file.py:Class or module:Class")],
    **options: Any,
) -> None:
    """Study what prices did after a signal crossed a line, against what chance gives."""
    from backtests.studies.request import study_request
    from backtests.studies.terminal import print_study
    from backtests.sweeps.terminal import SweepProgress

    asked = study_request(options | {"signal": signal})
    with SweepProgress(hidden=asked.json) as progress:
        made = asked.run(progress.bar("Histories", "Statistics", paced=False))
        if asked.out is not None:
            made.page(asked.out)
    return _print_json(made.summary()) if asked.json else print_study(made, asked.out)


@app.command()
def prove(
    strategies: Annotated[list[str], typer.Argument(help="Strategies as for run; all for every one.")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="A parameter: name=value.")] = None,
    cuts: Annotated[int, typer.Option("--cuts", min=1, help="Moments at which the future is taken away.")] = 20,
    timeframe: Annotated[str, typer.Option("--timeframe", help="1d, 4h or 1h.")] = "1d",
    data: Annotated[str, typer.Option("--data", help="lab (simulated) or cache.")] = "lab",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the lab, the cuts and the noise.")] = 7,
    perps: Annotated[bool, typer.Option("--perps", help="Positions are perpetuals: weights may be below 0.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put strategies through the causality proof: no decision may depend on what became known after it."""
    from backtests.console import print_proofs, progress
    from backtests.proofs import prove as put_to_proof
    from backtests.request import Request
    from backtests.selection import find_strategies

    asked = Request(timeframe=timeframe, data=data, seed=seed, store=store)
    market = asked.market()
    found = progress(find_strategies(strategies, settings or ()), "Proving")
    proofs = [put_to_proof(strategy, market, cuts, seed, perps=perps) for strategy in found]
    if as_json:
        _print_json({"proofs": [proof.summary() for proof in proofs]})
    else:
        print_proofs(proofs)
    for proof in proofs:
        proof.require()


def _run(strategies: list[str], options: dict[str, Any], single: bool) -> None:
    from backtests.analysis.returns_by_regime import returns_by_regime
    from backtests.analysis.terminal import print_returns_by_regime
    from backtests.console import print_results, progress
    from backtests.ledger import record
    from backtests.request import request

    asked = request(options | {"strategies": strategies})
    results = record(asked.run(watch=progress), "run" if single else "compare", asked.trial_ledger())
    examined = asked.examined(results)
    if asked.out is not None:
        from backtests.tearsheet.page import title_of, write_tearsheet

        write_tearsheet(results, asked.out, title_of(results), findings=examined.findings, proofs=examined.proofs)
    regimes = returns_by_regime(results) if asked.attribution else []
    if asked.json:
        return _print_json(_summary(results, examined.findings, single, regimes))
    print_results(results, examined.findings, asked.engine, asked.out)
    return print_returns_by_regime(regimes)


def _summary(results: list[Any], found: list[Any], single: bool, regimes: list[Any]) -> dict[str, Any]:
    summaries = [result.summary() for result in results]
    if regimes:
        for summary, attributed in zip(summaries, regimes, strict=True):
            summary["attribution"] = attributed.summary()
    benchmark = results[0].benchmark
    about = {
        "benchmark": benchmark.summary() if benchmark else None,
        "findings": [finding.summary() for finding in found],
    }
    return summaries[0] | about if single and len(summaries) == 1 else {"results": summaries} | about


def _print_json(value: Any) -> None:
    try:
        print(json.dumps(_without_nan(value), indent=2, default=str), flush=True)
    except BrokenPipeError as error:  # with its errno, click would exit with 1: a check failed
        raise BrokenPipeError from error


def _without_nan(value: Any) -> Any:
    """NaN is no JSON: what is undefined is null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    """Run the command line; every error becomes one sentence and an exit code, never a traceback."""
    # What a rule of the user's divides by zero gets a sentence as a weight; numpy's own words say less.
    warnings.simplefilter("ignore", RuntimeWarning)
    try:
        exit_code = app(prog_name="ebbtide", standalone_mode=False)
        print(end="", flush=True)  # what a closed pipe does not take must fail here, not when Python ends
        if exit_code == INTERRUPTED:  # typer has caught the interrupt and says nothing
            _fail("interrupted; what was stored before is whole", INTERRUPTED)
        sys.exit(exit_code)
    except click.UsageError as error:
        _fail_usage(error)
    except EbbtideError as error:
        if os.environ.get("EBBTIDE_TRACEBACK"):
            raise
        _fail(str(error), error.exit_code)
    except BrokenPipeError:  # the reader of our output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}; check the path and what may be written there", 2)
    except Exception as error:
        if os.environ.get("EBBTIDE_TRACEBACK"):
            raise
        _fail(f"{type(error).__name__}: {error}; set EBBTIDE_TRACEBACK=1 to see where, and please report it", 2)


def _fail_usage(error: click.UsageError) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        sys.exit(error.exit_code)
    sentence = error.format_message().rstrip(".").replace(". Did", "; did")
    _fail(f"{sentence} ({error.ctx.command_path if error.ctx else 'ebbtide'} --help tells more)", error.exit_code)


def _fail(sentence: str, exit_code: int) -> None:
    print("ebbtide:", " ".join(sentence.split()), file=sys.stderr)  # one line, whatever a library put into it
    sys.exit(exit_code)
