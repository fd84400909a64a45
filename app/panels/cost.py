"""Mean cost of a task, eq. (22)."""

from __future__ import annotations

import plotly.graph_objects as go

from app.panel import Panel
from app.timeline import timeline


def draw() -> go.Figure:
    """The chart without data."""
    return timeline("cost Ω (no unit)", ".3f}", rangemode="normal")


PANEL = Panel(
    name="cost",
    title="Cost Ω",
    unit="",
    about="Mean cost of a task, eq. (22): Ω = t/T + E/E_max + price/P_max. Lower is better.",
    order=10,
    draw=draw,
    metric="cost",
)
