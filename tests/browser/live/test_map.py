"""The map moves, with the engine's steps and between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import wire
from engine.store import Store
from tests.browser.live.looking import WAIT_S, drawn, frame_of, shown_step
from tests.browser.live_server import locate, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]


def test_the_map_moves(page: Any, store: Store) -> None:
    slots = [int(slot) for slot in wire.slots(frame_of(store))[:60]]
    until(lambda: shown_step(page) > 3, WAIT_S, "traffic")
    before = {slot: locate(page, slot) for slot in slots}
    picture = page.locator("#map").screenshot()
    drawn(page, 3)
    after = {slot: locate(page, slot) for slot in slots}
    both = [slot for slot in slots if before[slot] and after[slot]]
    gone = [np.hypot(*np.subtract(before[slot], after[slot])) for slot in both]
    assert len(both) > 0.8 * len(slots)
    assert np.mean(np.array(gone) > 0.5) > 0.4, "many wait at lights, many drive"
    assert page.locator("#map").screenshot() != picture


def test_motion_goes_on_between_two_steps(page: Any, store: Store) -> None:
    slots = [int(slot) for slot in wire.slots(frame_of(store))[:40]]
    script = """async (slots) => {
      const places = [];
      for (let i = 0; i < 12; i += 1) {
        const all = await Promise.all(slots.map((slot) => probe.ask({ type: "locate", slot })));
        places.push(all.map((at) => (at ? `${at.x} ${at.y}` : "")));
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      return places;
    }"""
    places = page.evaluate(script, slots)
    distinct = [len({moment[i] for moment in places}) for i in range(len(slots))]
    assert max(distinct) >= 6, "a vehicle is in many places within one step"
