"""What a chart panel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go
from dash.development.base_component import Component

#: What a panel tells of; where there is little room, one of them is shown at a time.
Subject = Literal["results", "learning"]


@dataclass(frozen=True)
class Panel:
    """One chart of the page.

    Attributes:
        name: part of element ids. title: heading. unit: behind the heading, "" for none.
        about: what is drawn and from which equation, one sentence for a tooltip.
        order: place in the row. draw: makes the figure without data.
        body: makes what stands in its place where no figure can show it; then `draw` is None.
        metric: column of `engine.metrics.METRICS` that fills it at 1 Hz; "" where others do.
        scale: what the column is multiplied with to be in `unit`.
        subject: see `Subject`.
    """

    name: str
    title: str
    unit: str
    about: str
    order: int
    draw: Callable[[], go.Figure] | None = None
    body: Callable[[], Component] | None = None
    metric: str = ""
    scale: float = 1.0
    subject: Subject = "results"
