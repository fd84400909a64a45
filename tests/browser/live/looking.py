"""What tests of the Live page do and see: type, pause, read a text, a chart, a place on the map."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from engine.store import Store
from tests.browser.live_server import Server, place, until

#: Whether the five kilometres of the city just fit into the map.
WHOLE_CITY = """() => {
  const { width, height } = document.getElementById("map").getBoundingClientRect();
  const shownM = Math.min(width, height) / probe.view?.zoom;
  return probe.fitted && shownM > 5000 && shownM < 6000;
}"""


def whole_city(page: Any) -> None:
    """Show all of the city, and wait until the map does, at the size that it has now."""
    page.get_by_label("Show the whole city").click()
    page.mouse.move(2, 2)
    page.evaluate("probe.ask({ type: 'stats' })")  # the map's worker has heard of it
    until(lambda: page.evaluate(WHOLE_CITY), "the map shows the whole city")


def drawn(page: Any, more: int) -> None:
    """Wait until `more` further frames were drawn."""
    seen = page.evaluate("globalThis.probe?.drawn.length ?? 0")
    enough = f"(globalThis.probe?.drawn.length ?? 0) >= {seen + more}"
    until(lambda: page.evaluate(enough), f"{more} frames drawn")


def text(page: Any, selector: str) -> str:
    return str(page.locator(selector).first.inner_text())


def number(raw: str) -> float:
    """The first number in a text of the page."""
    found = re.search(r"[-\u2212]?\d+(\.\d+)?", raw)
    assert found, f"no number in {raw!r}"
    return float(found[0].replace("\u2212", "-"))


def same(raw: str, value: float, places: int) -> bool:
    """Whether a text shows this value, rounded to so many places."""
    return abs(number(raw) - value) <= 0.5 * 10**-places + 1e-9


def applied(server: Server, name: str, value: object) -> None:
    def there() -> bool:
        return bool(server.status["params"][name] == pytest.approx(value))

    until(there, f"the engine has {name} = {value}")


def typed(page: Any, name: str, value: str) -> None:
    field = page.locator(f"#value-{name}")
    field.scroll_into_view_if_needed()
    field.fill(value)
    field.press("Enter")


def pause(page: Any, server: Server) -> int:
    """Pause by the button; gives the step at which the engine stands."""
    if server.control["running"]:
        page.locator("#run-toggle").click()
    until(lambda: server.status["state"] == "paused", "the engine pauses")
    step = int(server.status["step"])
    until(lambda: shown_step(page) == step, "the page shows the last step")
    return step


def shown_step(page: Any) -> int:
    """The step on the clock; the first ends after one second."""
    clock = text(page, "#clock")
    if "–" in clock:
        return -1
    hours, minutes, seconds = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes + seconds - 1


def frame_of(store: Store) -> bytes:
    found = store.frame()
    assert found
    return found[1]


def text_of_field(page: Any, name: str) -> str:
    return str(page.locator(f"#value-{name}").input_value())


def places(page: Any, slots: Sequence[int]) -> list[tuple[float, float] | None]:
    """Where on the map the slots' vehicles are drawn at one moment, None for those not there."""
    script = "slots => Promise.all(slots.map((slot) => probe.ask({ type: 'locate', slot })))"
    return [(at["x"], at["y"]) if at else None for at in page.evaluate(script, list(slots))]


def rsu_at(page: Any, store: Store, index: int) -> tuple[float, float]:
    """Where on the page an RSU is drawn."""
    city = json.loads(store.static(store.status()["run"]) or b"{}")
    rsu = city["rsus"][index]
    return place(page, rsu["x"], rsu["y"])


def traces(page: Any, panel: str) -> list[dict[str, Any]]:
    """What a chart draws at one moment: scheme, role, x, y and words of each trace to be seen."""
    found: list[dict[str, Any]] = page.evaluate(
        """(panel) => document.querySelector(`#chart-${panel} .js-plotly-plot`).data
          .filter((trace) => trace.visible !== false)
          .map(({ meta, x, y, text, customdata }) => ({
            ...meta, x: Array.from(x ?? []), y: Array.from(y ?? []),
            text: Array.from(text ?? []), said: Array.from(customdata ?? []),
          }))""",
        panel,
    )
    return found


def xs(page: Any, panel: str, scheme: str) -> list[str]:
    for trace in traces(page, panel):
        if trace.get("scheme") == scheme and trace.get("role") == "mean":
            return list(trace["x"])
    return []


def rsu_requests(page: Any) -> list[int]:
    """Parts of tasks that came to each RSU in the step the chart shows, -1 where it is down."""
    said = traces(page, "rsu-load")[0]["said"]
    return [int(s.split()[0]) if s[0].isdigit() else -1 for s in said]
