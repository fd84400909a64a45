"""The Live page: controls, map, inspector, charts."""

from __future__ import annotations

from typing import Any, Final

from dash import dcc, html
from dash.development.base_component import Component

from app import panels
from app.controls import control, groups
from app.elements import button, icon
from app.panel import Panel
from app.run_controls import run_buttons, speeds
from app.timeline import SMOOTHING_S
from engine.params import METAS
from engine.presets import PRESETS
from engine.stage import SCHEMES

#: Headings of the parameters in the order of the page; a group the schema adds comes last.
_GROUPS: Final = (
    "Learning",
    "Traffic",
    "Tasks",
    "RSUs",
    "Twins",
    "Offloading",
    "Vehicles",
    "Model",
)
#: The group whose switch trains schemes while they run.
_LEARNING: Final = "Learning"
#: What the folded part of a group is called where "More" says too little.
_MORE: Final = {_LEARNING: "Ablations"}
#: Charts by what they tell of: name in the address, words, tooltip.
_TABS: Final = (
    ("", "All", "Results and learning side by side"),
    ("results", "Results", "Cost, success, energy, delay and load of the RSUs"),
    ("learning", "Learning", "Losses and rounds of the federation"),
)
_LOOKING: Final = "You are looking on: to steer, open the link with the token that steers."
_GRAPH: Final[dict[str, Any]] = {"displayModeBar": False, "responsive": True, "doubleClick": False}


def page() -> Component:
    """The page below the app bar; its figures fill in the browser."""
    return html.Div([_controls(), _map(), _inspector(), _charts()], id="live", className="live")


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
            html.P(_LOOKING, id="viewer-note", className="note", hidden=True),
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
    if name == METAS["density"].group:
        children.append(html.P("", id="density-note", className="note", hidden=True))
    if name == _LEARNING:
        children.insert(1, html.P("", id="learning-note", className="note", hidden=True))
    if more and shown:
        heading = html.Summary(_MORE.get(name, "More"))
        children.append(html.Details([heading, html.Div(more)], className="more"))
    else:
        children += more
    return _group(name, children, open_=bool(shown))


def _run() -> Component:
    parameters = [m for m in METAS.values() if m.group == "Run"]
    more = html.Div([control(m) for m in parameters if not m.shown])
    return _group(
        "Run",
        [
            html.Div(run_buttons(), className="run-buttons"),
            speeds(),
            *(control(m) for m in parameters if m.shown),
            html.Details([html.Summary("More"), more], className="more"),
        ],
    )


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
    spoken = {"aria-label": "City map. Arrows move it, plus and minus zoom."}
    return html.Main(
        [
            html.Div(id="map", tabIndex=0, role="application", **spoken),
            html.Div(id="map-bar", className="map-bar"),
            html.Div(id="map-tools", className="map-tools"),
            html.Div("Waiting for the first frame …", id="map-wait", className="map-wait"),
        ],
        id="map-area",
        className="map-area",
    )


def _inspector() -> Component:
    let_go = "Let go of the selection (Esc)"
    close = button(icon("close"), "inspector-close", let_go, look="icon-button", hidden=True)
    return html.Aside(
        [
            html.Div([html.H2("Inspector", id="inspector-title"), close], className="column-head"),
            html.Div(id="inspector-body", className="column-scroll"),
        ],
        id="inspector",
        className="column inspector",
        **{"aria-label": "Inspector"},
    )


def _charts() -> Component:
    key = f"faint: each second · strong: mean of {SMOOTHING_S} s · ▾ a change"
    export = html.A(
        "CSV",
        id="metrics-csv",
        className="legend-link",
        href="#",
        hidden=True,
        **{"data-tip": "All figures of this run so far, a row per second and scheme"},
    )
    head = [
        html.Div(
            [_tab(*one) for one in _TABS],
            id="chart-tabs",
            className="segments chart-tabs",
            role="group",
            **{"aria-label": "Which charts are shown"},
        ),
        html.Div(id="legend", className="legend"),
        html.Span(key, className="legend-note"),
    ]
    return html.Section(
        [
            html.Div([*head, export], className="charts-head"),
            html.Div([_card(panel) for panel in panels.discover()], className="cards"),
        ],
        id="charts",
        className="charts",
        **{"aria-label": "Charts"},
    )


def _tab(name: str, words: str, about: str) -> Component:
    shown: list[Any] = [words]
    if name == "learning":
        shown.append(html.Span(id="learning-dot", className="learning-dot", hidden=True))
    return html.Button(
        shown,
        type="button",
        className="segment",
        **{"data-charts": name, "data-tip": about, "aria-pressed": "false"},
    )


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
            _content(panel),
            html.Div(className="card-empty", hidden=True),
        ],
        className="card",
        **{"data-panel": panel.name, "data-subject": panel.subject},
    )


def _content(panel: Panel) -> Component:
    if panel.draw is None:
        return panel.body() if panel.body is not None else html.Div()
    return dcc.Graph(
        id=f"chart-{panel.name}",
        figure=panel.draw(),
        config=_GRAPH,
        className="graph",
        responsive=True,
    )
