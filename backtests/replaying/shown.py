"""What a reader sees in the table of metrics of a page, beside what the manifest in the page says of them."""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from backtests.metrics import METRICS
from backtests.replaying.saved import SavedResult, execution_of

TABLE = "metrics"


class _Cells(HTMLParser):
    """The rows of the table with that id, a text per cell; what is small, the intervals, is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False
        self._small = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin the table, a row or a cell of it."""
        if tag == "table":
            self._inside = dict(attrs).get("id") == TABLE
        elif self._inside and tag == "tr":
            self.rows.append([])
        elif self._inside and tag in ("th", "td") and self.rows:
            self.rows[-1].append("")
        self._small = tag == "small"

    def handle_endtag(self, tag: str) -> None:
        """End the table."""
        self._inside = self._inside and tag != "table"
        self._small = False

    def handle_data(self, data: str) -> None:
        """Add to the cell."""
        if self._inside and not self._small and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def first_false_number(page: str, results: Sequence[SavedResult]) -> str:
    """The first number in the table of metrics that is not what the manifest holds, in words; "" where all are.

    page : its text      results : what its manifest holds; numbers are compared as the table rounds them
    """
    return next(_false_numbers(page, results), "")


def _false_numbers(page: str, results: Sequence[SavedResult]) -> Iterator[str]:
    by_label = {metric.label: metric for metric in METRICS}
    columns = _columns(results)
    for head, *texts in filter(None, table_of(page)):
        metric = by_label.get(head.strip())
        if metric is None:
            continue
        for one, text in zip(columns, texts, strict=False):
            held = one.metrics.get(metric.name)
            said = metric.text(float("nan") if held is None else held).replace("-", "−")
            shown = text.strip().rstrip("*")  # a mark that refers to a note
            if metric.name in one.metrics and shown != said:
                yield f"{metric.label} of {one.label} shows {shown or 'nothing'}, its manifest says {said}"


def table_of(page: str) -> list[list[str]]:
    """The rows of the table of metrics, head first, as texts."""
    parser = _Cells()
    start = page.find("<main>")
    parser.feed(page[start : page.find("</main>", start)])  # scripts hold megabytes
    return parser.rows


def _columns(results: Sequence[SavedResult]) -> list[SavedResult]:
    """The results as the table has them: each, then each benchmark that is none of them."""
    found = list(results)
    for one in results:
        beside = one.benchmark
        if beside and all(_run_of(beside) != _run_of(other) for other in found):
            found.append(beside)
    return found


def _run_of(one: SavedResult) -> tuple[str, bool]:
    """What is run and whether with perpetuals, as `backtests.metrics.same_run` tells runs apart."""
    return one.manifest["strategy"], execution_of(one.manifest["execution"]).perps
