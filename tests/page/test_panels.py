"""Every panel, found by itself: draws without data, has units, knows its metric."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest
from plotly.utils import PlotlyJSONEncoder

from app import panels
from app.panel import Panel
from app.panels import federation, losses
from app.theme import CHARTS, scheme_colour
from engine.control import RSUS
from engine.metrics import METRICS
from engine.stage import SCHEMES

PANELS = panels.discover()
FIGURES = [panel for panel in PANELS if panel.draw is not None]
SINGLE = [panel for panel in FIGURES if panel.name != "losses"]


def test_the_row_of_charts_is_complete() -> None:
    names = ["cost", "success", "energy", "delay", "rsu-load", "losses", "federation"]
    assert [panel.name for panel in PANELS] == names


def test_a_panel_is_a_figure_or_a_body() -> None:
    assert all((panel.draw is None) != (panel.body is None) for panel in PANELS)


def drawn(panel: Panel) -> go.Figure:
    assert panel.draw is not None
    return panel.draw()


@pytest.mark.parametrize("panel", FIGURES, ids=lambda panel: panel.name)
def test_a_panel_draws_without_data(panel: Panel) -> None:
    figure = drawn(panel)
    assert isinstance(figure, go.Figure)
    assert all(not len(trace.x or ()) for trace in figure.data)
    assert figure.layout.uirevision == "kept"


@pytest.mark.parametrize("panel", SINGLE, ids=lambda panel: panel.name)
def test_axes_have_units(panel: Panel) -> None:
    layout = drawn(panel).layout
    for axis in (layout.xaxis, layout.yaxis):
        assert "(" in axis.title.text


def test_each_loss_says_what_it_measures() -> None:
    figure = losses.draw()
    titles = [note.text for note in figure.layout.annotations]
    names = [title.split(" (")[0] for title in titles]
    assert names == ["critic", "actor", "AdFL forecast", "CVAE fit, ┄ KL"]
    assert all("(" in title for title in titles)
    kinds = {"log" in title: axis.type for title, axis in zip(titles, axes(figure), strict=True)}
    assert kinds == {True: "log", False: "linear"}


def axes(figure: go.Figure) -> list[go.layout.YAxis]:
    return [figure.layout[f"yaxis{number}"] for number in ("", 2, 3, 4)]


def test_plots_of_losses_share_their_time_and_not_their_room() -> None:
    layout = losses.draw().layout
    assert [layout[f"xaxis{number}"].matches for number in (2, 3, 4)] == ["x", "x", "x"]
    left, right = layout.xaxis.domain, layout.xaxis2.domain
    upper, lower = layout.yaxis.domain, layout.yaxis3.domain
    assert left[1] < right[0]
    assert lower[1] < upper[0]


def test_the_federation_has_a_row_for_each_rsu_and_names_its_traces() -> None:
    told = json.dumps(federation.body().to_plotly_json(), cls=PlotlyJSONEncoder)
    for index in range(RSUS):
        assert f'"data-rsu": "{index}"' in told
    for trace in ("sigma_min", "interval_s", "count", "bytes"):
        assert f'"data-trace": "{trace}"' in told


@pytest.mark.parametrize("panel", [p for p in PANELS if p.metric], ids=lambda panel: panel.name)
def test_a_timeline_has_every_scheme_in_its_colour(panel: Panel) -> None:
    assert panel.metric in METRICS
    traces = {(t.meta["role"], t.meta.get("scheme")): t for t in drawn(panel).data}
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
