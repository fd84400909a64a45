"""The map's fixture page in a real Chromium: the assets, the city and frames of made-up traffic."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine import ROOT
from engine.mobility.city import static_city
from tests.browser import map_feed
from tests.conftest import CHROMIUM, WAIT_S

PAGE = Path(__file__).with_name("map.html")


@cache
def _city() -> bytes:
    return json.dumps(static_city()).encode()


def _frame(path: str) -> bytes:
    """Of /frames/VEHICLES/K or /frames/K."""
    *vehicles, k = (int(part) for part in path.split("/")[2:])
    return map_feed.frame(k, *vehicles)


class Site(BaseHTTPRequestHandler):
    """The fixture page, the assets, the city and the frames."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            body, kind = PAGE.read_bytes(), "text/html"
        elif path == "/city":
            body, kind = _city(), "application/json"
        elif path.startswith("/frames/"):
            body, kind = _frame(path), "application/octet-stream"
        elif path.startswith("/assets/live/") and path.endswith(".mjs"):
            body, kind = (ROOT / path[1:]).read_bytes(), "text/javascript"
        else:
            body, kind = b"", "image/x-icon"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the page went on without it
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def map_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all: two of Playwright's loops cannot run in one thread."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def map_tab(chromium: Any, map_site: str) -> Iterator[tuple[Any, list[str]]]:
    """The fixture's page and the errors its console has shown."""
    page = chromium.new_page(viewport={"width": 1000, "height": 700})
    page.set_default_timeout(1000 * WAIT_S)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(map_site)
    page.wait_for_function("window.fixture?.ready")
    yield page, errors
    page.close()


@pytest.fixture
def map_page(map_tab: tuple[Any, list[str]], request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page with a new map and no traffic; an error in its console fails the test."""
    page, errors = map_tab
    errors.clear()
    page.set_viewport_size({"width": 1000, "height": 700})
    page.mouse.move(1, 1)
    page.evaluate("options => fixture.fresh(options)", getattr(request, "param", {}))
    yield page
    assert errors == []
