"""The browser's end of the stream, against a server that does as each test tells it."""

from __future__ import annotations

import contextlib
import json
import queue
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.browser.map_feed import frame
from tests.conftest import WAIT_S

pytestmark = pytest.mark.browser

OPEN = """url => {
  const events = [];
  const stream = new fixture.Stream(url);
  for (const type of ['hello', 'frame', 'metrics', 'status', 'inspect', 'control', 'state']) {
    stream.addEventListener(type, ({ detail }) => events.push({ type, detail }));
  }
  Object.assign(window, { stream, streamed: events });
}"""


class Server:
    """Keeps its connections and what they said, in order."""

    def __init__(self) -> None:
        self.connections: queue.Queue[ServerConnection] = queue.Queue()
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self.gone: queue.Queue[ServerConnection] = queue.Queue()

    def handle(self, connection: ServerConnection) -> None:
        self.connections.put(connection)
        with contextlib.suppress(ConnectionClosed):
            for text in connection:
                self.heard.put(json.loads(text))
        self.gone.put(connection)

    def next(self) -> ServerConnection:
        return self.connections.get(timeout=WAIT_S)

    def hear(self) -> dict[str, Any]:
        return self.heard.get(timeout=WAIT_S)


@pytest.fixture
def server(map_page: Any) -> Iterator[Server]:
    """A server with the page's stream connected to it."""
    made = Server()
    with serve(made.handle, "127.0.0.1", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        port = listening.socket.getsockname()[1]
        map_page.evaluate(OPEN, f"ws://127.0.0.1:{port}/live/ws")
        yield made
        map_page.evaluate("stream.close()")
        listening.shutdown()
        thread.join()


def streamed(page: Any, kind: str, count: int = 1) -> list[Any]:
    """Details of the events of a kind, once there are `count` of them."""
    script = "([type, count]) => streamed.filter(e => e.type === type).length >= count"
    page.wait_for_function(script, arg=[kind, count])
    return page.evaluate(
        "type => streamed.filter(e => e.type === type).map(e => ({ ...e.detail, buffer: null }))",
        kind,
    )


def test_text_messages_become_events(map_page: Any, server: Server) -> None:
    connection = server.next()
    connection.send(json.dumps({"type": "hello", "run": "r1", "stage": ["tolled"]}))
    connection.send(json.dumps({"type": "status", "state": "running", "step": 4}))
    connection.send(json.dumps({"type": "inspect", "key": "v:12", "kind": "vehicle"}))
    assert streamed(map_page, "hello")[0]["stage"] == ["tolled"]
    assert streamed(map_page, "status")[0]["step"] == 4
    assert streamed(map_page, "inspect")[0]["key"] == "v:12"
    assert [e["state"] for e in streamed(map_page, "state")][-1] == "connected"


def test_a_frame_is_acknowledged_when_it_was_drawn(map_page: Any, server: Server) -> None:
    map_page.evaluate("""() => stream.addEventListener('frame', async ({ detail }) => {
      window.shown = await fixture.map.frame(detail.buffer);
      detail.ack();
    })""")
    server.next().send(frame(3))
    assert server.hear() == {"ack": 4}
    assert map_page.evaluate("shown") == 4
    assert streamed(map_page, "frame")[0]["seq"] == 4


def test_metrics_arrive_decoded(map_page: Any, server: Server) -> None:
    raw = struct.pack("<4sHHIII", b"IOVM", 1, 1, 1, 5, 2) + struct.pack("<I2f", 8, 0.5, 1.5)
    server.next().send(raw)
    batch = streamed(map_page, "metrics")[0]
    assert list(batch["values"]) == [0.5, 1.5]
    assert batch["rows"] == 1


def test_a_lost_connection_is_taken_up_again(map_page: Any, server: Server) -> None:
    first = server.next()
    map_page.evaluate("stream.setArm('tolled'); stream.select({ vehicle: 34 })")
    assert [server.hear(), server.hear()] == [{"arm": "tolled"}, {"select": {"vehicle": 34}}]
    map_page.evaluate("stream.addEventListener('frame', ({ detail }) => { window.late = detail; })")
    first.send(frame(0))
    streamed(map_page, "frame")
    first.close()
    server.next()
    assert [server.hear(), server.hear()] == [{"arm": "tolled"}, {"select": {"vehicle": 34}}]
    streamed(map_page, "state", 4)
    states = [e["state"] for e in streamed(map_page, "state")]
    assert states[-3:] == ["lost", "connecting", "connected"]
    map_page.evaluate("late.ack(); stream.ack(77)")
    assert server.hear() == {"ack": 77}, (
        "a frame of the old connection is not acknowledged on the new"
    )


def test_a_hidden_tab_lets_go_and_comes_back(map_page: Any, server: Server) -> None:
    first = server.next()
    hide = """hidden => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    streamed(map_page, "state", 1)
    map_page.evaluate(hide, True)
    assert server.gone.get(timeout=WAIT_S) is first
    assert streamed(map_page, "state")[-1]["state"] == "hidden"
    map_page.evaluate(hide, False)
    server.next()
    map_page.evaluate("delete document.hidden")
    map_page.wait_for_function("stream.state === 'connected'")
