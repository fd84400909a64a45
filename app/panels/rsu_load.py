"""Work that waits at each RSU in the arm the map shows."""

from __future__ import annotations

import plotly.graph_objects as go

from app.panel import Panel
from app.theme import CHARTS
from app.timeline import axis, base_layout


def draw() -> go.Figure:
    """The chart without data."""
    figure = go.Figure(layout=base_layout(hovermode="closest", bargap=0.25))
    figure.add_bar(
        x=[], y=[], marker={"color": CHARTS["light"].mark}, meta={"role": "backlog"},
        hovertemplate="RSU %{x}<br>%{y:.2f} s of work waiting<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        xaxis=axis("RSU (number)", dtick=5, showgrid=False),
        yaxis=axis("waiting work (s)", nticks=5, rangemode="tozero"),
    )
    return figure


PANEL = Panel(
    name="rsu-load",
    title="RSU load",
    unit="s",
    about="Work that waits at each RSU after this step, in seconds of its processor, under the "
    "scheme the map shows.",
    order=50,
    draw=draw,
)
