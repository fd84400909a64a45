"""The inspector shows the engine's numbers, and RSUs fail and come back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from engine import wire
from engine.store import Store
from tests.browser.live.looking import (
    frame_of,
    number,
    pause,
    places,
    rsu_at,
    rsu_requests,
    same,
    text,
)
from tests.browser.live_server import Server, place, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]


def alone(page: Any, store: Store) -> tuple[int, tuple[float, float]]:
    """A vehicle no other is near on the screen, its id and place; the engine must be paused."""
    frame = frame_of(store)
    slots, ids = wire.slots(frame).tolist(), wire.vehicle_ids(frame).tolist()
    at = np.array([place or (-1e6, -1e6) for place in places(page, slots)])
    box = page.locator("#map").bounding_box()
    middle = np.array([box["width"], box["height"]]) / 2
    inside = np.abs(at - middle).max(axis=1) < 0.4 * box["height"]
    status_run = store.status()["run"]
    towers = json.loads(store.static(status_run))["rsus"]
    rsus = np.array([place(page, r["x"], r["y"]) for r in towers]) - [box["x"], box["y"]]
    away = np.linalg.norm(at[:, None] - rsus[None], axis=2).min(axis=1)
    apart = np.sort(np.linalg.norm(at[:, None] - at[None], axis=2), axis=1)[:, 1]
    row = int(np.argmax(np.where(inside & (away > 25), np.minimum(apart, 40), -1)))
    return ids[row], (box["x"] + at[row, 0], box["y"] + at[row, 1])


def told_of(page: Any, store: Store, key: str, step: int) -> dict[str, Any]:
    """What the engine says of a thing after this step, once the page can have it."""

    def there() -> dict[str, Any] | None:
        told = store.inspect(key)
        return told if told and told["step"] == step else None

    found: dict[str, Any] = until(there, f"{key} is explained at step {step}")
    return found


def facts(page: Any, heading: str) -> dict[str, str]:
    """A list of facts of the inspector under this heading, read at one moment."""
    section = page.locator("#inspector section", has=page.get_by_role("heading", name=heading))
    names_and_values = section.locator("dt, dd").all_inner_texts()
    return dict(zip(names_and_values[::2], names_and_values[1::2], strict=True))


def test_the_inspector_of_a_vehicle_says_what_the_engine_says(
    page: Any, server: Server, store: Store
) -> None:
    step = pause(page, server)
    vehicle, at = alone(page, store)
    page.mouse.click(*at)
    until(lambda: text(page, "#inspector-title") == f"Vehicle {vehicle}", "it opens")
    told = told_of(page, store, f"v:{vehicle}", step)
    for _ in range(20):
        if told["task"] and "tolled" in told["arms"] and told["arms"]["tolled"]["choice"]:
            break
        page.keyboard.press(".")
        step += 1
        told = told_of(page, store, f"v:{vehicle}", step)
    assert told["task"], "a vehicle has a task every other second"
    deadline_s = told["task"]["deadline_s"]

    def this_task() -> dict[str, str] | None:
        """The facts, once they are of the explained step."""
        shown = facts(page, "Task")
        is_this = (
            bool(shown)
            and same(shown["Deadline T"], deadline_s, 2)
            and same(shown["Data D"], told["task"]["data_mb"], 2)
        )
        return shown if is_this else None

    task: dict[str, str] = until(this_task, "the page shows this task")
    assert same(task["Work C"], told["task"]["gcycles"], 2)
    identity = text(page, "#inspector .identity").split("·")
    assert identity[0].strip().lower() == told["type"]
    assert same(identity[1], told["actual"]["speed_mps"], 1)
    assert same(identity[2], told["actual"]["x"], 0)
    twins = page.locator("#inspector table.twin tbody tr").all_inner_texts()
    shown = {row.split("\t")[0]: row.split("\t")[1] for row in twins}
    arm = page.locator("#map-arm").input_value()
    twin = told["arms"][arm].get("twin") or told["twin"]
    assert same(shown["East"], twin["x"], 0)
    assert same(shown["Processor"], twin["cpu_ghz"], 2)
    assert same(shown["Radio rate"], twin["rate_mbps"], 1)
    assert same(shown["Battery"], twin["battery_wh"], 1)
    decided(page, told)


def decided(page: Any, told: dict[str, Any]) -> None:
    """The table of choices, the equation and the verdict are the engine's."""
    labels = {
        "AF-MARL": "af-marl", "NON-DRL": "non-drl", "Myopic": "myopic", "Tolled": "tolled",
        "Best": "best",
    }  # fmt: skip
    rows = page.locator("#inspector table.choices tbody tr").all_inner_texts()
    assert len(rows) == len(labels)
    for row in rows:
        name, rho, _, cost, regret = (cell.strip() for cell in row.split("\t"))
        arm = told["arms"][labels[name]]
        assert same(rho, 100 * arm["choice"]["rho"], 0)
        assert same(cost, arm["choice"]["cost"], 2)
        assert same(regret, max(0.0, arm["regret"]), 2)
    shown = told["arms"][page.locator("#map-arm").input_value()]
    assert text(page, "#inspector .equation") == shown["equation"]
    assert number(shown["equation"].rpartition("=")[2]) == pytest.approx(
        shown["choice"]["cost"], abs=0.006
    )
    verdict = text(page, "#inspector .verdict")
    assert verdict.startswith("In time." if shown["choice"]["success"] else "Too late.")
    assert page.locator("#inspector .why svg").count() >= 1


def test_a_failed_rsu_loses_its_work_to_others(page: Any, server: Server, store: Store) -> None:
    until(lambda: max(rsu_requests(page), default=0) > 1, "RSUs have work")
    before = rsu_requests(page)
    index = int(np.argmax(before))
    page.mouse.click(*rsu_at(page, store, index))
    until(lambda: text(page, "#inspector-title") == f"RSU {index}", "it opens")
    told = until(lambda: store.inspect(f"r:{index}"), "it is explained")
    hardware = page.locator("#inspector dl.facts").first.inner_text()
    assert f"{told['cpu_ghz']:.2f} GHz" in hardware
    page.get_by_role("button", name="Fail it").click()
    until(lambda: server.status["down"] == [index], "the engine has it down")

    def out() -> dict[str, Any] | None:
        told = store.inspect(f"r:{index}")
        return told if told and told["up"] is False else None

    until(out, "it is out of order")

    def without() -> list[int] | None:
        now = rsu_requests(page)
        return now if now[index] == -1 and sum(now) > 0.4 * sum(before) else None

    until(without, "the others have the work")
    told = until(out, "it is still out of order")
    assert all(arm["requests"] == 0 and arm["served"] == [] for arm in told["arms"].values())
    until(lambda: "Out of order" in text(page, "#inspector .state-word"), "it says so")
    page.get_by_role("button", name="Restore it").click()
    until(lambda: server.status["down"] == [], "the engine has it back")
    until(lambda: rsu_requests(page)[index] > 0, "it has work again")
