"""Mean energy a vehicle's task takes, eq. (15)."""

from __future__ import annotations

import plotly.graph_objects as go

from app.panel import Panel
from app.timeline import timeline


def draw() -> go.Figure:
    """The chart without data."""
    return timeline("energy (J per task)", ".0f} J", rangemode="tozero")


PANEL = Panel(
    name="energy",
    title="Energy",
    unit="J",
    about="Mean energy of a task, eq. (15): computing, radio and twin. Lower is better.",
    order=30,
    draw=draw,
    metric="energy_j",
)
