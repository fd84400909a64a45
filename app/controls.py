"""Widgets of the parameters, made from their schema: a slider, choice, switch or number each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, cast

import dash_bootstrap_components as dbc
from dash import ALL, Input, State, clientside_callback, dcc, html
from dash.development.base_component import Component

from engine.params import METAS, Meta, Range, Value

#: A span wider than this gets no slider: its thumb would jump thousands of values a pixel.
_MOST_SLIDER_STEPS: Final = 4000
#: Longer lists of choices do not fit side by side.
_MOST_LETTERS: Final = 26
_LABELS: Final = {
    "density": "Density",
    "task_size": "Data",
    "task_cycles": "Work",
    "task_rate": "Arrivals",
    "task_switching": "Burstiness",
    "vehicle_cpu": "Processor",
    "rsu_capacity": "RSU clock",
    "rsu_cores": "RSU cores",
    "rsu_price": "RSU price",
    "rsu_mains": "RSUs on mains",
    "rsu_battery": "RSU battery",
    "mesh_rate": "Mesh links",
    "mesh": "Re-routing",
    "admission": "Refuse late work",
    "v2v": "Neighbours help",
    "mandate": "Mandatory share",
    "rho": "Constant share",
    "sync_interval": "Synchronise every",
    "best_budget": "Time for Best",
    "train": "Train live",
    "start": "Start from",
    "forecast": "Forecast by",
    "cvae": "Latent of the CVAE",
    "aggregation": "Merge models",
    "agent_twin": "Twins it sees",
}


def label(name: str) -> str:
    """What the control of a parameter is called."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _heading(meta: Meta) -> str:
    """The label, short where the group says the rest."""
    words = label(meta.name)
    for said in ("RSUs ", "RSU "):
        if meta.group == "RSUs" and words.startswith(said):
            return words.removeprefix(said).capitalize()
    return words


def symbol(text: str) -> Component:
    """A symbol with its index set low: `T_n` as T with a small n."""
    head, _, index = text.replace("rho", "ρ").partition("_")
    return html.Var([head, html.Sub(index)] if index else head, className="symbol")


def tip(meta: Meta) -> str:
    """What the tooltip of a parameter says."""
    parts = [meta.help.replace("rho >=", "ρ ≥").replace("delta", "δ"), f"Allowed: {meta.allowed}"]
    parts.append(f"Default: {meta.text(meta.default)} {meta.unit}".rstrip())
    if meta.source:
        parts.append(f"Source: {meta.source}")
    when = "at once" if meta.live else "when the run is reset"
    parts.append(f"A change takes effect {when}")
    return ".\n".join(parts) + "."


def control(meta: Meta) -> Component:
    """The control of one parameter: name, symbol, value, unit, when it takes effect, widget."""
    widget = _WIDGETS[_form(meta)](meta)
    name_id = f"label-{meta.name}"
    head: list[Any] = [
        html.Span(_heading(meta), id=name_id, className="control-name"),
        symbol(meta.symbol) if meta.symbol else None,
        html.Button("i", type="button", className="tip-button",
                    **{"data-tip": tip(meta), "aria-label": f"About {label(meta.name)}"}),
        html.Span(className="control-space"),
        _value(meta) if _form(meta) in ("slider", "range", "number") else _unit(meta),
        html.Span(meta.takes_effect, className="badge-when",
                  **{"data-when": "now" if meta.live else "reset", "data-name": meta.name}),
    ]  # fmt: skip
    return html.Div(
        [
            html.Div([part for part in head if part is not None], className="control-head"),
            *([widget] if widget is not None else []),
        ],
        className=f"control control-{_form(meta)}",
        role="group",
        **{"aria-labelledby": name_id, "data-param": meta.name},
    )


def groups(shown: bool, group: str) -> list[Component]:
    """The controls of one group: the ones on the page, or those under "More"."""
    return [control(m) for m in METAS.values() if m.group == group and m.shown == shown]


def has_widget(meta: Meta) -> bool:
    """Whether there is a widget besides the field in the head of the control."""
    return _form(meta) != "number"


def initial(meta: Meta, value: Value) -> Any:
    """The value as the widget of this parameter holds it."""
    if meta.kind == "range":
        return list(cast(Range, value))
    return value


def connect() -> None:
    """Let every widget tell the page's code of its changes; call once for each Dash app made.

    The callbacks run in the browser and end in an event; `assets/live/controls.mjs` goes on.
    """
    clientside_callback(
        """function (values, ids) {
            const detail = {};
            ids.forEach((id, i) => { detail[id.name] = values[i]; });
            window.dispatchEvent(new CustomEvent("iov:params", { detail }));
        }""",
        Input({"type": "param", "name": ALL}, "value"),
        State({"type": "param", "name": ALL}, "id"),
        prevent_initial_call=True,
    )
    clientside_callback(
        """function (name) {
            window.dispatchEvent(new CustomEvent("iov:preset", { detail: name }));
        }""",
        Input("preset", "value"),
        prevent_initial_call=True,
    )


def _form(meta: Meta) -> str:
    if meta.kind == "choice":
        letters = sum(len(choice) + 2 for choice in meta.choices)
        return "segments" if letters <= _MOST_LETTERS else "dropdown"
    if meta.kind in ("float", "int"):
        return "slider" if (meta.high - meta.low) / meta.step <= _MOST_SLIDER_STEPS else "number"
    return meta.kind


def _id(meta: Meta) -> dict[str, str]:
    return {"type": "param", "name": meta.name}


def _slider(meta: Meta) -> Component:
    of: Any = dcc.RangeSlider if meta.kind == "range" else dcc.Slider
    # Steps are counted from the lower end: an end between two steps would make all values odd ones.
    # The page's code keeps what is chosen inside the bounds.
    aligned = math.floor(meta.low / meta.step + 1e-9) * meta.step
    return cast(
        Component,
        of(
            id=_id(meta), min=round(aligned, 9), max=meta.high, step=meta.step, marks=None,
            value=initial(meta, meta.default), updatemode="mouseup", allow_direct_input=False,
        ),
    )  # fmt: skip


def _segments(meta: Meta) -> Component:
    return dcc.RadioItems(
        id=_id(meta),
        options=_options(meta.choices),
        value=meta.default,
        className="segments",
        inline=True,
    )


def _dropdown(meta: Meta) -> Component:
    return dcc.Dropdown(
        id=_id(meta),
        options=_options(meta.choices),
        value=meta.default,
        clearable=False,
        searchable=False,
    )


def _switch(meta: Meta) -> Component:
    switch: Component = dbc.Switch(id=_id(meta), value=bool(meta.default), className="switch")
    return switch


def _number(_: Meta) -> None:
    """No widget: the value in the head is a field to type into."""


def _value(meta: Meta) -> Component:
    """The value as text that can be edited, both ends of a range, and its unit."""
    shown = meta.text(meta.default).replace(":", " – ")
    widest = max(len(f"{end:g}") for end in (meta.low, meta.high, meta.high - meta.step))
    letters = min(10, 2 * widest + 3) if meta.kind == "range" else max(5, min(10, widest))
    field = dcc.Input(
        id=f"value-{meta.name}",
        type="text",
        value=shown,
        className="control-value",
        autoComplete="off",
        spellCheck=False,
        style={"--letters": max(letters, len(shown))},
    )
    return html.Span([field, _unit(meta)], className="control-field")


def _unit(meta: Meta) -> Component | None:
    unit = meta.unit.replace("vehicles/", "per ")
    return html.Span(unit, className="control-unit") if unit else None


def _options(choices: Iterable[str]) -> list[dict[str, str]]:
    return [{"label": choice, "value": choice} for choice in choices]


_WIDGETS: Final = {
    "slider": _slider,
    "range": _slider,
    "segments": _segments,
    "dropdown": _dropdown,
    "switch": _switch,
    "number": _number,
}
