"""Pages as Chromium shows them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs a Chromium on the PATH (chromium, chromium-browser, google-chrome)"
    ),
]


def browse(path: Path, *flags: str) -> tuple[str, list[str]]:
    """The page as it stands when it has come to rest, and what it said on the console."""
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]
    command += [f"--user-data-dir={path.parent / 'profile'}", "--virtual-time-budget=60000", "--enable-logging=stderr"]
    command += ["--v=0", "--allow-file-access-from-files", *flags, path.as_uri()]
    environment = os.environ | {"HOME": str(path.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True, env=environment)
    return done.stdout, [spoken for spoken in done.stderr.splitlines() if "CONSOLE" in spoken]


def told(dom: str, name: str) -> str:
    found = re.search(rf'<html[^>]* data-{name}="([^"]*)"', dom)
    assert found, f"the page did not come as far as {name}"
    return found[1]
