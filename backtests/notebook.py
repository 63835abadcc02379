"""What a notebook shows of a result: a card of a few numbers and two curves, without a script and without a network."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from backtests.metrics import METRICS, drawdown, labels

if TYPE_CHECKING:
    from backtests.result import Result

# Mid tones that stand out on white and on black; the palette of the charts (Okabe and Ito).
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7f7f7f"
WIDTH, HEIGHT = 320, 56
# So many points draw a curve of that width.
POINTS = 160

STYLE = (
    "border:1px solid rgba(127,127,127,.45);border-radius:8px;padding:.7em 1em;max-width:46em;"
    "font-family:system-ui,sans-serif;font-size:13px;line-height:1.45"
)
STAMP = "border:1px solid #c25b00;color:#c25b00;border-radius:4px;padding:0 .4em;font-size:11px;letter-spacing:.06em"

TELLING = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility", "exposure", "decisions", "costs_paid")


def result_card(result: "Result") -> str:
    """The telling metrics beside the benchmark's, equity on a logarithmic scale, drawdown, and the count of trials.

    Findings are not among them: they take a causality proof, which `ebbtide run` makes.
    """
    runs = [result, *([result.benchmark] if result.benchmark else [])]
    rows = {m.label: [m.text(run.metrics[m.name]) for run in runs] for m in METRICS if m.name in TELLING}
    beside = result.benchmark.equity if result.benchmark else None
    first, last = result.equity.index[0], result.equity.index[-1]
    curves = [
        curve(result.equity, f"Equity from {first:%Y-%m-%d} to {last:%Y-%m-%d}", beside=beside, log=True),
        curve(drawdown(result), f"Drawdown, at worst {drawdown(result).min():.1%}", ORANGE),
    ]
    window = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}, {len(result.tape.opens):,} bars of {result.tape.timeframe}"
    tried = result.manifest.get("trials")
    notes = [
        "Equity (logarithmic; the benchmark grey) and drawdown, after all costs.",
        "Not in the trial ledger: pass it to backtests.ledger.record before you compare it with others."
        if tried is None
        else f"{tried:,} trial{'s' * (tried > 1)} of {result.strategy.family} stand{'s' * (tried == 1)} behind it.",
    ]
    about = f"{result.strategy!r}; {window}; {result.market.origin}"
    return card(result.name, about, rows, labels(runs), curves, notes, "SIMULATED" in result.market.origin)


def card(
    title: str,
    subtitle: str,
    rows: Mapping[str, Sequence[str]],
    columns: Sequence[str],
    curves: Sequence[Markup] = (),
    notes: Sequence[str] = (),
    simulated: bool = False,
) -> str:
    """HTML of a card; every text is escaped.

    rows : texts by head, one per column      curves : pictures made by `curve`      notes : sentences below
    """
    stamp = Markup(' <span style="{}">SIMULATED</span>').format(STAMP) if simulated else ""
    head = Markup("<div><strong>{}</strong>{}</div>").format(title, stamp)
    about = Markup('<div style="opacity:.75;overflow-wrap:anywhere">{}</div>').format(subtitle)
    below = Markup("").join(Markup('<div style="opacity:.85">{}</div>').format(note) for note in notes)
    parts = [head, about, *curves, _table(rows, columns), below]
    return str(Markup('<div class="ebbtide" style="{}">{}</div>').format(STYLE, Markup("\n").join(parts)))


def curve(
    values: pd.Series, what: str, color: str = BLUE, beside: pd.Series | None = None, log: bool = False
) -> Markup:
    """A small picture of a curve; NaN is passed over, and nothing is drawn of fewer than two values.

    what : the picture in words, for those who cannot see it      beside : a second curve, grey
    """
    lines = [(other, GREY) for other in [beside] if other is not None] + [(values, color)]
    # A ruined book has no logarithm: its line ends there.
    shown = [(_thinned(np.log(line.where(line > 0)) if log else line), color) for line, color in lines]
    known = np.concatenate([line[np.isfinite(line)] for line, _ in shown])
    if len(known) < 2:
        return Markup("")
    low, high = float(known.min()), float(known.max())
    paths = Markup("").join(
        Markup('<polyline fill="none" stroke="{}" stroke-width="1.5" points="{}"/>').format(
            color, _points(line, low, high)
        )
        for line, color in shown
    )
    return Markup(
        '<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}" '
        'style="max-width:100%;display:block;margin:.3em 0">{3}</svg>'
    ).format(WIDTH, HEIGHT, what, paths)


def _thinned(values: pd.Series) -> np.ndarray:
    """At most POINTS of the values, evenly spread, the first and the last among them."""
    numbers = values.to_numpy(float)
    return np.asarray(numbers[np.unique(np.linspace(0, len(numbers) - 1, POINTS).astype(int))])


def _points(line: np.ndarray, low: float, high: float) -> str:
    across = np.linspace(1, WIDTH - 1, len(line))
    down = HEIGHT - 2 - (line - low) / ((high - low) or 1.0) * (HEIGHT - 4)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True) if np.isfinite(y))


def _table(rows: Mapping[str, Sequence[str]], columns: Sequence[str]) -> Markup:
    cell = "padding:.1em .8em .1em 0;text-align:right"
    heads = "".join(f'<th scope="col" style="{cell}">{escape(column)}</th>' for column in ("", *columns))
    body = "".join(
        f'<tr><th scope="row" style="{cell};text-align:left;font-weight:500">{escape(head)}</th>'
        + "".join(f'<td style="{cell};font-variant-numeric:tabular-nums">{escape(text)}</td>' for text in texts)
        + "</tr>"
        for head, texts in rows.items()
    )
    return Markup(
        f"<table style='border-collapse:collapse'><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )
