"""What a chart panel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class Panel:
    """One chart of the page.

    Attributes:
        name: part of element ids. title: heading. unit: behind the heading, "" for none.
        about: what is drawn and from which equation, one sentence for a tooltip.
        order: place in the row. draw: makes the figure without data.
        metric: column of `engine.metrics.METRICS` that fills it at 1 Hz; "" where frames do.
        scale: what the column is multiplied with to be in `unit`.
    """

    name: str
    title: str
    unit: str
    about: str
    order: int
    draw: Callable[[], go.Figure]
    metric: str = ""
    scale: float = 1.0
