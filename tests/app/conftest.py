"""A server to talk to without a network: the application over a real store."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from dash import html

from app.rate import TokenBuckets
from app.server import create_app
from engine import wire
from engine.control import Control
from engine.metrics import METRICS
from engine.publisher import Publisher
from engine.store import Store
from tests.conftest import WAIT_S

HOST = "127.0.0.1:8050"


def load_fake_engine():
    path = Path(__file__).with_name("fake_engine.py")
    spec = importlib.util.spec_from_file_location("fake_engine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fake():
    """The stand-in engine's module: `Walk`, `arm`, `city`."""
    return load_fake_engine()


@dataclass
class Reply:
    """What came back; header names in lower case."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)


def http_scope(method, path, headers, query=""):
    given = {"host": HOST, **{k.lower(): v for k, v in headers.items()}}
    pairs = [(k.encode(), v.encode("latin-1")) for k, v in given.items() if v is not None]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "root_path": "", "headers": pairs, "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8050), "state": {}, "extensions": {},
    }  # fmt: skip


async def ask(app, method, path, headers=None, body=b"", query=""):
    """One request to an ASGI application; gives a `Reply`."""
    headers = dict(headers or {})
    if method not in ("GET", "HEAD") and "content-length" not in headers:
        headers["content-length"] = str(len(body))
    reply, parts = Reply(), [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if not parts:
            await asyncio.Event().wait()  # the client stays and listens
        return parts.pop()

    async def send(message):
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {k.decode().lower(): v.decode("latin-1") for k, v in message["headers"]}
        elif message["type"] == "http.response.body":
            reply.body += message.get("body", b"")

    await app(http_scope(method, path, headers, query), receive, send)
    return reply


class Socket:
    """A tab's end of the stream. `gate` closed means that the tab does not read."""

    def __init__(self, app, path="/live/ws", headers=None):
        self.inbox, self._outbox = asyncio.Queue(), asyncio.Queue()
        self.status = self.code = None
        self.gate = asyncio.Event()
        self.gate.set()
        scope = http_scope("GET", path, headers or {})
        scope |= {"type": "websocket", "scheme": "ws", "subprotocols": []}
        scope["extensions"] = {"websocket.http.response": {}}
        self._outbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(scope, self._outbox.get, self._take))

    async def _take(self, message):
        await self.gate.wait()
        if message["type"] == "websocket.http.response.start":
            self.status = message["status"]
        elif message["type"] == "websocket.accept":
            self.status = 101
        elif message["type"] == "websocket.close":
            self.code = message.get("code")
        elif message["type"] == "websocket.send":
            text = message.get("text")
            self.inbox.put_nowait(json.loads(text) if text is not None else message["bytes"])

    def say(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self._outbox.put_nowait({"type": "websocket.receive", "text": text})

    async def get(self, wanted, timeout=WAIT_S):
        """The next message for which `wanted` holds; others are dropped."""
        async with asyncio.timeout(timeout):
            while True:
                message = await self.inbox.get()
                if wanted(message):
                    return message

    async def frame(self, timeout=WAIT_S):
        return await self.get(lambda m: isinstance(m, bytes) and m[:4] == b"IOVF", timeout)

    async def text(self, kind, timeout=WAIT_S):
        return await self.get(lambda m: isinstance(m, dict) and m["type"] == kind, timeout)

    async def ended(self):
        """Wait until the server has let go of this tab."""
        await asyncio.wait_for(self.task, WAIT_S)

    async def close(self):
        self.gate.set()
        self._outbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self.ended()


class Site:
    """The application, its store, and an engine that publishes when told."""

    def __init__(self, folder, fake, **options):
        self.store = Store(folder)
        self.store.begin(Control())
        self.engine = Publisher(folder)
        self.app = create_app(
            self.store, hosts=frozenset({HOST}), layout=lambda: html.Div("page"),
            further={"/compare": ("Side by side", lambda: html.Div("another page"))},
            **{"buckets": TokenBuckets(1e9, 1e9), **options},
        )  # fmt: skip
        self._fake, self._rng = fake, np.random.default_rng(0)
        self._walk = fake.Walk(20, self._rng)
        self.run, self.step, self.stage = "run-1", 0, list(self.store.control()["stage"])

    def begin(self, run="run-1"):
        self.run = run
        about = {"seed": 0, "params": {}, "stage": self.stage, "mobility": "fake"}
        self.engine.begin_run(run, about, self._fake.city())

    def publish(self, stage=None):
        """One step: metrics, frame and status, as the engine writes them."""
        self.stage = self.stage if stage is None else stage
        scene = self._walk.scene(self.step, 1.0, [])
        drawn = [self._fake.arm(scene, 1.0 + i, self._rng) for i in range(len(self.stage))]
        rows = np.array([row for _, row in drawn], np.float32).reshape(
            len(self.stage), len(METRICS)
        )
        self.engine.record(self.step, self.stage, rows)
        frame = wire.stored_frame(
            scene, [view for view, _ in drawn], seq=self.engine.next_seq, written=0.0,
            applied_version=1, run=self.run, twin_age_s=1.0, twin_age_steps=np.ones(20),
            radio_up=np.ones(20, bool),
        )  # fmt: skip
        status = {"state": "running", "run": self.run, "stage": self.stage, "step": self.step}
        self.engine.show(frame, status)
        self.step += 1
        return frame

    async def ask_async(self, *args, **kwargs):
        return await ask(self.app, *args, **kwargs)

    def ask(self, *args, **kwargs):
        return asyncio.run(self.ask_async(*args, **kwargs))

    @contextlib.asynccontextmanager
    async def serving(self):
        """The application between start-up and shutdown; gives a function that opens tabs."""
        inbox, sockets = asyncio.Queue(), []
        done = asyncio.Queue()
        task = asyncio.create_task(self.app({"type": "lifespan"}, inbox.get, done.put))
        inbox.put_nowait({"type": "lifespan.startup"})
        assert (await done.get())["type"] == "lifespan.startup.complete"

        def tab(**options):
            sockets.append(Socket(self.app, **options))
            return sockets[-1]

        try:
            yield tab
        finally:
            for socket in sockets:
                await socket.close()
            inbox.put_nowait({"type": "lifespan.shutdown"})
            await asyncio.wait_for(task, WAIT_S)

    def close(self):
        self.engine.close()
        self.store.close()


@pytest.fixture
def make_site(tmp_path, fake):
    """Builds a `Site`; options go to `create_app`."""
    sites = []

    def make(**options):
        sites.append(Site(tmp_path / f"store{len(sites)}", fake, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site):
    return make_site()
