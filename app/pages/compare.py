"""The Compare page: arms in lock-step on one clock, and what sets them apart."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from app.controls import control
from app.fork_figure import futures
from app.run_controls import run_buttons, speeds
from app.timeline import timeline
from engine.params import METAS

_GRAPH: Final[dict[str, Any]] = {"displayModeBar": False, "responsive": True, "doubleClick": False}
_ONE_RUN: Final = "One run, one seed: seconds are not independent, so no verdict from this."
_SEEDS: Final = "Seeds are independent: the same traffic, tasks and fading for all schemes on each."
_FORK: Final = "This second, twice: as it is, and with one thing changed."
_ONE_MOMENT: Final = (
    "One moment, one seed: the change alone sets the futures apart, but it is no verdict. "
    "Nothing is learnt in either future. Lines are means of 10 s."
)


def page() -> Component:
    """The page below the app bar; its figures fill in the browser."""
    cards = html.Div([_differences(), _verdict(), _fork()], className="compare-cards")
    return html.Div([_steering(), _maps(), cards], id="compare", className="compare")


def card(name: str, title: str, head: list[Any], body: list[Any]) -> Component:
    """One card below the maps.

    Args:
        name: its id.
        title: its heading.
        head: what stands beside the heading.
        body: the rest.
    """
    return html.Section(
        [
            html.Div([html.H2(title, id=f"{name}-title"), *head], className="compare-card-head"),
            *body,
        ],
        id=name,
        className="compare-card",
        **{"aria-labelledby": f"{name}-title"},
    )


def graph(name: str, figure: go.Figure) -> Component:
    """A figure that the browser fills, as wide as its card."""
    drawn = dcc.Graph(id=name, figure=figure, config=_GRAPH, className="graph", responsive=True)
    return html.Div(drawn, className="graph-room")


def _steering() -> Component:
    runs = [
        html.Div(run_buttons(), className="run-buttons"),
        speeds(),
        html.Span(id="seed", className="seed"),
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.Div(runs, id="steers", className="steers"),
                    html.P("", id="viewer-note", className="note", hidden=True),
                    html.Span(className="bar-space"),
                    html.Div(id="map-bar", className="map-bar"),
                    html.Div(id="map-tools", className="map-tools"),
                ],
                className="steering-row",
            ),
            html.Div(
                [
                    html.Span("Arms", id="arms-name", className="row-name"),
                    html.Div(
                        id="arms",
                        className="chips",
                        role="group",
                        **{"aria-labelledby": "arms-name"},
                    ),
                    html.Span(className="bar-space"),
                    html.Span("", id="lockstep", className="lockstep"),
                ],
                className="steering-row",
            ),
            html.Div(id="arms-note", className="arms-note", role="status", hidden=True),
        ],
        id="controls",
        className="steering",
        **{"aria-label": "Run, arms and map"},
    )


def _maps() -> Component:
    spoken = {"aria-label": "City maps, moved together. Arrows move them, plus and minus zoom."}
    return html.Main(
        [
            html.Div(id="map", className="panes", tabIndex=0, role="application", **spoken),
            html.Div("Waiting for the first frame …", id="map-wait", className="map-wait"),
        ],
        id="map-area",
        className="panes-area",
    )


def _differences() -> Component:
    about = "Each arm minus the reference on the same second, the same vehicles and the same tasks."
    head = [
        html.Span(id="differences-measure"),
        html.Span(id="reference-room", className="reference-room", **{"data-tip": about}),
        html.Div(id="differences-key", className="legend"),
        html.Div(id="differences-exports", className="exports"),
    ]
    caveat = html.P(_ONE_RUN, className="caveat")
    drawn = graph("chart-differences", timeline("difference", ".3f}"))
    return card("differences", "Paired differences", head, [drawn, caveat])


def _verdict() -> Component:
    head = [
        html.Span(id="verdict-measure"),
        html.P(_SEEDS, className="note"),
    ]
    body = [
        html.Div(id="rankings", className="rankings"),
        html.Div(id="contest-form", className="contest-form"),
    ]
    return card("verdict", "Verdict over seeds", head, body)


def _fork() -> Component:
    head = [
        html.Span(id="fork-measure"),
        html.P(_FORK, className="note"),
        html.Div(id="fork-exports", className="exports"),
    ]
    widgets = html.Div(
        [control(meta) for meta in METAS.values() if meta.live and meta.name != "train"],
        id="fork-params",
        className="fork-params",
    )
    body = [
        html.Div([html.Div(id="fork-form"), widgets], className="fork-form"),
        html.Div(id="fork-state", className="fork-state"),
        html.Div(
            [
                html.Div(id="fork-key", className="legend"),
                graph("chart-fork", futures()),
                html.P(_ONE_MOMENT, className="caveat"),
            ],
            id="fork-result",
            hidden=True,
        ),
    ]
    return card("fork", "Fork from here", head, body)
