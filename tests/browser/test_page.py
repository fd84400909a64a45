"""The page in a real Chromium over a stand-in engine: controls, address, keys, looks, errors."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.url_state import View, decode, encode
from engine import wire
from engine.params import METAS
from engine.presets import PRESETS
from engine.store import Store
from tests.browser.live_server import Server, until
from tests.conftest import WAIT_S

pytestmark = pytest.mark.browser
DRAWN = "document.querySelectorAll('#chart-cost .scatterlayer .js-line').length > 1"
#: Keeps what the page says in passing: on a slow machine it has gone before all else is drawn.
TOASTED = """
globalThis.toasted = new Set();
new MutationObserver(() => {
  for (const line of document.querySelectorAll(".toast-line")) toasted.add(line.dataset.text);
}).observe(document, { childList: true, subtree: true });
"""
SIZES = [(1280, 720), (1920, 1080)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("page"), command=("tests/app/serve_fake.py",))
    try:
        started.wait()
        yield started
    finally:
        started.stop()


@pytest.fixture
def visit(chromium: Any, server: Server) -> Iterator[Any]:
    """Opens the page at an address; an error in its console fails the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def go(query: str = "", size: tuple[int, int] = (1280, 720), drawn: str = DRAWN) -> Any:
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(1000 * WAIT_S)
        context.add_init_script(TOASTED)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(server.url + query)
        page.wait_for_selector("#map canvas")
        page.wait_for_selector("#map-wait", state="hidden")
        becomes(page, drawn)
        return page

    server.wish({"preset": "default", "running": True, "speed": 1, "stage": list(_stage())})
    yield go
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def still(chromium: Any, server: Server) -> Iterator[Any]:
    """One page for tests that only look."""
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(1000 * WAIT_S)
    page.goto(server.url)
    becomes(page, DRAWN)
    yield page
    page.close()


def becomes(page: Any, expression: str) -> None:
    """Wait for an expression; asked from outside, as the page itself forbids `eval`."""
    until(lambda: page.evaluate(expression), expression)


def _stage() -> tuple[str, ...]:
    return ("non-drl", "myopic", "tolled", "best", "bound")


def newest(server: Server) -> int:
    """The vehicle that came last, so that it is still there in a while."""
    with contextlib.closing(Store(server.store)) as store:
        frame = store.frame()
    assert frame is not None
    return int(wire.vehicle_ids(frame[1])[-1])


def meaning(view: View) -> View:
    """The view with all parameters told, as more than one preset can be the start of the same."""
    params = PRESETS[view.preset].params(**view.params).as_json()
    return replace(view, preset="", params=params)


def address(page: Any) -> str:
    """What the page tells of itself, without the question mark; to share it writes it at once."""
    page.locator("#share").click()
    return str(page.evaluate("location.search.slice(1)"))


def control(page: Any, name: str) -> Any:
    found = page.locator(f"[data-param={name}]")
    found.evaluate(
        "e => { while ((e = e.parentElement)) if (e.tagName === 'DETAILS') e.open = true }"
    )
    found.scroll_into_view_if_needed()
    return found


def wanted(server: Server, name: str, value: Any) -> None:
    until(lambda: server.control["params"][name] == value, f"{name} is {value}")


def test_a_slider_steers_and_says_so(visit: Any, server: Server) -> None:
    page = visit()
    slider = control(page, "task_rate").get_by_role("slider")
    assert slider.get_attribute("aria-label") == "Arrivals, in 1/s"
    slider.focus()
    slider.press("ArrowRight")
    wanted(server, "task_rate", 0.55)
    becomes(page, "document.getElementById('value-task_rate').value === '0.55'")


def test_a_typed_value_moves_the_slider(visit: Any, server: Server) -> None:
    page = visit()
    control(page, "deadline")
    field = page.locator("#value-deadline")
    field.fill("0.3:0.7")
    field.press("Enter")
    wanted(server, "deadline", [0.3, 0.7])
    thumbs = "document.querySelectorAll('[data-param=deadline] [role=slider]')"
    becomes(page, f"[...{thumbs}].map((e) => e.ariaValueNow).join() === '0.3,0.7'")


def test_a_wrong_value_is_refused_in_a_sentence(visit: Any, server: Server) -> None:
    page = visit()
    control(page, "deadline")
    field = page.locator("#value-deadline")
    field.fill("7")
    field.press("Enter")
    page.get_by_text("is not possible: choose 0.1 to 1 s").wait_for()
    becomes(page, "document.getElementById('value-deadline').value === '0.1 – 1'")
    assert server.control["params"]["deadline"] == [0.1, 1.0]


def test_choices_switches_and_presets_steer(visit: Any, server: Server) -> None:
    page = visit()
    control(page, "mesh").get_by_text("off", exact=True).click()
    wanted(server, "mesh", "off")
    control(page, "v2v").get_by_role("switch").or_(
        page.locator("[data-param=v2v] input[type=checkbox]")
    ).first.click()
    wanted(server, "v2v", True)
    page.locator("#preset").click()
    page.get_by_text("High traffic, provisioned").click()
    wanted(server, "rsu_cores", "4")
    note = PRESETS["high-provisioned"].note
    page.locator("#preset-note", has_text=re.compile("^" + re.escape(note))).wait_for()


def test_schemes_join_and_leave_the_stage(visit: Any, server: Server) -> None:
    page = visit()
    page.locator("#stage button[data-scheme=random]").click()
    until(lambda: "random" in server.control["stage"], "random is on stage")
    page.locator("#legend .legend-entry", has_text=re.compile("random", re.I)).wait_for()
    page.locator("#stage button[data-scheme=random]").click()
    until(lambda: "random" not in server.control["stage"], "random has left")


def test_another_tab_shows_the_change(visit: Any, server: Server) -> None:
    first, second = visit(), visit()
    control(first, "vehicle_cpu")
    field = first.locator("#value-vehicle_cpu")
    field.fill("2")
    field.press("Enter")
    second.bring_to_front()
    becomes(second, "document.getElementById('value-vehicle_cpu').value === '2'")
    wanted(server, "vehicle_cpu", [2.0, 2.0])


def test_a_link_steers_and_a_reload_keeps_the_view(visit: Any, server: Server) -> None:
    query = (
        "?preset=easy&deadline=0.5&stage=tolled,best&speed=2&select=r3&view=1000,2000,0.3"
        "&colour=cost&arm=best&layers=links&theme=dark"
    )
    page = visit(query)
    wanted(server, "deadline", [0.5, 0.5])
    assert server.control["stage"] == ["tolled", "best"]
    assert server.control["speed"] == 2
    page.get_by_role("heading", name="RSU 3").wait_for()
    before = decode(address(page))
    assert meaning(before[0]) == meaning(decode(query)[0])
    page.reload()
    becomes(page, DRAWN)
    page.get_by_role("heading", name="RSU 3").wait_for()
    assert decode(address(page)) == before
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert page.locator("#colour-by").input_value() == "cost"


def test_a_bad_link_is_told_and_harms_nothing(visit: Any, server: Server) -> None:
    before = server.control["params"]
    page = visit("?theme=pink&unheard=1", drawn="true")
    becomes(page, "toasted.size === 2")
    assert server.control["params"] == before


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View(preset="high", params={"deadline": (0.25, 0.6), "seed": 123456, "v2v": True}, speed=0),
        View(preset="easy", stage=("tolled", "bound"), camera=(-12.0, 4999.0, 0.125), layers=()),
        View(select="v17", colour="age", arm="myopic", theme="light", presenter=True),
        View(preset="default", params={"density": (20.0, 60.0), "mesh": "off", "rho": 0.35}),
    ],
)
def test_both_codecs_of_the_address_agree(still: Any, view: View) -> None:
    query = encode(view)
    told = still.evaluate(
        """async (query) => {
            const { decode, encode } = await import("/assets/live/url.mjs");
            const { Schema } = await import("/assets/live/schema.mjs");
            const schema = new Schema(JSON.parse(document.getElementById("schema").dataset.schema));
            const { view, problems } = decode(query, schema);
            return { view, problems, again: encode(view, schema) };
        }""",
        query,
    )
    assert told["problems"] == []
    assert told["again"] == query
    assert told["view"]["params"] == json.loads(json.dumps(dict(view.params)))


def test_keys_run_step_and_set_the_speed(visit: Any, server: Server) -> None:
    page = visit()
    page.keyboard.press("Space")
    until(lambda: not server.control["running"], "paused")
    steps = server.control["steps"]
    page.keyboard.press(".")
    page.keyboard.press("ArrowRight")
    until(lambda: server.control["steps"] == steps + 2, "two steps")
    page.keyboard.press("4")
    until(lambda: server.control["speed"] == 10, "ten times")
    page.keyboard.press("?")
    page.locator("#help").wait_for()
    page.keyboard.press("Escape")
    page.locator("#help").wait_for(state="hidden")
    page.keyboard.press("p")
    page.locator("#controls").wait_for(state="hidden")
    page.keyboard.press("p")
    page.locator("#controls").wait_for()
    theme = page.evaluate("document.documentElement.dataset.bsTheme")
    page.keyboard.press("d")
    becomes(page, f"document.documentElement.dataset.bsTheme !== '{theme}'")


def test_a_vehicle_is_found_by_its_number(visit: Any, server: Server) -> None:
    page = visit()
    vehicle = newest(server)
    page.keyboard.press("/")
    page.keyboard.type(str(vehicle))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=f"Vehicle {vehicle}").wait_for()
    page.locator(".ghost-line", has_text="Its twin").wait_for()
    becomes(page, f"new URLSearchParams(location.search).get('select') === 'v{vehicle}'")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Inspector").wait_for()


def test_a_vehicle_that_is_not_there_is_told_and_nothing_else(visit: Any) -> None:
    page = visit("?select=v987654")
    page.get_by_text("This vehicle has left the city.").wait_for()
    assert page.locator("#inspector-body h3:visible").all_inner_texts() == []


def searched(page: Any, server: Server, vehicle: int) -> None:
    """Search a vehicle while the engine stands still: it is told of with the next step."""
    server.wish({"running": False})
    page.locator("#find").fill(str(vehicle))
    page.locator("#find").press("Enter")
    with contextlib.closing(Store(server.store)) as store:
        until(lambda: store.watched() == (f"v:{vehicle}",), "the engine is asked")


def answered(page: Any, server: Server) -> str:
    """Let the engine answer; gives the address after it."""
    server.wish({"step": True})
    page.locator(".ghost-line", has_text="Its twin").wait_for()
    return address(page)


def test_the_map_goes_to_the_vehicle_that_was_searched(visit: Any, server: Server) -> None:
    page = visit()
    searched(page, server, newest(server))
    assert "view=" in answered(page, server)
    assert page.get_by_label("Follow the").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("move", ["fit", "zoom", "key", "drag", "wheel"])
def test_who_moves_the_map_before_the_answer_keeps_the_view(
    visit: Any, server: Server, move: str
) -> None:
    page = visit()
    vehicle = newest(server)
    searched(page, server, vehicle)
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"])
    if move == "fit":
        page.get_by_label("Show the whole city").click()
    elif move == "zoom":
        page.get_by_label("Zoom in").click()
    elif move == "key":
        page.keyboard.press("ArrowRight")
    elif move == "wheel":
        page.mouse.wheel(0, -50)
    else:
        page.mouse.down()
        page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
        page.mouse.up()
    if move != "fit":
        becomes(page, "location.search.includes('view=')")
    told = answered(page, server)
    assert ("view=" in told) == (move != "fit")
    camera = decode(told)[0].camera
    assert camera is None or camera[2] < 0.5, "the map has not gone close to the vehicle"
    assert page.get_by_label("Follow the").get_attribute("aria-pressed") == "false"
    assert f"select=v{vehicle}" in told


def test_an_rsu_is_failed_and_restored(visit: Any, server: Server) -> None:
    page = visit("?select=r4")
    page.get_by_role("button", name="Fail it").click()
    until(lambda: server.control["down"] == [4], "RSU 4 is down")
    page.get_by_role("button", name="Restore it").click()
    until(lambda: server.control["down"] == [], "RSU 4 is back")


@pytest.mark.parametrize("name", ["cost", "success", "energy", "delay", "rsu-load"])
def test_each_panel_draws(still: Any, name: str) -> None:
    marks = "path.js-line" if name != "rsu-load" else ".bars path"
    becomes(still, f"document.querySelectorAll('#chart-{name} {marks}').length > 1")


CLIPPED = """() => {
  const seen = (e) => e.checkVisibility() && e.getClientRects().length;
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll("#app *")]
    .filter((e) => seen(e) && own(e) && !e.closest("svg, select, .unseen, .modebar"))
    .filter((e) => getComputedStyle(e).overflow !== "visible" && e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.textContent.slice(0, 40));
}"""
BESIDE = """() => {
  const box = (id) => document.getElementById(id).getBoundingClientRect();
  const parts = ["controls", "map-area", "inspector", "charts"].map(box);
  const apart = (a, b) => a.right <= b.left + 1 || a.bottom <= b.top + 1;
  const over = (a, b) => !apart(a, b) && !apart(b, a);
  return parts.some((a, i) => parts.some((b, j) => i < j && over(a, b)));
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_overlaps_or_is_cut_off(
    visit: Any, server: Server, size: tuple[int, int], theme: str
) -> None:
    page = visit(f"?select=v{newest(server)}&theme={theme}", size)
    page.locator(".ghost-line", has_text="Its twin").wait_for()
    for group in page.locator("#controls details").all():
        group.evaluate("e => e.open = true")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.evaluate(BESIDE)
    assert page.evaluate(CLIPPED) == []
    wider = "e => e.scrollWidth > e.clientWidth + 1"
    assert not page.locator(".column-scroll").evaluate_all(f"all => all.some({wider})")


def test_every_button_and_field_has_a_name(still: Any) -> None:
    nameless = still.evaluate(
        """() => [...document.querySelectorAll("#app button, #app input, #app select")]
            .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]"))
            .filter((e) => !(e.innerText?.trim() || e.getAttribute("aria-label") || e.labels?.length
                || e.closest("[aria-labelledby]")))
            .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert nameless == []


def test_a_phone_gets_one_column(visit: Any) -> None:
    page = visit(size=(390, 844), drawn="true")
    becomes(page, "document.documentElement.scrollWidth <= innerWidth")
    becomes(page, "document.getElementById('map').getBoundingClientRect().width > 300")


def test_parameters_all_have_controls_in_the_browser(still: Any) -> None:
    assert still.locator("[data-param]").count() == len(METAS)


def test_a_lost_server_is_told_with_what_to_do(chromium: Any, tmp_path: Path) -> None:
    server = Server(tmp_path, command=("tests/app/serve_fake.py",))
    try:
        server.wait()
        page = chromium.new_page()
        page.set_default_timeout(1000 * WAIT_S)
        page.goto(server.url)
        page.locator("#pill[data-state=running]").wait_for()
        server.stop()
        page.get_by_text("No connection to the server.").wait_for()
        page.locator("#run-toggle").click()
        page.get_by_text("The server does not answer").wait_for()
        page.close()
    finally:
        server.stop()
