"""Pause, step, speed, stage and keys steer the engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.live.looking import pause, shown_step, text, xs
from tests.browser.live_server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]


def test_pause_single_step_and_speed(page: Any, server: Server) -> None:
    server.wish({"stage": ["tolled"]})  # whose steps are quick on a slow machine too
    step = pause(page, server)
    for more in (1, 2):
        page.locator("#run-step").click()
        until(lambda more=more: server.status["step"] == step + more, "one step is done")
    drawn_step = step + 2
    until(lambda: shown_step(page) == drawn_step, "the page shows the step")
    assert server.status["step"] == step + 2
    until(lambda: text(page, "#pill-text") == "Paused", "the page says paused")
    page.locator("#run-toggle").click()
    for speed, least in ((10, 3.0), (0, 3.0), (1, 0.2)):
        page.locator(f"#speed [data-speed='{speed}']").click()
        until(
            lambda s=speed, p=least: server.status["speed"] == s and server.status["pace"] >= p,
            f"speed {speed}",
        )  # fmt: skip
    until(lambda: server.status["pace"] < 1.5, "it is slow again")


def test_schemes_enter_and_leave_the_stage(page: Any, server: Server) -> None:
    for name in ("local", "best"):
        page.locator(f"#stage button[data-scheme={name}]").click()
    wanted = ["af-marl", "non-drl", "local", "myopic", "tolled", "bound"]
    until(lambda: server.status["stage"] == wanted, "the engine has the stage")
    until(lambda: "LOCAL" in (told := text(page, "#legend").upper()) and "BEST" not in told,
          "the legend has it")  # fmt: skip
    until(lambda: len(xs(page, "cost", "local")) >= 2, "its line is drawn")
    page.locator("#map-arm").select_option("local")
    until(lambda: "LOCAL" in text(page, "#about-rsu-load").upper(), "the map shows it")
    page.locator("#map-arm").select_option("tolled")


def test_keys(page: Any, server: Server) -> None:
    page.keyboard.press(" ")
    until(lambda: server.status["state"] == "paused", "space pauses")
    step = server.status["step"]
    page.keyboard.press(".")
    until(lambda: server.status["step"] == step + 1, "a full stop is one step")
    page.keyboard.press("?")
    page.locator("#help").wait_for()
    page.keyboard.press("Escape")
    page.locator("#help").wait_for(state="hidden")
    shown = "document.documentElement.dataset.bsTheme"
    theme = page.evaluate(shown)
    page.keyboard.press("d")
    until(lambda: page.evaluate(shown) != theme, "the other theme")
    page.keyboard.press("d")
    page.keyboard.press("p")
    page.locator("#controls").wait_for(state="hidden")
    page.keyboard.press("p")
    page.locator("#controls").wait_for()
    page.keyboard.press(" ")
    until(lambda: server.status["state"] == "running", "space runs")
