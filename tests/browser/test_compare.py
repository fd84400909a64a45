"""The Compare page on the real engine: one scene in every pane, verdicts, forks, exports."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.url_state import decode
from engine import wire
from engine.metrics import METRICS
from engine.statistics import BETTER, judge_all
from engine.store import Store
from tests.browser.live_server import PROBE, Server, until
from tests.conftest import WAIT_S

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(240)]

STAGE = ("af-marl", "non-drl", "local", "myopic", "tolled", "constant")
PANES = """() => [...document.querySelectorAll(".pane")].map(({ dataset }) => ({ ...dataset }))"""
SIZES = [(1280, 720), (1920, 1080)]
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--vehicles", "60", "--schemes", ",".join(STAGE))
    started = Server(tmp_path_factory.mktemp("compare"), options)
    try:
        started.wait()
        until(lambda: started.status.get("state") == "running", "the engine runs")
        yield started
    finally:
        left = started.stop()
    assert left == [], "a process outlived the server"


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    reader = Store(server.store)
    yield reader
    reader.close()


@pytest.fixture
def visit(chromium: Any, server: Server) -> Iterator[Open]:
    """Opens the page at an address; whatever its console says fails the test."""
    contexts: list[Any] = []
    said: list[str] = []

    def go(
        query: str = "", size: tuple[int, int] = (1280, 720), prepare: Callable[[Any], None] = id
    ) -> Any:
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(1000 * WAIT_S)
        context.add_init_script(PROBE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda m: said.append(m.text))
        prepare(page)
        page.goto(f"{server.url}compare{query}")
        until(lambda: drawn(page), "every pane shows a step", lambda: page.evaluate(PANES))
        return page

    server.wish({"stage": list(STAGE), "running": True, "speed": 1})
    yield go
    for context in contexts:
        context.close()
    assert said == []


def panes(page: Any) -> list[dict[str, str]]:
    """Scheme, step and digest of each pane at one moment."""
    found: list[dict[str, str]] = page.evaluate(PANES)
    return found


def drawn(page: Any) -> bool:
    found = panes(page)
    return len(found) >= 2 and all(pane.get("step") for pane in found)


def digest(frame: bytes) -> str:
    """The fingerprint of a stored frame's scene, from its first arm."""
    head = wire.header(frame)
    n = head.n
    columns = [np.frombuffer(frame, "<u2", n, 64 + 2 * n * i) for i in range(3)]
    columns += [np.frombuffer(frame, np.uint8, n, 64 + 6 * n + n * i) for i in range(2)]
    state = np.frombuffer(wire.arm_block(frame, 0), np.uint8, n, 3 * n)
    content = head.step.to_bytes(4, "little")
    for *words, heading, info, told in zip(*(c.tolist() for c in columns), state, strict=True):
        for word in words:
            content += word.to_bytes(2, "little")
        content += bytes([heading, info, told & 1])
    found = 0x811C9DC5
    for byte in content:
        found = ((found ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{found:08x}"


def pause(page: Any, server: Server) -> int:
    """Pause by the button; the step that all panes show then."""
    if server.control["running"]:
        page.locator("#run-toggle").click()
    until(lambda: server.status["state"] == "paused", "the engine pauses")
    step = str(server.status["step"])
    until(lambda: all(pane["step"] == step for pane in panes(page)), "all panes show it")
    return int(step)


def address(page: Any) -> str:
    """What the page tells of itself; to share it writes it at once."""
    page.locator("#share").click()
    return str(page.evaluate("location.search.slice(1)"))


def taken(page: Any, card: str, form: str) -> tuple[str, bytes]:
    """Name and content of what a card's button saves."""
    with page.expect_download() as started:
        page.locator(f"{card} .export[data-format={form}]").first.click()
    download = started.value
    return download.suggested_filename, Path(download.path()).read_bytes()


def table(content: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What a CSV says of where it comes from, and its rows."""
    lines = content.decode().splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    rows = csv.DictReader(io.StringIO("\n".join(x for x in lines if not x.startswith("# "))))
    return about, list(rows)


# In lock-step


def test_every_pane_shows_the_same_scene_step_after_step(
    visit: Open, server: Server, store: Store
) -> None:
    page = visit()
    assert [pane["scheme"] for pane in panes(page)] == list(STAGE[:5]), "the first five"
    server.wish({"speed": 5})
    seen: dict[int, str] = {}

    def many() -> bool:
        found = panes(page)
        assert len({(pane["step"], pane["digest"]) for pane in found}) == 1, found
        seen[int(found[0]["step"])] = found[0]["digest"]
        return len(seen) >= 15

    until(many, "fifteen steps are seen")
    assert len(set(seen.values())) == len(seen), "another step is another scene"
    frames = {wire.header(f).step: f for k in range(store.seq() + 1) if (f := store.frame_at(k))}
    assert seen == {step: digest(frames[step]) for step in seen}
    assert page.locator("#lockstep[data-same=true]").count() == 1


def test_the_digest_tells_other_scenes_apart(visit: Open) -> None:
    page = visit()
    told = page.evaluate(
        """async () => {
            const { sceneDigest } = await import("/assets/live/scene_digest.mjs");
            const frame = (change = {}) => ({
              step: 3, n: 2, slot: [1, 2], x: [10, 500], y: [7, 8], heading: [0, 9], info: [1, 2],
              state: [1, 2], rho: [5, 6], ...change,
            });
            const others = [{ step: 4 }, { slot: [1, 3] }, { x: [10, 501] }, { y: [7, 264] },
              { heading: [1, 9] }, { info: [1, 6] }, { state: [0, 2] }];
            const same = [{ rho: [9, 9] }, { state: [3, 2] }];
            return [[{}, ...same], others].map((all) => all.map((c) => sceneDigest(frame(c))));
        }"""
    )
    (first, *same), others = told
    assert set(same) == {first}, "what schemes decide is no part of the scene"
    assert len({first, *others}) == len(others) + 1


def test_steps_by_key_move_all_panes(visit: Open, server: Server) -> None:
    page = visit("?arms=af-marl,tolled")
    page.keyboard.press("Space")
    step = pause(page, server)
    page.keyboard.press(".")
    until(lambda: [p["step"] for p in panes(page)] == [str(step + 1)] * 2, "one step on")
    page.keyboard.press("3")
    until(lambda: server.control["speed"] == 5, "five times")
    theme = page.evaluate("document.documentElement.dataset.bsTheme")
    page.keyboard.press("d")
    until(lambda: page.evaluate("document.documentElement.dataset.bsTheme") != theme, "other theme")


def test_a_seed_waits_for_the_reset(visit: Open, server: Server) -> None:
    page = visit("?arms=af-marl,tolled")
    field = page.locator("#value-seed")
    field.fill("-1")
    field.press("Enter")
    page.get_by_text('Seed: "-1" is not possible').wait_for()
    seed = server.control["params"]["seed"] + 1
    field.fill(str(seed))
    field.press("Enter")
    page.get_by_text("waits for reset").wait_for()
    page.locator("#run-reset").click()
    until(lambda: server.status["params"]["seed"] == seed, "the seed is in force")
    page.locator("#seed .badge-when", has_text=re.compile("^at reset$")).wait_for()


def test_what_is_pointed_at_is_told_in_every_pane(
    visit: Open, server: Server, store: Store
) -> None:
    page = visit("?arms=af-marl,non-drl,tolled")
    pause(page, server)
    found = store.frame()
    assert found is not None
    head = wire.header(found[1])
    state = np.frombuffer(wire.arm_block(found[1], 0), np.uint8, head.n, 3 * head.n)
    slots = wire.slots(found[1])[(state & 1) == 1].tolist()
    room = page.locator(".pane-map").nth(1).bounding_box()

    def told() -> list[str]:
        return list(page.locator(".pane-told:visible").all_inner_texts())

    for slot in slots:  # one that no other one lies over
        at = page.evaluate("slot => probe.ask({ type: 'locate', slot, pane: 'non-drl' })", slot)
        page.mouse.move(room["x"] + at["x"], room["y"] + at["y"])
        until(lambda: len(told()) == 3, "all panes tell")
        if all("Ω" in text for text in told()):
            break
    index = {name: arm for arm, name in enumerate(STAGE)}
    arms = [wire.arm_block(found[1], index[name]) for name in ("af-marl", "non-drl", "tolled")]
    costs = {f"{np.frombuffer(arm, np.uint8, head.n, 2 * head.n)[r] / 50:.2f}"
             for arm in arms for r in np.flatnonzero(state & 1)}  # fmt: skip
    assert {re.search(r"Ω (\d\.\d\d)", text)[1] for text in told()} <= costs
    page.mouse.move(2, 2)
    until(lambda: told() == [], "nothing is pointed at")


def test_maps_move_together(visit: Open) -> None:
    page = visit("?arms=af-marl,tolled")
    before = page.evaluate("probe.view.zoom")
    room = page.locator(".pane-map").nth(1).bounding_box()
    page.mouse.move(room["x"] + 50, room["y"] + 50)
    page.mouse.wheel(0, -600)
    until(lambda: page.evaluate("probe.view.zoom") > 1.5 * before, "the maps are nearer")
    where = """() => Promise.all(["af-marl", "tolled"].map((pane) => Promise.all(
        [...Array(300).keys()].map((slot) => probe.ask({ type: "locate", slot, pane })))))"""
    first, second = page.evaluate(where)
    assert first == second
    assert sum(at is not None for at in first) > 10
    page.get_by_label("Show the whole city").click()
    until(lambda: page.evaluate("probe.fitted"), "the whole city again")


# Which arms


def test_two_to_five_arms_are_chosen(visit: Open) -> None:
    page = visit()
    chips = page.locator(".chip")
    assert chips.count() == len(STAGE)
    last = page.locator(".chip[data-scheme=constant]")
    assert last.get_attribute("aria-disabled") == "true"
    last.click(force=True)
    assert len(panes(page)) == 5
    for name in ("non-drl", "local", "myopic"):
        page.locator(f".chip[data-scheme={name}]").click()
    assert [pane["scheme"] for pane in panes(page)] == ["af-marl", "tolled"]
    page.locator(".chip[data-scheme=tolled]").click()
    page.get_by_text("Two arms at least").wait_for()
    last.click()
    until(lambda: len(panes(page)) == 3 and drawn(page), "the chosen one has its map")
    assert decode(address(page))[0].arms == ("af-marl", "constant", "tolled")


def test_too_few_on_stage_is_told_with_a_way_out(visit: Open, server: Server) -> None:
    page = visit()
    server.wish({"stage": ["tolled"]})
    page.get_by_text("Fewer than two schemes are on stage").wait_for()
    page.get_by_role("button", name=re.compile("^Put AF-MARL, .*NON-DRL.* on stage$")).click()
    until(lambda: {"af-marl", "non-drl"} <= set(server.control["stage"]), "they are on stage")
    until(lambda: drawn(page) and len(panes(page)) == 5, "they have maps")
    assert page.locator("#arms-note").is_hidden()


def test_a_link_to_who_is_not_on_stage_offers_to_put_them_there(
    visit: Open, server: Server
) -> None:
    page = visit("?arms=tolled,random")
    page.get_by_role("button", name="Put Random on stage").click()
    until(lambda: "random" in server.control["stage"], "it is on stage")
    until(lambda: [p["scheme"] for p in panes(page)] == ["random", "tolled"], "both are shown")


# Figures


def recorded(store: Store, name: str, metric: str) -> dict[int, float]:
    """A metric of the run by step."""
    run = store.status()["run"]
    steps, _, values = store.metrics(run, schemes=[name])
    column = values[:, 0, METRICS.index(metric)].tolist()
    return dict(zip(steps.tolist(), column, strict=True))


def test_strips_tell_the_figures_of_the_run(visit: Open, server: Server, store: Store) -> None:
    page = visit("?arms=non-drl,tolled")
    step = pause(page, server)
    for name in ("non-drl", "tolled"):
        cost, delay = (recorded(store, name, metric)[step] for metric in ("cost", "delay_s"))
        pane = page.locator(f".pane[data-scheme={name}]")

        def now(row: int, pane: Any = pane) -> float:
            told = pane.locator(".strip-value:not(.over)").nth(row).get_attribute("data-value")
            return float(told or "nan")

        until(lambda now=now, cost=cost: now(0) == pytest.approx(cost, rel=1e-6), "its cost")
        assert now(2) == pytest.approx(delay, rel=1e-6)
    widths = page.locator(".strip-mean").evaluate_all("all => all.map((e) => e.style.width)")
    assert "100%" in widths, "the longest bar fills its room"


TRACES = """(id) => document.querySelector(`#${id} .js-plotly-plot`).data
  .filter((trace) => trace.visible !== false && trace.meta?.role !== "marks")
  .map(({ meta, x, y, line }) =>
    ({ ...meta, dash: line?.dash, x: Array.from(x), y: Array.from(y) }))"""


def traces(page: Any, chart: str) -> dict[tuple[str, str], dict[str, Any]]:
    found = page.evaluate(TRACES, chart)
    return {(trace["scheme"], trace["role"]): trace for trace in found}


def seconds(moment: str) -> int:
    hours, minutes, rest = moment[11:19].split(":")
    return 3600 * int(hours) + 60 * int(minutes) + int(rest)


def test_differences_are_paired_by_second(visit: Open, server: Server, store: Store) -> None:
    page = visit("?arms=af-marl,non-drl,tolled&reference=tolled&measure=delay")
    step = pause(page, server)
    newest = lambda: traces(page, "chart-differences").get(("non-drl", "raw"), {}).get("x", [])  # noqa: E731
    until(lambda: newest() and seconds(newest()[-1]) == step, "the chart has the last step")
    found = traces(page, "chart-differences")
    assert {name for name, _ in found} == {"af-marl", "non-drl"}
    theirs, ours = (recorded(store, name, "delay_s") for name in ("non-drl", "tolled"))
    raw, mean = found["non-drl", "raw"], found["non-drl", "mean"]
    for moment, value in zip(raw["x"], raw["y"], strict=True):
        at = seconds(moment)
        assert value == pytest.approx(theirs[at] - ours[at], abs=1e-6)
    last = [v for m, v in zip(raw["x"], raw["y"], strict=True) if seconds(m) > step - 60]
    assert mean["y"][-1] == pytest.approx(np.mean(last), abs=1e-6)
    assert "no verdict from this" in page.locator("#differences .caveat").inner_text()

    name, content = taken(page, "#differences", "csv")
    about, rows = table(content)
    run = store.status()["run"]
    assert name == f"{run}-delay-minus-tolled.csv"
    assert (about["run"], about["seed"]) == (run, str(server.control["params"]["seed"]))
    assert json.loads(about["parameters"])["vehicles"] == 60
    assert int(rows[-1]["step"]) == step
    assert float(rows[-1]["non-drl"]) == pytest.approx(theirs[step] - ours[step], abs=1e-6)

    page.locator("#differences [data-measure=success]").click()
    page.locator("#reference").select_option("af-marl")
    until(
        lambda: {n for n, _ in traces(page, "chart-differences")} == {"non-drl", "tolled"}, "anew"
    )
    title = "document.querySelector('#chart-differences .js-plotly-plot').layout.yaxis.title.text"
    until(lambda: "success (%)" in page.evaluate(title), "the axis says what it is")


@pytest.mark.parametrize("form", ["svg", "png"])
def test_charts_are_saved_as_pictures(visit: Open, form: str) -> None:
    page = visit("?arms=non-drl,tolled")
    until(lambda: traces(page, "chart-differences"), "the chart is drawn")
    name, content = taken(page, "#differences", form)
    assert name.endswith(f".{form}")
    if form == "png":
        assert content.startswith(b"\x89PNG")
    else:
        assert b"seed" in content
        assert b"minus" in content
    assert len(content) > 5000


# Verdicts


def contest(differences: dict[str, np.ndarray], ingredients: str) -> dict[str, Any]:
    """A contest in which the others cost so much more than AF-MARL on each seed."""
    n = len(next(iter(differences.values())))
    base = 1.2 + 0.02 * np.random.default_rng(n).standard_normal(n)
    costs = {"af-marl": base, **{name: base + more for name, more in differences.items()}}
    values = {
        name: {metric: (cost if metric == "cost" else 0.5 + 0 * cost).tolist() for metric in BETTER}
        for name, cost in costs.items()
    }
    return {
        "kind": "contest", "parameters": {"vehicles": 200}, "ingredients": ingredients,
        "schemes": list(costs), "reference": "af-marl", "seeds": list(range(n)), "steps": 120,
        "skip": 20, "mobility": "sumo", "values": values, "failed": [], "note": "",
        "made": {"command": f"iov-twin contest --seeds {n}", "commit": "abc"},
    }  # fmt: skip


def shipped(*contests: dict[str, Any]) -> Callable[[Any], None]:
    """Answers for a page as if these came with the package, and nothing was ever played."""
    results = [
        {"name": f"made-{i}", "command": told["made"]["command"], "contest": told,
         "judged": judge_all(told)} for i, told in enumerate(contests)
    ]  # fmt: skip

    def prepare(page: Any) -> None:
        answers = {"shipped": {"results": results}, "kept": {"results": []}}
        page.route(
            "**/api/contest/*", lambda r: r.fulfill(json=answers[r.request.url.split("/")[-1]])
        )

    return prepare


def test_a_verdict_is_given_where_the_seeds_agree_and_refused_where_not(visit: Open) -> None:
    rng = np.random.default_rng(3)
    noise = 0.01 * rng.standard_normal(12)
    own = contest({"sfl-ppo": 0.1 + noise, "ddqn": -0.1 + noise, "tolled": 10 * noise}, "own")
    few = contest({"sfl-ppo": np.full(4, 0.3), "ddqn": np.full(4, 0.2)}, "equal")
    page = visit(prepare=shipped(own, few))
    ranking = page.locator(".contest[data-ingredients=own]")
    ranking.locator(".contest-n", has_text="n = 12 seeds").wait_for()
    verdict = {
        name: ranking.locator(f".verdicts li[data-scheme={name}]")
        for name in ("sfl-ppo", "ddqn", "tolled")
    }
    assert verdict["sfl-ppo"].get_attribute("data-verdict") == "better"
    assert verdict["ddqn"].get_attribute("data-verdict") == "worse"
    assert verdict["tolled"].get_attribute("data-verdict") == "not enough evidence"
    judged = judge_all(own)["cost"]
    for name, told in judged["paired"].items():
        assert verdict[name].inner_text().endswith(told["sentence"])
    order = ranking.locator("tbody tr").evaluate_all("rows => rows.map((r) => r.dataset.scheme)")
    assert order == sorted(judged["schemes"], key=lambda name: judged["schemes"][name]["iqm"])
    row = ranking.locator("tbody tr[data-scheme=ddqn] td").all_inner_texts()
    told = judged["schemes"]["ddqn"]
    low, high = told["interval"]
    assert row == [f"{told['mean']:.3f}", f"{told['iqm']:.3f}", f"{low:.3f} – {high:.3f}"]
    bar = ranking.locator(".forest-bar[data-scheme=ddqn]")
    zero = float(ranking.locator(".forest line[stroke-width='1.2']").get_attribute("x1"))
    assert float(bar.get_attribute("x2")) < zero, "all of the interval is on the side of less"
    both = "tolled"
    ends = [float(ranking.locator(f".forest-bar[data-scheme={both}]").get_attribute(end))
            for end in ("x1", "x2")]  # fmt: skip
    assert ends[0] < zero < ends[1], "no evidence: the interval holds zero"
    assert "100 %" in ranking.locator(".forest").text_content()
    assert "iov-twin contest --seeds 12" in ranking.locator("code").text_content()

    other = page.locator(".contest[data-ingredients=equal]")
    assert other.locator(".contest-n").inner_text() == "n = 4 seeds"
    sentences = other.locator(".verdicts li").all_inner_texts()
    assert len(sentences) == 2
    assert all("Not enough evidence: 4 seeds are too few" in text for text in sentences)
    other.locator("summary", has_text="What each scheme is made of").click()
    assert "AF-MARL's reward" in other.locator("dl").inner_text()

    page.locator("#verdict [data-measure=delay]").click()
    ranking.get_by_text("had the same delay on all 12 seeds").first.wait_for()


def test_the_forest_is_saved_with_where_it_comes_from(visit: Open) -> None:
    page = visit(prepare=shipped(contest({"tolled": np.linspace(0.1, 0.2, 8)}, "own")))
    page.locator(".contest-n").first.wait_for()
    name, content = taken(page, ".contest[data-ingredients=own]", "svg")
    assert name == "contest-made-0-cost.svg"
    text = content.decode()
    assert "iov-twin contest --seeds 8" in text
    assert "n = 8 seeds" in text
    assert json.loads(re.search("<metadata>(.*)</metadata>", text)[1])["commit"] == "abc"
    assert taken(page, ".contest[data-ingredients=own]", "png")[1].startswith(b"\x89PNG")


def test_a_contest_is_played_kept_and_taken_away(visit: Open, server: Server) -> None:
    page = visit("?arms=non-drl,tolled")
    ranking = page.locator(".contest[data-ingredients=equal]")
    ranking.locator(".contest-n", has_text="n = 10 seeds").wait_for()  # those that ship
    page.locator("#contest-seeds").fill("3")
    page.locator("#contest-steps").fill("30")
    page.locator("#contest-ingredients").select_option("equal")
    page.locator("#contest-start").click()
    page.locator("#contest-progress").wait_for()
    page.get_by_text("3 seeds are played.").wait_for(timeout=3000 * WAIT_S)
    ranking.locator(".contest-n", has_text="n = 3 seeds").wait_for()
    assert "3 seeds are too few" in ranking.locator(".verdicts").inner_text()
    page.reload()
    ranking.locator(".contest-n", has_text="n = 3 seeds").wait_for()
    _, content = taken(page, ".contest[data-ingredients=equal]", "csv")
    lines = content.decode().splitlines()
    assert json.loads(lines[0].removeprefix("# "))["parameters"]["vehicles"] == 60
    assert len(lines) == 2 + 3 * 2
    assert taken(page, ".contest[data-ingredients=equal]", "parquet")[1].startswith(b"PAR1")
    told = json.loads(taken(page, ".contest[data-ingredients=equal]", "json")[1])
    assert list(told) == ["iov_offloading"]

    page.locator("#contest-seeds").fill("30")
    page.locator("#contest-steps").fill("600")
    page.locator("#contest-start").click()
    page.locator("#contest-cancel").click()
    page.get_by_text(re.compile("The contest was cancelled")).wait_for()
    assert ranking.locator(".contest-n").inner_text() == "n = 3 seeds"


# Forks


def forked(page: Any, steps: int) -> str:
    """Fork, and wait until both futures are played; what the page says of it."""
    page.locator("#fork-steps").fill(str(steps))
    page.locator("#fork-start").click()
    told = page.locator("#fork-message", has_text=re.compile(f": {steps} of {steps} s are played"))
    told.wait_for(timeout=3000 * WAIT_S)
    return str(told.inner_text())


def test_a_fork_with_no_change_is_bit_identical(visit: Open, store: Store) -> None:
    page = visit("?arms=af-marl,tolled")
    page.locator("#fork [data-kind=same]").click()
    forked(page, 12)
    check = page.locator("#fork-check")
    assert check.get_attribute("data-identical") == "true"
    assert "Bit-identical" in check.inner_text()
    record = store.fork()
    assert record["base"] == record["changed"]
    found = traces(page, "chart-fork")
    assert set(found["tolled", "difference"]["y"]) == {0}


def test_a_difference_without_a_change_is_named(visit: Open) -> None:
    first = {"step": 71, "scheme": "tolled", "metric": "cost"}
    rows = {"tolled": {metric: [1.0, 1.0] for metric in METRICS}}
    record = {
        "id": "a", "state": "done", "message": "", "run": "r", "from_step": 70, "steps": 2,
        "done": 2, "change": {}, "stage": ["tolled"], "digest": {"base": "x", "changed": "x"},
        "base": rows, "changed": rows, "first_difference": first,
    }  # fmt: skip
    page = visit(prepare=lambda p: p.route("**/live/fork", lambda r: r.fulfill(json=record)))
    check = page.locator("#fork-check[data-identical=false]")
    check.wait_for()
    assert "Tolled, cost at step 71" in check.inner_text()


def test_a_fork_shows_both_futures_of_one_changed_parameter(visit: Open, store: Store) -> None:
    page = visit("?arms=non-drl,tolled&fork=rsu_capacity:2.5&horizon=20")
    assert page.locator("#fork-steps").input_value() == "20"
    widget = page.locator("#fork-params .chosen[data-param=rsu_capacity]")
    until(lambda: widget.locator("input").first.input_value() == "2.5", "the widget shows it")
    said = forked(page, 20)
    record = store.fork()
    begun = record["from_step"]
    assert said.startswith(f"From second {begun} (")
    assert "RSU clock 2.5 GHz" in said
    assert page.locator("#fork-check").is_hidden()
    until(lambda: ("tolled", "changed") in traces(page, "chart-fork"), "it is drawn")
    found = traces(page, "chart-fork")
    assert {name for name, _ in found} == {"non-drl", "tolled"}
    base, changed = found["tolled", "base"], found["tolled", "changed"]
    assert (base["dash"], changed["dash"]) == (None, "dot")
    assert [seconds(x) for x in base["x"]] == list(range(begun, begun + 20))
    difference = [b - a for a, b in zip(*(record[f]["tolled"]["cost"] for f in ("base", "changed")),
                                        strict=True)]  # fmt: skip
    assert any(difference)
    smooth = found["tolled", "difference"]["y"]
    assert smooth[-1] == pytest.approx(np.mean(difference[-10:]), abs=1e-6)
    shapes = page.evaluate("document.querySelector('#chart-fork .js-plotly-plot').layout.shapes")
    assert [seconds(shape["x0"]) for shape in shapes] == [begun]

    name, content = taken(page, "#fork", "csv")
    about, rows = table(content)
    assert name == f"{record['run']}-fork-{begun}.csv"
    assert json.loads(about["change"]) == record["change"]
    assert len(rows) == 20 * 2 * len(record["stage"])
    mine = [row for row in rows if (row["future"], row["scheme"]) == ("changed", "tolled")]
    assert [float(row["cost"]) for row in mine] == pytest.approx(
        record["changed"]["tolled"]["cost"]
    )
    assert taken(page, "#fork", "png")[1].startswith(b"\x89PNG")


def test_a_fork_swaps_a_scheme_for_another(visit: Open, store: Store) -> None:
    page = visit("?arms=non-drl,tolled")
    page.locator("#fork [data-kind=swap]").click()
    page.locator("#fork-old").select_option("tolled")
    page.locator("#fork-new").select_option("random")
    assert "Random in the place of Tolled" in forked(page, 10)
    record = store.fork()
    assert record["change"] == {"replace": {"tolled": "random"}}
    until(lambda: ("random", "changed") in traces(page, "chart-fork"), "it is drawn")
    found = traces(page, "chart-fork")
    assert ("tolled", "base") in found
    assert ("tolled", "changed") not in found
    assert decode(address(page))[0].fork == "swap:tolled:random"


# Address, other page, looks


def test_an_address_holds_the_page_and_a_reload_keeps_it(visit: Open) -> None:
    query = (
        "?arms=non-drl,tolled&reference=tolled&measure=energy&fork=deadline:0.3:0.6&horizon=33"
        "&colour=cost&view=2000,3000,0.1500&layers=links&theme=dark&preset=default&vehicles=60"
        f"&stage={','.join(STAGE)}"
    )
    page = visit(query)
    wanted, problems = decode(query)
    assert problems == ()
    assert decode(address(page)) == (wanted, ())
    page.reload()
    until(lambda: drawn(page), "it is drawn again")
    assert decode(address(page)) == (wanted, ())
    assert page.locator("#reference").input_value() == "tolled"
    pressed = page.locator("[data-measure=energy][aria-pressed=true]")
    assert pressed.count() == 3
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_both_codecs_agree_on_what_compare_says(visit: Open) -> None:
    page = visit()
    queries = [
        "arms=af-marl,tolled&reference=tolled&measure=delay&fork=same&horizon=7",
        "fork=swap:af-marl:ddqn",
        "fork=deadline:0.3:0.6",
        "fork=vehicle_cpu:1.5:2",
    ]
    for query in queries:
        told = page.evaluate(
            """async (query) => {
                const { decode, encode } = await import("/assets/live/url.mjs");
                const { Schema } = await import("/assets/live/schema.mjs");
                const told = JSON.parse(document.getElementById("schema").dataset.schema);
                const schema = new Schema(told);
                const { view, problems } = decode(query, schema);
                return { problems, again: encode(view, schema) };
            }""",
            query,
        )
        assert told == {"problems": [], "again": query}
        assert decode(query)[1] == ()


def test_the_other_page_is_one_click_away_and_shows_the_same_run(visit: Open) -> None:
    page = visit("?arms=non-drl,tolled&colour=age&measure=delay")
    page.get_by_role("link", name="Live").click()
    page.wait_for_selector("#map-wait", state="hidden")
    assert page.locator("#colour-by").input_value() == "age"
    page.get_by_role("link", name="Compare").click()
    until(lambda: drawn(page), "the panes are back")
    assert [pane["scheme"] for pane in panes(page)] == ["non-drl", "tolled"]
    assert page.locator("#differences [data-measure=delay]").get_attribute("aria-pressed") == "true"


CLIPPED = """() => {
  const seen = (e) => e.checkVisibility() && e.getClientRects().length;
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll("#app *")]
    .filter((e) => seen(e) && own(e) && !e.closest("svg, select, .unseen, .modebar, .note"))
    .filter((e) => getComputedStyle(e).overflow !== "visible" && e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.textContent.slice(0, 40));
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("arms", [2, 5])
def test_maps_and_strips_need_no_scrolling_and_nothing_is_cut_off(
    visit: Open, size: tuple[int, int], theme: str, arms: int
) -> None:
    page = visit(f"?arms={','.join(STAGE[:arms])}&theme={theme}", size)
    assert page.locator(".strip").count() == arms
    bottoms = page.locator(".strip").evaluate_all(
        "a => a.map((e) => e.getBoundingClientRect().bottom)"
    )
    assert max(bottoms) <= size[1] - 40, "a look at the cards below"
    heights = page.locator(".pane-map").evaluate_all("a => a.map((e) => e.clientHeight)")
    assert min(heights) >= 230
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "(e => e.scrollWidth <= e.clientWidth)(document.getElementById('compare'))"
    )
    assert page.evaluate(CLIPPED) == []


def test_every_control_has_a_name(visit: Open) -> None:
    page = visit()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("#app button, #app input, #app select, progress")]
            .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]"))
            .filter((e) => !(e.innerText?.trim() || e.getAttribute("aria-label") || e.labels?.length
                || e.closest("[aria-labelledby]")))
            .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert nameless == []


def test_a_phone_gets_what_it_can_show(visit: Open) -> None:
    page = visit("?arms=non-drl,tolled", (390, 844))
    until(lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits")


def test_who_only_looks_gets_no_controls(chromium: Any, tmp_path: Path) -> None:
    server = Server(tmp_path, ("--share", "--host", "127.0.0.1"), ("tests/app/serve_fake.py",))
    try:
        server.wait()
        page = chromium.new_page()
        page.set_default_timeout(1000 * WAIT_S)
        page.goto(f"{server.url}compare")
        until(lambda: drawn(page), "every pane shows a step")
        page.get_by_text("You are looking on").wait_for()
        for hidden in ("#steers", "#fork-start", "#contest-start", ".arms-add"):
            assert page.locator(hidden).count() == 0 or page.locator(hidden).is_hidden()
        chips = len(panes(page))
        page.locator(".chip").first.click()
        until(lambda: len(panes(page)) == chips - 1, "what is shown is theirs to choose")
        page.close()
    finally:
        server.stop()
