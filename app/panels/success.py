"""Share of tasks that met their deadline, (C.1)."""

from __future__ import annotations

import plotly.graph_objects as go

from app.panel import Panel
from app.timeline import timeline


def draw() -> go.Figure:
    """The chart without data."""
    return timeline("tasks in time (%)", ".1f} %", range=[0, 102])


PANEL = Panel(
    name="success",
    title="Success",
    unit="%",
    about="Share of the tasks that met their deadline, t ≤ T (C.1). Higher is better.",
    order=20,
    draw=draw,
    metric="success_rate",
    scale=100.0,
)
