"""Every panel, found by itself: draws without data, has units, knows its metric."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from app import panels
from app.panel import Panel
from app.theme import CHARTS, scheme_colour
from engine.metrics import METRICS
from engine.stage import SCHEMES

PANELS = panels.discover()


def test_the_row_of_charts_is_complete() -> None:
    assert [panel.name for panel in PANELS] == ["cost", "success", "energy", "delay", "rsu-load"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_a_panel_draws_without_data(panel: Panel) -> None:
    figure = panel.draw()
    assert isinstance(figure, go.Figure)
    assert all(not len(trace.x or ()) for trace in figure.data)
    assert figure.layout.uirevision == "kept"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_axes_have_units(panel: Panel) -> None:
    layout = panel.draw().layout
    for axis in (layout.xaxis, layout.yaxis):
        assert "(" in axis.title.text


@pytest.mark.parametrize("panel", [p for p in PANELS if p.metric], ids=lambda panel: panel.name)
def test_a_timeline_has_every_scheme_in_its_colour(panel: Panel) -> None:
    assert panel.metric in METRICS
    traces = {(t.meta["role"], t.meta.get("scheme")): t for t in panel.draw().data}
    for name, info in SCHEMES.items():
        mean, raw = traces["mean", name], traces["raw", name]
        assert mean.line.color == raw.line.color == scheme_colour(name)
        assert mean.line.dash == info.dash
        assert mean.visible is False
        assert mean.name == info.label
    assert ("marks", None) in traces


def test_both_themes_say_the_same_things() -> None:
    assert set(CHARTS) == {"light", "dark"}
    assert scheme_colour("best") != scheme_colour("best", "dark")
    assert scheme_colour("tolled") == scheme_colour("tolled", "dark")
