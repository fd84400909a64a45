"""Everything has its place on a projector and on a desk."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.live.looking import drawn
from tests.browser.live_server import until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=["720p", "1080p"])
def test_everything_has_its_place(page: Any, size: tuple[int, int]) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    drawn(page, 1)
    # The charts follow the window when the browser is idle.
    root = "document.documentElement"
    script = f"{root}.scrollWidth <= {width} && {root}.scrollHeight <= {height}"
    until(lambda: page.evaluate(script), "nothing has to be scrolled to")
    areas = {
        name: page.locator(name).bounding_box()
        for name in (".app-bar", "#controls", "#map-area", "#inspector", "#charts")
    }
    for name, box in areas.items():
        assert min(box["x"], box["y"]) >= 0, name
        assert box["x"] + box["width"] <= width + 0.5, name
        assert box["y"] + box["height"] <= height + 0.5, name
    names = list(areas)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            assert overlap(areas[first], areas[second]) < 2, (first, second)
    clipped = page.evaluate(
        """() => [...document.querySelectorAll('.app-bar *, #legend *, .charts-head *, '
            + '.card-head *, #map-bar label span, .control-name, .scheme-name, .segment, '
            + '#inspector th, #inspector td')]
          .filter((e) => e.childElementCount === 0 && e.textContent.trim() && e.offsetParent
            && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
            && getComputedStyle(e).overflowX !== 'visible')
          .map((e) => e.textContent)"""
    )
    assert clipped == []


def overlap(a: dict[str, float], b: dict[str, float]) -> float:
    """Area two boxes share, square pixels."""
    wide = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    high = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
    return max(0.0, wide) * max(0.0, high)
