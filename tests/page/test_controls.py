"""Every parameter has one control that says what it is, in which unit, and when it takes effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from dash.development.base_component import Component

from app.controls import connect, control, has_widget, label, symbol, tip
from app.layout import layout
from app.schema import schema
from engine.params import METAS, Meta
from engine.presets import PRESETS
from engine.stage import SCHEMES


def walk(component: Any) -> Iterator[Component]:
    if isinstance(component, Component):
        yield component
        yield from walk(getattr(component, "children", None))
    elif isinstance(component, (list, tuple)):
        for child in component:
            yield from walk(child)


def words(component: Any) -> str:
    if isinstance(component, (str, int, float)):
        return str(component)
    if isinstance(component, (list, tuple)):
        return " ".join(words(child) for child in component)
    return words(component.children) if getattr(component, "children", None) else ""


def ids(component: Component) -> list[str]:
    found = [c.id for c in walk(component) if getattr(c, "id", None)]
    return [json.dumps(one, sort_keys=True) for one in found]


def test_each_parameter_has_exactly_one_widget() -> None:
    told = ids(layout())
    for name, meta in METAS.items():
        mine = json.dumps({"name": name, "type": "param"})
        assert told.count(mine) == int(has_widget(meta)), name


def test_no_two_elements_share_an_id() -> None:
    told = ids(layout())
    assert len(told) == len(set(told))


@pytest.mark.parametrize("meta", METAS.values(), ids=METAS)
def test_a_control_says_what_it_is(meta: Meta) -> None:
    made = control(meta)
    said = words(made)
    assert meta.takes_effect in said
    assert meta.unit.replace("vehicles/", "per ") in said
    about = next(c for c in walk(made) if getattr(c, "className", "") == "tip-button")
    assert meta.source in getattr(about, "data-tip")
    assert meta.allowed in tip(meta)


@pytest.mark.parametrize("meta", [m for m in METAS.values() if m.kind in ("range", "float", "int")])
def test_a_slider_reaches_the_default_and_acts_on_release(meta: Meta) -> None:
    if not has_widget(meta):
        return
    slider = next(c for c in walk(control(meta)) if "Slider" in type(c).__name__)
    ends = slider.value if meta.kind == "range" else [slider.value]
    assert slider.updatemode == "mouseup"
    for end in ends:
        steps = (end - slider.min) / slider.step
        assert steps == pytest.approx(round(steps), abs=1e-6)
        assert slider.min <= end <= slider.max


def test_an_index_stands_low() -> None:
    assert words(symbol("T_n")) == "T n"
    assert words(symbol("rho_min")) == "ρ min"


def test_labels_are_told_apart() -> None:
    labels = [label(name) for name in METAS]
    assert len(set(labels)) == len(labels)


def test_the_browser_is_told_everything() -> None:
    told = json.loads(schema())
    assert [p["name"] for p in told["params"]] == list(METAS)
    assert [p["name"] for p in told["presets"]] == list(PRESETS)
    assert [s["name"] for s in told["schemes"]] == list(SCHEMES)
    for preset in told["presets"]:
        assert preset["params"] == PRESETS[preset["name"]].params().as_json()


def test_schemes_differ_in_colour_or_line_in_both_themes() -> None:
    schemes = json.loads(schema())["schemes"]
    for theme in ("light", "dark"):
        looks = {(s["colour"][theme], s["dash"]) for s in schemes}
        assert len(looks) == len(schemes)


def test_widgets_can_be_connected_for_another_app() -> None:
    connect()
