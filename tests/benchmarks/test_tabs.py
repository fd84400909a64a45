"""Twenty open tabs, and what they cost the engine at 1500 vehicles and ten steps a second."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.store import Store
from tests.benchmarks.conftest import Load
from tests.browser.live_server import PROBE, Server, until

pytestmark = [
    pytest.mark.benchmark, pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(400),
]  # fmt: skip
VIEWERS = str(Path(__file__).with_name("viewers.py"))
TABS, VEHICLES, HERTZ, WINDOW_S, ROUNDS = 20, 1500, 10, 8.0, 3


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    options = ("--vehicles", str(VEHICLES), "--schemes", "local,non-drl,tolled")
    running = Server(tmp_path_factory.mktemp("tabs"), options)
    try:
        running.wait()
        running.wish({"speed": HERTZ})
        until(lambda: running.status.get("vehicles") == VEHICLES, "the city is full", timeout_s=90)
        yield running
    finally:
        left = running.stop()
    assert left == []


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    reader = Store(server.store)
    yield reader
    reader.close()


class Viewers:
    """Tabs without a browser, in a process of their own."""

    def __init__(self, server: Server, tabs: int, seconds: float) -> None:
        url = f"{server.url.replace('http:', 'ws:')}live/ws"
        self._process = subprocess.Popen(
            [sys.executable, VIEWERS, url, str(tabs), str(seconds)], stdout=subprocess.PIPE
        )

    def told(self) -> dict[str, float]:
        out, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        told: dict[str, float] = json.loads(out)
        return told


def pace(store: Store, seconds: float) -> float:
    """Steps a second over so many seconds."""
    first, begun = store.seq(), time.perf_counter()
    time.sleep(seconds)
    return (store.seq() - first) / (time.perf_counter() - begun)


def tab(context: Any, server: Server) -> Any:
    page = context.new_page()
    page.goto(server.url)
    until(lambda: page.evaluate("probe.drawn.length") >= 1, "a frame is drawn")
    return page


def context_of(chromium: Any) -> Any:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(PROBE)
    return context


def test_the_engine_does_not_notice_who_looks(server, store, chromium, load: Load, say):
    context = context_of(chromium)
    tab(context, server)
    alone, watched, told = [], [], []
    for _ in range(ROUNDS):
        alone.append(pace(store, WINDOW_S))
        viewers = Viewers(server, TABS - 1, WINDOW_S + 2)
        time.sleep(2)
        watched.append(pace(store, WINDOW_S))
        told.append(viewers.told())
    context.close()
    middle = {name: float(np.median([one[name] for one in told])) for name in told[0]}
    ratio = float(np.median(watched) / np.median(alone))
    say(
        f"engine {np.median(alone):.2f} steps/s with 1 tab, {np.median(watched):.2f} with {TABS}, "
        f"ratio {ratio:.3f} (at least 0.95); a tab got {middle['middle']:.1f} frames/s (slowest "
        f"{middle['slowest']:.1f}), {middle['bytes']:.0f} bytes each, p95 "
        f"{middle['age_p95_ms']:.0f} ms after they were written; others used {load.foreign:.2f} "
        "cores"
    )
    assert middle["bytes"] < 20_000
    load.judge(
        pace=ratio >= 0.95,
        slowest=middle["slowest"] >= 0.9 * float(np.median(watched)),
        full=float(np.median(alone)) >= 0.9 * HERTZ,
    )


def see(page: Any, seen: bool) -> None:
    """Have the page believe that its tab is in front, or that it is behind another one."""
    page.evaluate(
        """(seen) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => !seen });
          const state = () => (seen ? "visible" : "hidden");
          Object.defineProperty(document, "visibilityState", { configurable: true, get: state });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        seen,
    )


def test_twenty_tabs_of_one_window(server, store, chromium, load: Load, say):
    """One is in front, the others rest behind it, and each is up to date when it is looked at.

    A headless browser takes all its tabs for visible: they are told otherwise.
    """
    server.wish({"speed": 1})
    context, pages = context_of(chromium), []
    for _ in range(TABS):
        for page in pages[-1:]:
            see(page, False)
        pages.append(tab(context, server))
    front, behind = pages[-1], pages[0]
    for page in (front, behind):
        page.evaluate("probe.drawn = []")
    paced = pace(store, WINDOW_S)
    drawn = front.evaluate("probe.drawn.length") / WINDOW_S
    assert behind.evaluate("probe.drawn.length") == 0
    see(front, False)
    begun, newest = time.perf_counter(), store.seq()
    see(behind, True)
    late = f"(probe.drawn.at(-1)?.[0] ?? -1) >= {newest}"
    until(lambda: behind.evaluate(late), "the newest frame is drawn")
    back_s = time.perf_counter() - begun
    context.close()
    server.wish({"speed": HERTZ})
    say(
        f"{TABS} tabs of one window: engine {paced:.2f} steps/s at 1/s, {drawn:.2f} frames/s in "
        f"front, a tab behind is up to date {back_s:.2f} s after it is looked at; "
        f"others used {load.foreign:.2f} cores"
    )
    load.judge(pace=paced >= 0.85, front=drawn >= 0.85, back=back_s < 2.0)
