"""What training minimises: critics, actors, the federated forecast and its CVAE, each to scale."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from app.panel import Panel
from app.theme import CHARTS
from app.timeline import axis, base_layout

#: What stands over each plot, its axis; `assets/live/losses.mjs` says which losses go where.
_PLOTS: Final = (
    ("critic (squared error, log)", "log"),
    ("actor (-Q of its choice)", "linear"),
    ("AdFL forecast (sum of 4, log)", "log"),
    ("CVAE fit, ┄ KL (nats, log)", "log"),
)
#: Shares of the figure's width and height that the plots take, two by two.
_COLUMNS: Final = ((0.0, 0.44), (0.56, 1.0))
_ROWS: Final = ((0.57, 0.91), (0.0, 0.34))


def draw() -> go.Figure:
    """Four plots over the same time; the browser adds the lines of schemes that learn."""
    figure = go.Figure(layout=base_layout(margin={"l": 32, "r": 10, "t": 4, "b": 18}))
    for index, (title, kind) in enumerate(_PLOTS):
        number = "" if index == 0 else str(index + 1)
        across, up = _COLUMNS[index % 2], _ROWS[index // 2]
        figure.update_layout(
            {
                f"xaxis{number}": _time(across, f"y{number}", index),
                f"yaxis{number}": axis(
                    "", type=kind, domain=up, anchor=f"x{number}", nticks=4, tickformat=".2~g"
                ),
            }
        )
        figure.add_annotation(
            text=title, x=across[0], y=up[1], xref="paper", yref="paper", xanchor="left",
            yanchor="bottom", showarrow=False, font={"size": 10}, borderpad=0,
        )  # fmt: skip
    for number, over in (("5", ""), ("6", "2")):
        _marks(figure, number, over)
    return figure


def _time(across: tuple[float, float], anchor: str, index: int) -> dict[str, Any]:
    """An axis of time; it is written below the lower plots only."""
    clock = "%-H:%M:%S"
    return axis(
        "", type="date", domain=across, anchor=anchor, nticks=3, tickangle=0, tickformat=clock,
        hoverformat=clock, showticklabels=index > 1, showgrid=False, ticklabelstandoff=3,
        **({"matches": "x"} if index else {}),
    )  # fmt: skip


def _marks(figure: go.Figure, number: str, over: str) -> None:
    """Room over an upper plot for marks of changes, and of moments that training took back."""
    figure.update_layout(
        {
            f"yaxis{number}": {
                "overlaying": f"y{over}", "anchor": f"x{over}", "range": [0, 1],
                "visible": False, "fixedrange": True,
            }
        }
    )  # fmt: skip
    for role, symbol in (("marks", "triangle-down"), ("trouble", "x")):
        figure.add_scatter(
            x=[], y=[], mode="markers", xaxis=f"x{over}", yaxis=f"y{number}", meta={"role": role},
            marker={"symbol": symbol, "size": 8, "color": CHARTS["light"].mark},
            hovertemplate="%{text}<extra></extra>", cliponaxis=False,
        )  # fmt: skip


PANEL = Panel(
    name="losses",
    title="Losses",
    unit="",
    about="What training minimises: the critics' error (48), the actors' (54), the loss of AdFL's "
    "forecast (31) and the parts of the CVAE's (40). Lower is better; each has its own axis.",
    order=60,
    draw=draw,
    subject="learning",
)
