"""Colours that Python draws with; the stylesheet holds the rest of the look as CSS variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.stage import SCHEMES

#: Set on the page's root element and in the browser's storage.
THEMES: Final = ("light", "dark")
FONT: Final = '-apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif'
#: Scheme colours that would vanish on a dark ground.
_ON_DARK: Final = {"best": "#DDDDDD", "bound": "#A9B1BA", "local": "#9AA3AD"}


@dataclass(frozen=True)
class ChartColours:
    """What a chart is drawn with in one theme."""

    text: str
    axis: str
    grid: str
    mark: str
    trouble: str
    hover: str


CHARTS: Final = {
    "light": ChartColours(
        text="#4a5766",
        axis="#c3ccd6",
        grid="#e8ecf0",
        mark="#7b8896",
        trouble="#b02a1a",
        hover="#ffffff",
    ),
    "dark": ChartColours(
        text="#a9b6c3",
        axis="#3a4654",
        grid="#1e2731",
        mark="#8494a4",
        trouble="#ff8a78",
        hover="#18212b",
    ),
}


def scheme_colour(name: str, theme: str = "light") -> str:
    """The colour of a scheme, the same in every chart, legend and map of a theme."""
    colour = SCHEMES[name].colour
    return _ON_DARK.get(name, colour) if theme == "dark" else colour
