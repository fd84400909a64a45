"""Mean delay of a task, eq. (14)."""

from __future__ import annotations

import plotly.graph_objects as go

from app.panel import Panel
from app.timeline import timeline


def draw() -> go.Figure:
    """The chart without data."""
    return timeline("delay (s per task)", ".3f} s", rangemode="tozero")


PANEL = Panel(
    name="delay",
    title="Delay",
    unit="s",
    about="Mean time until a task is done, eq. (14): the later of its two parts. Lower is better.",
    order=40,
    draw=draw,
    metric="delay_s",
)
