"""The map moves, with the engine's steps and between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import wire
from engine.store import Store
from tests.browser.live.looking import drawn, frame_of, places, shown_step
from tests.browser.live_server import until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]


def test_the_map_moves(page: Any, store: Store) -> None:
    slots = [int(slot) for slot in wire.slots(frame_of(store))[:60]]
    until(lambda: shown_step(page) > 3, "traffic")
    before = places(page, slots)
    picture = page.locator("#map").screenshot()
    drawn(page, 3)
    both = [(a, b) for a, b in zip(before, places(page, slots), strict=True) if a and b]
    gone = [np.hypot(*np.subtract(a, b)) for a, b in both]
    assert len(both) > 0.8 * len(slots)
    assert np.mean(np.array(gone) > 0.5) > 0.4, "many wait at lights, many drive"
    assert page.locator("#map").screenshot() != picture


def test_motion_goes_on_between_two_steps(page: Any, store: Store) -> None:
    slots = [int(slot) for slot in wire.slots(frame_of(store))[:40]]
    # Places of each vehicle while one frame is the newest on the screen, from its first picture on.
    script = """async (slots) => {
      const newest = () => probe.drawn.at(-1)[0];
      const frame = newest();
      while (newest() === frame) await new Promise((resolve) => setTimeout(resolve, 5));
      const [first, places] = [newest(), slots.map(() => new Set())];
      while (true) {
        const all = await Promise.all(slots.map((slot) => probe.ask({ type: "locate", slot })));
        if (newest() !== first) return places.map((seen) => seen.size);
        all.forEach((at, i) => at && places[i].add(`${at.x} ${at.y}`));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }"""
    until(lambda: max(page.evaluate(script, slots)) >= 6, "many places within one step")
