"""Letters can be read on every paper that they stand on, by the formulas of WCAG 2.2, in both themes and in print."""

import re
from itertools import product

import pytest

from backtests.tearsheet.document import asset

TEXTS = ("ink", "muted", "accent")
PAPERS = ("paper", "panel")
AA = 4.5  # success criterion 1.4.3, for letters of ordinary size

STYLE = str(asset("style.css"))
THEMES = {
    "light": STYLE[: STYLE.index("@media (prefers-color-scheme: dark)")],
    "dark": STYLE[STYLE.index("@media (prefers-color-scheme: dark)") :],
    "print": str(asset("print.css")),
}


def colours(theme: str) -> dict[str, str]:
    """The custom properties of the first :root block."""
    block = re.search(r":root \{(.*?)\}", THEMES[theme], re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[1]))


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_gives_what_the_standard_gives() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the grey that just fails


@pytest.mark.parametrize(
    ("theme", "text", "paper"), [*product(THEMES, TEXTS, PAPERS), *((theme, "warn", "warn-paper") for theme in THEMES)]
)
def test_every_text_can_be_read_on_its_paper(theme: str, text: str, paper: str) -> None:
    found = colours(theme)
    assert contrast(found[text], found[paper]) >= AA


def mixed(over: str, under: str, share: float) -> str:
    """`over`, of which a share covers `under`."""
    parts = [(int(over[i : i + 2], 16), int(under[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in parts)


@pytest.mark.parametrize(("theme", "side"), [*product(THEMES, ["up", "down"])])
def test_a_return_can_be_read_in_the_fullest_colour_of_its_cell(theme: str, side: str) -> None:
    found = colours(theme)
    strongest = re.search(rf"\.monthly td\.{side} \{{[^}}]*\* (\d+)%\)", STYLE)
    assert strongest is not None
    cell = mixed(found[side], found["paper"], int(strongest[1]) / 100)
    assert contrast(found["ink"], cell) >= AA
