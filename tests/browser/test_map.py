"""The map in a real Chromium, fed with frames the engine's own encoder made."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from engine import wire
from engine.mobility.city import mesh_links, rsu_positions
from tests.browser import map_feed
from tests.browser.live_server import until
from tests.browser.map_feed import DOWN, VEHICLES, frame, traffic

pytestmark = pytest.mark.browser


#: Colours, RGBA, of a square of the map around a point in CSS pixels.
PIXELS = """([x, y, half]) => {
  const shown = document.querySelector('#map canvas');
  const copy = new OffscreenCanvas(shown.width, shown.height);
  const context = copy.getContext('2d');
  context.drawImage(shown, 0, 0);
  const { data } = context.getImageData(x - half, y - half, 2 * half + 1, 2 * half + 1);
  return Array.from(data);
}"""


def pixels(page: Any, x: float, y: float, half: int) -> np.ndarray:
    """A square of the map as drawn, (2 half + 1, 2 half + 1, 3)."""
    flat = page.evaluate(PIXELS, [round(x), round(y), half])
    return np.reshape(flat, (2 * half + 1, 2 * half + 1, 4))[..., :3].astype(int)


#: Pixels of the whole map that differ from those kept, or keeps them.
CHANGED = """(keep) => {
  const shown = document.querySelector('#map canvas');
  const copy = new OffscreenCanvas(shown.width, shown.height);
  const context = copy.getContext('2d');
  context.drawImage(shown, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  const now = new Uint32Array(data.buffer);
  const kept = window.keptPixels;
  if (keep || !kept) window.keptPixels = now;
  return kept ? now.reduce((count, pixel, i) => count + (pixel !== kept[i]), 0) : -1;
}"""


def close_to(image: np.ndarray, colour: tuple[int, int, int], tolerance: int = 60) -> int:
    """How many pixels have this colour, roughly."""
    return int((np.abs(image - colour).sum(axis=2) < tolerance).sum())


def rest(page: Any) -> None:
    """Wait until the map has drawn all that was asked for and nothing moves any more."""
    until(lambda: not page.evaluate("fixture.map.stats()")["busy"], "the map is at rest")


def keep(page: Any) -> None:
    """Wait until the picture stands still, and remember it."""
    rest(page)
    until(lambda: page.evaluate(CHANGED, True) == 0, "the picture stands still")


def shows(
    page: Any, colour: tuple[int, int, int], x: float, y: float, half: int, more: int
) -> None:
    """Wait until a square has more than so many pixels of a colour."""

    def seen() -> int:
        return close_to(pixels(page, x, y, half), colour)

    until(lambda: seen() > more, f"more than {more} pixels of {colour}", seen)


def events(page: Any, kind: str) -> list[Any]:
    """Details of the events of a kind, in order."""
    return list(
        page.evaluate(
            "kind => fixture.events.filter(e => e.type === kind).map(e => e.detail)", kind
        )
    )


def where(page: Any, slot: int) -> tuple[float, float]:
    at = page.evaluate("slot => fixture.map.locate(slot)", int(slot))
    return at["x"], at["y"]


# --- decoding -------------------------------------------------------------------------


def test_decoded_frame_equals_the_encoded_one(map_page: Any) -> None:
    told = map_page.evaluate("""async () => {
      const frame = fixture.wire.decodeFrame(await fixture.bytes(12));
      const plain = {};
      for (const [key, value] of Object.entries(frame)) {
        plain[key] = ArrayBuffer.isView(value) ? Array.from(value) : value;
      }
      return plain;
    }""")
    raw = frame(12)
    head = wire.header(raw)
    assert {k: told[k] for k in ("seq", "step", "n", "m", "run", "arm", "arms")} == {
        "seq": 13, "step": 12, "n": VEHICLES, "m": 20, "arm": 0, "arms": 1,
        "run": wire.run_code(map_feed.RUN),
    }  # fmt: skip
    assert (told["tS"], told["appliedVersion"], told["twinAgeS"]) == (head.t_s, 7, 1.0)
    made = map_feed.scene(traffic()[12], 12, rsu_positions(), ~np.isin(np.arange(20), DOWN))
    settled = map_feed.outcome(made, 0)
    assert told["slot"] == wire.slots(raw).tolist() == traffic()[12].slot.tolist()
    metres = np.column_stack([told["x"], told["y"]]) / 65535 * 5000
    np.testing.assert_allclose(metres, traffic()[12].position_m, atol=0.04)
    velocity = traffic()[12].velocity_mps
    heading = np.array(told["heading"]) / 256 * 2 * np.pi
    error = np.angle(np.exp(1j * (heading - np.arctan2(velocity[:, 1], velocity[:, 0]))))
    assert np.abs(error).max() <= np.pi / 256 + 1e-9
    np.testing.assert_allclose(np.array(told["rho"]) / 255, settled.rho, atol=0.5 / 255 + 1e-9)
    np.testing.assert_allclose(
        np.array(told["cost"]) / 50, np.minimum(settled.cost, 5.1), atol=0.011
    )
    state = np.array(told["state"])
    assert np.array_equal(state & 1 != 0, made.has_task)
    assert np.array_equal(state & 2 != 0, settled.success)
    assert np.array_equal(np.array(told["info"]) & 3, made.kind)
    guests = np.flatnonzero((settled.rho > 0) & (settled.helper >= 0))
    assert told["pairs"] == np.column_stack([guests, settled.helper[guests]]).ravel().tolist()
    assert [f & 1 for f in told["rsuFlags"]] == [int(m not in DOWN) for m in range(20)]


def test_vehicle_row_is_in_everyday_units(map_page: Any) -> None:
    row = map_page.evaluate(
        "async () => fixture.wire.vehicleRow(fixture.wire.decodeFrame(await fixture.bytes(0)), 5)"
    )
    assert row["slot"] == traffic()[0].slot[5]
    assert row["kind"] == ("car", "bus", "truck")[traffic()[0].kind[5]]
    assert row["twinAge"] == traffic()[0].slot[5] % 6


@pytest.mark.parametrize("spoilt", ["slice(0, 40)", "slice(0, -4)", "slice(2)"])
def test_a_spoilt_frame_is_refused(map_page: Any, spoilt: str) -> None:
    script = f"""async () => {{
      try {{ fixture.wire.decodeFrame((await fixture.bytes(0)).{spoilt}); return null; }}
      catch (error) {{ return error.message; }}
    }}"""
    assert "frame" in map_page.evaluate(script)


def test_decoded_metrics_equal_the_encoded_ones(map_page: Any) -> None:
    values = np.arange(2 * 3 * 4, dtype="<f4") / 7
    raw = (
        struct.pack("<4sHHIII", b"IOVM", 1, 3, 2, 99, 4)
        + struct.pack("<2I", 10, 11)
        + values.tobytes()
    )
    told = map_page.evaluate(
        """bytes => {
      const { steps, values, ...rest } = fixture.wire.decodeMetrics(new Uint8Array(bytes).buffer);
      return { ...rest, steps: Array.from(steps), values: Array.from(values) };
    }""",
        list(raw),
    )
    assert told["steps"] == [10, 11]
    assert (told["rows"], told["schemes"], told["columns"], told["run"]) == (2, 3, 4, 99)
    np.testing.assert_array_equal(np.float32(told["values"]), values)


# --- drawing --------------------------------------------------------------------------


@pytest.mark.parametrize("map_page", [{}, {"worker": False}, {"theme": "light"}], indirect=True)
def test_frames_are_drawn_and_acknowledged(map_page: Any) -> None:
    told = map_page.evaluate("""async () => {
      const drawn = [];
      const recent = (writtenMs) => Math.abs(Date.now() - writtenMs) < 60000;
      fixture.map.onDrawn = (seq, writtenMs) => drawn.push([seq, recent(writtenMs)]);
      const resolved = [await fixture.show(0), await fixture.show(1)];
      return { drawn, resolved, stats: await fixture.map.stats() };
    }""")
    assert told["resolved"] == [1, 2]
    assert told["drawn"] == [[1, True], [2, True]]
    assert told["stats"]["framesDrawn"] == 2
    assert told["stats"]["vehicles"] == VEHICLES
    assert told["stats"]["latencyP95Ms"] > 0
    x, y = where(map_page, traffic()[1].slot[0])
    until(lambda: pixels(map_page, x, y, 12).std() > 5, "a vehicle is drawn")


def test_frames_that_come_too_fast_are_dealt_with(map_page: Any) -> None:
    told = map_page.evaluate("""async () => {
      const buffers = await Promise.all([0, 1, 2, 3].map(fixture.bytes));
      const seqs = await Promise.all(buffers.map(b => fixture.map.frame(b)));
      return { seqs, stats: await fixture.map.stats() };
    }""")
    assert told["seqs"][-1] == 4
    assert 1 <= told["stats"]["framesDrawn"] <= 4


def test_a_spoilt_frame_does_not_stop_the_map(map_page: Any) -> None:
    told = map_page.evaluate("""async () => {
      await fixture.map.frame((await fixture.bytes(0)).slice(0, -8));
      await fixture.show(1);
      const errors = fixture.events.filter(e => e.type === 'error').length;
      return { errors, stats: await fixture.map.stats() };
    }""")
    assert told["errors"] == 1
    assert told["stats"]["framesDrawn"] == 1


def test_vehicles_move_between_frames_and_stop_when_none_comes(map_page: Any) -> None:
    slot = int(traffic()[3].slot[np.linalg.norm(traffic()[3].velocity_mps, axis=1).argmax()])
    map_page.evaluate("fixture.map.setView({x: 2500, y: 2500, zoom: 1})")
    places = map_page.evaluate(
        """async (slot) => {
      const places = [];
      let playing = true;
      fixture.play(0, 4, 600).then(() => { playing = false; });
      while (playing) {
        const at = await fixture.map.locate(slot);
        if (at) places.push(`${at.x} ${at.y}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return places;
    }""",
        slot,
    )
    assert len(set(places)) > 8, "more places than frames"
    rest(map_page)
    stopped = [where(map_page, slot)]
    map_page.wait_for_timeout(200)
    stopped.append(where(map_page, slot))
    assert stopped[0] == stopped[1]
    row = traffic()[3].slot.tolist().index(slot)
    speed = np.linalg.norm(traffic()[3].velocity_mps[row])
    start = np.linalg.norm(np.subtract(stopped[1], screen(traffic()[3].position_m[row], 1)))
    assert start < 2.0 * speed + 10


def screen(metres: np.ndarray, zoom: float) -> tuple[float, float]:
    """Where a point of the city is on the test's map when its centre is the city's."""
    return 500 + (metres[0] - 2500) * zoom, 350 - (metres[1] - 2500) * zoom


def test_a_pause_shows_the_step_as_it_is(map_page: Any) -> None:
    map_page.evaluate("fixture.map.setView({x: 2500, y: 2500, zoom: 0.14})")
    map_page.evaluate("fixture.play(0, 4, 250)")
    map_page.evaluate("fixture.map.setRunning(false)")
    rest(map_page)
    now = traffic()[3]
    along = now.velocity_mps / np.linalg.norm(now.velocity_mps, axis=1)[:, None]
    half = np.array([2.5, 6.0, 5.0])[now.kind]
    for row in range(0, VEHICLES, 20):
        middle = now.position_m[row] - half[row] * along[row]
        assert where(map_page, now.slot[row]) == pytest.approx(screen(middle, 0.14), abs=0.2)
    assert map_page.evaluate("fixture.map.stats({reset: true})")["ticks"] > 0
    map_page.wait_for_timeout(300)
    assert map_page.evaluate("fixture.map.stats()")["ticks"] <= 2, "a still map costs nothing"


def test_picture_changes_with_the_frames(map_page: Any) -> None:
    map_page.evaluate("fixture.map.setLayers({links: false})")
    map_page.evaluate("fixture.map.setRunning(false)")
    map_page.evaluate("fixture.show(0)")
    keep(map_page)
    map_page.evaluate("fixture.show(5)")
    until(lambda: map_page.evaluate(CHANGED, False) > 1000, "another picture")


@pytest.mark.parametrize("mode", ["offloading", "cost", "success", "rsu", "battery", "age"])
def test_vehicles_wear_the_colour_of_the_mode(map_page: Any, mode: str) -> None:
    map_page.evaluate("mode => fixture.map.setColouring(mode)", mode)
    map_page.evaluate("fixture.map.setRunning(false)")
    made = map_feed.scene(traffic()[0], 0, rsu_positions(), np.ones(20, bool))
    row = int(np.flatnonzero(made.has_task & (made.kind == 1))[3])  # a bus has room for a colour
    at = traffic()[0].position_m[row]
    map_page.evaluate("([x, y]) => fixture.map.setView({x, y, zoom: 5})", at.tolist())
    map_page.evaluate("fixture.map.setLayers({links: false, labels: false})")
    map_page.evaluate("fixture.show(0)")
    rest(map_page)
    expected = map_page.evaluate(
        """async ([mode, row, serving]) => {
      const frame = fixture.wire.decodeFrame(await fixture.bytes(0));
      const rsus = (await (await fetch('/city')).json()).rsus;
      const categories = fixture.colours.rsuCategories(rsus);
      const { colours, bucket } = fixture.colours.colouring(mode, 'dark', categories);
      const context = new OffscreenCanvas(1, 1).getContext('2d');
      context.fillStyle = colours[bucket(frame, row, serving)];
      context.fillRect(0, 0, 1, 1);
      return Array.from(context.getImageData(0, 0, 1, 1).data).slice(0, 3);
    }""",
        [mode, row, int(made.serving[row])],
    )
    x, y = where(map_page, traffic()[0].slot[row])

    def coloured() -> int:
        return close_to(pixels(map_page, x, y, 12), tuple(expected), 12)

    until(lambda: coloured() > 60, f"the bus is {expected}", coloured)


def test_a_failed_rsu_is_crossed_out(map_page: Any) -> None:
    x, y = screen(rsu_positions()[DOWN[0]], 0.3)
    failed = (255, 106, 61)
    map_page.evaluate("fixture.map.setView({x: 2500, y: 2500, zoom: 0.3})")
    map_page.evaluate("fixture.map.setLayers({links: false})")
    map_page.evaluate("fixture.show(9)")
    keep(map_page)
    assert close_to(pixels(map_page, x, y, 4), failed) == 0
    map_page.evaluate("fixture.show(10)")
    shows(map_page, failed, x, y, 4, more=8)


def test_links_can_be_switched_off(map_page: Any) -> None:
    map_page.evaluate("fixture.map.setRunning(false)")
    map_page.evaluate("fixture.show(0)")
    keep(map_page)
    map_page.wait_for_timeout(200)
    assert map_page.evaluate(CHANGED, False) == 0
    map_page.evaluate("fixture.map.setLayers({links: false})")
    until(lambda: map_page.evaluate(CHANGED, False) > 500, "the links have gone")


def test_lights_follow_the_programs(map_page: Any) -> None:
    phases = map_page.evaluate("""async () => {
      const { phaseAt } = await import('/assets/live/towers.mjs');
      const program = { offset: 10, durations: [30, 3, 30, 3], states: ['G', 'y', 'r', 'r'] };
      return [0, 9, 10, 39.5, 40, 43, 72.9, 73, 76].map(t => phaseAt(program, t));
    }""")
    assert phases == [2, 3, 0, 0, 1, 2, 2, 3, 0]


# --- the user's hand ------------------------------------------------------------------


def picked(page: Any, x: float, y: float) -> Any:
    """Click, and give what the map says was hit."""
    before = len(events(page, "pick"))
    page.mouse.click(x, y)
    until(lambda: len(events(page, "pick")) > before, "the map answers the click")
    (hit,) = events(page, "pick")[before:]
    return hit


def test_click_picks_vehicle_rsu_or_nothing(map_page: Any) -> None:
    map_page.evaluate("fixture.map.setRunning(false)")
    map_page.evaluate("fixture.map.setView({x: 2500, y: 2500, zoom: 0.5})")
    map_page.evaluate("fixture.show(0)")
    rest(map_page)
    now = traffic()[0]
    inside = np.abs(now.position_m - 2500).max(axis=1) < 600
    far = np.linalg.norm(now.position_m[:, None] - rsu_positions()[None], axis=2).min(axis=1) > 100
    alone = (
        np.sort(np.linalg.norm(now.position_m[:, None] - now.position_m[None], axis=2))[:, 1] > 60
    )
    row = int(np.flatnonzero(inside & far & alone)[0])
    x, y = where(map_page, now.slot[row])
    got = picked(map_page, x + 4, y - 4)
    assert (got["kind"], got["slot"], got["row"]) == ("vehicle", int(now.slot[row]), row)
    x, y = screen(rsu_positions()[12], 0.5)
    got = picked(map_page, x, y)
    assert (got["kind"], got["index"]) == ("rsu", 12)
    map_page.evaluate("fixture.map.clear()")
    assert picked(map_page, 500, 350) is None


def test_hover_tells_what_lies_under_the_pointer(map_page: Any) -> None:
    map_page.evaluate("fixture.show(10)")
    x, y = screen(rsu_positions()[DOWN[0]], map_page.evaluate("fixture.map.view().zoom"))
    map_page.mouse.move(x - 60, y - 40)
    map_page.mouse.move(x, y)

    def hovered() -> Any:
        return (events(map_page, "hover") or [None])[-1]

    got = until(lambda: (h := hovered()) and h["kind"] == "rsu" and h, "the RSU is told", hovered)
    assert (got["index"], got["up"], got["radioUp"]) == (DOWN[0], False, True)
    map_page.mouse.move(2, 2)
    until(lambda: hovered() is None, "nothing is under the pointer", hovered)


def test_wheel_zooms_at_the_cursor_and_drag_pans(map_page: Any) -> None:
    def view() -> dict[str, float]:
        return dict(map_page.evaluate("fixture.map.view()"))

    rest(map_page)
    fitted = view()
    map_page.mouse.move(700, 200)
    map_page.mouse.wheel(0, -400)
    until(lambda: view()["zoom"] > 1.5 * fitted["zoom"], "the map zooms in", view)
    rest(map_page)
    zoomed = view()

    def under(view: dict[str, float]) -> tuple[float, float]:
        return view["x"] + 200 / view["zoom"], view["y"] + 150 / view["zoom"]

    assert under(zoomed) == pytest.approx(under(fitted), abs=2)
    map_page.mouse.down()
    map_page.mouse.move(600, 260, steps=5)
    map_page.mouse.up()
    rest(map_page)
    moved = view()
    assert moved["x"] - zoomed["x"] == pytest.approx(100 / zoomed["zoom"], rel=0.1)
    assert moved["y"] - zoomed["y"] == pytest.approx(60 / zoomed["zoom"], rel=0.15)
    assert events(map_page, "pick") == []
    map_page.evaluate("fixture.map.fit()")
    until(lambda: view() == fitted, "all of the city", view)


def test_view_is_kept_when_the_map_is_resized(map_page: Any) -> None:
    map_page.evaluate("fixture.map.setView({x: 1200, y: 3400, zoom: 0.8})")
    map_page.set_viewport_size({"width": 1300, "height": 800})
    width = "document.querySelector('#map canvas').getBoundingClientRect().width"
    until(lambda: map_page.evaluate(width) == 1300, "the map has the window's width")
    rest(map_page)
    view = map_page.evaluate("fixture.map.view()")
    assert (view["x"], view["y"], view["zoom"]) == (1200, 3400, 0.8)


def test_follow_keeps_the_selected_vehicle_in_the_middle(map_page: Any) -> None:
    slot = int(traffic()[0].slot[17])
    map_page.evaluate("fixture.map.setView({x: 2500, y: 2500, zoom: 0.8})")
    map_page.evaluate("slot => { fixture.map.select({slot}); fixture.map.follow(true); }", slot)
    map_page.evaluate("fixture.play(0, 6, 250)")
    rest(map_page)
    assert where(map_page, slot) == pytest.approx((500, 350), abs=20)
    assert map_page.evaluate("fixture.map.view().following") is True
    map_page.evaluate("fixture.map.panBy(80, 0)")
    until(lambda: not map_page.evaluate("fixture.map.view().following"), "the hand ends following")


def test_the_stale_twins_belief_is_drawn(map_page: Any) -> None:
    slot = int(traffic()[0].slot[17])
    x, y = traffic()[0].position_m[17]
    ghost = (255, 157, 242)
    map_page.evaluate("fixture.map.setRunning(false)")
    map_page.evaluate("([x, y]) => fixture.map.setView({x, y, zoom: 4})", [x + 12, y])
    map_page.evaluate("slot => fixture.map.select({slot})", slot)
    map_page.evaluate("fixture.show(0)")
    keep(map_page)
    assert close_to(pixels(map_page, 500, 350, 60), ghost) == 0
    map_page.evaluate("([x, y]) => fixture.map.setGhost({x, y, age_s: 3})", [x + 24, y])
    shows(map_page, ghost, 548, 350, 12, more=15)
    shows(map_page, ghost, 515, 350, 20, more=5)  # tied to where the vehicle is
    map_page.evaluate("fixture.map.setGhost(null)")
    until(lambda: not close_to(pixels(map_page, 548, 350, 40), ghost), "the ghost has gone")


def test_near_rsus_differ_in_colour(map_page: Any) -> None:
    categories = map_page.evaluate(
        "async () => fixture.colours.rsuCategories((await (await fetch('/city')).json()).rsus)"
    )
    for a, b in mesh_links():
        assert categories[a] != categories[b]


def test_legend_names_the_colouring(map_page: Any) -> None:
    for mode, title in (("cost", "Cost"), ("age", "Twin age"), ("success", "Deadline")):
        map_page.evaluate("mode => fixture.map.setColouring(mode)", mode)
        assert map_page.locator(".iov-map-legend").inner_text().startswith(title)
    scale = map_page.locator(".iov-map-scale")
    until(lambda: scale.inner_text().strip() == "500 m", "the scale fits", scale.inner_text)
