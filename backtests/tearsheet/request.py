"""What a user asks of `tearsheet`: strategies to run, or saved results to run again, and the files to make."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from backtests.findings import QUICK_CUTS, Examined, Finding, examined, rule
from backtests.ledger import record
from backtests.replaying.replay import Rerun, rerun
from backtests.replaying.saved import is_saved
from backtests.request import Request, asked_of
from backtests.result import Result
from backtests.tearsheet.page import title_of, write_tearsheet
from backtests.tearsheet.printing import print_pdf, print_png, safe
from data_cache.errors import BadUsage, EbbtideError

# What strategies, files or sections are taken through one by one, such as a progress bar.
Through = Callable[[Sequence[Any]], Iterable[Any]]
# What can be said of a saved result; everything else it says itself.
OF_SAVED = {"strategies", "store", "ledger", "out", "pdf", "png", "cuts", "json"}
# So long may the name of a file be that is made of names of strategies.
LONGEST = 80


@dataclass(frozen=True)
class TearsheetRequest(Request):
    """Everything that `tearsheet` can be told.

    pdf : also as this PDF      png : also as pictures in this folder      cuts : of the causality proof
    """

    pdf: Path | None = None
    png: Path | None = None
    cuts: int = QUICK_CUTS


@dataclass(frozen=True)
class Tearsheet:
    """What came of it: results, what was found of them, and the files, the page first."""

    results: list[Result]
    examined: Examined
    files: list[Path]

    def summary(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "files": [str(file) for file in self.files],
            "results": [result.summary() for result in self.results],
            "findings": [finding.summary() for finding in self.examined.findings],
            "proofs": [proof.summary() for proof in self.examined.proofs],
        }


def make_tearsheet(options: Mapping[str, Any], running: Through = iter, building: Through = iter) -> Tearsheet:
    """Run what `options` name, and write the page, then the PDF and the pictures.

    running, building : what the strategies and the sections are taken through one by one, such as a progress bar
    Raises BadUsage, before anything is run, for options that make no sense, and where files can't be made.
    """
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    vouched = given.pop("strategy_file", [])
    saved = [target for target in given["strategies"] if is_saved(target)]
    if vouched and not saved:
        raise BadUsage(f"--strategy-file is for saved results; name a strategy of your own as {vouched[0]}:Class")
    if saved and len(saved) < len(given["strategies"]):
        raise BadUsage(f"give saved results or strategies, not both; found {', '.join(given['strategies'])}")
    asked = asked_of(TearsheetRequest, _of_saved(given) if saved else given)
    if asked.cuts < 1:
        raise BadUsage(f"--cuts must be one or more; found {asked.cuts}")
    _require_places(asked)
    return _of_files(asked, vouched, running, building) if saved else _of_strategies(asked, running, building)


def _require_places(asked: TearsheetRequest) -> None:
    """Raise BadUsage where a file is asked for at a folder, or two at one place: before anything is run."""
    for option, file, example in (("--out", asked.out, "page.html"), ("--pdf", asked.pdf, "page.pdf")):
        if file is not None and file.is_dir():
            raise BadUsage(f"{option} {file} is a folder; name a file in it, such as {file / example}")
    if asked.png is not None and asked.png.is_file():
        raise BadUsage(f"--png {asked.png} is a file; name a folder for the pictures")
    # So neither can take the place of a page, whatever that is called.
    for option, place, example in (("--pdf", asked.pdf, "page.pdf"), ("--png", asked.png, "pictures")):
        if place is not None and place.suffix.lower() in (".html", ".htm"):
            raise BadUsage(
                f"{option} {place} is named like a page; name it otherwise, such as {place.parent / example}"
            )
    _require_apart(asked)


def _require_apart(asked: TearsheetRequest) -> None:
    """Raise BadUsage where one of the files would take the place of another."""
    places = {"--out": asked.out, "--pdf": asked.pdf, "--png": asked.png}
    given = [(option, place, _spot(place)) for option, place in places.items() if place is not None]
    for (option, place, spot), (other, beside, taken) in combinations(given, 2):
        below = _is_picture_in(spot, taken) if other == "--png" else taken in spot.parents
        if spot == taken or spot in taken.parents or below:
            raise BadUsage(f"{option} {place} and {other} {beside} would overwrite each other; name two places")


def _spot(place: Path) -> Path:
    """Where `place` leads, so that no two texts lead to one file: many disks do not tell capitals apart."""
    return Path(str(place.resolve()).casefold())


def _is_picture_in(file: Path, folder: Path) -> bool:
    return file.parent == folder and file.suffix == ".png"


def _of_saved(given: Mapping[str, Any]) -> Mapping[str, Any]:
    unfit = [name for name in given if name not in OF_SAVED]
    if unfit:
        said = ", ".join("--" + {"start": "from", "end": "to"}.get(name, name.replace("_", "-")) for name in unfit)
        raise BadUsage(f"a saved result says itself how it was run; leave out {said}, or name the strategy instead")
    return given


def _of_strategies(asked: TearsheetRequest, running: Through, building: Through) -> Tearsheet:
    results = record(asked.run(watch=running), "tearsheet", asked.trial_ledger())
    title = title_of(results)
    return _written(asked, results, asked.examined(results, asked.cuts), title, building)


def _of_files(asked: TearsheetRequest, vouched: Sequence[Path], running: Through, building: Through) -> Tearsheet:
    """The same of saved results, run again; what is no longer as it was becomes a finding."""
    paths = [Path(target) for target in asked.strategies]
    reruns: list[Rerun] = [rerun(path, asked.store, strategy_files=vouched) for path in running(paths)]
    results = [result for again in reruns for result in again.results]
    changed = [finding for again, path in zip(reruns, paths, strict=True) for finding in _changed(again, path)]
    found = examined(results, cuts=asked.cuts)
    found = Examined(changed + found.findings, found.proofs)
    title = " · ".join(dict.fromkeys(again.title for again in reruns))
    return _written(asked, results, found, title, building, f"Run again from {', '.join(path.name for path in paths)}")


@rule
def _changed(again: Rerun, path: Path) -> list[Finding]:
    """CHANGED_SINCE: what was saved is not what comes of running it again."""
    return [Finding("CHANGED_SINCE", "", f"{path.name}: {sentence}") for sentence in again.differences]


def _written(
    asked: TearsheetRequest,
    results: Sequence[Result],
    found: Examined,
    title: str,
    building: Through,
    subtitle: str = "",
) -> Tearsheet:
    page = asked.out or Path("tearsheets") / f"{safe('-'.join(result.name for result in results))[:LONGEST]}.html"
    write_tearsheet(results, page, title, subtitle, findings=found.findings, proofs=found.proofs, watch=building)
    try:
        return Tearsheet(list(results), found, [page, *_printed(page, asked)])
    except EbbtideError as error:
        raise type(error)(f"{error} (the page itself is written: {page})") from None


def _printed(page: Path, asked: TearsheetRequest) -> list[Path]:
    """The PDF and the pictures that were asked for."""
    if asked.pdf is not None:
        print_pdf(page, asked.pdf)
    pdf = [] if asked.pdf is None else [asked.pdf]
    return pdf if asked.png is None else pdf + print_png(page, asked.png)
