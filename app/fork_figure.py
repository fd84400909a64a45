"""The empty figure of a fork: both futures above, what sets them apart below, on one clock."""

from __future__ import annotations

import plotly.graph_objects as go

from app.timeline import axis, base_layout

#: Shares of the height: differences, futures.
_LOWER, _UPPER = (0.0, 0.4), (0.5, 1.0)


def futures() -> go.Figure:
    """Axes without traces; the browser fills in the traces and what is measured."""
    figure = go.Figure(layout=base_layout())
    figure.update_layout(
        xaxis=axis(
            "simulated time (h:min:s)",
            type="date",
            tickformat="%-H:%M:%S",
            hoverformat="%-H:%M:%S",
            nticks=6,
            tickangle=0,
            anchor="y2",
        ),
        yaxis=axis("as it is, changed", nticks=5, domain=list(_UPPER)),
        yaxis2=axis("difference", nticks=4, domain=list(_LOWER), zeroline=True),
    )
    return figure
