"""Each control of a parameter changes what it should in the engine."""

from __future__ import annotations

from typing import Any

import pytest

from engine import wire
from engine.params import METAS
from engine.store import Store
from tests.browser.live.looking import (
    applied,
    frame_of,
    number,
    rsu_at,
    same,
    shown_step,
    text,
    text_of_field,
    typed,
    whole_city,
)
from tests.browser.live_server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]
SHOWN = [meta for meta in METAS.values() if meta.shown and meta.live]
SLIDERS = [meta.name for meta in SHOWN if meta.kind in ("int", "float")]
RANGES = [meta.name for meta in SHOWN if meta.kind == "range"]
CHOICES = [meta.name for meta in SHOWN if meta.kind == "choice"]
SWITCHES = [meta.name for meta in SHOWN if meta.kind == "switch"]


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_changes_the_engine(page: Any, server: Server, name: str) -> None:
    if name == "seed":
        pytest.skip("a field, not a slider")
    meta = METAS[name]
    thumb = page.locator(f"[data-param={name}] [role=slider]")
    thumb.focus()
    page.keyboard.press("ArrowLeft")
    applied(server, name, float(meta.default) - meta.step)
    value = float(meta.default) - meta.step
    until(lambda: same(text_of_field(page, name), value, 2), "its field says so")


@pytest.mark.parametrize("name", RANGES)
def test_both_ends_of_a_range_change_the_engine(page: Any, server: Server, name: str) -> None:
    meta = METAS[name]
    low, high = meta.default
    thumbs = page.locator(f"[data-param={name}] [role=slider]")
    thumbs.nth(0).focus()
    page.keyboard.press("ArrowRight")
    applied(server, name, [low + meta.step, high])
    thumbs.nth(1).focus()
    page.keyboard.press("ArrowLeft")
    applied(server, name, [low + meta.step, high - meta.step])


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_changes_the_engine(page: Any, server: Server, name: str) -> None:
    for choice in (METAS[name].choices[0], METAS[name].choices[-1]):
        page.locator(f"[data-param={name}] label:has(input[value='{choice}'])").click()
        applied(server, name, choice)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_changes_the_engine(page: Any, server: Server, name: str) -> None:
    page.locator(f"[data-param={name}] input").click()
    applied(server, name, not METAS[name].default)


def test_what_is_typed_changes_what_happens(page: Any, server: Server, store: Store) -> None:
    usual = until(
        lambda: (s := server.status)["vehicles"] == 200 and s["load_index"], "200 vehicles"
    )
    page.locator("#speed [data-speed='5']").click()
    wanted = {"vehicles": 120, "deadline": 1, "task_size": 3.5, "task_rate": 1, "rsu_capacity": 6}
    for name, value in wanted.items():
        typed(page, name, str(value))
    page.locator("[data-param=sync_interval] label:has(input[value='5'])").click()
    ranges = {name: [v, v] if name in RANGES else v for name, v in wanted.items()}
    for name, value in {**ranges, "sync_interval": "5"}.items():
        applied(server, name, value)
    step = server.status["step"]  # what follows it has all of them
    status = until(lambda: (s := server.status)["vehicles"] == 120 and s, "120 vehicles are left")
    # u = N λ C̄ ρ̄ / (M K f̄), from 200 vehicles, λ = 0.5 and 3 GHz
    assert status["load_index"] == pytest.approx(usual * 120 / 200 * 2 / 2, rel=0.01)
    vehicle = int(wire.vehicle_ids(frame_of(store))[3])
    page.locator("#find").fill(str(vehicle))
    page.locator("#find").press("Enter")

    def told_of(key: str) -> dict[str, Any]:
        """What the engine says of a thing after the change, {} as long as it does not."""
        told = store.inspect(key)
        return told if told and told["step"] > step else {}

    told = until(lambda: (t := told_of(f"v:{vehicle}")).get("task") and t, "a task")
    assert told["task"]["deadline_s"] == pytest.approx(1.0)
    assert told["task"]["data_mb"] == pytest.approx(3.5)

    def old() -> bool:
        told = told_of(f"v:{vehicle}")
        return bool(told) and told["twin"]["age_s"] > 2.0

    until(old, "the twin grows old between two synchronisations")
    page.locator("#inspector .identity").wait_for()  # the map has gone to the vehicle
    whole_city(page)
    page.mouse.click(*rsu_at(page, store, 0))
    told = until(lambda: told_of("r:0"), "the RSU is explained")
    assert told["cpu_ghz"] == pytest.approx(6.0)


def test_seed_and_what_waits_take_effect_at_reset(page: Any, server: Server) -> None:
    server.wish({"speed": 0})  # so far that another run shows by its clock
    until(lambda: server.status["step"] > 100, "a hundred steps")
    server.wish({"speed": 1})
    before = server.status
    typed(page, "seed", "7")
    page.locator("[data-param=rsu_cores] label:has(input[value='4'])").click()
    until(lambda: set(server.status["pending"]) == {"seed", "rsu_cores"}, "both wait")
    assert server.status["params"]["seed"] == 0
    until(lambda: page.locator("#pending").is_visible(), "the page says what waits")
    page.locator("#run-reset").click()
    after = until(
        lambda: (s := server.status)["run"] != before["run"] and s["state"] == "running" and s,
        "another run",
    )  # fmt: skip
    assert (after["params"]["seed"], after["params"]["rsu_cores"]) == (7, "4")
    assert after["pending"] == []
    assert after["step"] < before["step"]
    until(lambda: not page.locator("#pending").is_visible(), "nothing waits")
    until(lambda: -1 < shown_step(page) < before["step"], "the clock starts again")
    server.wish({"params": {"seed": 0, "rsu_cores": "1"}, "reset": True})


def test_a_preset_brings_its_density(page: Any, server: Server) -> None:
    page.locator("#speed [data-speed='10']").click()
    page.locator("#preset").click()
    page.get_by_text("Low traffic", exact=False).first.click()
    until(lambda: server.status["params"]["density"] == [20, 20], "20 vehicles/km²")
    until(lambda: server.status["vehicles"] > 400, "the city fills")
    until(lambda: number(text(page, "#vehicles-now")) > 400, "the page says so")
