"""The figure all charts over simulated time share: two traces a scheme, and marks of changes."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from app.theme import CHARTS, FONT, scheme_colour
from engine.stage import SCHEMES

#: Seconds the smooth line averages over, and points a trace keeps.
SMOOTHING_S: Final = 10
POINTS: Final = 600


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis as every chart has it."""
    colours = CHARTS["light"]
    return {
        "title": {"text": title, "standoff": 4, "font": {"size": 10}},
        "color": colours.text,
        "gridcolor": colours.grid,
        "linecolor": colours.axis,
        "zeroline": False,
        "showline": True,
        "ticks": "",
        "tickfont": {"size": 10},
        "fixedrange": True,
        "automargin": False,
        **more,
    }


def base_layout(**more: Any) -> dict[str, Any]:
    """The layout as every chart has it; the browser sets the colours of its theme."""
    return {
        "template": None,
        "autosize": True,
        "margin": {"l": 46, "r": 8, "t": 8, "b": 34},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 10, "color": CHARTS["light"].text},
        "showlegend": False,
        "hovermode": "x unified",
        "hoverlabel": {"font": {"size": 10}, "namelength": -1},
        "dragmode": False,
        "uirevision": "kept",
        **more,
    }


def timeline(quantity: str, hover: str, **y_axis: Any) -> go.Figure:
    """An empty chart over simulated time; the browser appends and shows who is on stage.

    Args:
        quantity: title of the y axis with its unit.
        hover: how a value reads, a d3 format with its unit, e.g. `.2f} s`.
        y_axis: more of the y axis.

    Returns:
        For every scheme a faint raw trace and its 10 s mean, told apart by `meta`, then the marks.
    """
    figure = go.Figure(layout=base_layout())
    for name, info in SCHEMES.items():
        line = {"color": scheme_colour(name), "dash": info.dash}
        figure.add_scatter(
            x=[], y=[], mode="lines", visible=False, meta={"scheme": name, "role": "raw"},
            line={**line, "width": 1, "dash": "solid"}, opacity=0.22, hoverinfo="skip",
            connectgaps=False,
        )  # fmt: skip
        figure.add_scatter(
            x=[], y=[], mode="lines", visible=False, meta={"scheme": name, "role": "mean"},
            line={**line, "width": 1.6 if info.is_reference else 2.0}, name=info.label,
            hovertemplate="%{y:" + hover, connectgaps=False,
        )  # fmt: skip
    figure.add_scatter(
        x=[], y=[], mode="markers", yaxis="y2", meta={"role": "marks"}, name="changed",
        marker={"symbol": "triangle-down", "size": 8, "color": CHARTS["light"].mark},
        hovertemplate="%{text}<extra></extra>", cliponaxis=False,
    )  # fmt: skip
    figure.update_layout(
        xaxis=axis(
            "simulated time (h:min:s)",
            type="date",
            tickformat="%-H:%M:%S",
            hoverformat="%-H:%M:%S",
            nticks=4,
            tickangle=0,
            ticklabelstandoff=3,
        ),
        yaxis=axis(quantity, nticks=5, **y_axis),
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    )
    return figure
