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
    until(lambda: shown_step(other) == step, "the same step")
    until(lambda: text(other, "#run-text") == "Run", "the same control")
    last = "probe.drawn.at(-1)[0]"
    until(lambda: other.evaluate(last) == page.evaluate(last), "the same picture")
    assert text(other, "#vehicles-now") == text(page, "#vehicles-now")
    typed(page, "task_rate", "0.25")
    until(lambda: text_of_field(other, "task_rate") == "0.25", "the same value")
    thumb = other.locator("[data-param=task_rate] [role=slider]")
    until(lambda: thumb.get_attribute("aria-valuenow") == "0.25", "the slider too")
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
    until(lambda: text(other, "#inspector-title") == f"Vehicle {vehicle}", "it opens")
    close = until(lambda: (z := zoom(other)) > 0.5 and z, "the map has gone to it")
    # The map follows what was searched for, so that its view changes all the time.
    other.evaluate("document.activeElement?.blur()")
    other.keyboard.press("d")
    theme = other.evaluate("document.documentElement.dataset.bsTheme")
    other.locator("#map-tools button").first.click()
    wanted = ("deadline=0.3:0.8", f"select=v{vehicle}", "colour=cost", f"theme={theme}", "view=")
    until(
        lambda: all(part in address(other) for part in wanted),
        f"{wanted} in the address", lambda: address(other),
    )  # fmt: skip
    until(lambda: zoom(other) == pytest.approx(1.5 * close, 1e-3), "the map has zoomed in")
    until(lambda: zoom_of(address(other)) == pytest.approx(zoom(other), 1e-3), "its zoom too")
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
    until(lambda: text(page, "#inspector-title") == f"Vehicle {vehicle}", "selection")
    assert page.locator("#colour-by").input_value() == "cost"
    assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
    until(lambda: text_of_field(page, "deadline") == "0.3 – 0.8", "its parameter")
    until(lambda: zoom(page) == pytest.approx(zoom_of(link), rel=1e-3), "its zoom")


def address(page: Any) -> str:
    """The address as the browser has it now."""
    return str(page.evaluate("location.href"))


def zoom(page: Any) -> float:
    """Pixels per metre of the map, 0 before it has said so."""
    return float(page.evaluate("probe.view?.zoom ?? 0"))


def zoom_of(address: str) -> float:
    """Pixels per metre in an address, 0 when it shows the whole city."""
    found = re.search(r"view=[^&]*,([^&,]+)", address)
    return float(found[1]) if found else 0.0
