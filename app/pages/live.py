"""The Live page: controls, map, inspector, charts."""

from __future__ import annotations

from typing import Any, Final

from dash import dcc, html
from dash.development.base_component import Component

from app import panels
from app.controls import control, groups
from app.panel import Panel
from engine.control import SPEEDS
from engine.params import METAS
from engine.presets import PRESETS
from engine.stage import SCHEMES

#: Headings of the parameters in the order of the page; a group the schema adds comes last.
_GROUPS: Final = ("Traffic", "Tasks", "RSUs", "Twins", "Offloading", "Vehicles", "Model")
_GRAPH: Final[dict[str, Any]] = {"displayModeBar": False, "responsive": True, "doubleClick": False}


def page() -> Component:
    """The page below the app bar; its figures fill in the browser."""
    return html.Div([_controls(), _map(), _inspector(), _charts()], id="live", className="live")


def _icon(name: str) -> Component:
    return html.Span(className=f"icon icon-{name}", **{"aria-hidden": "true"})


def _group(name: str, children: list[Any], *, open_: bool = True) -> Component:
    return html.Details(
        [html.Summary(html.H2(name)), html.Div(children, className="group-body")],
        className="group",
        open=open_,
        **{"data-group": name},
    )


def _controls() -> Component:
    others = tuple(dict.fromkeys(m.group for m in METAS.values() if m.group != "Run"))
    ordered = [*_GROUPS, *(name for name in others if name not in _GROUPS)]
    return html.Aside(
        [
            html.Div(
                [
                    _run(),
                    _scenario(),
                    _stage(),
                    *(_parameters(name) for name in ordered if name in others),
                ],
                className="column-scroll",
            ),
            html.Div(id="pending", hidden=True),
        ],
        id="controls",
        className="column controls",
        **{"aria-label": "Controls"},
    )


def _parameters(name: str) -> Component:
    shown, more = groups(True, name), groups(False, name)
    children: list[Any] = [*shown]
    if more and shown:
        children.append(html.Details([html.Summary("More"), html.Div(more)], className="more"))
    else:
        children += more
    return _group(name, children, open_=bool(shown))


def _run() -> Component:
    speeds = [
        html.Button(
            "max" if speed == 0 else f"{speed}×",
            type="button",
            className="segment",
            **{
                "data-speed": str(speed),
                "aria-pressed": "false",
                "aria-label": "As fast as it goes" if speed == 0 else f"{speed} simulated seconds a second",
            },
        )
        for speed in SPEEDS
    ]  # fmt: skip
    more = [control(m) for m in METAS.values() if m.group == "Run" and not m.shown]
    return _group(
        "Run",
        [
            html.Div(
                [
                    html.Button([_icon("pause"), html.Span("Pause", id="run-text")], id="run-toggle",
                                type="button", className="button primary", **{"data-tip": "Run or pause (space)"}),
                    html.Button(_icon("step"), id="run-step", type="button", className="button",
                                **{"data-tip": "One step of one second (.)", "aria-label": "Single step"}),
                    html.Button([_icon("reset"), html.Span("Reset")], id="run-reset", type="button", className="button",
                                **{"data-tip": "Start again from the seed, with every parameter as it stands here"}),
                ],
                className="run-buttons",
            ),
            html.Div(speeds, id="speed", className="segments", role="group", **{"aria-label": "Speed, simulated over real time"}),
            *(control(m) for m in METAS.values() if m.group == "Run" and m.shown),
            html.Details([html.Summary("More"), html.Div(more)], className="more"),
        ],
    )  # fmt: skip


def _scenario() -> Component:
    return _group(
        "Scenario",
        [
            dcc.Dropdown(
                id="preset",
                options=[{"label": p.title, "value": p.name} for p in PRESETS.values()],
                value="default",
                clearable=False,
                searchable=False,
                placeholder="Custom",
            ),
            html.P("", id="preset-note", className="note"),
        ],
    )


def _stage() -> Component:
    rows = [
        html.Button(
            [
                html.Span(className="swatch", **{"data-scheme": info.name, "aria-hidden": "true"}),
                html.Span(info.label, className="scheme-name"),
            ],
            type="button",
            role="switch",
            className="scheme",
            **{"data-scheme": info.name, "data-tip": info.ingredients, "aria-checked": "false"},
        )
        for info in SCHEMES.values()
    ]
    return _group(
        "Schemes on stage",
        [
            html.Div(rows, id="stage", className="stage"),
            html.P("", id="stage-note", className="note", hidden=True),
        ],
    )


def _map() -> Component:
    return html.Main(
        [
            html.Div(id="map", tabIndex=0, role="application", **{"aria-label": "City map. Arrows move it, plus and minus zoom."}),
            html.Div(id="map-bar", className="map-bar"),
            html.Div(id="map-tools", className="map-tools"),
            html.Div("Waiting for the first frame …", id="map-wait", className="map-wait"),
        ],
        id="map-area",
        className="map-area",
    )  # fmt: skip


def _inspector() -> Component:
    return html.Aside(
        [
            html.Div(
                [
                    html.H2("Inspector", id="inspector-title"),
                    html.Button(_icon("close"), id="inspector-close", type="button", className="icon-button",
                                hidden=True, **{"aria-label": "Let go of the selection", "data-tip": "Let go of the selection (Esc)"}),
                ],
                className="column-head",
            ),
            html.Div(id="inspector-body", className="column-scroll"),
        ],
        id="inspector",
        className="column inspector",
        **{"aria-label": "Inspector"},
    )  # fmt: skip


def _charts() -> Component:
    return html.Section(
        [
            html.Div(
                [
                    html.Div(id="legend", className="legend"),
                    html.Span("faint: each second · strong: mean of 10 s · ▾ a change", className="legend-note"),
                    html.A("CSV", id="metrics-csv", className="legend-link", href="#", hidden=True,
                           **{"data-tip": "All figures of this run so far, a row per second and scheme"}),
                ],
                className="charts-head",
            ),
            html.Div([_card(panel) for panel in panels.discover()], className="cards"),
        ],
        id="charts",
        className="charts",
        **{"aria-label": "Charts"},
    )  # fmt: skip


def _card(panel: Panel) -> Component:
    unit = html.Span(panel.unit, className="card-unit") if panel.unit else None
    return html.Div(
        [
            html.Div(
                [
                    html.H3(panel.title, **{"data-tip": panel.about}, tabIndex=0),
                    unit,
                    html.Span("", className="card-about", id=f"about-{panel.name}"),
                ],
                className="card-head",
            ),
            dcc.Graph(
                id=f"chart-{panel.name}",
                figure=panel.draw(),
                config=_GRAPH,
                className="graph",
                responsive=True,
            ),
        ],
        className="card",
        **{"data-panel": panel.name},
    )
