"""Each control of a parameter changes what it should in the engine."""

from __future__ import annotations

from typing import Any

import pytest

from engine import wire
from engine.params import METAS
from engine.store import Store
from tests.browser.live.looking import (
    WAIT_S,
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
    assert same(text_of_field(page, name), float(meta.default) - meta.step, 2)


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
    usual = server.status["load_index"]
    page.locator("#speed [data-speed='5']").click()
    wanted = {"vehicles": "120", "deadline": "1", "task_size": "3.5", "task_rate": "1"}
    for name, value in {**wanted, "rsu_capacity": "6"}.items():
        typed(page, name, value)
    page.locator("[data-param=sync_interval] label:has(input[value='5'])").click()
    until(lambda: server.status["params"]["sync_interval"] == "5", WAIT_S, "all is in force")
    status = until(
        lambda: (s := server.status)["vehicles"] == 120 and s, WAIT_S, "120 vehicles are left"
    )
    # u = N λ C̄ ρ̄ / (M K f̄), from 200 vehicles, λ = 0.5 and 3 GHz
    assert status["load_index"] == pytest.approx(usual * 120 / 200 * 2 / 2, rel=0.01)
    vehicle = int(wire.vehicle_ids(frame_of(store))[3])
    page.locator("#find").fill(str(vehicle))
    page.locator("#find").press("Enter")
    told = until(
        lambda: (t := store.inspect(f"v:{vehicle}")) and t.get("task") and t, WAIT_S, "a task"
    )
    assert told["task"]["deadline_s"] == pytest.approx(1.0)
    assert told["task"]["data_mb"] == pytest.approx(3.5)
    ages = set()

    def old() -> bool:
        ages.add(store.inspect(f"v:{vehicle}")["twin"]["age_s"])
        return max(ages) > 2.0

    until(old, WAIT_S, "the twin grows old between two synchronisations")
    page.locator("#inspector .identity").wait_for()  # the map has gone to the vehicle
    whole_city(page)
    page.mouse.click(*rsu_at(page, store, 0))
    told = until(lambda: store.inspect("r:0"), WAIT_S, "the RSU is explained")
    assert told["cpu_ghz"] == pytest.approx(6.0)


def test_seed_and_what_waits_take_effect_at_reset(page: Any, server: Server) -> None:
    before = server.status
    typed(page, "seed", "7")
    page.locator("[data-param=rsu_cores] label:has(input[value='4'])").click()
    until(lambda: set(server.status["pending"]) == {"seed", "rsu_cores"}, WAIT_S, "both wait")
    assert server.status["params"]["seed"] == 0
    until(lambda: page.locator("#pending").is_visible(), WAIT_S, "the page says what waits")
    page.locator("#run-reset").click()
    after = until(
        lambda: (s := server.status)["run"] != before["run"] and s["state"] == "running" and s,
        WAIT_S, "another run",
    )  # fmt: skip
    assert (after["params"]["seed"], after["params"]["rsu_cores"]) == (7, "4")
    assert after["pending"] == []
    assert after["step"] < before["step"]
    until(lambda: not page.locator("#pending").is_visible(), WAIT_S, "nothing waits")
    until(lambda: -1 < shown_step(page) < before["step"], WAIT_S, "the clock starts again")
    server.wish({"params": {"seed": 0, "rsu_cores": "1"}, "reset": True})


def test_a_preset_brings_its_density(page: Any, server: Server) -> None:
    page.locator("#speed [data-speed='10']").click()
    page.locator("#preset").click()
    page.get_by_text("Low traffic", exact=False).first.click()
    until(lambda: server.status["params"]["density"] == [20, 20], WAIT_S, "20 vehicles/km²")
    until(lambda: server.status["vehicles"] > 400, WAIT_S, "the city fills")
    until(lambda: number(text(page, "#vehicles-now")) > 400, WAIT_S, "the page says so")
