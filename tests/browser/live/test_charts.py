"""Each panel draws what the engine recorded, forward in time."""

from __future__ import annotations

from typing import Any

import pytest

from engine.stage import DEFAULT_STAGE
from tests.browser.live.looking import applied, traces, typed, xs
from tests.browser.live_server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]
TIMELINES = ("cost", "success", "energy", "delay")


@pytest.mark.parametrize("panel", TIMELINES)
def test_a_panel_draws_every_scheme_and_grows(page: Any, panel: str) -> None:
    page.locator("#speed [data-speed='5']").click()
    page.locator(f"#chart-{panel}").scroll_into_view_if_needed()
    for scheme in DEFAULT_STAGE:
        until(lambda s=scheme: len(xs(page, panel, s)) >= 3, f"{scheme} has a line")
    before = {scheme: xs(page, panel, scheme)[-1:] for scheme in DEFAULT_STAGE}
    for scheme in DEFAULT_STAGE:
        until(lambda s=scheme: xs(page, panel, s)[-1:] > before[s], f"{scheme} grows")
    for trace in traces(page, panel):
        if trace.get("role") == "marks":
            continue
        assert trace["x"] == sorted(set(trace["x"])), "time runs forward"
        assert len(trace["x"]) == len(trace["y"])
        assert any(y is not None for y in trace["y"])
    script = f"""[...document.querySelectorAll('#chart-{panel} .scatterlayer path.js-line')]
        .filter((line) => line.getAttribute('d')?.length > 10).length"""
    until(lambda: page.evaluate(script) >= len(DEFAULT_STAGE), "all lines are drawn")


def test_the_panel_of_rsus_draws_each_of_them(page: Any) -> None:
    def loaded() -> bool:
        bars = traces(page, "rsu-load")[0]
        return len(bars["y"]) == 20 and max(bars["y"]) > 0 and min(bars["y"]) >= 0

    until(loaded, "RSUs have work")
    until(lambda: page.locator("#chart-rsu-load .bars path").count() == 20, "20 bars are drawn")


def test_a_change_is_marked_on_the_charts(page: Any, server: Server) -> None:
    typed(page, "task_rate", "0.8")
    applied(server, "task_rate", 0.8)

    def noticed() -> bool:
        return any("0.8" in notice["text"] for notice in server.status["notices"])

    until(noticed, "the engine says so")

    def marked() -> bool:
        marks = [trace for trace in traces(page, "cost") if trace.get("role") == "marks"]
        return any("0.8" in said for trace in marks for said in trace["text"])

    until(marked, "the chart has the mark")
