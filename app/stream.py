"""The stream to the tabs: one reader of the store, the newest frame to whoever is ready for it.

Nothing queues. Each tab has one place per kind of message, which holds the newest; a frame goes
out only after the last one was acknowledged. Reads take microseconds and happen in the event loop,
except those of metrics, which have a thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app import messages, strict_json
from engine import wire
from engine.metrics import METRICS
from engine.store import Store

MAX_CLIENTS: Final = 100
POLL_S: Final = 0.02
_STATE_S: Final = 0.25
_METRICS_S: Final = 1.0
_BEHIND_S: Final = 5.0
_WATCHED: Final = 16
_ROWS: Final = 100_000
#: The order in which waiting messages go out; `hello` says how to read the rest.
_ORDER: Final = ("hello", "status", "control", "error", "inspect", "metrics")
logger = logging.getLogger("iov_twin.stream")


class Client:
    """One tab: what waits for it, whether it is ready for a frame, what it looks at."""

    def __init__(self, socket: WebSocket, role: str) -> None:
        self.socket, self.role = socket, role
        self.arm, self.key = "", ""
        self.shown = -1
        self.unacknowledged: int | None = None
        self.metrics_after = -1
        self._waiting: dict[str, str | bytes] = {}
        self.awake = asyncio.Event()

    def put(self, kind: str, message: str | bytes) -> None:
        """Let `message` take the place of an older one of its kind."""
        self._waiting[kind] = message
        self.awake.set()

    def drop(self, kind: str) -> None:
        """Forget a message that waits."""
        self._waiting.pop(kind, None)

    def waits(self, kind: str) -> bool:
        """Whether a message of this kind has not gone out yet."""
        return kind in self._waiting

    def take(self) -> str | bytes | None:
        """The next message to send, None when nothing waits."""
        return next((self._waiting.pop(k) for k in _ORDER if k in self._waiting), None)


class Hub:
    """Reads the store once for all tabs and gives each what it is ready for.

    Args:
        store: what the engine writes.
        overlay: turns the engine's status into the one to show, given that the engine may have died
            since it wrote it.
    """

    def __init__(
        self, store: Store, overlay: Callable[[dict[str, Any]], dict[str, Any]] = lambda s: s
    ) -> None:
        self._store, self._overlay = store, overlay
        self._clients: set[Client] = set()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "metrics")
        self._task: asyncio.Task[None] | None = None
        self._frame: tuple[int, bytes] | None = None
        self._sent: dict[int, bytes] = {}
        self._status: dict[str, Any] = {}
        self._texts: dict[str, str] = {}
        self._watched: list[str] = []

    def start(self) -> None:
        """Begin to read the store; needs a running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End reading and let go of every tab."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def status(self) -> dict[str, Any]:
        """The status to show now."""
        return self._overlay(self._store.status())

    # Reading the store

    async def _run(self) -> None:
        state_at = metrics_at = 0.0
        while True:
            if not self._clients:
                self._arrived.clear()
                await self._arrived.wait()
                state_at = metrics_at = 0.0
            now = time.monotonic()
            try:
                self._read_frame()
                if now >= state_at:
                    state_at = now + _STATE_S
                    self._read_state()
                if now >= metrics_at:
                    metrics_at = now + _METRICS_S
                    await self._read_metrics()
            except Exception:
                logger.exception("reading the store failed")
                await asyncio.sleep(_METRICS_S)
            await asyncio.sleep(POLL_S)

    def _read_frame(self) -> None:
        seq = self._store.seq()
        if self._frame is not None and seq == self._frame[0]:
            return
        frame = self._store.frame()
        if frame is None or (self._frame is not None and frame[0] == self._frame[0]):
            return
        self._read_status()
        run = self._status.get("run")
        if not run or wire.header(frame[1]).run != wire.run_code(run):
            return  # left over from an earlier run
        self._frame, self._sent = frame, {}
        for client in self._clients:
            client.awake.set()

    def _read_status(self) -> None:
        before, self._status = self._status, self.status()
        if any(before.get(key) != self._status.get(key) for key in ("run", "stage")):
            for client in self._clients:
                self._greet(client)

    def _read_state(self) -> None:
        self._read_status()
        self._spread("status", self._status)
        self._spread("control", self._store.control())
        for key in self._watched:
            content = self._store.inspect(key)
            if content is not None:
                # A message's `type` says what it is; the vehicle's own moves aside.
                about = {**content, "vehicle_type": content.get("type")}
                self._spread("inspect", about, key)

    def _spread(self, kind: str, content: Mapping[str, Any], key: str = "") -> None:
        """Give `content` to the tabs it concerns if it is news."""
        text = strict_json.dumps({**content, "type": kind, **({"key": key} if key else {})})
        if self._texts.get(kind + key) == text:
            return
        self._texts[kind + key] = text
        for client in self._clients:
            if client.key == key or not key:
                client.put(kind, text)

    async def _read_metrics(self) -> None:
        """Give every tab the rows it has not got, read once for all that are equally far."""
        run, stage = str(self._status.get("run", "")), list(self._status.get("stage", []))
        if not run:
            return
        ready = [client for client in self._clients if not client.waits("metrics")]
        for after in {client.metrics_after for client in ready}:
            steps, batch = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._batch, run, stage, after
            )
            if not steps or self._status.get("stage") != stage or self._status.get("run") != run:
                continue
            for client in ready:
                if client.metrics_after == after:
                    client.metrics_after = steps
                    client.put("metrics", batch)

    def _batch(self, run: str, stage: list[str], after: int) -> tuple[int, bytes]:
        """Last step and encoded rows after `after`; (0, b"") when there are none."""
        steps, _, values = self._store.metrics(run, after=after, limit=_ROWS, schemes=stage)
        if not len(steps):
            return 0, b""
        kept = messages.decimated(len(steps))
        return int(steps[-1]), messages.metrics_batch(run, steps[kept], values[kept])

    # Serving one tab

    async def serve(self, socket: WebSocket) -> None:
        """Stream to one tab until it goes, stops reading, or the server ends."""
        if len(self._clients) >= MAX_CLIENTS:
            await socket.close(1013, "Too many tabs are open.")
            return
        await socket.accept()
        client = Client(socket, str(socket.scope.get("state", {}).get("role", "viewer")))
        self._clients.add(client)
        self._status = self._status or self.status()
        self._greet(client)
        self._arrived.set()
        sender = asyncio.create_task(self._send(client))
        try:
            while not sender.done():
                await self._receive(client)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            self._clients.discard(client)
            self._watch()

    def _greet(self, client: Client) -> None:
        """Say what the run is, and start its history anew."""
        run, stage = str(self._status.get("run", "")), self._status.get("stage", [])
        hello = {
            "type": "hello", "run": run, "stage": stage, "metrics": list(METRICS),
            "static": f"/live/static/{run}" if run else None, "role": client.role,
        }  # fmt: skip
        client.drop("metrics")
        client.metrics_after = -1
        client.put("hello", strict_json.dumps(hello))
        for kind in ("status", "control"):
            if kind in self._texts:
                client.put(kind, self._texts[kind])

    async def _receive(self, client: Client) -> None:
        message = await client.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        try:
            self._obey(client, messages.read(message.get("text") or message.get("bytes") or b""))
        except messages.MessageError as error:
            client.put("error", strict_json.dumps({"type": "error", "text": str(error)}))

    def _obey(self, client: Client, wish: messages.Ack | messages.Arm | messages.Select) -> None:
        if isinstance(wish, messages.Ack):
            if wish.seq == client.unacknowledged:
                client.unacknowledged = None
                client.awake.set()
        elif isinstance(wish, messages.Arm):
            if wish.scheme not in self._status.get("stage", []):
                raise messages.MessageError("This scheme is not on stage.")
            client.arm, client.shown = wish.scheme, -1
            client.awake.set()
        else:
            client.key = self._key(wish)
            self._texts.pop("inspect" + client.key, None)
            client.drop("inspect")
            self._watch()

    def _key(self, wish: messages.Select) -> str:
        """What the engine calls the selected thing; a slot means the vehicle that is in it now."""
        if wish.kind == "nothing":
            return ""
        if wish.kind == "rsu":
            return f"r:{wish.index}"
        if wish.kind == "vehicle":
            return f"v:{wish.index}"
        if self._frame is not None:
            slots = wire.slots(self._frame[1]).tolist()
            if wish.index in slots:
                return f"v:{wire.vehicle_ids(self._frame[1])[slots.index(wish.index)]}"
        raise messages.MessageError("There is no vehicle in this slot now.")

    def _watch(self) -> None:
        """Tell the engine what the tabs look at, all of them together."""
        keys = sorted({client.key for client in self._clients if client.key})[:_WATCHED]
        if keys != self._watched:
            self._watched = keys
            self._store.watch(keys)

    async def _send(self, client: Client) -> None:
        """Send what waits; a tab that does not take a message for five seconds is let go."""
        try:
            while True:
                await client.awake.wait()
                client.awake.clear()
                while (message := client.take()) is not None:
                    await self._write(client, message)
                await self._send_frame(client)
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            await self._close(client.socket)

    async def _send_frame(self, client: Client) -> None:
        if self._frame is None or client.unacknowledged is not None:
            return
        seq, _ = self._frame
        if seq == client.shown:
            return
        client.shown = client.unacknowledged = seq
        await self._write(client, self._sliced(client.arm))

    def _sliced(self, scheme: str) -> bytes:
        """The newest frame with the arm of `scheme`, else with the first; cut once for all tabs."""
        _, frame = self._frame or (0, b"")
        names = messages.map_schemes(self._status, wire.header(frame).arms)
        arm = names.index(scheme) if scheme in names else 0
        if arm not in self._sent:
            self._sent[arm] = wire.sent_frame(frame, arm)
        return self._sent[arm]

    async def _write(self, client: Client, message: str | bytes) -> None:
        async with asyncio.timeout(_BEHIND_S):
            if isinstance(message, str):
                await client.socket.send_text(message)
            else:
                await client.socket.send_bytes(message)

    async def _close(self, socket: WebSocket) -> None:
        try:
            async with asyncio.timeout(1.0):
                await socket.close(1008)
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            logger.debug("a tab was gone before it was closed")
