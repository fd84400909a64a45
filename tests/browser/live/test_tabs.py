"""Every tab shows the same run, and an address restores a view."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from engine import wire
from engine.store import Store
from tests.browser.live.conftest import USUAL
from tests.browser.live.looking import (
    WAIT_S,
    applied,
    drawn,
    frame_of,
    pause,
    shown_step,
    text,
    text_of_field,
    typed,
)
from tests.browser.live_server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]


def test_a_second_tab_shows_and_steers_the_same_run(
    page: Any, server: Server, open_tab: Callable[..., Any]
) -> None:
    other = open_tab("", page.context)
    step = pause(page, server)
    until(lambda: shown_step(other) == step, WAIT_S, "the same step")
    until(lambda: text(other, "#run-text") == "Run", WAIT_S, "the same control")
    last = "probe.drawn.at(-1)[0]"
    assert other.evaluate(last) == page.evaluate(last)
    assert text(other, "#vehicles-now") == text(page, "#vehicles-now")
    typed(page, "task_rate", "0.25")
    until(lambda: text_of_field(other, "task_rate") == "0.25", WAIT_S, "the same value")
    assert other.locator("[data-param=task_rate] [role=slider]").get_attribute(
        "aria-valuenow"
    ) == pytest.approx("0.25")
    other.close()


def test_a_reload_and_a_link_restore_the_view(
    page: Any, server: Server, store: Store, open_tab: Callable[..., Any]
) -> None:
    other = open_tab()
    vehicle = int(wire.vehicle_ids(frame_of(store))[5])
    typed(other, "deadline", "0.3 – 0.8")
    applied(server, "deadline", [0.3, 0.8])
    other.locator("#find").fill(str(vehicle))
    other.locator("#find").press("Enter")
    other.locator("#colour-by").select_option("cost")
    until(lambda: text(other, "#inspector-title") == f"Vehicle {vehicle}", WAIT_S, "it opens")
    # The map follows what was searched for, so that its view changes all the time.
    other.evaluate("document.activeElement?.blur()")
    other.keyboard.press("d")
    theme = other.evaluate("document.documentElement.dataset.bsTheme")
    other.locator("#map-tools button").first.click()
    wanted = ("deadline=0.3:0.8", f"select=v{vehicle}", "colour=cost", f"theme={theme}", "view=")
    until(
        lambda: all(part in address(other) for part in wanted),
        WAIT_S, f"{wanted} in the address", lambda: address(other),
    )  # fmt: skip
    until(
        lambda: zoom_of(address(other)) == pytest.approx(zoom(other), 1e-3), WAIT_S, "its zoom too"
    )
    link = address(other)
    other.reload()
    drawn(other, 1)
    restored(other, vehicle, theme, link)
    other.close()
    server.wish(USUAL)
    guest = open_tab(link.removeprefix(server.url))
    applied(server, "deadline", [0.3, 0.8])
    restored(guest, vehicle, theme, link)
    guest.close()


def restored(page: Any, vehicle: int, theme: str, link: str) -> None:
    until(lambda: text(page, "#inspector-title") == f"Vehicle {vehicle}", WAIT_S, "selection")
    assert page.locator("#colour-by").input_value() == "cost"
    assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
    assert text_of_field(page, "deadline") == "0.3 – 0.8"
    until(lambda: page.evaluate("probe.view !== null"), WAIT_S, "the map has a view")
    assert zoom(page) == pytest.approx(zoom_of(link), rel=1e-3)


def address(page: Any) -> str:
    """The address as the browser has it now."""
    return str(page.evaluate("location.href"))


def zoom(page: Any) -> float:
    """Pixels per metre of the map."""
    return float(page.evaluate("probe.view.zoom"))


def zoom_of(address: str) -> float:
    """Pixels per metre in an address, 0 when it shows the whole city."""
    found = re.search(r"view=[^&]*,([^&,]+)", address)
    return float(found[1]) if found else 0.0
