"""One program for all tests of the Live page: server, engine, SUMO and a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.params import METAS, Params
from engine.stage import DEFAULT_STAGE
from engine.store import Store
from tests.browser.live.looking import drawn, whole_city
from tests.browser.live_server import PROBE, Server, until
from tests.conftest import WAIT_S

USUAL = {
    "params": {name: v for name, v in Params().as_json().items() if METAS[name].live},
    "stage": list(DEFAULT_STAGE),
    "running": True,
    "speed": 1,
}

#: What the page's widgets stand at: parameters, schemes on stage, speed, and the button to pause.
WIDGETS = """() => {
  const held = (box) => {
    const thumbs = [...box.querySelectorAll("[role=slider]")];
    if (thumbs.length) return thumbs.map((thumb) => Number(thumb.ariaValueNow));
    const chosen = box.querySelector("input[type=radio]:checked");
    return chosen ? chosen.value : box.querySelector("input[type=checkbox]")?.checked ?? null;
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  return {
    params: Object.fromEntries(all("[data-param]").map((box) => [box.dataset.param, held(box)])),
    stage: all("#stage [aria-checked=true]").map((button) => button.dataset.scheme).sort(),
    speed: all("#speed [aria-pressed=true]").map((button) => Number(button.dataset.speed)),
    running: document.getElementById("run-text").textContent === "Pause",
  };
}"""


def widgets_as_usual() -> dict[str, Any]:
    """What `WIDGETS` gives of `USUAL`, as far as parameters have a widget that can be asked."""
    kinds = {"int": lambda v: [v], "float": lambda v: [v], "range": list}
    params = {
        meta.name: kinds.get(meta.kind, lambda v: v)(meta.default)
        for meta in METAS.values()
        if meta.shown and meta.live and meta.name != "seed"
    }
    return {"params": params, "stage": sorted(DEFAULT_STAGE), "speed": [1], "running": True}


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("live"))
    try:
        running.wait()
        until(lambda: running.status.get("state") == "running", "the engine runs")
        yield running
    finally:
        left = running.stop()
    assert left == [], "a process outlived the server"


@pytest.fixture(scope="package")
def store(server: Server) -> Iterator[Store]:
    reader = Store(server.store)
    yield reader
    reader.close()


@pytest.fixture(scope="package")
def open_tab(chromium: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Opens tabs of browsers that know nothing yet; their consoles have to stay empty."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def heard(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def open_(query: str = "", context: Any = None) -> Any:
        if context is None:
            context = chromium.new_context(viewport={"width": 1280, "height": 720})
            context.set_default_timeout(1000 * WAIT_S)
            context.add_init_script(PROBE)
            contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + query)
        drawn(page, 1)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="package")
def tab(open_tab: Callable[..., Any]) -> Any:
    return open_tab()


@pytest.fixture
def page(tab: Any, server: Server) -> Any:
    """The page with nothing selected, over an engine that does what it does by default."""
    server.wish(USUAL)
    for index in server.status["down"]:
        server.wish({"rsu": {"index": index, "up": True}})
    tab.bring_to_front()
    tab.set_viewport_size({"width": 1280, "height": 720})
    wanted = widgets_as_usual()

    def others() -> dict[str, Any]:
        """Widgets that do not show it yet; a click on one would mean something else."""
        shown = tab.evaluate(WIDGETS)
        params = {n: shown["params"][n] for n, v in wanted["params"].items()
                  if shown["params"].get(n) != pytest.approx(v)}  # fmt: skip
        return params | {
            k: shown[k] for k in ("stage", "speed", "running") if shown[k] != wanted[k]
        }

    until(lambda: not others(), "the page shows what is wanted", others)
    tab.mouse.move(2, 2)
    if tab.locator("#inspector-close").is_visible():
        tab.locator("#inspector-close").click()
    whole_city(tab)
    tab.evaluate("document.activeElement?.blur()")
    return tab
