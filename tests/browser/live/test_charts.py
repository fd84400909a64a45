"""Each panel draws what the engine recorded, forward in time."""

from __future__ import annotations

from typing import Any

import pytest

from engine.stage import DEFAULT_STAGE
from tests.browser.live.looking import WAIT_S, applied, traces, typed, xs
from tests.browser.live_server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]
TIMELINES = ("cost", "success", "energy", "delay")


@pytest.mark.parametrize("panel", TIMELINES)
def test_a_panel_draws_every_scheme_and_grows(page: Any, panel: str) -> None:
    page.locator("#speed [data-speed='5']").click()
    page.locator(f"#chart-{panel}").scroll_into_view_if_needed()
    for scheme in DEFAULT_STAGE:
        until(lambda s=scheme: len(xs(page, panel, s)) >= 3, WAIT_S, f"{scheme} has a line")
    before = {scheme: xs(page, panel, scheme)[-1] for scheme in DEFAULT_STAGE}
    for scheme in DEFAULT_STAGE:
        until(lambda s=scheme: xs(page, panel, s)[-1] > before[s], WAIT_S, f"{scheme} grows")
    for trace in traces(page, panel):
        if trace.get("role") == "marks":
            continue
        assert trace["x"] == sorted(set(trace["x"])), "time runs forward"
        assert len(trace["x"]) == len(trace["y"])
        assert any(y is not None for y in trace["y"])
    lines = page.locator(f"#chart-{panel} .scatterlayer path.js-line")
    assert lines.count() >= len(DEFAULT_STAGE)
    assert len(lines.last.get_attribute("d")) > 10


def test_the_panel_of_rsus_draws_each_of_them(page: Any) -> None:
    def loaded() -> bool:
        bars = traces(page, "rsu-load")[0]
        return len(bars["y"]) == 20 and max(bars["y"]) > 0 and min(bars["y"]) >= 0

    until(loaded, WAIT_S, "RSUs have work")
    assert page.locator("#chart-rsu-load .bars path").count() == 20


def test_a_change_is_marked_on_the_charts(page: Any, server: Server) -> None:
    typed(page, "task_rate", "0.8")
    applied(server, "task_rate", 0.8)
    assert any("0.8" in notice["text"] for notice in server.status["notices"])

    def marked() -> bool:
        script = """() => document.querySelector('#chart-cost .js-plotly-plot').data
          .find(({ meta }) => meta.role === 'marks').text"""
        return any("0.8" in said for said in page.evaluate(script))

    until(marked, WAIT_S, "the chart has the mark")
