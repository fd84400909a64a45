"""When which RSU merged whose models: the rounds of the federation over simulated time."""

from __future__ import annotations

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from app.panel import Panel
from engine.control import RSUS

#: Traces that adapt, eq. (45), and the bytes: key, symbol and index, what it is.
_TRACES: Final = (
    ("sigma_min", ("σ", "min"), "Least gradient norm that is accepted, eq. (45); no unit"),
    ("interval_s", ("τ", "agg"), "Time after which an RSU merges in high traffic, eq. (45); s"),
    ("count", ("N", "agg"), "Updates after which an RSU merges in low traffic, eq. (45)"),
    ("bytes", ("sent", ""), "All that federation has put on the air since the first round here"),
)
_KEYS: Final = (
    "Rounds of the federation. Left and right go from round to round, up and down from RSU to RSU."
)


def body() -> Component:
    """Rows of RSUs and of the agents, the traces beside them; the browser draws the rounds."""
    rows = [_row(index) for index in range(RSUS)]
    agents = html.Span("agents", className="fed-row fed-agents")
    spoken: dict[str, Any] = {"aria-label": _KEYS, "aria-describedby": "fed-summary"}
    canvas = html.Div(
        [html.Canvas(id="fed-canvas")],
        id="fed-time", className="fed-time", tabIndex=0, role="application", **spoken,
    )  # fmt: skip
    return html.Div(
        [
            html.Div([*rows, agents], className="fed-rows"),
            canvas,
            html.Div([_trace(*one) for one in _TRACES], className="fed-traces"),
            html.P("", id="fed-summary", className="unseen"),
            html.P("", id="fed-said", className="unseen", role="status"),
        ],
        id="federation",
        className="federation",
    )


def _row(index: int) -> Component:
    about: dict[str, Any] = {
        "data-rsu": str(index), "aria-label": f"RSU {index}", "aria-pressed": "false",
    }  # fmt: skip
    return html.Button(str(index), type="button", className="fed-row", **about)


def _trace(key: str, symbol: tuple[str, str], about: str) -> Component:
    head, index = symbol
    data: dict[str, Any] = {"data-trace": key, "data-tip": about}
    return html.Div(
        [
            html.Span(
                html.Var([head, html.Sub(index)], className="symbol") if index else head,
                className="fed-trace-name",
            ),
            html.Span("–", className="fed-trace-value"),
        ],
        className="fed-trace",
        tabIndex=0,
        **data,
    )


PANEL = Panel(
    name="federation",
    title="Federation",
    unit="",
    about="Each mark is a round: an RSU merged its vehicles' models, or the agents were averaged. "
    "Its shape says which trigger fired, its size how many updates came. Click one to read it.",
    order=70,
    body=body,
    subject="learning",
)
