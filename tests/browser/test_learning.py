"""What the page shows of learning, over a stand-in engine that invents it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.theme import scheme_colour
from engine import wire
from engine.store import Store
from tests.app.fake_learning import TROUBLE, TROUBLE_AT
from tests.browser.live_server import Server, until
from tests.conftest import WAIT_S

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LEARNER = "af-marl"
STAGE = [LEARNER, "non-drl", "tolled"]
LOSSES = ("critic", "actor", "forecast", "cvae_reconstruction", "cvae_kl")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("learning")
    started = Server(folder, command=("tests/app/serve_fake.py",), HERTZ="4")
    try:
        started.wait()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    reader = Store(server.store)
    yield reader
    reader.close()


@pytest.fixture
def visit(chromium: Any, server: Server) -> Iterator[Any]:
    """Opens the learning charts; an error in the console fails the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def go(query: str = "?charts=learning", rewrite: Any = None) -> Any:
        context = chromium.new_context(viewport={"width": 1280, "height": 720})
        context.set_default_timeout(1000 * WAIT_S)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        if rewrite is not None:
            page.route_web_socket("**/live/ws", rewrite)
        page.goto(server.url + query)
        asked(page, "document.getElementById('map-wait')?.hidden")
        asked(page, "document.querySelector('#chart-losses .main-svg') !== null")
        return page

    yield go
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def trained(server: Server, store: Store) -> Store:
    """An engine that has trained beyond the moment of trouble, and goes on."""
    server.wish({"stage": STAGE, "running": True, "speed": 5, "params": {"train": True}})

    def far_enough() -> bool:
        return store.learnt(store.status()["run"]) > TROUBLE_AT + 20

    until(far_enough, "the engine has learnt")
    server.wish({"speed": 1})
    return store


def asked(page: Any, expression: str, true: Any = bool) -> Any:
    """Wait until what the page answers, asked at once in one piece, is as it should be."""
    answers: list[Any] = []

    def there() -> bool:
        answers[:] = [page.evaluate(expression)]
        return bool(true(answers[0]))

    until(there, expression, lambda: f"but {answers}")
    return answers[0]


EMPTY = """() => ['losses', 'federation'].map((name) => {
  const box = document.querySelector(`.card[data-panel=${name}] .card-empty`);
  const texts = ['p', 'button'].map((part) => box.querySelector(part)?.textContent ?? '');
  return box.hidden ? null : texts;
})"""
LINES = """() => document.querySelector('#chart-losses .js-plotly-plot').data
  .filter(({ meta }) => meta.loss)
  .map(({ meta, x, y, line }) => ({
    ...meta, colour: line.color, x: Array.from(x ?? []), y: Array.from(y ?? []),
  }))"""
MARKS = """() => document.querySelector('#chart-losses .js-plotly-plot').data
  .filter(({ meta }) => meta.role === 'trouble')
  .map(({ x, text }) => [Array.from(x ?? []), Array.from(text ?? [])])"""


def standing(page: Any, server: Server, store: Store) -> float:
    """Pause; gives the time at which the engine stands, once the federation shows just that."""
    server.wish({"running": False})
    until(lambda: server.status["state"] == "paused", "the engine pauses")
    found = store.frame()
    assert found is not None
    now = float(wire.header(found[1]).t_s)
    at_rest = """() => [
      Number(document.getElementById('fed-time').dataset.now),
      document.getElementById('fed-canvas').getAnimations().every((a) => a.playState !== 'running'),
    ]"""
    asked(page, at_rest, lambda told: told == [now, True])
    return now


def test_training_is_off_until_someone_wants_it(visit: Any, server: Server) -> None:
    server.wish({"stage": ["non-drl", "tolled"], "running": True, "params": {"train": False}})
    page = visit()
    for sentence, button in asked(page, EMPTY, all):
        assert sentence == "No scheme on stage learns."
        assert button == "Put AF-MARL on stage"
    page.locator(".card[data-panel=losses] .card-empty button").click()
    until(lambda: LEARNER in server.control["stage"], "AF-MARL is on stage")
    off = asked(page, EMPTY, lambda e: all(e) and e[0][1] == "Train live")
    assert all("Training is off" in sentence for sentence, _ in off)
    note = "document.getElementById('learning-note').textContent"
    asked(page, note, lambda said: "AF-MARL acts by its shipped policy" in said)
    assert page.evaluate("document.getElementById('learning-dot').hidden")
    page.locator(".card[data-panel=federation] .card-empty button").click()
    until(lambda: server.control["params"]["train"], "it trains")
    asked(page, EMPTY, lambda boxes: boxes == [None, None])
    asked(page, note, lambda said: "AF-MARL learns:" in said)
    assert page.locator("[data-param=train] input").is_checked()
    assert page.evaluate("document.getElementById('learning-dot').dataset.tone") == "good"
    assert page.evaluate(EMPTY) == [None, None]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("starting", "Training is starting: loading what was learnt."),
        ("restarting", "Training starts again: loading what was learnt."),
        ("failed", "Training has stopped: loading what was learnt."),
    ],
)
def test_a_worker_in_trouble_is_told_as_the_engine_tells_it(
    visit: Any, server: Server, state: str, said: str
) -> None:
    told = {"state": state, "message": "loading what was learnt.", "policy": "shipped"}

    def rewrite(socket: Any) -> None:
        behind = socket.connect_to_server()

        def changed(message: str | bytes) -> None:
            if isinstance(message, str):
                content = json.loads(message)
                if content["type"] == "learning":
                    return
                if content["type"] == "status":
                    content["learning"] = {LEARNER: {**told, "learnt": 0, "dropped": 0}}
                message = json.dumps(content)
            socket.send(message)

        behind.on_message(changed)

    page = visit(rewrite=rewrite)
    boxes = asked(page, EMPTY, lambda e: all(e) and "Training" in e[0][0])
    assert [sentence for sentence, _ in boxes] == [said, said]
    note = f"AF-MARL: {said[0].lower()}{said[1:]}"
    assert page.evaluate("document.getElementById('learning-note').textContent") == note


def test_losses_are_drawn_as_they_were_told(visit: Any, server: Server, trained: Store) -> None:
    page = visit()
    lines = asked(page, LINES, lambda found: len(found) == 2 * len(LOSSES))
    assert {(line["loss"], line["role"]) for line in lines} == {
        (loss, role) for loss in LOSSES for role in ("raw", "mean")
    }
    last = lines[0]["x"][-1]
    lines = asked(page, LINES, lambda found: found[0]["x"][-1] > last)
    entries = trained.learning(trained.status()["run"])
    told = {clock(entry["step"]): entry["losses"] for entry in entries}
    for line in lines:
        assert line["colour"] == scheme_colour(LEARNER)
        assert line["x"] == sorted(set(line["x"])), "time runs forward"
        if line["role"] == "raw":
            values = [told[x].get(line["loss"]) for x in line["x"] if x in told]
            shown = [y for x, y in zip(line["x"], line["y"], strict=True) if x in told]
            assert shown == values
            assert any(y is not None for y in shown)


def clock(step: int) -> str:
    return f"1970-01-01T{step // 3600:02}:{step // 60 % 60:02}:{step % 60:02}"


def test_what_was_taken_back_is_marked(visit: Any, server: Server, trained: Store) -> None:
    entries = trained.learning(trained.status()["run"])
    troubled = [clock(entry["step"]) for entry in entries if entry["trouble"]]
    assert len(troubled) == 1
    page = visit()
    for x, text in asked(page, MARKS, lambda found: all(x for x, _ in found)):
        assert x == troubled
        assert text == [TROUBLE]


def test_the_federation_counts_its_rounds(visit: Any, server: Server, trained: Store) -> None:
    page = visit()
    now = standing(page, server, trained)
    rounds = newest_rounds(trained)
    summary = "document.getElementById('fed-summary').textContent"
    pattern = r"last (\d+) s: (\d+) rounds, (\d+) updates, (\d+) refused, (\d+) lost"

    def right(said: str) -> bool:
        found = re.search(pattern, said)
        if not found:
            return False
        seconds, *counts = map(int, found.groups())
        seen = [r for r in rounds if r["t_s"] > now - seconds]
        return counts == [
            len(seen), sum(len(r["vehicle"]) for r in seen),
            sum(w <= 0 for r in seen for w in r["weight"]), sum(r["lost"] for r in seen),
        ]  # fmt: skip

    said = asked(page, summary, right)
    assert said.startswith("AF-MARL")
    server.wish({"running": True})


def newest_rounds(store: Store) -> list[dict[str, Any]]:
    return [r for e in store.learning(store.status()["run"]) for r in e["rounds"]]


def told_all(page: Any, rounds: list[dict[str, Any]], now: float) -> None:
    """Wait until the page, which stands at `now`, has every one of these rounds that it shows."""

    def all_there(text: str) -> bool:
        found = re.search(r"last (\d+) s: (\d+) rounds", text)
        since = now - float(found[1]) if found else now
        return bool(found) and int(found[2]) == sum(r["t_s"] > since for r in rounds)

    asked(page, "document.getElementById('fed-summary').textContent", all_there)


def named(entry: dict[str, Any]) -> str:
    """How the page calls a round."""
    place = "Agents" if entry["tier"] == "agents" else f"RSU {entry['rsu']}"
    return f"{place}, round {entry['version']} at"


def test_keys_walk_from_round_to_round(visit: Any, server: Server, trained: Store) -> None:
    page = visit()
    now = standing(page, server, trained)
    step = server.control["steps"]
    rounds = newest_rounds(trained)
    told_all(page, rounds, now)
    page.locator("#fed-time").focus()
    card = "document.getElementById('round-card').innerText"
    said = "document.getElementById('fed-said').textContent"
    page.keyboard.press("ArrowRight")
    first = rounds[-1]
    asked(page, said, lambda text: named(first) in text)
    page.keyboard.press("ArrowLeft")
    second = rounds[-2]
    asked(page, said, lambda text: named(second) in text)
    shown = asked(page, card)
    assert ("Agents" if second["tier"] == "agents" else f"RSU {second['rsu']}") in shown
    taken = sum(w > 0 for w in second["weight"])
    assert f"{taken} of {len(second['vehicle'])} taken" in shown
    heaviest = max(zip(second["weight"], second["vehicle"], strict=True))
    assert str(heaviest[1]) in shown
    assert f"{100 * heaviest[0]:.0f} %" in shown
    page.keyboard.press("Escape")
    assert page.evaluate("document.getElementById('round-card').hidden")
    assert server.control["steps"] == step, "the arrows did not step the engine"
    server.wish({"running": True})


def test_a_sign_and_a_row_can_be_clicked(visit: Any, server: Server, trained: Store) -> None:
    page = visit()
    now = standing(page, server, trained)
    told_all(page, newest_rounds(trained), now)
    summary = asked(page, "document.getElementById('fed-summary').textContent")
    seconds = int(re.search(r"last (\d+) s", summary)[1])
    box = page.locator("#fed-time").bounding_box()
    height = (box["height"] - 19) / 21
    scale = (box["width"] - 8) / seconds
    places = [
        (box["x"] + box["width"] - 7 - (now - r["t_s"]) * scale,
         box["y"] + (r["rsu"] + 0.5) * height, r)
        for r in newest_rounds(trained) if r["tier"] == "forecast"
    ]  # fmt: skip
    x, y, round_ = max(
        (p for p in places if box["x"] + 20 < p[0] < box["x"] + box["width"] - 20),
        key=lambda p: min(
            ((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 for q in places if q is not p), default=1e9
        ),
    )
    page.mouse.move(x, y)
    card = "document.getElementById('round-card').innerText"
    shown = asked(page, card, lambda text: "Merged because" in text)
    assert f"RSU {round_['rsu']}" in shown
    assert f"round {round_['version']}" in shown
    page.mouse.click(x, y)
    page.mouse.move(5, 5)
    asked(page, "document.getElementById('round-card').dataset.pinned === 'true'")
    page.locator("#round-card .round-close").click()
    asked(page, "document.getElementById('round-card').hidden")
    server.wish({"running": True})
    page.locator(".fed-row[data-rsu='12']").click()
    page.get_by_role("heading", name="RSU 12").wait_for()
    table = "[...document.querySelectorAll('.rsu-rounds tbody tr')].map((row) => row.innerText)"
    rows = asked(page, table)
    told = [
        (r["fired"], f"{sum(w > 0 for w in r['weight'])} of {len(r['vehicle'])}")
        for r in newest_rounds(trained) if r["tier"] == "forecast" and r["rsu"] == 12
    ]  # fmt: skip
    cells = [row.split("\t") for row in rows]
    assert all((row[0].strip(), row[2].strip()) in told for row in cells)
    pressed = page.locator(".fed-row[aria-pressed=true]")
    assert pressed.get_attribute("data-rsu") == "12"


def test_a_learned_schemes_belief_is_shown(visit: Any, server: Server, store: Store) -> None:
    server.wish({"stage": STAGE, "running": True, "speed": 1})
    found = store.frame()
    assert found is not None
    vehicle = int(wire.vehicle_ids(found[1])[-1])
    page = visit(f"?select=v{vehicle}")
    belief = "document.querySelector('.belief:not([hidden])')?.innerText ?? ''"
    shown = asked(page, belief)
    assert "82 % no wait, else 0.21 s." in shown
    assert "0.12 s wait, 91 % in time" in shown
    page.locator(".row-button", has_text="NON-DRL").click()
    asked(page, belief, lambda text: text == "")


def test_the_choice_of_charts_stands_in_the_address(visit: Any, server: Server) -> None:
    page = visit("")
    asked(page, "document.getElementById('charts').dataset.charts === 'results'")
    assert not page.locator("#federation").is_visible()
    page.locator("#chart-tabs [data-charts=learning]").click()
    asked(page, "new URLSearchParams(location.search).get('charts') === 'learning'")
    assert page.locator("#federation").is_visible()
    assert not page.locator("#chart-cost").is_visible()
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.locator("#chart-tabs [data-charts='']").click()
    asked(page, "!new URLSearchParams(location.search).has('charts')")
    for part in ("#chart-cost", "#chart-losses", "#fed-time"):
        assert page.locator(part).is_visible()
