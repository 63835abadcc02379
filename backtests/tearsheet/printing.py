"""Pages as PDF and as pictures: a Chromium that is installed opens the file, and prints or paints what it shows."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from backtests.tearsheet.document import asset
from data_cache.errors import BadUsage, EbbtideError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
OWN = "EBBTIDE_CHROMIUM"
PATIENCE = 180  # seconds; a page of ten strategies takes about ten
WIDTH = 1280
# A browser paints no taller picture; what is longer is painted smaller.
TALLEST = 16_000

QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    # Its own clock, which runs on while nothing is being drawn: enough for all timers of the page, however slow we are.
    "--virtual-time-budget=120000",
)


class Unprintable(EbbtideError):
    """The browser did not do what it was asked; the page itself is written."""


def browser() -> str:
    """The command of an installed Chromium. Raises BadUsage, saying what was looked for, where there is none."""
    own = os.environ.get(OWN)
    looked_for = (own,) if own else (*BROWSERS, *PLACES)
    found = next((path for name in looked_for if (path := shutil.which(name))), None)
    if found is None:
        raise BadUsage(
            f"PDF and PNG are made by Chromium, and none was found: looked for {', '.join(looked_for)}; "
            f"install one, such as by apt install chromium, or name it in ${OWN}"
        )
    return found


def print_pdf(page: Path, out: Path) -> None:
    """Print an HTML page as a PDF; parents are created. Raises BadUsage, or Unprintable where the browser fails."""
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder:
        printed = Path(folder) / "page.pdf"
        _browse(page, Path(folder), f"--print-to-pdf={printed}", "--no-pdf-header-footer")
        _keep(printed, out)


def print_png(page: Path, out: Path) -> list[Path]:
    """Paint every chart of an HTML page into folder `out`, and all of the page as page.png; the files, this one first.

    Raises BadUsage where there is no browser, Unprintable where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder:
        pictures, height = _charts(page, Path(folder))
        painted = Path(folder) / "page.png"
        scale = min(1.0, TALLEST / height)
        flags = (f"--window-size={WIDTH},{height}", f"--force-device-scale-factor={scale:.4f}")
        _browse(page, Path(folder), f"--screenshot={painted}", *flags)
        _keep(painted, out / "page.png")
    for name, picture in pictures.items():
        (out / f"{name}.png").write_bytes(picture)
    return [out / "page.png", *(out / f"{name}.png" for name in pictures)]


def _charts(page: Path, folder: Path) -> tuple[dict[str, bytes], int]:
    """Each chart as PNG by a name that is fit for a file, and the height of the whole page in pixels."""
    posing = folder / "posing.html"
    script = f"<script>{asset('pictures.js')}</script>"
    posing.write_text(page.read_text("utf-8").replace("</body>", f"{script}</body>"), "utf-8")
    shown = _browse(posing, folder, "--dump-dom", f"--window-size={WIDTH},1000")
    found = re.search(r'<script type="application/json" id="pictures">(.*?)</script>', shown, re.DOTALL)
    if found is None:
        raise Unprintable(f"{page} was opened, but its charts were not drawn; open it in a browser to see why")
    told = json.loads(found[1])
    pictures = {safe(id): base64.b64decode(url.partition(",")[2]) for id, url in told["charts"].items()}
    return pictures, int(told["height"])


def safe(name: str) -> str:
    """`name` as a part of a file's name: letters, digits, dots, hyphens and underscores.

    >>> safe("Trend<b>(days=5) · ../x")
    'Trend_b_days_5_.._x'
    """
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("_.") or "tearsheet"


def _browse(page: Path, folder: Path, *flags: str) -> str:
    """Open `page` with these flags; what the browser wrote to stdout."""
    # Its sandbox refuses to be root's, and the page is our own: a file that loads nothing.
    root = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    command = [browser(), *QUIET, *root, f"--user-data-dir={folder / 'profile'}", *flags, page.resolve().as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        raise Unprintable(f"{command[0]} had not shown {page.name} after {PATIENCE} s; {_cure()}") from None
    except OSError as error:
        raise Unprintable(f"{command[0]} cannot be started: {error.strerror}; {_cure()}") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unprintable(f"{command[0]} ended with exit code {done.returncode}: {last}; {_cure()}")
    return done.stdout


def _cure() -> str:
    return f"print the page from a browser, or name another Chromium in ${OWN}"


def _keep(made: Path, out: Path) -> None:
    """Move what the browser made to where it was asked for; it appears there at once."""
    if not made.exists():
        raise Unprintable(f"the browser wrote no {made.suffix.removeprefix('.').upper()}; {_cure()}")
    beside = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, beside)
        beside.replace(out)
    except OSError as error:  # it names the hidden file beside it, which nobody asked for
        error.filename, error.filename2 = str(out), None
        raise
